// Batch norm on the device: moments and sums over all but dimension 1 of x (B, C, ...); see
// kernels/batch_norm.cuh.
#pragma once

#include <limbic/backend/cuda/elementwise.hpp>
#include <limbic/backend/cuda/launch/batch_norm.hpp>

namespace limbic {

namespace cuda::detail {
inline BatchNormSize batch_norm_size(const Shape& x) {
  BatchNormSize n{.batch = x[0], .channels = x[1], .length = 1};
  for (int d = 2; d < x.rank(); ++d) n.length *= x[d];
  return n;
}
}  // namespace cuda::detail

// Mean and biased variance (C) of x; dense. There is at least one element of each channel.
template <class T>
void batch_norm_moments(Cuda, Tensor<T, Cuda>& mean, Tensor<T, Cuda>& variance, const Tensor<T, Cuda>& x) {
  cuda::batch_norm_moments(cuda::detail::batch_norm_size(x.shape()), mean.mutable_data(),
                           variance.mutable_data(), x.data());
}

// running = (1 - momentum) running + momentum scale batch, elementwise over (C).
template <class T>
void batch_norm_follow(Cuda, Tensor<T, Cuda>& running, const Tensor<T, Cuda>& batch, double momentum,
                       double scale, Site site) {
  const T old = static_cast<T>(1 - momentum), weight = static_cast<T>(momentum * scale);
  elementwise_update(
      Cuda{}, [old, weight](auto r, auto b) { return old * r + weight * b; }, running, batch);
  running.storage().touch(site);
}

// rstd = 1 / sqrt(variance + eps), elementwise over (C).
template <class T>
void batch_norm_rstd(Cuda, Tensor<T, Cuda>& rstd, const Tensor<T, Cuda>& variance, double eps) {
  const T e = static_cast<T>(eps);
  elementwise(
      Cuda{}, [e](auto v) { return T(1) / math::sqrt(v + e); }, rstd, variance);
}

// y = (x - mean) scale + shift by channel; x (B, C, ...) and y dense, the others (C), dense.
template <class T>
void batch_norm_apply(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, const Tensor<T, Cuda>& mean,
                      const Tensor<T, Cuda>& scale, const Tensor<T, Cuda>& shift) {
  cuda::batch_norm_apply(cuda::detail::batch_norm_size(x.shape()), y.mutable_data(), x.data(), mean.data(),
                         scale.data(), shift.data());
}

// sum dy and sum dy (x - mean) (C) of x and dy (B, C, ...) and mean (C); all dense.
template <class T>
void batch_norm_sums(Cuda, Tensor<T, Cuda>& sum, Tensor<T, Cuda>& dot, const Tensor<T, Cuda>& x,
                     const Tensor<T, Cuda>& dy, const Tensor<T, Cuda>& mean) {
  cuda::batch_norm_sums(cuda::detail::batch_norm_size(x.shape()), sum.mutable_data(), dot.mutable_data(),
                        x.data(), dy.data(), mean.data());
}

// dx = (dy - sum / n - (x - mean) rstd^2 dot / n) scale by channel, n = B L; the sums of batch_norm_sums().
template <class T>
void batch_norm_gradient(Cuda, Tensor<T, Cuda>& dx, const Tensor<T, Cuda>& x, const Tensor<T, Cuda>& dy,
                         const Tensor<T, Cuda>& mean, const Tensor<T, Cuda>& rstd,
                         const Tensor<T, Cuda>& scale, const Tensor<T, Cuda>& sum,
                         const Tensor<T, Cuda>& dot) {
  cuda::batch_norm_gradient(cuda::detail::batch_norm_size(x.shape()), dx.mutable_data(), x.data(), dy.data(),
                            mean.data(), rstd.data(), scale.data(), sum.data(), dot.data());
}

}  // namespace limbic
