// Covariances on the device, in one pass over the data (kernels/covariance.cuh).
#pragma once

#include <limbic/backend/cuda/launch/covariance.hpp>
#include <limbic/backend/cuda/memory.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

// y (d, d) = scale sum_i w_i (x_i - m)(x_i - m)' of x (n, d), dense, with its mean m (1, d); w (n, 1) sums to
// 1, or is undefined: all 1. scale ().
template <class T>
void covariance_fwd(Cuda, Tensor<T, Cuda>& y, Tensor<T, Cuda>& mean, const Tensor<T, Cuda>& x,
                    const Tensor<T, Cuda>& w, const Tensor<T, Cuda>& scale) {
  cuda::covariance<T>({.x = x.data(),
                       .weights = w.defined() ? w.data() : nullptr,
                       .scale = scale.data(),
                       .n = x.size(0),
                       .d = x.size(1),
                       .y = y.mutable_data(),
                       .mean = mean.mutable_data()});
}

}  // namespace limbic
