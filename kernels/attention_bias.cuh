// The gradient of attention's additive bias: dx of attention_bwd.cuh, summed as the bias was broadcast.
//
//   plan     a block owns a tile (warps * kOwn queries, up to 32 keys) of dbias and goes, in order, through
//            all heads, and the tiles of queries and keys, that share it; dx is computed again from q, k, v,
//            dy, lse and delta, and summed in registers
//   launch   grid: tiles of dbias; block 32 * warps <= 128; shared memory for the tiles' rows of q, dy, k, v
//   and
//            for the sums: bias_bytes
//   bytes    dbias once; q, dy (k, v) once for each tile of keys (queries)
//   flops    2 Lq Lk (E + Ev) B H, one exp an entry
//   repeats  bit for bit: one owner an entry, in one order, no atomics
#pragma once

#include "attention_bwd.cuh"

namespace limbic::cuda::device {

constexpr int kSumStride = kTile + 8;

template <class Core>
std::size_t bias_bytes(int E, int Ev, int warps, int chunk) {
  using In = typename Core::In;
  const int both = row_stride<In>(E) + row_stride<In>(Ev), rows = warps * Core::kOwn;
  return sizeof(In) * static_cast<std::size_t>((rows + chunk) * both) +
         sizeof(typename Core::Number) * static_cast<std::size_t>(rows * (kSumStride + 2));
}

template <class Core>
__global__ void __launch_bounds__(128, 1)
    attention_dbias(const __grid_constant__ AttentionCall<typename Core::In> call,
                    const __grid_constant__ AttentionGradients<typename Core::In> grads,
                    const typename Core::Number* __restrict__ delta, AttentionTiling tiling) {
  using T = typename Core::In;
  using Number = typename Core::Number;
  constexpr int kOwn = Core::kOwn;
  const AttentionScores<Number>& to = grads.dbias;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x),
            warp = warp_index();
  const int rows = threads / 32 * kOwn, cols = tiling.chunk;
  const int stride = row_stride<T>(call.E), stride_v = row_stride<T>(call.Ev);
  SharedParts parts;
  T* const q = parts.take<T>(rows * stride);
  T* const dy = parts.take<T>(rows * stride_v);
  T* const k = parts.take<T>(cols * stride);
  T* const v = parts.take<T>(cols * stride_v);
  Number* const sums = parts.take<Number>(rows * kSumStride);
  Number* const shift = parts.take<Number>(rows);
  Number* const deltas = parts.take<Number>(rows);

  const int tiles_q = (call.Lq + rows - 1) / rows, tiles_k = (call.Lk + cols - 1) / cols;
  const int nk = to.key ? tiles_k : 1, nq = to.query ? tiles_q : 1, nh = to.head ? call.H : 1;
  std::int64_t piece = blockIdx.x;
  const int k0 = static_cast<int>(piece % nk), q0 = static_cast<int>((piece /= nk) % nq);
  const int h0 = static_cast<int>((piece /= nq) % nh), b0 = static_cast<int>(piece / nh);
  typename Core::Products sum = {};
  for (int b = b0; b < (to.batch ? b0 + 1 : call.B); ++b)
    for (int h = h0; h < (to.head ? h0 + 1 : call.H); ++h)
      for (int i0 = q0 * rows; i0 < (to.query ? (q0 + 1) * rows : call.Lq); i0 += rows)
        for (int j0 = k0 * cols; j0 < (to.key ? (k0 + 1) * cols : call.Lk); j0 += cols) {
          if (call.causal && j0 >= i0 + rows) break;
          const std::int64_t bh = static_cast<std::int64_t>(b) * call.H + h;
          __syncthreads();  // the last tile has been read
          fetch_rows(q, stride, HeadRows<const T>(call.q, b, h), i0, rows, call.Lq, call.E, thread, threads);
          fetch_rows(dy, stride_v, HeadRows<const T>(grads.dy, b, h), i0, rows, call.Lq, call.Ev, thread,
                     threads);
          fetch_rows(k, stride, HeadRows<const T>(call.k, b, h), j0, cols, call.Lk, call.E, thread, threads);
          fetch_rows(v, stride_v, HeadRows<const T>(call.v, b, h), j0, cols, call.Lk, call.Ev, thread,
                     threads);
          for (int i = thread; i < rows; i += threads) {
            shift[i] = shift_of(grads.lse, bh, i0 + i, call.Lq);
            deltas[i] = i0 + i < call.Lq ? delta[bh * call.Lq + i0 + i] : Number(0);
          }
          commit_copies();
          wait_copies();
          __syncthreads();
          typename Core::Products x, dp;
          Core::products(x, q + warp * kOwn * stride, k, stride, call.E, cols);
          Core::products(dp, dy + warp * kOwn * stride_v, v, stride_v, call.Ev, cols);
          HeadScores<T>(call, b, h).template apply<Core, false>(x, call, i0 + warp * kOwn, j0);
          const TileDropout<T, kOwn, false> dropout(call, bh, i0 + warp * kOwn, j0);
#pragma unroll
          for (int r = 0; r < Core::kRows; ++r)
#pragma unroll
            for (int c = 0; c < Core::kCols; ++c) {
              const int own = Core::own() + Core::own_offset(r), i = warp * kOwn + own,
                        j = Core::other() + Core::other_offset(c);
              const Number keep = dropout.factor(call, own, j);
              if (j < cols) sum[r][c] += math::exp(x[r][c] - shift[i]) * (dp[r][c] * keep - deltas[i]);
            }
        }
#pragma unroll
  for (int r = 0; r < Core::kRows; ++r)
#pragma unroll
    for (int c = 0; c < Core::kCols; ++c)
      sums[(warp * kOwn + Core::own() + Core::own_offset(r)) * kSumStride + Core::other() +
           Core::other_offset(c)] = sum[r][c];
  __syncthreads();
  const int there_q = min(rows, call.Lq - q0 * rows), there_k = min(cols, call.Lk - k0 * cols);
  const int out_q = to.query ? there_q : 1, out_k = to.key ? there_k : 1;
  Number* const out = to.data + b0 * to.batch + h0 * to.head;
  for (int n = thread; n < out_q * out_k; n += threads) {
    const int i0 = n / out_k, j0 = n % out_k;
    Number total = 0;
    for (int i = i0; i < (to.query ? i0 + 1 : there_q); ++i)
      for (int j = j0; j < (to.key ? j0 + 1 : there_k); ++j) total += sums[i * kSumStride + j];
    out[(q0 * rows + i0) * to.query + (k0 * cols + j0) * to.key] = total;
  }
}

template <class Core>
void run_bias(const char* name, const AttentionCall<typename Core::In>& call,
              const AttentionGradients<typename Core::In>& grads, const typename Core::Number* delta) {
  const AttentionTiling tiling =
      long_tiling(call.Lq, Core::kOwn, Core::kStep,
                  [&](int warps, int chunk, int) { return bias_bytes<Core>(call.E, call.Ev, warps, chunk); });
  const auto& to = grads.dbias;
  const std::int64_t tiles_q = blocks_of(call.Lq, tiling.warps * Core::kOwn),
                     tiles_k = blocks_of(call.Lk, tiling.chunk);
  const std::int64_t tiles =
      (to.batch ? call.B : 1) * (to.head ? call.H : 1) * (to.query ? tiles_q : 1) * (to.key ? tiles_k : 1);
  if (tiles > 2147483647) raise(name, "the bias is too large for one launch");
  launch(name, attention_dbias<Core>, dim3(static_cast<unsigned>(tiles)),
         dim3(static_cast<unsigned>(32 * tiling.warps)), tiling.bytes, current_stream(), call, grads, delta,
         tiling);
}

}  // namespace limbic::cuda::device
