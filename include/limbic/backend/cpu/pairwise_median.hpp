// The median of the squared distances of all pairs i < j, in O(N d) memory.
//
// Few pairs are collected and selected from. Of many, the digits of the median are found one after the
// other: distances are not negative, so their bits order as they do; each pass over the tiles counts the
// values that share the digits known so far by their next 16 bits.
#pragma once

#include <limbic/backend/cpu/pairwise.hpp>

#include <algorithm>
#include <bit>

namespace limbic {

namespace cpu::detail {

// visit(row of distances, how many) over the pairs i < j.
template <class T, class Visit>
void visit_distances(const Tensor<T, Cpu>& points, const Tensor<T, Cpu>& norms, Visit&& visit) {
  struct Tile;
  const index_t n = points.size(0), d = points.size(1);
  const T *x = points.data(), *x_norms = norms.data();
  T* const tile = cpu::scratch<Tile, T>(kPairRows * kPairCols);
  on_pairwise([&](auto kernels) {
    for (index_t i = 0; i < n; i += kPairRows)
      for (index_t j = i; j < n; j += kPairCols) {
        const index_t rows = std::min(kPairRows, n - i), cols = std::min(kPairCols, n - j);
        distance_tile(kernels, rows, cols, d, x + i * d, x_norms + i, x + j * d, x_norms + j, tile, kPairCols,
                      i - j, [](index_t, index_t) {});
        for (index_t r = 0; r < rows; ++r) {
          const index_t first = std::max(index_t{0}, i + r + 1 - j);
          if (first < cols) visit(tile + r * kPairCols + first, cols - first);
        }
      }
  });
}

}  // namespace cpu::detail

// The lower median, of the rows of `points` (N, d), N >= 2, dense and centred, with their squared lengths.
// At most `collected` distances are held at a time.
template <class T>
double median_distance(Cpu, const Tensor<T, Cpu>& points, const Tensor<T, Cpu>& norms,
                       index_t collected = index_t{1} << 20) {
  using namespace cpu::detail;
  const index_t n = points.size(0), pairs = n * (n - 1) / 2;
  index_t rank = (pairs - 1) / 2;
  if (pairs <= collected) {
    Tensor<T, Cpu> all = Tensor<T, Cpu>::empty({pairs});
    T *const begin = all.mutable_data(), *to = begin;
    visit_distances(points, norms,
                    [&](const T* row, index_t count) { to = std::copy(row, row + count, to); });
    std::nth_element(begin, begin + rank, to);
    return static_cast<double>(begin[rank]);
  }
  using Bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  constexpr int kBits = 8 * static_cast<int>(sizeof(T));
  Tensor<index_t, Cpu> counts = Tensor<index_t, Cpu>::empty({1 << 16});
  Bits known = 0;
  for (int shift = kBits - 16; shift >= 0; shift -= 16) {
    index_t* const count = counts.fill(0).mutable_data();
    const Bits mask = shift + 16 == kBits ? Bits(0) : static_cast<Bits>(~Bits(0) << ((shift + 16) % kBits));
    visit_distances(points, norms, [&](const T* row, index_t many) {
      for (index_t j = 0; j < many; ++j) {
        const Bits bits = std::bit_cast<Bits>(row[j]);
        if ((bits & mask) == known) ++count[(bits >> shift) & 0xffff];
      }
    });
    Bits digit = 0;
    while (rank >= count[digit]) rank -= count[digit++];
    known |= digit << shift;
  }
  return static_cast<double>(std::bit_cast<T>(known));
}

}  // namespace limbic
