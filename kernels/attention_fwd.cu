// Launchers of attention's forward by ordinary multiplications.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "attention_fwd.cuh"
#include "attention_plain.cuh"
#include "attention_tensor_core.cuh"

namespace limbic::cuda {

namespace {

template <class T, int kHead>
void run(const AttentionCall<T>& call, const AttentionOutputs<T>& out) {
  using Long = device::PlainForwardLong<T, kHead>;
  // Where blocks of four of its warps keep every processor busy.
  const std::int64_t blocks = static_cast<std::int64_t>(call.B) * call.H * (call.Lq / (4 * Long::kOwn));
  if (call.Lq > device::kShort && blocks >= device::device_attribute(cudaDevAttrMultiProcessorCount, 1))
    return device::run_forward<Long>("attention_fwd", call, out);
  device::run_forward<device::PlainForward<T, kHead>>("attention_fwd", call, out);
}

}  // namespace

template <>
void attention_fwd(const AttentionCall<float>& call, const AttentionOutputs<float>& out) {
  if (call.tf32) return attention_fwd_tf32(call, out);
  const int width = call.E > call.Ev ? call.E : call.Ev;
  if (width <= 32) return run<float, 32>(call, out);
  if (width <= 64) return run<float, 64>(call, out);
  if (width <= 128) return run<float, 128>(call, out);
  run<float, kMaxHeadSize>(call, out);
}
template <>
void attention_fwd(const AttentionCall<double>& call, const AttentionOutputs<double>& out) {
  if (call.E <= 64 && call.Ev <= 64) return run<double, 64>(call, out);
  run<double, kMaxHeadSize>(call, out);
}

}  // namespace limbic::cuda
