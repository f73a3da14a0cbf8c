// Launchers of attention's backward on tensor cores.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "attention_bwd_run.cuh"
#include "attention_mma.cuh"
#include "attention_tensor_core.cuh"

namespace limbic::cuda {

namespace {

constexpr device::BackwardNames kNames{"attention_bwd_short_mma", "attention_bwd_long_mma (dq)",
                                       "attention_bwd_long_mma (dk, dv)", "attention_dbias_mma"};

template <class T>
void run(const AttentionCall<T>& call, const AttentionGradients<T>& grads) {
  using namespace device;
  require_tensor_cores(call);
  if (call.E <= 64 && call.Ev <= 64)
    return run_backward<TensorCore<T, 64>, TensorCore<T, 64>>(kNames, call, grads);
  run_backward<TensorCore<T, kMaxTensorCoreHeadSize>, TensorCore<T, 64>>(kNames, call, grads);
}

}  // namespace

template <>
void attention_bwd(const AttentionCall<Bf16>& call, const AttentionGradients<Bf16>& grads) {
  run(call, grads);
}
template <>
void attention_bwd(const AttentionCall<F16>& call, const AttentionGradients<F16>& grads) {
  run(call, grads);
}
void attention_bwd_tf32(const AttentionCall<float>& call, const AttentionGradients<float>& grads) {
  run(call, grads);
}

}  // namespace limbic::cuda
