// Cross-entropy with integer labels as functions of tensors, found by the device tag (kernels in rows.hpp).
#pragma once

#include <limbic/backend/cpu/row_ops.hpp>
#include <limbic/core/label_loss.hpp>

namespace limbic {

namespace cpu::detail {
template <class T>
CrossEntropyOptions<T> cross_entropy_options(const LabelLoss<T, Cpu>& o) {
  return {data_or_null(o.class_weights), static_cast<T>(o.smoothing), o.ignored};
}
}  // namespace cpu::detail

// loss, lse (N) of x (N, K), dense. Throws for a label outside [0, K) that is not the ignored one.
template <class T>
void cross_entropy_fwd(Cpu, Tensor<T, Cpu>& loss, Tensor<T, Cpu>& lse, const Tensor<T, Cpu>& x,
                       const LabelLoss<T, Cpu>& o) {
  const cpu::detail::Rows2d n(x.shape());
  cpu::cross_entropy_fwd(x.data(), o.labels.data(), loss.mutable_data(), lse.mutable_data(), n.rows, n.cols,
                         cpu::detail::cross_entropy_options(o));
}
// dx (N, K) = or, if `accumulate`, += the gradient, from dloss (N); lse of the forward.
template <class T>
void cross_entropy_bwd(Cpu, Tensor<T, Cpu>& dx, const Tensor<T, Cpu>& x, const Tensor<T, Cpu>& lse,
                       const Tensor<T, Cpu>& dloss, bool accumulate, const LabelLoss<T, Cpu>& o) {
  const cpu::detail::Rows2d n(x.shape());
  cpu::cross_entropy_bwd(x.data(), o.labels.data(), lse.data(), dloss.data(), dx.mutable_data(), n.rows,
                         n.cols, accumulate, cpu::detail::cross_entropy_options(o));
}

}  // namespace limbic
