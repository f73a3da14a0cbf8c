// Launchers of attention's forward on tensor cores.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "attention_fwd.cuh"
#include "attention_mma.cuh"
#include "attention_tensor_core.cuh"

namespace limbic::cuda {

namespace {

template <class T>
void run(const AttentionCall<T>& call, const AttentionOutputs<T>& out) {
  require_tensor_cores(call);
  if (call.E <= 64 && call.Ev <= 64)
    return device::run_forward<device::TensorCore<T, 64>>("attention_fwd_mma", call, out);
  device::run_forward<device::TensorCore<T, kMaxTensorCoreHeadSize>>("attention_fwd_mma", call, out);
}

}  // namespace

template <>
void attention_fwd(const AttentionCall<Bf16>& call, const AttentionOutputs<Bf16>& out) {
  run(call, out);
}
template <>
void attention_fwd(const AttentionCall<F16>& call, const AttentionOutputs<F16>& out) {
  run(call, out);
}
void attention_fwd_tf32(const AttentionCall<float>& call, const AttentionOutputs<float>& out) {
  run(call, out);
}

}  // namespace limbic::cuda
