// What the sums over pairs of points are made of, on every device (backend/*/pairwise.hpp).
#pragma once

#include <limbic/core/radial_kernel.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

// A kernel whose bandwidths may be known to the device alone.
template <class D>
struct PairKernel {
  RadialKernel form;
  Tensor<double, D> inverse{};  // (kMaxBandwidths), in place of form.inverse; undefined: that is right
};

// The kernel with its bandwidths on the host: waits for a device that keeps them.
template <class D>
RadialKernel on_host(const PairKernel<D>& kernel) {
  RadialKernel k = kernel.form;
  if (!kernel.inverse.defined()) return k;
  const std::vector<double> inverse = kernel.inverse.to_vector();
  for (int i = 0; i < k.count; ++i) k.inverse[i] = inverse[static_cast<std::size_t>(i)];
  return k;
}

// Points of one layer: dense, centred (see centre_rows), and where the gradient goes (undefined: nowhere).
template <class T, class D>
struct PairLayer {
  Tensor<T, D> points, norms;  // (N, d), (N)
  PairKernel<D> kernel;
  Tensor<T, D> gradient{};  // (N, d)
};

// Weights of pairs, w_ij = sum_r left_ir right_jr, symmetric; without the pairs i = i unless `diagonal`.
template <class T, class D>
struct PairWeights {
  Tensor<T, D> left, right;  // (N, rank), dense
  bool diagonal = true;
};

}  // namespace limbic
