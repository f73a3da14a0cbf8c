// Attention, forward.
//
//   q (B, H, Lq, E), k (B, H, Lk, E), v (B, H, Lk, Ev), y (B, H, Lq, Ev), lse (B, H, Lq)
//   x_ij = scale q_i . k_j + bias_ij, -inf where not allowed;  P = softmax over j;  lse_i = log sum_j e^x_ij
//   y_i = sum_j P_ij keep_ij / (1 - p) v_j;  a query without any key has y = 0, lse = -inf
//
//   plan     a warp has 4 kRows queries and goes through the keys in tiles of 32 with the running maximum and
//            sum of each query (Milakov and Gimelshein 2018, arXiv:1805.02867; Dao, FlashAttention-2, 2023,
//            arXiv:2307.08691). Keys and values come in chunks into shared memory:
//            short sequences: one chunk with all of them, one block a head, one warp for each 4 kRows queries
//            long ones: chunks in two stages, the next one's copy under way while one is worked on
//   launch   grid (B H, blocks of queries), block 32 * warps <= 256; shared memory for warps * 4 kRows rows of q
//            and tiles of weights, and stages * chunk rows of k and of v, see attention_tiling.cuh. Rows of
//            16-byte words are copied as such, others number by number.
//   bytes    short: q, k, v, y, lse once. long: k and v once for each block of queries (from L2, mostly)
//   flops    2 Lq Lk (E + Ev) B H, half for causal; one exp an entry
//   repeats  bit for bit: the order of sums depends on the sizes alone, there are no atomics
#pragma once

#include "attention_tiling.cuh"

namespace limbic::cuda::device {

// kHead: E and Ev at most.
template <class T, int kHead>
__global__ void __launch_bounds__(kAttentionThreads, 1)
    attention_fwd(const __grid_constant__ AttentionCall<T> call, const __grid_constant__ AttentionOutputs<T> out, AttentionTiling tiling) {
  constexpr int kRows = kForwardRows<T, kHead>, kOwn = 4 * kRows, kVec = kVectorSize<T>;
  const Lane lane;
  const int warps = static_cast<int>(blockDim.x / 32), warp = warp_index();
  const std::int64_t bh = blockIdx.x;
  const int b = static_cast<int>(bh / call.H), h = static_cast<int>(bh % call.H);
  const int block0 = static_cast<int>(blockIdx.y) * warps * kOwn, own0 = block0 + warp * kOwn;
  const int stride = row_stride<T>(call.E), stride_v = row_stride<T>(call.Ev);
  const HeadRows<const T> q(call.q, b, h), k(call.k, b, h), v(call.v, b, h);
  const HeadScores<T> scores(call, b, h);

  SharedParts<T> parts;
  T* const own = parts.take(warps * kOwn * stride) + warp * kOwn * stride;
  T* const weights = parts.take(warps * kOwn * kTileStride) + warp * kOwn * kTileStride;
  T* const keys = parts.take(tiling.stages * tiling.chunk * stride);
  T* const values = parts.take(tiling.stages * tiling.chunk * stride_v);

  // Keys that some query of the block, or of the warp, may attend to.
  const int limit = call.causal ? min(call.Lk, block0 + warps * kOwn) : call.Lk;
  const int reach = own0 >= call.Lq ? 0 : call.causal ? min(call.Lk, own0 + kOwn) : call.Lk;
  const auto fetch = [&](int first, int stage) {
    const int rows = min(tiling.chunk, (limit - first + 7) / 8 * 8), thread = static_cast<int>(threadIdx.x);
    fetch_rows(keys + stage * tiling.chunk * stride, stride, k, first, rows, call.Lk, call.E, thread, warps * 32);
    fetch_rows(values + stage * tiling.chunk * stride_v, stride_v, v, first, rows, call.Lk, call.Ev, thread, warps * 32);
    commit_copies();
  };

  RowSums<T, kRows, kHead> y;
  clear(y);
  int written = 0;  // keys of the map
  T top[kRows], sum[kRows];
#pragma unroll
  for (int r = 0; r < kRows; ++r) top[r] = -math::infinity<T>(), sum[r] = T(0);

  fetch_rows(own, stride, q, own0, kOwn, call.Lq, call.E, lane.index, 32);
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
      const int at = stage * tiling.chunk + j0 - first, count = min(kTile, min(first + tiling.chunk, limit) - j0);
      written = j0 + count;
      T x[kRows][4];
      row_products(x, own, keys + at * stride, stride, call.E, count);
      scores.template apply<false>(x, call, own0, j0);
      const TileDropout<T, kOwn, false> dropout(call, bh, own0, j0);
#pragma unroll
      for (int r = 0; r < kRows; ++r) {
        const int i = own0 + lane.row + 4 * r;
        T larger = top[r];
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          const int j = j0 + lane.col + 8 * c;
          if (out.map && i < call.Lq && j < call.Lk) out.map[(bh * call.Lq + i) * call.Lk + j] = x[r][c];  // for now
          larger = Max{}(x[r][c], larger);
        }
        larger = warp_max<8>(larger);
        // Queries without any key so far are shifted by 0, not by -inf.
        const T shift = larger == -math::infinity<T>() ? T(0) : larger;
        const T shrink = math::exp(top[r] - shift);
        top[r] = larger;
        sum[r] *= shrink;
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          const T e = math::exp(x[r][c] - shift);
          sum[r] += e;
          weights[(lane.row + 4 * r) * kTileStride + lane.col + 8 * c] = e * dropout.factor(call, lane.row + 4 * r, lane.col + 8 * c);
        }
#pragma unroll
        for (int c = 0; c < kHead / (8 * kVec); ++c)
#pragma unroll
          for (int n = 0; n < kVec; ++n) y[r][c][n] *= shrink;
      }
      __syncwarp();
      add_weighted_rows(y, weights, values + at * stride_v, stride_v, call.Ev, count);
      __syncwarp();
    }
  }
  wait_copies();

  T lse = T(0);  // of row lane.row + 4 lane.col, so that neighbours write neighbours
#pragma unroll
  for (int r = 0; r < kRows; ++r) {
    sum[r] = warp_sum<8>(sum[r]);
    const bool empty = sum[r] == T(0);
    const T inverse = empty ? T(0) : T(1) / sum[r], shift = empty ? T(0) : top[r];
    if (lane.col == r) lse = empty ? -math::infinity<T>() : top[r] + math::log(sum[r]);
#pragma unroll
    for (int c = 0; c < kHead / (8 * kVec); ++c)
#pragma unroll
      for (int n = 0; n < kVec; ++n) y[r][c][n] = empty ? T(0) : y[r][c][n] * inverse;
    const int i = own0 + lane.row + 4 * r;
    if (!out.map || i >= call.Lq) continue;
    T* const map = out.map + (bh * call.Lq + i) * call.Lk;
    for (int j = lane.col; j < call.Lk; j += 8)  // what this lane has written
      map[j] = j < written ? math::exp(map[j] - shift) * inverse : T(0);
  }
  if (lane.col < kRows && own0 + lane.row + 4 * lane.col < call.Lq) out.lse[bh * call.Lq + own0 + lane.row + 4 * lane.col] = lse;
  store_rows(HeadRows<T>(out.y, b, h), own0, call.Lq, call.Ev, y, weights);
}

}  // namespace limbic::cuda::device
