// Launchers of attention on tensor cores, for the other launchers.
#pragma once

#include "attention_tiling.cuh"

namespace limbic::cuda {

// The widths and the device fit, or it raises.
template <class T>
void require_tensor_cores(const AttentionCall<T>& call) {
  if (call.E > kMaxTensorCoreHeadSize || call.Ev > kMaxTensorCoreHeadSize)
    raise("attention", "heads of at most 128 numbers run on tensor cores");
  if (device::device_attribute(cudaDevAttrComputeCapabilityMajor, 8) < 8)
    raise("attention", "16-bit numbers and tf32 need a device of compute capability 8.0 or newer");
}

void attention_fwd_tf32(const AttentionCall<float>& call, const AttentionOutputs<float>& out);
void attention_bwd_tf32(const AttentionCall<float>& call, const AttentionGradients<float>& grads);

}  // namespace limbic::cuda
