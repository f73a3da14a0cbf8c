// The end of a residual branch on the device, in one pass (kernels/residual_branch.cuh).
#pragma once

#include <limbic/backend/cuda/launch/residual_branch.hpp>
#include <limbic/backend/cuda/random.hpp>
#include <limbic/core/branch_plan.hpp>

namespace limbic {

namespace cuda::detail {
template <class T>
BranchCall<T> branch_call(const Tensor<T, Cuda>& x, const Tensor<T, Cuda>& bias, const BranchPlan& plan) {
  BranchCall<T> call;
  call.x = x.data();
  call.bias = bias.defined() ? bias.data() : nullptr;
  call.cols = x.rank() > 0 ? x.shape().back() : 1;
  call.rows = call.cols > 0 ? x.numel() / call.cols : 0;
  call.gate = static_cast<Gate>(plan.gate);
  if (plan.dropout > 0) {
    call.draw = draw_of(plan.draw);
    call.threshold = static_cast<std::uint32_t>((philox_threshold(plan.dropout) + 0x8000) >> 16);
    call.scale = plan.dropout < 1 ? static_cast<T>(1 / (1 - plan.dropout)) : T(0);
  }
  return call;
}
}  // namespace cuda::detail

// y = residual + m f(x + bias) / (1 - p), of x's shape (..., C); bias (C) and residual may be undefined, all
// are dense.
template <class T>
void residual_branch_fwd(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, const Tensor<T, Cuda>& bias,
                         const Tensor<T, Cuda>& residual, const BranchPlan& plan) {
  auto call = cuda::detail::branch_call(x, bias, plan);
  if (residual.defined()) call.residual = residual.data();
  cuda::residual_branch_fwd(call, y.mutable_data());
}
// dx = m f'(x + bias) dy / (1 - p), dense.
template <class T>
void residual_branch_bwd(Cuda, Tensor<T, Cuda>& dx, const Tensor<T, Cuda>& dy, const Tensor<T, Cuda>& x,
                         const Tensor<T, Cuda>& bias, const BranchPlan& plan) {
  cuda::residual_branch_bwd(cuda::detail::branch_call(x, bias, plan), dy.data(), dx.mutable_data());
}

}  // namespace limbic
