// Launchers of attention's backward.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "attention_bias.cuh"
#include "attention_bwd.cuh"

namespace limbic::cuda {

namespace {

using device::AttentionTiling;

// delta, for the kernels that do not compute it themselves.
template <class T>
class Deltas {
 public:
  Deltas(const AttentionCall<T>& call, const AttentionGradients<T>& grads) {
    const std::int64_t rows = static_cast<std::int64_t>(call.B) * call.H * call.Lq;
    if (rows == 0) return;
    data_ = static_cast<T*>(allocate(sizeof(T) * static_cast<std::size_t>(rows)));
    try {
      launch("attention_delta", device::attention_delta<T>, blocks_for(rows * 8, device::kAttentionThreads, 2147483647),
             dim3(device::kAttentionThreads), 0, current_stream(), call, grads, data_);
    } catch (...) {
      deallocate(data_);
      throw;
    }
  }
  ~Deltas() { deallocate(data_); }
  Deltas(const Deltas&) = delete;
  Deltas& operator=(const Deltas&) = delete;

  const T* get() const { return data_; }

 private:
  T* data_ = nullptr;
};

template <bool kKeys, int kHead, class T>
void run_long(const AttentionCall<T>& call, const AttentionGradients<T>& grads, const T* delta) {
  using namespace device;
  constexpr int kOwn = 4 * kBackwardRows<T, kHead>;
  const int length = kKeys ? call.Lk : call.Lq;
  const AttentionTiling tiling = long_tiling(length, kOwn, [&](int warps, int chunk, int stages) {
    const int both = row_stride<T>(call.E) + row_stride<T>(call.Ev);
    const int queries = kKeys ? stages * chunk : warps * kOwn;
    return sizeof(T) * static_cast<std::size_t>(warps * kOwn * (both + kTileStride) + stages * chunk * both + 2 * queries);
  });
  const int rows = tiling.warps * kOwn;
  const auto blocks = static_cast<unsigned>((length + rows - 1) / rows);
  launch(kKeys ? "attention_bwd_long (dk, dv)" : "attention_bwd_long (dq)", attention_bwd_long<T, kHead, kKeys>,
         dim3(static_cast<unsigned>(heads_of(call)), blocks), dim3(static_cast<unsigned>(32 * tiling.warps)), tiling.bytes,
         current_stream(), call, grads, delta, tiling);
}

// Whether it could be done: the head fits into a block.
template <int kHead, class T>
bool run_short(const AttentionCall<T>& call, const AttentionGradients<T>& grads) {
  using namespace device;
  constexpr int kOwn = 4 * kBackwardRows<T, kHead>;
  const int longest = call.Lq > call.Lk ? call.Lq : call.Lk, warps = rounded_up(longest, kOwn) / kOwn;
  if (longest > kShort || 32 * warps > kAttentionThreads) return false;
  const int queries = kept_rows(call.Lq, kOwn), keys = kept_rows(call.Lk, kOwn);
  const int both = row_stride<T>(call.E) + row_stride<T>(call.Ev);
  const std::size_t bytes = sizeof(T) * static_cast<std::size_t>((queries + keys) * both + warps * kOwn * kTileStride + 2 * queries);
  if (bytes > shared_limit()) return false;
  launch("attention_bwd_short", attention_bwd_short<T, kHead>, dim3(static_cast<unsigned>(heads_of(call))),
         dim3(static_cast<unsigned>(32 * warps)), bytes, current_stream(), call, grads);
  return true;
}

template <class T>
void run_bias(const AttentionCall<T>& call, const AttentionGradients<T>& grads, const T* delta) {
  using namespace device;
  constexpr int kOwn = 4 * kBiasRows<T>;
  const AttentionTiling tiling = long_tiling(call.Lq, kOwn, [&](int warps, int chunk, int) {
    const int both = row_stride<T>(call.E) + row_stride<T>(call.Ev), rows = warps * kOwn;
    return sizeof(T) * static_cast<std::size_t>((rows + chunk) * both + rows * (kTileStride + 2));
  });
  const AttentionScores<T>& to = grads.dbias;
  const int rows = tiling.warps * kOwn;
  const std::int64_t tiles_q = (call.Lq + rows - 1) / rows, tiles_k = (call.Lk + tiling.chunk - 1) / tiling.chunk;
  const std::int64_t tiles = (to.batch ? call.B : 1) * (to.head ? call.H : 1) * (to.query ? tiles_q : 1) * (to.key ? tiles_k : 1);
  if (tiles > 2147483647) raise("attention_dbias", "the bias is too large for one launch");
  launch("attention_dbias", attention_dbias<T>, dim3(static_cast<unsigned>(tiles)), dim3(static_cast<unsigned>(32 * tiling.warps)),
         tiling.bytes, current_stream(), call, grads, delta, tiling);
}

template <int kHead, class T>
void run(const AttentionCall<T>& call, const AttentionGradients<T>& grads) {
  const bool queries = grads.dq.data, keys = grads.dk.data || grads.dv.data;
  const bool done = (!queries && !keys) || run_short<kHead>(call, grads);
  if (done && !grads.dbias.data) return;
  const Deltas<T> delta(call, grads);
  if (!done && queries) run_long<false, kHead>(call, grads, delta.get());
  if (!done && keys) run_long<true, kHead>(call, grads, delta.get());
  if (grads.dbias.data) run_bias(call, grads, delta.get());
}

}  // namespace

template <>
void attention_bwd(const AttentionCall<float>& call, const AttentionGradients<float>& grads) {
  const int width = call.E > call.Ev ? call.E : call.Ev;
  if (width <= 32) return run<32>(call, grads);
  if (width <= 64) return run<64>(call, grads);
  if (width <= 128) return run<128>(call, grads);
  run<kMaxHeadSize>(call, grads);
}
template <>
void attention_bwd(const AttentionCall<double>& call, const AttentionGradients<double>& grads) {
  if (call.E <= 64 && call.Ev <= 64) return run<64>(call, grads);
  run<kMaxHeadSize>(call, grads);
}

}  // namespace limbic::cuda
