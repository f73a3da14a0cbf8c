// Layer norm and RMS norm over the rows of contiguous (rows, cols) matrices; T = float or double.
//
//   layer norm  xhat = (x - mean) rstd, rstd = 1 / sqrt(var + eps), var the biased variance of the row
//               (Ba et al. 2016, arXiv:1607.06450)
//   RMS norm    xhat = x rstd, rstd = 1 / sqrt(mean(x^2) + eps)   (Zhang and Sennrich 2019, arXiv:1910.07467)
//   y = gamma xhat + beta; gamma and beta (cols) may be null: 1 and 0
//
// Outputs may be the input they replace (y = x, dx = dy). Empty matrices write no element but the sums over
// rows (0). The results do not depend on the number of threads.
#pragma once

#include <limbic/backend/cpu/isa.hpp>
#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/backend/cpu/rows.hpp>
#include <limbic/backend/cpu/scratch.hpp>
#include <limbic/backend/cpu/vec.hpp>

#include <algorithm>
#include <cmath>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/norms.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic::cpu {

namespace detail {

template <bool kCentre, class T>
void norm_fwd(const T* x, const T* gamma, const T* beta, T eps, T* y, T* mean, T* rstd, index_t rows,
              index_t cols) {
  const index_t grain = std::max(index_t{1}, index_t{16384} / std::max(cols, index_t{1}));
  on_isa<portable::Norms, avx2::Norms, avx512::Norms>([&](auto k) {
    parallel_for(rows, grain, [&](index_t r, index_t end) {
      k.template norm_fwd<kCentre>(x + r * cols, gamma, beta, eps, y + r * cols, kCentre ? mean + r : nullptr,
                                   rstd + r, end - r, cols);
    });
  });
}

// The gradients of gamma and beta are summed over at most 32 groups of rows each, then over the groups: an
// order that depends on the shape alone.
template <bool kCentre, class T>
void norm_bwd(const T* x, const T* gamma, const T* mean, const T* rstd, const T* dy, T* dx, bool accumulate,
              T* dgamma, T* dbeta, bool accumulate_parameters, index_t rows, index_t cols) {
  struct Purpose;
  constexpr index_t kGroups = 32;
  const index_t least = std::max(index_t{1}, index_t{16384} / std::max(cols, index_t{1}));
  const index_t grain = std::max(least, (rows + kGroups - 1) / kGroups);
  const index_t groups = (rows + grain - 1) / grain, stride = 2 * cols;
  const bool parameters = dgamma || dbeta;
  T* parts = parameters ? scratch<Purpose, T>(std::max(groups, index_t{1}) * stride) : nullptr;
  on_isa<portable::Norms, avx2::Norms, avx512::Norms>([&](auto k) {
    parallel_for(rows, grain, [&](index_t r, index_t end) {
      T* part = parameters ? parts + r / grain * stride : nullptr;
      if (parameters) std::fill(part, part + stride, T(0));
      k.template norm_bwd<kCentre>(x + r * cols, gamma, kCentre ? mean + r : nullptr, rstd + r, dy + r * cols,
                                   dx ? dx + r * cols : nullptr, dgamma ? part : nullptr,
                                   dbeta ? part + cols : nullptr, end - r, cols, accumulate);
    });
    if (dgamma) k.sum_parts(parts, groups, stride, dgamma, cols, accumulate_parameters);
    if (dbeta) k.sum_parts(parts + cols, groups, stride, dbeta, cols, accumulate_parameters);
  });
}

}  // namespace detail

// y, and mean and rstd (rows) for the backward.
template <class T>
void layer_norm_fwd(const T* x, const T* gamma, const T* beta, T eps, T* y, T* mean, T* rstd, index_t rows,
                    index_t cols) {
  detail::norm_fwd<true>(x, gamma, beta, eps, y, mean, rstd, rows, cols);
}
// dx (=, or += if `accumulate`), dgamma and dbeta (=, or += if `accumulate_parameters`); each may be null.
template <class T>
void layer_norm_bwd(const T* x, const T* gamma, const T* mean, const T* rstd, const T* dy, T* dx,
                    bool accumulate, T* dgamma, T* dbeta, bool accumulate_parameters, index_t rows,
                    index_t cols) {
  detail::norm_bwd<true>(x, gamma, mean, rstd, dy, dx, accumulate, dgamma, dbeta, accumulate_parameters, rows,
                         cols);
}

// y, and rstd (rows) for the backward.
template <class T>
void rms_norm_fwd(const T* x, const T* gamma, T eps, T* y, T* rstd, index_t rows, index_t cols) {
  detail::norm_fwd<false, T>(x, gamma, nullptr, eps, y, nullptr, rstd, rows, cols);
}
// dx (=, or += if `accumulate`), dgamma (=, or += if `accumulate_parameters`); each may be null.
template <class T>
void rms_norm_bwd(const T* x, const T* gamma, const T* rstd, const T* dy, T* dx, bool accumulate, T* dgamma,
                  bool accumulate_parameters, index_t rows, index_t cols) {
  detail::norm_bwd<false, T>(x, gamma, nullptr, rstd, dy, dx, accumulate, dgamma, nullptr,
                             accumulate_parameters, rows, cols);
}

}  // namespace limbic::cpu
