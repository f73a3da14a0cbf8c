// Attention, forward.
//
//   q (B, H, Lq, E), k (B, H, Lk, E), v (B, H, Lk, Ev), y (B, H, Lq, Ev), lse (B, H, Lq)
//   x_ij = scale q_i . k_j + bias_ij, -inf where not allowed;  P = softmax over j;  lse_i = log sum_j e^x_ij
//   y_i = sum_j P_ij keep_ij / (1 - p) v_j;  a query without any key has y = 0, lse = -inf
//
//   plan     a warp has kOwn queries and goes through the keys in tiles of 32 with the running maximum and sum
//            of each query (Milakov and Gimelshein 2018, arXiv:1805.02867; Dao, FlashAttention-2, 2023,
//            arXiv:2307.08691). Keys and values come in chunks into shared memory:
//            short sequences: one chunk with all of them, one block a head, a warp for each kOwn queries
//            long ones: chunks in two stages, the next one's copy under way while one is worked on
//   launch   grid (B H, blocks of queries), block 32 * warps <= 256; shared memory for warps * kOwn rows of q,
//            scratch, and stages * chunk rows of k and of v: forward_bytes. Rows of 16-byte words are copied
//            as such, others number by number.
//   bytes    short: q, k, v, y, lse once. long: k and v once for each block of queries (from L2, mostly)
//   flops    2 Lq Lk (E + Ev) B H, half for causal; one exp an entry
//   repeats  bit for bit: the order of sums depends on the sizes alone, there are no atomics
#pragma once

#include "attention_tiling.cuh"

namespace limbic::cuda::device {

template <class Core>
std::size_t forward_bytes(int E, int Ev, int warps, int chunk, int stages) {
  using In = typename Core::In;
  const int stride = row_stride<In>(E), stride_v = row_stride<In>(Ev);
  const int rows = warps * Core::kOwn * stride + stages * chunk * (stride + stride_v);
  return sizeof(In) * static_cast<std::size_t>(rows) +
         sizeof(typename Core::Number) * static_cast<std::size_t>(warps * Core::kScratch);
}

template <class Core>
__global__ void __launch_bounds__(kAttentionThreads, 1)
    attention_fwd(const __grid_constant__ AttentionCall<typename Core::In> call,
                  const __grid_constant__ AttentionOutputs<typename Core::In> out, AttentionTiling tiling) {
  using T = typename Core::In;
  using Number = typename Core::Number;
  constexpr int kOwn = Core::kOwn, kRows = Core::kRows, kCols = Core::kCols;
  const int lane = lane_index(), warps = static_cast<int>(blockDim.x / 32), warp = warp_index();
  const std::int64_t bh = blockIdx.x;
  const int b = static_cast<int>(bh / call.H), h = static_cast<int>(bh % call.H);
  const int block0 = static_cast<int>(blockIdx.y) * warps * kOwn, own0 = block0 + warp * kOwn;
  const int stride = row_stride<T>(call.E), stride_v = row_stride<T>(call.Ev);
  const HeadRows<const T> q(call.q, b, h), k(call.k, b, h), v(call.v, b, h);
  const HeadScores<T> scores(call, b, h);

  SharedParts parts;
  T* const own = parts.take<T>(warps * kOwn * stride) + warp * kOwn * stride;
  T* const keys = parts.take<T>(tiling.stages * tiling.chunk * stride);
  T* const values = parts.take<T>(tiling.stages * tiling.chunk * stride_v);
  Number* const scratch = parts.take<Number>(warps * Core::kScratch) + warp * Core::kScratch;

  // Keys that some query of the block, or of the warp, may attend to.
  const int limit = call.causal ? min(call.Lk, block0 + warps * kOwn) : call.Lk;
  const int reach = own0 >= call.Lq ? 0 : call.causal ? min(call.Lk, own0 + kOwn) : call.Lk;
  const auto fetch = [&](int first, int stage) {
    const int rows = min(tiling.chunk, rounded_up(limit - first, Core::kStep)),
              thread = static_cast<int>(threadIdx.x);
    fetch_rows(keys + stage * tiling.chunk * stride, stride, k, first, rows, call.Lk, call.E, thread,
               warps * 32);
    fetch_rows(values + stage * tiling.chunk * stride_v, stride_v, v, first, rows, call.Lk, call.Ev, thread,
               warps * 32);
    commit_copies();
  };

  typename Core::Sums y;
  Number top[kRows], sum[kRows];
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    y.clear(r);
    top[r] = -math::infinity<Number>();
    sum[r] = Number(0);
  }
  int written = 0;  // keys of the map

  fetch_rows(own, stride, q, own0, kOwn, call.Lq, call.E, lane, 32);
  if (limit > 0) fetch(0, 0);
  for (int first = 0, stage = 0; first < limit; first += tiling.chunk, stage = (stage + 1) % tiling.stages) {
    if (tiling.stages == 1 && first > 0) {
      __syncthreads();  // nobody reads the last chunk any more
      fetch(first, 0);
    }
    wait_copies();
    __syncthreads();
    if (tiling.stages == 2 && first + tiling.chunk < limit) fetch(first + tiling.chunk, 1 - stage);
    for (int j0 = first; j0 < min(first + tiling.chunk, reach); j0 += kTile) {
      const int at = stage * tiling.chunk + j0 - first,
                count = min(kTile, min(first + tiling.chunk, limit) - j0);
      written = j0 + count;
      typename Core::Products x;
      Core::products(x, own, keys + at * stride, stride, call.E, count);
      scores.template apply<Core, false>(x, call, own0, j0);
      const TileDropout<T, kOwn, false> dropout(call, bh, own0, j0);
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const int i = Core::own() + Core::own_offset(r);
        Number larger = top[r];
#pragma unroll
        for (int c = 0; c < kCols; ++c) {
          const int j = j0 + Core::other() + Core::other_offset(c);
          if (out.map && own0 + i < call.Lq && j < call.Lk)
            out.map[(bh * call.Lq + own0 + i) * call.Lk + j] = x[r][c];  // for now
          larger = Max{}(x[r][c], larger);
        }
        larger = warp_max<Core::kLanes>(larger);
        // Queries without any key so far are shifted by 0, not by -inf.
        const Number shift = larger == -math::infinity<Number>() ? Number(0) : larger;
        const Number shrink = math::exp(top[r] - shift);
        top[r] = larger;
        sum[r] *= shrink;
        y.scale(r, shrink);
#pragma unroll
        for (int c = 0; c < kCols; ++c) {
          const Number e = math::exp(x[r][c] - shift);
          sum[r] += e;
          x[r][c] = e * dropout.factor(call, i, Core::other() + Core::other_offset(c));
        }
      }
      Core::add(y, x, scratch, values + at * stride_v, stride_v, call.Ev, count);
    }
  }
  wait_copies();

  Number lse = Number(0);  // of one own row, such that neighbours write neighbours
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    sum[r] = warp_sum<Core::kLanes>(sum[r]);
    const bool empty = sum[r] == Number(0);
    const Number value = empty ? -math::infinity<Number>() : top[r] + math::log(sum[r]);
    lse = lane % Core::kLanes == r ? value : lse;
    sum[r] = empty ? Number(0) : Number(1) / sum[r];
    top[r] = empty ? Number(0) : top[r];
    y.scale(r, sum[r]);
    if (empty) y.clear(r);
  }
  if (out.map) {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const int i = own0 + Core::own() + Core::own_offset(r);
      Number* const map = out.map + (bh * call.Lq + i) * call.Lk;
      for (int j = Core::other(); i < call.Lq && j < call.Lk; j += kTile)
#pragma unroll
        for (int c = 0; c < kCols; ++c) {
          const int at = j + Core::other_offset(c);  // an entry that this lane has written
          if (at < call.Lk) map[at] = at < written ? math::exp(map[at] - top[r]) * sum[r] : Number(0);
        }
    }
  }
  const int r = lane % Core::kLanes, i = own0 + Core::own() + Core::own_offset(r);
  if (r < kRows && i < call.Lq) out.lse[bh * call.Lq + i] = lse;
  Core::store(HeadRows<T>(out.y, b, h), own0, call.Lq, call.Ev, y, scratch);
}

template <class Core>
void run_forward(const char* name, const AttentionCall<typename Core::In>& call,
                 const AttentionOutputs<typename Core::In>& out) {
  const auto bytes = [&](int warps, int chunk, int stages) {
    return forward_bytes<Core>(call.E, call.Ev, warps, chunk, stages);
  };
  AttentionTiling tiling{};
  if (call.Lq <= kShort && call.Lk <= kShort && call.Lq <= Core::kOwn * kAttentionThreads / 32) {
    tiling = {rounded_up(call.Lq, Core::kOwn) / Core::kOwn, rounded_up(call.Lk, Core::kStep), 1, 0};
    tiling.bytes = bytes(tiling.warps, tiling.chunk, tiling.stages);
  }
  if (tiling.chunk == 0 || tiling.bytes > shared_limit())
    tiling = long_tiling(call.Lq, Core::kOwn, Core::kStep, bytes);
  const dim3 grid(heads_of(call), call.Lq ? blocks_of(call.Lq, tiling.warps * Core::kOwn) : 0);
  launch(name, attention_fwd<Core>, grid, dim3(static_cast<unsigned>(32 * tiling.warps)), tiling.bytes,
         current_stream(), call, out, tiling);
}

}  // namespace limbic::cuda::device
