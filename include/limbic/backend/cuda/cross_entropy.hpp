// Cross-entropy with integer labels on the device (kernels/cross_entropy.cuh).
#pragma once

#include <limbic/backend/cuda/guard.hpp>
#include <limbic/backend/cuda/launch/cross_entropy.hpp>
#include <limbic/core/label_loss.hpp>

namespace limbic {

namespace cuda::detail {
template <class T>
CrossEntropyCall<T> cross_entropy_call(const Tensor<T, Cuda>& x, const LabelLoss<T, Cuda>& o) {
  const index_t cols = x.size(1);
  const T smoothing = static_cast<T>(o.smoothing);
  return {.x = x.data(),
          .labels = o.labels.data(),
          .class_weights = o.class_weights.defined() ? o.class_weights.data() : nullptr,
          .hard = T(1) - smoothing,
          .soft = cols > 0 ? smoothing / static_cast<T>(cols) : T(0),
          .ignored = o.ignored,
          .rows = x.size(0),
          .cols = cols};
}
}  // namespace cuda::detail

// loss, lse (N) of x (N, K), dense. A label outside [0, K) counts as ignored; require_labels() tells of it.
template <class T>
void cross_entropy_fwd(Cuda, Tensor<T, Cuda>& loss, Tensor<T, Cuda>& lse, const Tensor<T, Cuda>& x,
                       const LabelLoss<T, Cuda>& o) {
  cuda::cross_entropy_fwd(cuda::detail::cross_entropy_call(x, o), loss.mutable_data(), lse.mutable_data());
}
// dx (N, K) = or, if `accumulate`, += the gradient, from dloss (N); lse of the forward.
template <class T>
void cross_entropy_bwd(Cuda, Tensor<T, Cuda>& dx, const Tensor<T, Cuda>& x, const Tensor<T, Cuda>& lse,
                       const Tensor<T, Cuda>& dloss, bool accumulate, const LabelLoss<T, Cuda>& o) {
  cuda::cross_entropy_bwd(cuda::detail::cross_entropy_call(x, o), lse.data(), dloss.data(), dx.mutable_data(),
                          accumulate);
}
// 1 / the sum of the weights of the rows that count, samples (N) or undefined, times those of their classes;
// 0 if there are none: ().
template <class T>
Tensor<T, Cuda> cross_entropy_scale(Cuda, const LabelLoss<T, Cuda>& o, const Tensor<T, Cuda>& samples,
                                    index_t classes) {
  Tensor<T, Cuda> scale = Tensor<T, Cuda>::empty({});
  cuda::CrossEntropyCall<T> call;
  call.labels = o.labels.data();
  call.class_weights = o.class_weights.defined() ? o.class_weights.data() : nullptr;
  call.ignored = o.ignored;
  call.rows = o.labels.numel();
  call.cols = classes;
  cuda::cross_entropy_scale<T>(call, samples.defined() ? samples.data() : nullptr, scale.mutable_data());
  return scale;
}

}  // namespace limbic
