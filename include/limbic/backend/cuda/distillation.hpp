// Divergence of softened predictions on the device, fused with both softmaxes (kernels/distillation.cuh).
#pragma once

#include <limbic/backend/cuda/launch/distillation.hpp>
#include <limbic/backend/cuda/memory.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

namespace cuda::detail {
template <class T>
SoftenedKlCall<T> softened_kl_call(const Tensor<T, Cuda>& p, const Tensor<T, Cuda>& q, double temperature,
                                   bool both) {
  return {.p = p.data(),
          .q = q.data(),
          .inverse = static_cast<T>(1 / temperature),
          .both = both,
          .rows = p.size(0),
          .cols = p.size(1)};
}
}  // namespace cuda::detail

// y (N): of each row of p and q (N, K), dense, KL(softmax(q / t) | softmax(p / t)), or that and its reverse;
// lse (2, N) is what backward needs.
template <class T>
void softened_kl_fwd(Cuda, Tensor<T, Cuda>& y, Tensor<T, Cuda>& lse, const Tensor<T, Cuda>& p,
                     const Tensor<T, Cuda>& q, double temperature, bool both) {
  cuda::softened_kl_fwd(cuda::detail::softened_kl_call(p, q, temperature, both), y.mutable_data(),
                        lse.mutable_data());
}
// dp and dq (N, K), written or added to, from dy (N); null where not wanted.
template <class T>
void softened_kl_bwd(Cuda, Tensor<T, Cuda>* dp, bool add_p, Tensor<T, Cuda>* dq, bool add_q,
                     const Tensor<T, Cuda>& p, const Tensor<T, Cuda>& q, const Tensor<T, Cuda>& lse,
                     const Tensor<T, Cuda>& dy, double temperature, bool both) {
  cuda::softened_kl_bwd(cuda::detail::softened_kl_call(p, q, temperature, both), lse.data(), dy.data(),
                        dp ? dp->mutable_data() : nullptr, add_p, dq ? dq->mutable_data() : nullptr, add_q);
}

}  // namespace limbic
