// Launchers of batch norm over dense x (B, C, L), T = float or double; everything else is (C).
#pragma once

#include <cstdint>

namespace limbic::cuda {

struct BatchNormSize {
  std::int64_t batch = 0, channels = 0, length = 0;
};

// Mean and biased variance. There is at least one element of each channel; throws where one has 2^31 or more.
template <class T>
void batch_norm_moments(const BatchNormSize& n, T* mean, T* variance, const T* x);
// sum dy and sum dy (x - mean). Throws likewise.
template <class T>
void batch_norm_sums(const BatchNormSize& n, T* sum, T* dot, const T* x, const T* dy, const T* mean);
// y = (x - mean) scale + shift.
template <class T>
void batch_norm_apply(const BatchNormSize& n, T* y, const T* x, const T* mean, const T* scale,
                      const T* shift);
// dx = (dy - sum / N - (x - mean) rstd^2 dot / N) scale, N = B L.
template <class T>
void batch_norm_gradient(const BatchNormSize& n, T* dx, const T* x, const T* dy, const T* mean, const T* rstd,
                         const T* scale, const T* sum, const T* dot);

}  // namespace limbic::cuda
