// Sums over all pairs of points of kernels of their distance, with their gradient, on the device: the value
// stays there, nothing waits (kernels/pairwise.cuh).
#pragma once

#include <limbic/backend/cuda/guard.hpp>
#include <limbic/backend/cuda/launch/pairwise.hpp>
#include <limbic/core/pair_layer.hpp>

#include <span>

namespace limbic {

namespace cuda::detail {

inline RadialCall radial_call(const PairKernel<Cuda>& kernel) {
  static_assert(RadialCall::kMaxBandwidths == kMaxBandwidths);
  using Kind = RadialKernel::Kind;
  RadialCall call;
  call.kind = kernel.form.kind == Kind::gaussian    ? RadialCall::Kind::gaussian
              : kernel.form.kind == Kind::laplacian ? RadialCall::Kind::laplacian
              : kernel.form.kind == Kind::distance  ? RadialCall::Kind::distance
                                                    : RadialCall::Kind::square;
  call.halving = kernel.form.halving;
  call.count = kernel.form.count;
  call.eps = kernel.form.eps;
  std::copy_n(kernel.form.inverse, kMaxBandwidths, call.inverse);
  if (kernel.inverse.defined()) call.on_device = kernel.inverse.data();
  return call;
}

}  // namespace cuda::detail

// points (n + m, d) = the rows of x and y (dense) minus their common mean, norms (n + m) their squared
// lengths. Returns the sum of the norms, ().
template <class T>
Tensor<double, Cuda> centre_rows(Cuda, Tensor<T, Cuda>& points, Tensor<T, Cuda>& norms,
                                 const Tensor<T, Cuda>& x, const Tensor<T, Cuda>& y) {
  Tensor<double, Cuda> sum = Tensor<double, Cuda>::empty({});
  Tensor<T, Cuda> mean = Tensor<T, Cuda>::empty({x.size(1)});
  cuda::centre_rows<T>({.x = x.data(),
                        .y = y.data(),
                        .n = x.size(0),
                        .m = y.size(0),
                        .d = x.size(1),
                        .points = points.mutable_data(),
                        .norms = norms.mutable_data(),
                        .mean = mean.mutable_data(),
                        .sum = sum.mutable_data()});
  return sum;
}

// The lower median of the squared distances of the rows i < j of `points` (N, d), N >= 2: ().
template <class T>
Tensor<double, Cuda> median_distance(Cuda, const Tensor<T, Cuda>& points, const Tensor<T, Cuda>&) {
  Tensor<double, Cuda> median = Tensor<double, Cuda>::empty({});
  cuda::median_distance(median.mutable_data(), points.data(), points.size(0), points.size(1));
  return median;
}

// 1 / b_i of `count` bandwidths (kMaxBandwidths) by a rule, from centred points and the sum of their norms.
template <class T>
Tensor<double, Cuda> bandwidths(Cuda, const BandwidthRule& rule, int count, const Tensor<T, Cuda>& points,
                                const Tensor<double, Cuda>& sum_norms) {
  using Rule = cuda::BandwidthCall::Rule;
  const bool median = rule.from == BandwidthRule::From::median;
  const Tensor<double, Cuda> from = median ? median_distance(Cuda{}, points, points) : sum_norms;
  Tensor<double, Cuda> inverse = Tensor<double, Cuda>::zeros({kMaxBandwidths});
  cuda::bandwidths({.rule = median                                       ? Rule::median
                            : rule.from == BandwidthRule::From::mean_all ? Rule::mean_all
                                                                         : Rule::mean_offdiag,
                    .count = count,
                    .ratio = rule.ratio,
                    .scale = rule.scale,
                    .eps = rule.eps,
                    .points = static_cast<double>(points.size(0)),
                    .from = from.data()},
                   inverse.mutable_data());
  return inverse;
}

// y () = offset + the form of backend/cpu/pairwise.hpp; fills the layers' gradients where they are defined.
// Throws for more than 8 layers.
template <class T>
void pair_form(Cuda, Tensor<T, Cuda>& y, std::span<PairLayer<T, Cuda>> layers,
               const PairWeights<T, Cuda>& weights, double offset = 0) {
  cuda::PairCall<T> call;
  if (layers.size() > static_cast<std::size_t>(cuda::PairCall<T>::kMaxLayers))
    fail("pair_form", "at most ", cuda::PairCall<T>::kMaxLayers, " layers are taken on this device; got ",
         layers.size());
  call.points = weights.left.size(0);
  call.layers = static_cast<int>(layers.size());
  for (std::size_t l = 0; l < layers.size(); ++l) {
    auto& layer = layers[l];
    call.layer[l] = {.points = layer.points.data(),
                     .width = layer.points.size(1),
                     .gradient = layer.gradient.defined() ? layer.gradient.mutable_data() : nullptr,
                     .kernel = cuda::detail::radial_call(layer.kernel)};
  }
  call.left = weights.left.data();
  call.right = weights.right.data();
  call.rank = weights.left.size(1);
  call.diagonal = weights.diagonal;
  cuda::pair_form(call, offset, y.mutable_data());
}

// y (n, m) = squared distances of the rows of a (n, d) and b (m, d), given centred together: `points` is a
// then b.
template <class T>
void squared_distances(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& points, const Tensor<T, Cuda>&) {
  const index_t n = y.size(0), m = y.size(1), d = points.size(1);
  cuda::squared_distances(y.mutable_data(), points.data(), n, points.data() + n * d, m, d);
}

}  // namespace limbic
