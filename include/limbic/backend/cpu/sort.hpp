// Order of the elements along one dimension of dense (outer, n, inner) data: stable, NaN above all numbers.
//
// Elements become whole numbers of the same order, with the index behind them, so that comparing is one
// instruction, equal elements keep their order and no working memory but the keys is needed.
#pragma once

#include <limbic/backend/cpu/elementwise.hpp>
#include <limbic/backend/cpu/scratch.hpp>

#include <algorithm>

namespace limbic {

namespace cpu::detail {

// A whole number that grows with x; -0 and 0 are equal.
template <class T>
auto order_key(T x) {
  using U = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr U kSign = U(1) << (8 * sizeof(T) - 1);
  if (x != x) return ~U(0);
  const U bits = x == T(0) ? U(0) : std::bit_cast<U>(x);
  return static_cast<U>(bits & kSign ? ~bits : bits | kSign);
}

template <class T>
struct SortItem {
  std::uint64_t key;
  index_t index;
  SortItem() = default;
  SortItem(std::uint64_t k, index_t i) : key(k), index(i) {}
  friend bool operator<(const SortItem& a, const SortItem& b) {
    return a.key < b.key || (a.key == b.key && a.index < b.index);
  }
  index_t position() const { return index; }
};
// A float's key and an index below 2^32 fit into one number.
template <>
struct SortItem<float> {
  std::uint64_t both;
  SortItem() = default;
  SortItem(std::uint32_t k, index_t i) : both(std::uint64_t{k} << 32 | static_cast<std::uint32_t>(i)) {}
  friend bool operator<(const SortItem& a, const SortItem& b) { return a.both < b.both; }
  index_t position() const { return static_cast<index_t>(both & 0xffffffffu); }
};

}  // namespace cpu::detail

// order (outer, k, inner) = positions along n of the k first elements of x (outer, n, inner) in increasing or
// decreasing order; both dense. Without `sorted` they are in no particular order (but always the same).
template <class T>
void order_of(Cpu, Tensor<index_t, Cpu>& order, const Tensor<T, Cpu>& x, index_t outer, index_t n,
              index_t inner, index_t k, bool descending, bool sorted) {
  using Item = cpu::detail::SortItem<T>;
  if (k == 0 || outer * inner == 0) return;
  if (sizeof(T) == 4 && n > index_t{0xffffffff})
    fail("sort", "at most 2^32 - 1 elements can be sorted; got ", n);
  index_t* const to = order.mutable_data();
  const T* const from = x.data();
  parallel_for(outer * inner, std::max<index_t>(1, 4096 / n), [&](index_t begin, index_t end) {
    Item* const items = cpu::scratch<Item, Item>(n);
    for (index_t r = begin; r < end; ++r) {
      const T* row = from + r / inner * n * inner + r % inner;
      for (index_t i = 0; i < n; ++i) {
        const auto key = cpu::detail::order_key(row[i * inner]);
        items[i] = Item(descending ? ~key : key, i);
      }
      if (k < n) std::nth_element(items, items + k, items + n);
      if (sorted) std::sort(items, items + k);
      index_t* out = to + r / inner * k * inner + r % inner;
      for (index_t i = 0; i < k; ++i) out[i * inner] = items[i].position();
    }
  });
}

}  // namespace limbic
