// Launcher of covariances, T = float or double.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// y (d, d) = *scale sum_i w_i (x_i - m)(x_i - m)', m = sum_i w_i x_i / sum_i w_i into mean (d); x (n, d), n >
// 0. weights (n) sum to 1; null: all 1.
template <class T>
struct CovarianceCall {
  const T *x = nullptr, *weights = nullptr, *scale = nullptr;
  std::int64_t n = 0, d = 0;
  T *y = nullptr, *mean = nullptr;
};
template <class T>
void covariance(const CovarianceCall<T>& call);

}  // namespace limbic::cuda
