// The contrastive loss of pairs without its matrix of logits, on the device (kernels/contrast.cuh).
#pragma once

#include <limbic/backend/cuda/launch/contrast.hpp>
#include <limbic/backend/cuda/memory.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

namespace cuda::detail {
template <class T>
ContrastCall<T> contrast_call(const Tensor<T, Cuda>& a, const Tensor<T, Cuda>& b,
                              const Tensor<T, Cuda>& scale, const Tensor<T, Cuda>& weights, double along,
                              double down) {
  return {.a = a.data(),
          .b = b.data(),
          .scale = scale.data(),
          .weights = weights.defined() ? weights.data() : nullptr,
          .n = a.size(0),
          .d = a.size(1),
          .along = static_cast<T>(along),
          .down = static_cast<T>(down)};
}
}  // namespace cuda::detail

// y (): cross-entropies of the rows of scale a b' to the diagonal times `along`, and of the columns times
// `down`, by the weights (n) of the pairs, or undefined. a, b (n, d) and scale () are dense; lse (2, n) is
// what backward needs.
template <class T>
void contrast_fwd(Cuda, Tensor<T, Cuda>& y, Tensor<T, Cuda>& lse, const Tensor<T, Cuda>& a,
                  const Tensor<T, Cuda>& b, const Tensor<T, Cuda>& scale, const Tensor<T, Cuda>& weights,
                  double along, double down) {
  cuda::contrast_fwd(cuda::detail::contrast_call(a, b, scale, weights, along, down), y.mutable_data(),
                     lse.mutable_data());
}
// da, db (n, d) and dscale (), written, from dy (); null where not wanted.
template <class T>
void contrast_bwd(Cuda, Tensor<T, Cuda>* da, Tensor<T, Cuda>* db, Tensor<T, Cuda>* dscale,
                  const Tensor<T, Cuda>& a, const Tensor<T, Cuda>& b, const Tensor<T, Cuda>& scale,
                  const Tensor<T, Cuda>& weights, const Tensor<T, Cuda>& lse, const Tensor<T, Cuda>& dy,
                  double along, double down) {
  cuda::contrast_bwd(cuda::detail::contrast_call(a, b, scale, weights, along, down), lse.data(), dy.data(),
                     da ? da->mutable_data() : nullptr, db ? db->mutable_data() : nullptr,
                     dscale ? dscale->mutable_data() : nullptr);
}

}  // namespace limbic
