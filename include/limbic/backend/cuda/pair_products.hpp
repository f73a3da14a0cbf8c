// The kernel matrix of a set of points times other vectors, tile by tile: y = K u in O(N d) memory.
#pragma once

#include <limbic/backend/cuda/pairwise.hpp>

namespace limbic {

// The product y = K u, K_ij = k(|x_i - x_j|^2), x (N, d) dense; u, y (N, P).
template <class T>
Tensor<T, Cuda> pair_products(Cuda, const Tensor<T, Cuda>& points, const Tensor<T, Cuda>&,
                              const PairKernel<Cuda>& kernel, const Tensor<T, Cuda>& u) {
  Tensor<T, Cuda> y = Tensor<T, Cuda>::empty({points.size(0), u.size(1)});
  cuda::pair_products(y.mutable_data(), points.data(), points.size(0), points.size(1),
                      cuda::detail::radial_call(kernel), u.data(), u.size(1));
  return y;
}

}  // namespace limbic
