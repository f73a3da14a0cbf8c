// Weights of samples and of pairs of them, made on the device of weights that are there
// (kernels/pair_weights.cuh).
#pragma once

#include <limbic/backend/cuda/guard.hpp>
#include <limbic/core/pair_layer.hpp>

namespace limbic {

namespace cuda::detail {

// Dense and checked, or undefined.
template <class T>
Tensor<T, Cuda> sample_weights(std::string_view op, const char* what, const Tensor<T, Cuda>& weights) {
  if (!weights.defined()) return weights;
  const Tensor<T, Cuda> dense = weights.contiguous();
  guard_all(guard_text(op, what, " weights must be finite and not negative"), Must::not_be_negative, dense);
  return dense;
}
inline GuardText no_weight(std::string_view op, const char* what) {
  return guard_text(op, what, " weights must not all be 0");
}
template <class T>
const T* weights_or_null(const Tensor<T, Cuda>& w) {
  return w.defined() ? w.data() : nullptr;
}

template <class T>
PairWeights<T, Cuda> class_pair_weights(std::string_view op, const Tensor<index_t, Cuda>& source,
                                        const Tensor<index_t, Cuda>& target,
                                        const Tensor<T, Cuda>& probabilities, index_t classes,
                                        const Tensor<T, Cuda>& source_weights,
                                        const Tensor<T, Cuda>& target_weights) {
  const auto ws = sample_weights(op, "source", source_weights),
             wt = sample_weights(op, "target", target_weights);
  const auto labels = source.contiguous(), other = target.contiguous();
  ClassWeightsCall<T> call;
  call.n = labels.numel();
  call.m = probabilities.defined() ? probabilities.size(0) : other.numel();
  call.classes = classes;
  call.source = weights_or_null(ws);
  call.target = weights_or_null(wt);
  call.source_labels = labels.data();
  if (probabilities.defined()) call.probabilities = probabilities.data();
  else call.target_labels = other.data();
  PairWeights<T, Cuda> made{Tensor<T, Cuda>::empty({call.n + call.m, classes}),
                            Tensor<T, Cuda>::empty({call.n + call.m, classes})};
  call.left = made.left.mutable_data();
  call.right = made.right.mutable_data();
  call.about_source = no_weight(op, "source");
  call.about_target = no_weight(op, "target");
  call.about_probabilities = guard_text(op, "probabilities of a target must not all be 0");
  class_weights(call);
  return made;
}

}  // namespace cuda::detail

// The weights of the biased or the unbiased estimator of loss/mmd.hpp, of weights of samples (n) and (m) or
// undefined ones. Weights that are negative, not finite or all 0 are told late, here and below.
template <class T>
PairWeights<T, Cuda> mmd_pair_weights(Cuda, std::string_view op, bool unbiased, index_t n, index_t m,
                                      const Tensor<T, Cuda>& source, const Tensor<T, Cuda>& target) {
  using namespace cuda::detail;
  const auto ws = sample_weights(op, "source", source), wt = sample_weights(op, "target", target);
  const index_t rank = unbiased ? 2 : 1;
  PairWeights<T, Cuda> made{Tensor<T, Cuda>::empty({n + m, rank}), Tensor<T, Cuda>::empty({n + m, rank}),
                            !unbiased};
  cuda::mmd_weights<T>({.unbiased = unbiased,
                        .n = n,
                        .m = m,
                        .source = weights_or_null(ws),
                        .target = weights_or_null(wt),
                        .left = made.left.mutable_data(),
                        .right = made.right.mutable_data(),
                        .about_source = no_weight(op, "source"),
                        .about_target = no_weight(op, "target")});
  return made;
}

// Weights class by class, of labels of the source and probabilities (m, K) of the target, or labels of both.
// All K classes have a column: 0 for those that are not in both batches.
template <class T>
PairWeights<T, Cuda> soft_class_pair_weights(Cuda, std::string_view op, const Tensor<index_t, Cuda>& source,
                                             const Tensor<T, Cuda>& probabilities,
                                             const Tensor<T, Cuda>& source_weights,
                                             const Tensor<T, Cuda>& target_weights) {
  const Tensor<T, Cuda> dense = probabilities.contiguous();
  cuda::detail::guard_all(
      cuda::guard_text(op, "probabilities must be finite and not negative (hint: softmax)"),
      cuda::Must::not_be_negative, dense);
  return cuda::detail::class_pair_weights(op, source, source, dense, dense.size(1), source_weights,
                                          target_weights);
}
template <class T>
PairWeights<T, Cuda> hard_class_pair_weights(Cuda, std::string_view op, const Tensor<index_t, Cuda>& source,
                                             const Tensor<index_t, Cuda>& target, index_t classes,
                                             const Tensor<T, Cuda>& source_weights,
                                             const Tensor<T, Cuda>& target_weights) {
  return cuda::detail::class_pair_weights(op, source, target, Tensor<T, Cuda>(), classes, source_weights,
                                          target_weights);
}

// Weights (n, 1) that sum to 1.
template <class T>
Tensor<T, Cuda> normalised_column(Cuda, std::string_view op, const char* what,
                                  const Tensor<T, Cuda>& weights) {
  const Tensor<T, Cuda> dense = cuda::detail::sample_weights(op, what, weights);
  Tensor<T, Cuda> column = Tensor<T, Cuda>::empty({dense.numel(), 1});
  cuda::normalise_weights(cuda::detail::no_weight(op, what), dense.data(), dense.numel(),
                          column.mutable_data());
  return column;
}
// 1 / (1 - sum w^2) of such weights, 0 where that is not positive: ().
template <class T>
Tensor<T, Cuda> weighted_covariance_scale(Cuda, const Tensor<T, Cuda>& column) {
  Tensor<T, Cuda> scale = Tensor<T, Cuda>::empty({});
  cuda::covariance_scale(column.data(), column.numel(), scale.mutable_data());
  return scale;
}

}  // namespace limbic
