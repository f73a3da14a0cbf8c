// Positions of extrema along one dimension of dense (outer, n, inner) data.
#pragma once

#include <limbic/backend/cpu/reduce.hpp>

namespace limbic {

namespace cpu::detail {

// Of a dense row: the extreme first, by vectors, then the first place that has it. NaN is the extreme.
template <int Sign, class T>
index_t arg_of_row(const T* x, index_t n) {
  T best{};
  with_reduce([&](auto k) {
    using Fold = folds::Extreme<T, Sign>;
    best = decltype(k)::template fold_row<Fold, T>(Fold{}, x, n);
  });
  index_t i = 0;
  if (math::isnan(best)) {
    while (!math::isnan(x[i])) ++i;
  } else {
    while (!(x[i] == best)) ++i;
  }
  return i;
}

// Of `width` columns side by side, `inner` elements from row to row.
template <int Sign, class T>
void arg_of_columns(index_t* y, const T* x, index_t n, index_t inner, index_t width, T* best) {
  std::copy_n(x, width, best);
  std::fill_n(y, width, index_t{0});
  for (index_t i = 1; i < n; ++i) {
    const T* row = x + i * inner;
    for (index_t j = 0; j < width; ++j) {
      const bool better =
          (Sign > 0 ? row[j] > best[j] : row[j] < best[j]) || (math::isnan(row[j]) && !math::isnan(best[j]));
      if (better) {
        best[j] = row[j];
        y[j] = i;
      }
    }
  }
}

}  // namespace cpu::detail

// y (outer, inner) = position of the largest (Sign > 0) or smallest element along n > 0 of x (outer, n,
// inner), both dense: the first of equals, the first NaN if there is one.
template <int Sign, class T>
void arg_extreme(Cpu, Tensor<index_t, Cpu>& y, const Tensor<T, Cpu>& x, index_t outer, index_t n,
                 index_t inner) {
  using namespace cpu::detail;
  index_t* const to = y.mutable_data();
  const T* const from = x.data();
  if (inner == 1) {
    parallel_for(outer, std::max<index_t>(1, kElementGrain / n), [&](index_t begin, index_t end) {
      for (index_t o = begin; o < end; ++o) to[o] = arg_of_row<Sign>(from + o * n, n);
    });
    return;
  }
  constexpr index_t kWidth = 256;
  const index_t pieces = (inner + kWidth - 1) / kWidth;
  parallel_for(outer * pieces, std::max<index_t>(1, kElementGrain / (n * std::min(inner, kWidth))),
               [&](index_t begin, index_t end) {
                 T best[kWidth];
                 for (index_t p = begin; p < end; ++p) {
                   const index_t o = p / pieces, column = p % pieces * kWidth;
                   arg_of_columns<Sign>(to + o * inner + column, from + o * n * inner + column, n, inner,
                                        std::min(kWidth, inner - column), best);
                 }
               });
}

}  // namespace limbic
