// Launcher of attention's forward.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "attention_fwd.cuh"

namespace limbic::cuda {

namespace {

template <int kHead, class T>
void run(const AttentionCall<T>& call, const AttentionOutputs<T>& out) {
  using namespace device;
  constexpr int kOwn = 4 * kForwardRows<T, kHead>;
  const auto bytes = [&](int warps, int chunk, int stages) {
    const int stride = row_stride<T>(call.E), stride_v = row_stride<T>(call.Ev);
    return sizeof(T) * static_cast<std::size_t>(warps * kOwn * (stride + kTileStride) + stages * chunk * (stride + stride_v));
  };
  AttentionTiling tiling{};
  if (call.Lq <= kShort && call.Lk <= kShort && call.Lq <= kOwn * kAttentionThreads / 32) {
    tiling = {rounded_up(call.Lq, kOwn) / kOwn, rounded_up(call.Lk > 0 ? call.Lk : 1, 8), 1, 0};
    tiling.bytes = bytes(tiling.warps, tiling.chunk, tiling.stages);
  }
  if (tiling.bytes == 0 || tiling.bytes > shared_limit()) tiling = long_tiling(call.Lq, kOwn, bytes);
  const int rows = tiling.warps * kOwn;
  const auto blocks = static_cast<unsigned>(rows ? (call.Lq + rows - 1) / rows : 0);
  launch("attention_fwd", attention_fwd<T, kHead>, dim3(static_cast<unsigned>(heads_of(call)), blocks),
         dim3(static_cast<unsigned>(32 * tiling.warps)), tiling.bytes, current_stream(), call, out, tiling);
}

}  // namespace

template <>
void attention_fwd(const AttentionCall<float>& call, const AttentionOutputs<float>& out) {
  const int width = call.E > call.Ev ? call.E : call.Ev;
  if (width <= 32) return run<32>(call, out);
  if (width <= 64) return run<64>(call, out);
  if (width <= 128) return run<128>(call, out);
  run<kMaxHeadSize>(call, out);
}
template <>
void attention_fwd(const AttentionCall<double>& call, const AttentionOutputs<double>& out) {
  if (call.E <= 64 && call.Ev <= 64) return run<64>(call, out);
  run<kMaxHeadSize>(call, out);
}

}  // namespace limbic::cuda
