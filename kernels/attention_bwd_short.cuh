// Attention, backward, for short sequences: a block has a whole head in shared memory; see attention_bwd.cuh.
#pragma once

#include "attention_bwd.cuh"

namespace limbic::cuda::device {

// Rows of a head that a block keeps: whole tiles of own rows.
template <class Core>
__host__ __device__ constexpr int kept_rows(int length) {
  return rounded_up(length, Core::kOwn > Core::kStep ? Core::kOwn : Core::kStep);
}

// The warp's part of one direction.
template <bool kKeys, class Core>
__device__ __forceinline__ void short_direction(const AttentionCall<typename Core::In>& call,
                                                const AttentionGradients<typename Core::In>& grads,
                                                const HeadScores<typename Core::In>& scores,
                                                MeetingRows<Core> rows, std::int64_t bh) {
  constexpr int kOwn = Core::kOwn;
  const int own0 = warp_index() * kOwn, own_length = kKeys ? call.Lk : call.Lq,
            length = kKeys ? call.Lq : call.Lk;
  if (own0 >= own_length) return;
  const int begin = kKeys && call.causal ? own0 / kTile * kTile : 0;
  const int limit = !kKeys && call.causal ? min(length, own0 + kOwn) : length;
  rows.own += own0 * rows.stride;
  rows.own_v += own0 * rows.stride_v;
  const MeetingRows<Core> all = rows;
  typename Core::Sums sums, sums_v;
  clear_sums<Core>(sums);
  clear_sums<Core>(sums_v);
  for (int first = begin; first < limit; first += kTile) {
    rows.other = all.other + first * rows.stride;
    rows.other_v = all.other_v + first * rows.stride_v;
    rows.shift = all.shift + (kKeys ? first : own0);
    rows.delta = all.delta + (kKeys ? first : own0);
    add_tile<kKeys>(sums, sums_v, call, scores, rows, bh, own0, first, min(kTile, limit - first));
  }
  store_gradients<kKeys, Core>(sums, sums_v, call, grads, rows.scratch, bh, own0);
}

template <class Core>
__global__ void __launch_bounds__(kAttentionThreads, 1)
    attention_bwd_short(const __grid_constant__ AttentionCall<typename Core::In> call,
                        const __grid_constant__ AttentionGradients<typename Core::In> grads) {
  using T = typename Core::In;
  using Number = typename Core::Number;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x),
            warp = warp_index();
  const std::int64_t bh = blockIdx.x;
  const int b = static_cast<int>(bh / call.H), h = static_cast<int>(bh % call.H);
  const int queries = kept_rows<Core>(call.Lq), keys = kept_rows<Core>(call.Lk);
  const HeadScores<T> scores(call, b, h);
  const HeadRows<const T> y(grads.y, b, h);

  MeetingRows<Core> rows;
  rows.stride = row_stride<T>(call.E);
  rows.stride_v = row_stride<T>(call.Ev);
  SharedParts parts;
  T* const q = parts.take<T>(queries * rows.stride);
  T* const dy = parts.take<T>(queries * rows.stride_v);
  T* const k = parts.take<T>(keys * rows.stride);
  T* const v = parts.take<T>(keys * rows.stride_v);
  rows.scratch = parts.take<Number>(threads / 32 * Core::kScratch) + warp * Core::kScratch;
  Number* const shift = parts.take<Number>(queries);
  Number* const delta = parts.take<Number>(queries);
  rows.shift = shift;
  rows.delta = delta;

  fetch_rows(q, rows.stride, HeadRows<const T>(call.q, b, h), 0, queries, call.Lq, call.E, thread, threads);
  fetch_rows(dy, rows.stride_v, HeadRows<const T>(grads.dy, b, h), 0, queries, call.Lq, call.Ev, thread,
             threads);
  fetch_rows(k, rows.stride, HeadRows<const T>(call.k, b, h), 0, keys, call.Lk, call.E, thread, threads);
  fetch_rows(v, rows.stride_v, HeadRows<const T>(call.v, b, h), 0, keys, call.Lk, call.Ev, thread, threads);
  for (int i = thread; i < queries; i += threads) shift[i] = shift_of(grads.lse, bh, i, call.Lq);
  commit_copies();
  wait_copies();
  __syncthreads();
  for (int first = warp * 4; first < queries; first += threads / 8) {
    const int i = first + lane_index() / 8;
    const Number sum = row_delta(dy + i * rows.stride_v, y.at(i), i < call.Lq ? call.Ev : 0, y.vectors);
    if (lane_index() % 8 == 0) delta[i] = sum;
  }
  __syncthreads();

  // Of two blocks of a head the first has dq, the second dk and dv.
  const bool first = blockIdx.y == 0, last = blockIdx.y == gridDim.y - 1;
  rows.own = q, rows.own_v = dy, rows.other = k, rows.other_v = v;
  if (grads.dq.data && first) short_direction<false>(call, grads, scores, rows, bh);
  rows.own = k, rows.own_v = v, rows.other = q, rows.other_v = dy;
  if ((grads.dk.data || grads.dv.data) && last) short_direction<true>(call, grads, scores, rows, bh);
}

// Whether it could be done: the head fits into a block.
template <class Core>
bool run_backward_short(const char* name, const AttentionCall<typename Core::In>& call,
                        const AttentionGradients<typename Core::In>& grads) {
  using In = typename Core::In;
  const int longest = call.Lq > call.Lk ? call.Lq : call.Lk,
            warps = rounded_up(longest, Core::kOwn) / Core::kOwn;
  if (longest > kShort || 32 * warps > kAttentionThreads) return false;
  const int queries = kept_rows<Core>(call.Lq), keys = kept_rows<Core>(call.Lk);
  const int both = row_stride<In>(call.E) + row_stride<In>(call.Ev);
  const std::size_t bytes =
      sizeof(In) * static_cast<std::size_t>((queries + keys) * both) +
      sizeof(typename Core::Number) * static_cast<std::size_t>(warps * Core::kScratch + 2 * queries);
  if (bytes > shared_limit()) return false;
  // A block for each direction while whole heads would leave processors idle.
  const int processors = device_attribute(cudaDevAttrMultiProcessorCount, 1);
  const bool split = grads.dq.data && (grads.dk.data || grads.dv.data) &&
                     heads_of(call) < 2 * static_cast<unsigned>(processors);
  launch(name, attention_bwd_short<Core>, dim3(heads_of(call), split ? 2 : 1),
         dim3(static_cast<unsigned>(32 * warps)), bytes, current_stream(), call, grads);
  return true;
}

}  // namespace limbic::cuda::device
