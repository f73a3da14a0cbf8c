// Running sums and products along one dimension of dense (outer, n, inner) data, as x, y and their gradients
// are.
#pragma once

#include <limbic/backend/cpu/elementwise.hpp>

namespace limbic {

namespace cpu::detail {

inline constexpr index_t kScanWidth = 64;

// f(offset of the first element, number of columns side by side) for all of (outer, n, inner).
template <class F>
void for_scans(index_t outer, index_t n, index_t inner, F&& f) {
  const index_t pieces = (inner + kScanWidth - 1) / kScanWidth, width = std::min(inner, kScanWidth);
  parallel_for(outer * pieces, std::max<index_t>(1, kElementGrain / std::max<index_t>(1, n * width)),
               [&](index_t begin, index_t end) {
                 for (index_t p = begin; p < end; ++p) {
                   const index_t column = p % pieces * kScanWidth;
                   f(p / pieces * n * inner + column, std::min(kScanWidth, inner - column));
                 }
               });
}

}  // namespace cpu::detail

// y_i = x_1 + ... + x_i, or x_i + ... + x_n if `reverse`.
template <class T>
void cumsum_fwd(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, index_t outer, index_t n, index_t inner,
                bool reverse) {
  T* const to = y.mutable_data();
  const T* const from = x.data();
  cpu::detail::for_scans(outer, n, inner, [&](index_t start, index_t width) {
    T total[cpu::detail::kScanWidth] = {};
    for (index_t i = 0; i < n; ++i) {
      const index_t at = start + (reverse ? n - 1 - i : i) * inner;
      for (index_t j = 0; j < width; ++j) to[at + j] = total[j] += from[at + j];
    }
  });
}

// The running product: y_i = x_1 ... x_i.
template <class T>
void cumprod_fwd(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, index_t outer, index_t n, index_t inner) {
  T* const to = y.mutable_data();
  const T* const from = x.data();
  cpu::detail::for_scans(outer, n, inner, [&](index_t start, index_t width) {
    T total[cpu::detail::kScanWidth];
    std::fill_n(total, width, T(1));
    for (index_t i = 0; i < n; ++i) {
      const index_t at = start + i * inner;
      for (index_t j = 0; j < width; ++j) to[at + j] = total[j] *= from[at + j];
    }
  });
}

// dx_i = y_(i-1) s_i with s_i = dy_i + x_(i+1) s_(i+1): no division, so that zeros come out right.
template <class T>
void cumprod_bwd(Cpu, Tensor<T, Cpu>& dx, const Tensor<T, Cpu>& dy, const Tensor<T, Cpu>& x,
                 const Tensor<T, Cpu>& y, index_t outer, index_t n, index_t inner) {
  T* const to = dx.mutable_data();
  const T *const dp = dy.data(), *const xp = x.data(), *const yp = y.data();
  cpu::detail::for_scans(outer, n, inner, [&](index_t start, index_t width) {
    T s[cpu::detail::kScanWidth] = {};
    for (index_t i = n - 1; i >= 0; --i) {
      const index_t at = start + i * inner;
      for (index_t j = 0; j < width; ++j) {
        s[j] = dp[at + j] + (i + 1 < n ? xp[at + inner + j] * s[j] : T(0));
        to[at + j] = (i > 0 ? yp[at - inner + j] : T(1)) * s[j];
      }
    }
  });
}

}  // namespace limbic
