// Launchers of attention's backward by ordinary multiplications.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "attention_bwd_run.cuh"
#include "attention_plain.cuh"
#include "attention_tensor_core.cuh"

namespace limbic::cuda {

namespace {

constexpr device::BackwardNames kNames{"attention_bwd_short", "attention_bwd_long (dq)",
                                       "attention_bwd_long (dk, dv)", "attention_dbias"};

template <class T, int kHead>
void run(const AttentionCall<T>& call, const AttentionGradients<T>& grads) {
  device::run_backward<device::PlainBackward<T, kHead>, device::PlainCore<T, 32, sizeof(T) == 4 ? 4 : 2>>(
      kNames, call, grads);
}

}  // namespace

template <>
void attention_bwd(const AttentionCall<float>& call, const AttentionGradients<float>& grads) {
  if (call.tf32) return attention_bwd_tf32(call, grads);
  const int width = call.E > call.Ev ? call.E : call.Ev;
  if (width <= 32) return run<float, 32>(call, grads);
  if (width <= 64) return run<float, 64>(call, grads);
  if (width <= 128) return run<float, 128>(call, grads);
  run<float, kMaxHeadSize>(call, grads);
}
template <>
void attention_bwd(const AttentionCall<double>& call, const AttentionGradients<double>& grads) {
  if (call.E <= 64 && call.Ev <= 64) return run<double, 64>(call, grads);
  run<double, kMaxHeadSize>(call, grads);
}

}  // namespace limbic::cuda
