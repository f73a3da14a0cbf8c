// The gradient of attention's additive bias: dx of attention_bwd.cuh, summed as the bias was broadcast.
//
//   plan     a block owns a tile (warps * 4 kRows queries, up to 32 keys) of dbias and goes, in order, through
//            all heads, and the tiles of queries and keys, that share it; dx is computed again from q, k, v,
//            dy, lse and delta, and summed in registers
//   launch   grid: tiles of dbias; block 32 * warps <= 128; shared memory for the tiles' rows of q, dy, k, v
//   bytes    dbias once; q, dy (k, v) once for each tile of keys (queries)
//   flops    2 Lq Lk (E + Ev) B H, one exp an entry
//   repeats  bit for bit: one owner an entry, in one order, no atomics
#pragma once

#include "attention_bwd.cuh"

namespace limbic::cuda::device {

template <class T>
constexpr int kBiasRows = sizeof(T) == 4 ? 4 : 2;

template <class T>
__global__ void __launch_bounds__(128)
    attention_dbias(const __grid_constant__ AttentionCall<T> call, const __grid_constant__ AttentionGradients<T> grads,
                    const T* __restrict__ delta, AttentionTiling tiling) {
  constexpr int kRows = kBiasRows<T>, kOwn = 4 * kRows;
  const Lane lane;
  const AttentionScores<T>& to = grads.dbias;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x), warp = warp_index();
  const int rows = threads / 32 * kOwn, cols = tiling.chunk;
  const int stride = row_stride<T>(call.E), stride_v = row_stride<T>(call.Ev);
  SharedParts<T> parts;
  T* const q = parts.take(rows * stride);
  T* const dy = parts.take(rows * stride_v);
  T* const k = parts.take(cols * stride);
  T* const v = parts.take(cols * stride_v);
  T* const sums = parts.take(rows * kTileStride);
  T* const shift = parts.take(rows);
  T* const deltas = parts.take(rows);

  const int tiles_q = (call.Lq + rows - 1) / rows, tiles_k = (call.Lk + cols - 1) / cols;
  const int nk = to.key ? tiles_k : 1, nq = to.query ? tiles_q : 1, nh = to.head ? call.H : 1;
  std::int64_t piece = blockIdx.x;
  const int k0 = static_cast<int>(piece % nk), q0 = static_cast<int>((piece /= nk) % nq);
  const int h0 = static_cast<int>((piece /= nq) % nh), b0 = static_cast<int>(piece / nh);
  T sum[kRows][4] = {};
  for (int b = b0; b < (to.batch ? b0 + 1 : call.B); ++b)
    for (int h = h0; h < (to.head ? h0 + 1 : call.H); ++h)
      for (int i0 = q0 * rows; i0 < (to.query ? (q0 + 1) * rows : call.Lq); i0 += rows)
        for (int j0 = k0 * cols; j0 < (to.key ? (k0 + 1) * cols : call.Lk); j0 += cols) {
          if (call.causal && j0 >= i0 + rows) break;
          const std::int64_t bh = static_cast<std::int64_t>(b) * call.H + h;
          __syncthreads();  // the last tile has been read
          fetch_rows(q, stride, HeadRows<const T>(call.q, b, h), i0, rows, call.Lq, call.E, thread, threads);
          fetch_rows(dy, stride_v, HeadRows<const T>(grads.dy, b, h), i0, rows, call.Lq, call.Ev, thread, threads);
          fetch_rows(k, stride, HeadRows<const T>(call.k, b, h), j0, cols, call.Lk, call.E, thread, threads);
          fetch_rows(v, stride_v, HeadRows<const T>(call.v, b, h), j0, cols, call.Lk, call.Ev, thread, threads);
          for (int i = thread; i < rows; i += threads) {
            shift[i] = shift_of(grads.lse, bh, i0 + i, call.Lq);
            deltas[i] = i0 + i < call.Lq ? delta[bh * call.Lq + i0 + i] : T(0);
          }
          commit_copies();
          wait_copies();
          __syncthreads();
          const HeadScores<T> scores(call, b, h);
          T x[kRows][4], dp[kRows][4];
          row_products(x, q + warp * kOwn * stride, k, stride, call.E, cols);
          row_products(dp, dy + warp * kOwn * stride_v, v, stride_v, call.Ev, cols);
          scores.template apply<false>(x, call, i0 + warp * kOwn, j0);
          const TileDropout<T, kOwn, false> dropout(call, bh, i0 + warp * kOwn, j0);
#pragma unroll
          for (int r = 0; r < kRows; ++r)
#pragma unroll
            for (int c = 0; c < 4; ++c) {
              const int own = lane.row + 4 * r, i = warp * kOwn + own, j = lane.col + 8 * c;
              const T keep = dropout.factor(call, own, j);
              if (j < cols)
                sum[r][c] += math::exp(x[r][c] - shift[i]) * (dp[r][c] * keep - deltas[i]);
            }
        }
#pragma unroll
  for (int r = 0; r < kRows; ++r)
#pragma unroll
    for (int c = 0; c < 4; ++c) sums[(warp * kOwn + lane.row + 4 * r) * kTileStride + lane.col + 8 * c] = sum[r][c];
  __syncthreads();
  const int there_q = min(rows, call.Lq - q0 * rows), there_k = min(cols, call.Lk - k0 * cols);
  const int out_q = to.query ? there_q : 1, out_k = to.key ? there_k : 1;
  T* const out = to.data + b0 * to.batch + h0 * to.head;
  for (int n = thread; n < out_q * out_k; n += threads) {
    const int i0 = n / out_k, j0 = n % out_k;
    T total = T(0);
    for (int i = i0; i < (to.query ? i0 + 1 : there_q); ++i)
      for (int j = j0; j < (to.key ? j0 + 1 : there_k); ++j) total += sums[i * kTileStride + j];
    out[(q0 * rows + i0) * to.query + (k0 * cols + j0) * to.key] = total;
  }
}

}  // namespace limbic::cuda::device
