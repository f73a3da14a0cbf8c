// Attention, backward, for sequences of any length; see attention_bwd.cuh.
#pragma once

#include "attention_bwd.cuh"

namespace limbic::cuda::device {

template <class Core>
std::size_t backward_bytes(int E, int Ev, bool keys, int warps, int chunk, int stages) {
  using In = typename Core::In;
  const int both = row_stride<In>(E) + row_stride<In>(Ev),
            queries = keys ? stages * chunk : warps * Core::kOwn;
  return sizeof(In) * static_cast<std::size_t>((warps * Core::kOwn + stages * chunk) * both) +
         sizeof(typename Core::Number) * static_cast<std::size_t>(warps * Core::kScratch + 2 * queries);
}

// kKeys: the own rows are keys, and dk and dv are written; else queries, and dq.
template <class Core, bool kKeys>
__global__ void __launch_bounds__(kAttentionThreads, 1)
    attention_bwd_long(const __grid_constant__ AttentionCall<typename Core::In> call,
                       const __grid_constant__ AttentionGradients<typename Core::In> grads,
                       const typename Core::Number* __restrict__ delta, AttentionTiling tiling) {
  using T = typename Core::In;
  using Number = typename Core::Number;
  constexpr int kOwn = Core::kOwn;
  const int lane = lane_index(), thread = static_cast<int>(threadIdx.x),
            warps = static_cast<int>(blockDim.x / 32), warp = warp_index();
  const std::int64_t bh = blockIdx.x;
  const int b = static_cast<int>(bh / call.H), h = static_cast<int>(bh % call.H);
  const int block0 = static_cast<int>(blockIdx.y) * warps * kOwn, own0 = block0 + warp * kOwn;
  const int own_length = kKeys ? call.Lk : call.Lq, length = kKeys ? call.Lq : call.Lk;
  const HeadRows<const T> q(call.q, b, h), k(call.k, b, h), v(call.v, b, h), dy(grads.dy, b, h);
  const HeadRows<const T>&from = kKeys ? k : q, &from_v = kKeys ? v : dy, &other = kKeys ? q : k,
                       &other_v = kKeys ? dy : v;
  const HeadScores<T> scores(call, b, h);

  MeetingRows<Core> rows;
  rows.stride = row_stride<T>(call.E);
  rows.stride_v = row_stride<T>(call.Ev);
  SharedParts parts;
  T* const own = parts.take<T>(warps * kOwn * rows.stride) + warp * kOwn * rows.stride;
  T* const own_v = parts.take<T>(warps * kOwn * rows.stride_v) + warp * kOwn * rows.stride_v;
  T* const chunk = parts.take<T>(tiling.stages * tiling.chunk * rows.stride);
  T* const chunk_v = parts.take<T>(tiling.stages * tiling.chunk * rows.stride_v);
  rows.scratch = parts.take<Number>(warps * Core::kScratch) + warp * Core::kScratch;
  const int queries = kKeys ? tiling.stages * tiling.chunk : warps * kOwn;
  Number* const shift = parts.take<Number>(queries);
  Number* const deltas = parts.take<Number>(queries);
  rows.own = own;
  rows.own_v = own_v;

  const auto fetch_queries = [&](int to, int first, int count, int at, int threads) {
    for (int n = at; n < count; n += threads) {
      shift[to + n] = shift_of(grads.lse, bh, first + n, call.Lq);
      deltas[to + n] = first + n < call.Lq ? delta[bh * call.Lq + first + n] : Number(0);
    }
  };
  // Rows that meet some row of the block; with causal attention keys meet the queries from theirs on.
  const int begin = kKeys && call.causal ? block0 / kTile * kTile : 0;
  const int limit = !kKeys && call.causal ? min(length, block0 + warps * kOwn) : length;
  const auto fetch = [&](int first, int stage) {
    const int count = min(tiling.chunk, rounded_up(limit - first, Core::kStep)), to = stage * tiling.chunk;
    fetch_rows(chunk + to * rows.stride, rows.stride, other, first, count, length, call.E, thread,
               warps * 32);
    fetch_rows(chunk_v + to * rows.stride_v, rows.stride_v, other_v, first, count, length, call.Ev, thread,
               warps * 32);
    if constexpr (kKeys) fetch_queries(to, first, count, thread, warps * 32);
    commit_copies();
  };

  typename Core::Sums sums, sums_v;
  clear_sums<Core>(sums);
  clear_sums<Core>(sums_v);
  fetch_rows(own, rows.stride, from, own0, kOwn, own_length, call.E, lane, 32);
  fetch_rows(own_v, rows.stride_v, from_v, own0, kOwn, own_length, call.Ev, lane, 32);
  if constexpr (!kKeys) fetch_queries(warp * kOwn, own0, kOwn, lane, 32);
  if (begin < limit) fetch(begin, 0);
  for (int first = begin, stage = 0; first < limit;
       first += tiling.chunk, stage = (stage + 1) % tiling.stages) {
    if (tiling.stages == 1 && first > begin) {
      __syncthreads();  // nobody reads the last chunk any more
      fetch(first, 0);
    }
    wait_copies();
    __syncthreads();
    if (tiling.stages == 2 && first + tiling.chunk < limit) fetch(first + tiling.chunk, 1 - stage);
    // A chunk is at most a tile.
    const int count = min(tiling.chunk, limit - first), at = stage * tiling.chunk;
    const bool meets =
        own0 < own_length && !(call.causal && (kKeys ? first + count <= own0 : first >= own0 + kOwn));
    if (!meets) continue;
    rows.other = chunk + at * rows.stride;
    rows.other_v = chunk_v + at * rows.stride_v;
    rows.shift = shift + (kKeys ? at : warp * kOwn);
    rows.delta = deltas + (kKeys ? at : warp * kOwn);
    add_tile<kKeys>(sums, sums_v, call, scores, rows, bh, own0, first, count);
  }
  wait_copies();
  store_gradients<kKeys, Core>(sums, sums_v, call, grads, rows.scratch, bh, own0);
}

template <bool kKeys, class Core>
void run_backward_long(const char* name, const AttentionCall<typename Core::In>& call,
                       const AttentionGradients<typename Core::In>& grads,
                       const typename Core::Number* delta) {
  const int length = kKeys ? call.Lk : call.Lq;
  const AttentionTiling tiling =
      long_tiling(length, Core::kOwn, Core::kStep, [&](int warps, int chunk, int stages) {
        return backward_bytes<Core>(call.E, call.Ev, kKeys, warps, chunk, stages);
      });
  launch(name, attention_bwd_long<Core, kKeys>,
         dim3(heads_of(call), blocks_of(length, tiling.warps * Core::kOwn)),
         dim3(static_cast<unsigned>(32 * tiling.warps)), tiling.bytes, current_stream(), call, grads, delta,
         tiling);
}

}  // namespace limbic::cuda::device
