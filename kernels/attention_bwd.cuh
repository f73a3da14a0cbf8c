// Attention, backward: dq, dk, dv.
//
//   P_ij = e^(x_ij - lse_i), the x of the forward computed again;  delta_i = dy_i . y_i = sum_j P_ij dP_ij
//   dP_ij = dy_i . v_j keep_ij / (1 - p);  dx = P (dP - delta)
//   dq = scale dx k, dk = scale dx' q, dv = (P keep / (1 - p))' dy
//
//   plan     a warp has kOwn own rows, which are queries (for dq) or keys (for dk and dv), and goes through
//            the rows of the other kind in tiles of 32: both directions are one function, add_tile.
//            short sequences: attention_bwd_short, all rows of a head in shared memory, delta too; one block a
//            head makes dq, then dk and dv, or a block each where heads are few.
//            long ones: attention_delta, then attention_bwd_long for dq and again for dk and dv, the other rows
//            in chunks of two stages. Each sum has one owner, so there is nothing to add atomically (Dao,
//            FlashAttention-2, 2023, arXiv:2307.08691, but with the scores computed twice).
//   launch   grid (B H, 1 or 2) or (B H, blocks of own rows), block 32 * warps <= 256, shared memory by
//            attention_tiling.cuh; attention_delta: 8 lanes a row
//   bytes    short: q, k, v, y, dy, lse, dq, dk, dv once (read twice by two blocks, from L2). long: the other
//            rows once for each block of own rows
//   flops    2 Lq Lk (4 E + 3 Ev) B H, half for causal; two exps an entry
//   repeats  bit for bit: the order of sums depends on the sizes alone, there are no atomics
#pragma once

#include "attention_tiling.cuh"

namespace limbic::cuda::device {

// dy_i . y_i of one row by the 8 lanes that share lane / 8, each of which gets it.
template <class T>
__device__ __forceinline__ AttentionNumber<T> row_delta(const T* dy, const T* y, int width, bool vectors) {
  constexpr int kVec = kVectorSize<T>;
  const int col = lane_index() % 8;
  AttentionNumber<T> sum = 0;
  if (vectors) {
    for (int e = col * kVec; e < width; e += 8 * kVec) {
      const Vec<T, kVec> a = load<kVec>(dy + e), b = load<kVec>(y + e);
#pragma unroll
      for (int n = 0; n < kVec; ++n) sum = math::fma(number_of(a[n]), number_of(b[n]), sum);
    }
  } else {
    for (int e = col; e < width; e += 8) sum = math::fma(number_of(dy[e]), number_of(y[e]), sum);
  }
  return warp_sum<8>(sum);
}

// The shift that makes e^(x - shift) = P: inf for queries without a key, and where there is no query.
template <class Number>
__device__ __forceinline__ Number shift_of(const Number* lse, std::int64_t bh, int i, int length) {
  const Number value = i < length ? lse[bh * length + i] : math::infinity<Number>();
  return value == -math::infinity<Number>() ? math::infinity<Number>() : value;
}

// Where the rows that meet are in shared memory. Of queries: q, dy, shift, delta; of keys: k, v.
template <class Core>
struct MeetingRows {
  using In = typename Core::In;
  using Number = typename Core::Number;
  int stride, stride_v;
  const In *own, *own_v;        // the warp's rows of q (k), of dy (v)
  const In *other, *other_v;    // the tile's rows of k (q), of v (dy)
  const Number *shift, *delta;  // of the warp's rows, or of the tile's if the own rows are keys
  Number* scratch;              // the warp's
};

// Adds what a tile of `count` rows from other0 on gives to the warp's rows from own0 on: sums are dq (or dk)
// without the factor scale, and with kKeys sums_v are dv.
template <bool kKeys, class Core>
__device__ __forceinline__ void add_tile(typename Core::Sums& sums, typename Core::Sums& sums_v,
                                         const AttentionCall<typename Core::In>& call,
                                         const HeadScores<typename Core::In>& scores,
                                         const MeetingRows<Core>& rows, std::int64_t bh, int own0, int other0,
                                         int count) {
  using Number = typename Core::Number;
  typename Core::Products x, dp;
  Core::products(x, rows.own, rows.other, rows.stride, call.E, count);
  Core::products(dp, rows.own_v, rows.other_v, rows.stride_v, call.Ev, count);
  scores.template apply<Core, kKeys>(x, call, own0, other0);
  const TileDropout<typename Core::In, Core::kOwn, kKeys> dropout(call, bh, own0, other0);
#pragma unroll
  for (int r = 0; r < Core::kRows; ++r)
#pragma unroll
    for (int c = 0; c < Core::kCols; ++c) {
      const int own = Core::own() + Core::own_offset(r), other = Core::other() + Core::other_offset(c),
                query = kKeys ? other : own;
      const Number keep = dropout.factor(call, own, other);
      const bool there = other < count;
      const Number p = there ? math::exp(x[r][c] - rows.shift[query]) : Number(0);
      dp[r][c] = there ? p * (dp[r][c] * keep - rows.delta[query]) : Number(0);
      x[r][c] = p * keep;
    }
  if constexpr (kKeys) Core::add(sums_v, x, rows.scratch, rows.other_v, rows.stride_v, call.Ev, count);
  Core::add(sums, dp, rows.scratch, rows.other, rows.stride, call.E, count);
}

// The wanted gradients of the warp's rows: dq, or dk and dv.
template <bool kKeys, class Core>
__device__ __forceinline__ void store_gradients(typename Core::Sums& sums, const typename Core::Sums& sums_v,
                                                const AttentionCall<typename Core::In>& call,
                                                const AttentionGradients<typename Core::In>& grads,
                                                typename Core::Number* scratch, std::int64_t bh, int own0) {
  using T = typename Core::In;
  const int b = static_cast<int>(bh / call.H), h = static_cast<int>(bh % call.H),
            length = kKeys ? call.Lk : call.Lq;
#pragma unroll
  for (int r = 0; r < Core::kRows; ++r) sums.scale(r, call.scale);
  const AttentionRows<T>& to = kKeys ? grads.dk : grads.dq;
  if (to.data) Core::store(HeadRows<T>(to, b, h), own0, length, call.E, sums, scratch);
  if constexpr (kKeys)
    if (grads.dv.data) Core::store(HeadRows<T>(grads.dv, b, h), own0, length, call.Ev, sums_v, scratch);
}

template <class Core>
__device__ __forceinline__ void clear_sums(typename Core::Sums& sums) {
#pragma unroll
  for (int r = 0; r < Core::kRows; ++r) sums.clear(r);
}

// delta (B, H, Lq) into scratch memory.
template <class T>
__global__ void __launch_bounds__(kAttentionThreads)
    attention_delta(const __grid_constant__ AttentionCall<T> call,
                    const __grid_constant__ AttentionGradients<T> grads, AttentionNumber<T>* delta) {
  const std::int64_t rows = static_cast<std::int64_t>(call.B) * call.H * call.Lq;
  const std::int64_t row = (static_cast<std::int64_t>(blockIdx.x) * kAttentionThreads + threadIdx.x) / 8,
                     bh = row / call.Lq;
  const int i = static_cast<int>(row % call.Lq), b = static_cast<int>(bh / call.H),
            h = static_cast<int>(bh % call.H);
  const HeadRows<const T> y(grads.y, b, h), dy(grads.dy, b, h);
  const AttentionNumber<T> sum =
      row_delta(dy.at(i), y.at(i), row < rows ? call.Ev : 0, y.vectors && dy.vectors);
  // Four rows a warp; its first lanes write them, side by side.
  const AttentionNumber<T> mine = __shfl_sync(kFullMask, sum, lane_index() * 8 % 32);
  const std::int64_t to = row - lane_index() / 8 + lane_index();
  if (lane_index() < 4 && to < rows) delta[to] = mine;
}

}  // namespace limbic::cuda::device
