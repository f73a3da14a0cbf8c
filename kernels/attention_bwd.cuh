// Attention, backward: dq, dk, dv.
//
//   P_ij = e^(x_ij - lse_i), the x of the forward computed again;  delta_i = dy_i . y_i = sum_j P_ij dP_ij
//   dP_ij = dy_i . v_j keep_ij / (1 - p);  dx = P (dP - delta)
//   dq = scale dx k, dk = scale dx' q, dv = (P keep / (1 - p))' dy
//
//   plan     a warp has 4 kRows own rows, which are queries (for dq) or keys (for dk and dv), and goes through
//            the rows of the other kind in tiles of 32: both directions are one function, backward_rows_of.
//            short sequences: attention_bwd_short, all rows of a head in shared memory, delta too, first dq, then
//            dk and dv; one block a head
//            long ones: attention_delta, then attention_bwd_long for dq and again for dk and dv, the other
//            rows in chunks of two stages. Each sum has one owner, so there is nothing to add atomically
//            (Dao, FlashAttention-2, 2023, arXiv:2307.08691, but with the scores computed twice).
//   launch   grid (B H) or (B H, blocks of own rows), block 32 * warps <= 256, shared memory by
//            attention_tiling.cuh; attention_delta: 8 lanes a row
//   bytes    short: q, k, v, y, dy, lse, dq, dk, dv once. long: the other rows once for each block of own rows
//   flops    2 Lq Lk (4 E + 3 Ev) B H, half for causal; two exps an entry
//   repeats  bit for bit: the order of sums depends on the sizes alone, there are no atomics
#pragma once

#include "attention_tiling.cuh"

namespace limbic::cuda::device {

// dy_i . y_i of one row by the 8 lanes that share lane / 8, each of which gets it.
template <class T>
__device__ __forceinline__ T row_delta(const T* dy, const T* y, int width, bool vectors) {
  constexpr int kVec = kVectorSize<T>;
  const int col = lane_index() % 8;
  T sum = T(0);
  if (vectors) {
    for (int e = col * kVec; e < width; e += 8 * kVec) {
      const Vec<T, kVec> a = load<kVec>(dy + e), b = load<kVec>(y + e);
#pragma unroll
      for (int n = 0; n < kVec; ++n) sum = math::fma(a[n], b[n], sum);
    }
  } else {
    for (int e = col; e < width; e += 8) sum = math::fma(dy[e], y[e], sum);
  }
  return warp_sum<8>(sum);
}

// The shift that makes e^(x - shift) = P: inf for queries without a key, and where there is no query.
template <class T>
__device__ __forceinline__ T shift_of(const T* lse, std::int64_t bh, int i, int length) {
  const T value = i < length ? lse[bh * length + i] : math::infinity<T>();
  return value == -math::infinity<T>() ? math::infinity<T>() : value;
}

// Where the rows that meet are in shared memory. Of queries: q, dy, shift, delta; of keys: k, v.
template <class T>
struct MeetingRows {
  int stride, stride_v;
  const T *own, *own_v;      // the warp's rows of q (k), of dy (v)
  const T *other, *other_v;  // the tile's rows of k (q), of v (dy)
  const T *shift, *delta;    // of the warp's rows, or of the tile's if the own rows are keys
  T* weights;                // the warp's tile
};

// Adds what a tile of `count` rows from other0 on gives to the warp's rows from own0 on: sums are dq (or dk)
// without the factor scale, and with kKeys sums_v are dv.
template <bool kKeys, class T, int kRows, int kChunks>
__device__ __forceinline__ void add_tile(Vec<T, kVectorSize<T>> (&sums)[kRows][kChunks], Vec<T, kVectorSize<T>> (&sums_v)[kRows][kChunks],
                                         const AttentionCall<T>& call, const HeadScores<T>& scores, const MeetingRows<T>& rows,
                                         std::int64_t bh, int own0, int other0, int count) {
  constexpr int kOwn = 4 * kRows;
  const Lane lane;
  T x[kRows][4], dp[kRows][4];
  row_products(x, rows.own, rows.other, rows.stride, call.E, count);
  row_products(dp, rows.own_v, rows.other_v, rows.stride_v, call.Ev, count);
  scores.template apply<kKeys>(x, call, own0, other0);
  const TileDropout<T, kOwn, kKeys> dropout(call, bh, own0, other0);
  T* const weights = rows.weights + lane.row * kTileStride + lane.col;
#pragma unroll
  for (int r = 0; r < kRows; ++r)
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const int own = lane.row + 4 * r, other = lane.col + 8 * c, query = kKeys ? other : own;
      const T keep = dropout.factor(call, own, other);
      const bool there = other < count;
      const T p = there ? math::exp(x[r][c] - rows.shift[query]) : T(0);
      x[r][c] = there ? p * (dp[r][c] * keep - rows.delta[query]) : T(0);
      if constexpr (kKeys) weights[4 * r * kTileStride + 8 * c] = p * keep;
    }
  if constexpr (kKeys) {
    __syncwarp();
    add_weighted_rows(sums_v, rows.weights, rows.other_v, rows.stride_v, call.Ev, count);
    __syncwarp();
  }
#pragma unroll
  for (int r = 0; r < kRows; ++r)
#pragma unroll
    for (int c = 0; c < 4; ++c) weights[4 * r * kTileStride + 8 * c] = x[r][c];
  __syncwarp();
  add_weighted_rows(sums, rows.weights, rows.other, rows.stride, call.E, count);
  __syncwarp();
}

template <class T, int kRows, int kChunks>
__device__ __forceinline__ void scale_sums(Vec<T, kVectorSize<T>> (&sums)[kRows][kChunks], T scale) {
#pragma unroll
  for (int r = 0; r < kRows; ++r)
#pragma unroll
    for (int c = 0; c < kChunks; ++c)
#pragma unroll
      for (int n = 0; n < kVectorSize<T>; ++n) sums[r][c][n] *= scale;
}

// delta (B, H, Lq) into scratch memory.
template <class T>
__global__ void __launch_bounds__(kAttentionThreads)
    attention_delta(const __grid_constant__ AttentionCall<T> call, const __grid_constant__ AttentionGradients<T> grads, T* delta) {
  const std::int64_t rows = static_cast<std::int64_t>(call.B) * call.H * call.Lq;
  const std::int64_t row = (static_cast<std::int64_t>(blockIdx.x) * kAttentionThreads + threadIdx.x) / 8;
  const std::int64_t bh = row / call.Lq;
  const int i = static_cast<int>(row % call.Lq), b = static_cast<int>(bh / call.H), h = static_cast<int>(bh % call.H);
  const HeadRows<const T> y(grads.y, b, h), dy(grads.dy, b, h);
  const T sum = row_delta(dy.at(i), y.at(i), row < rows ? call.Ev : 0, y.vectors && dy.vectors);
  // Four rows a warp; its first lanes write them, side by side.
  const T mine = __shfl_sync(kFullMask, sum, lane_index() * 8 % 32);
  const std::int64_t to = row - lane_index() / 8 + lane_index();
  if (lane_index() < 4 && to < rows) delta[to] = mine;
}

// kKeys: the own rows are keys, and dk and dv are written; else queries, and dq.
template <class T, int kHead, bool kKeys>
__global__ void __launch_bounds__(kAttentionThreads, 1)
    attention_bwd_long(const __grid_constant__ AttentionCall<T> call, const __grid_constant__ AttentionGradients<T> grads,
                       const T* __restrict__ delta, AttentionTiling tiling) {
  constexpr int kRows = kBackwardRows<T, kHead>, kOwn = 4 * kRows;
  const Lane lane;
  const int thread = static_cast<int>(threadIdx.x), warps = static_cast<int>(blockDim.x / 32), warp = warp_index();
  const std::int64_t bh = blockIdx.x;
  const int b = static_cast<int>(bh / call.H), h = static_cast<int>(bh % call.H);
  const int block0 = static_cast<int>(blockIdx.y) * warps * kOwn, own0 = block0 + warp * kOwn;
  const int own_length = kKeys ? call.Lk : call.Lq, length = kKeys ? call.Lq : call.Lk;
  const HeadRows<const T> q(call.q, b, h), k(call.k, b, h), v(call.v, b, h), dy(grads.dy, b, h);
  const HeadRows<const T>&from = kKeys ? k : q, &from_v = kKeys ? v : dy, &other = kKeys ? q : k, &other_v = kKeys ? dy : v;
  const HeadScores<T> scores(call, b, h);

  MeetingRows<T> rows;
  rows.stride = row_stride<T>(call.E);
  rows.stride_v = row_stride<T>(call.Ev);
  SharedParts<T> parts;
  T* const own = parts.take(warps * kOwn * rows.stride) + warp * kOwn * rows.stride;
  T* const own_v = parts.take(warps * kOwn * rows.stride_v) + warp * kOwn * rows.stride_v;
  rows.weights = parts.take(warps * kOwn * kTileStride) + warp * kOwn * kTileStride;
  T* const chunk = parts.take(tiling.stages * tiling.chunk * rows.stride);
  T* const chunk_v = parts.take(tiling.stages * tiling.chunk * rows.stride_v);
  const int queries = kKeys ? tiling.stages * tiling.chunk : warps * kOwn;
  T* const shift = parts.take(queries);
  T* const deltas = parts.take(queries);
  rows.own = own;
  rows.own_v = own_v;

  const auto fetch_queries = [&](int to, int first, int count, int at, int threads) {
    for (int n = at; n < count; n += threads) {
      shift[to + n] = shift_of(grads.lse, bh, first + n, call.Lq);
      deltas[to + n] = first + n < call.Lq ? delta[bh * call.Lq + first + n] : T(0);
    }
  };
  // Rows that meet some row of the block; with causal attention keys meet the queries from theirs on.
  const int begin = kKeys && call.causal ? block0 / kTile * kTile : 0;
  const int limit = !kKeys && call.causal ? min(length, block0 + warps * kOwn) : length;
  const auto fetch = [&](int first, int stage) {
    const int count = min(tiling.chunk, (limit - first + 7) / 8 * 8), to = stage * tiling.chunk;
    fetch_rows(chunk + to * rows.stride, rows.stride, other, first, count, length, call.E, thread, warps * 32);
    fetch_rows(chunk_v + to * rows.stride_v, rows.stride_v, other_v, first, count, length, call.Ev, thread, warps * 32);
    if constexpr (kKeys) fetch_queries(to, first, count, thread, warps * 32);
    commit_copies();
  };

  RowSums<T, kRows, kHead> sums, sums_v;
  clear(sums);
  clear(sums_v);
  fetch_rows(own, rows.stride, from, own0, kOwn, own_length, call.E, lane.index, 32);
  fetch_rows(own_v, rows.stride_v, from_v, own0, kOwn, own_length, call.Ev, lane.index, 32);
  if constexpr (!kKeys) fetch_queries(warp * kOwn, own0, kOwn, lane.index, 32);
  if (begin < limit) fetch(begin, 0);
  for (int first = begin, stage = 0; first < limit; first += tiling.chunk, stage = (stage + 1) % tiling.stages) {
    if (tiling.stages == 1 && first > begin) {
      __syncthreads();  // nobody reads the last chunk any more
      fetch(first, 0);
    }
    wait_copies();
    __syncthreads();
    if (tiling.stages == 2 && first + tiling.chunk < limit) fetch(first + tiling.chunk, 1 - stage);
    // A chunk is at most a tile.
    const int count = min(tiling.chunk, limit - first), at = stage * tiling.chunk;
    const bool meets = own0 < own_length && !(call.causal && (kKeys ? first + count <= own0 : first >= own0 + kOwn));
    if (!meets) continue;
    rows.other = chunk + at * rows.stride;
    rows.other_v = chunk_v + at * rows.stride_v;
    rows.shift = shift + (kKeys ? at : warp * kOwn);
    rows.delta = deltas + (kKeys ? at : warp * kOwn);
    add_tile<kKeys>(sums, sums_v, call, scores, rows, bh, own0, first, count);
  }
  wait_copies();
  scale_sums(sums, call.scale);
  const AttentionRows<T>& to = kKeys ? grads.dk : grads.dq;
  if (to.data) store_rows(HeadRows<T>(to, b, h), own0, own_length, call.E, sums, rows.weights);
  if constexpr (kKeys)
    if (grads.dv.data) store_rows(HeadRows<T>(grads.dv, b, h), own0, own_length, call.Ev, sums_v, rows.weights);
}

// The warp's part of one direction of attention_bwd_short, all rows being in shared memory.
template <bool kKeys, int kHead, class T>
__device__ __forceinline__ void short_direction(const AttentionCall<T>& call, const AttentionGradients<T>& grads,
                                                const HeadScores<T>& scores, MeetingRows<T> rows, std::int64_t bh) {
  constexpr int kRows = kBackwardRows<T, kHead>, kOwn = 4 * kRows;
  const int own0 = warp_index() * kOwn, own_length = kKeys ? call.Lk : call.Lq, length = kKeys ? call.Lq : call.Lk;
  if (own0 >= own_length) return;
  const int b = static_cast<int>(bh / call.H), h = static_cast<int>(bh % call.H);
  const int begin = kKeys && call.causal ? own0 / kTile * kTile : 0;
  const int limit = !kKeys && call.causal ? min(length, own0 + kOwn) : length;
  rows.own += own0 * rows.stride;
  rows.own_v += own0 * rows.stride_v;
  const MeetingRows<T> all = rows;
  RowSums<T, kRows, kHead> sums, sums_v;
  clear(sums);
  clear(sums_v);
  for (int first = begin; first < limit; first += kTile) {
    rows.other = all.other + first * rows.stride;
    rows.other_v = all.other_v + first * rows.stride_v;
    rows.shift = all.shift + (kKeys ? first : own0);
    rows.delta = all.delta + (kKeys ? first : own0);
    add_tile<kKeys>(sums, sums_v, call, scores, rows, bh, own0, first, min(kTile, limit - first));
  }
  scale_sums(sums, call.scale);
  const AttentionRows<T>& to = kKeys ? grads.dk : grads.dq;
  if (to.data) store_rows(HeadRows<T>(to, b, h), own0, own_length, call.E, sums, rows.weights);
  if constexpr (kKeys)
    if (grads.dv.data) store_rows(HeadRows<T>(grads.dv, b, h), own0, own_length, call.Ev, sums_v, rows.weights);
}

// Rows of a head that a short block keeps: whole tiles of own rows.
__host__ __device__ constexpr int kept_rows(int length, int own) {
  const int step = own > 8 ? own : 8;
  return (length + step - 1) / step * step;
}

template <class T, int kHead>
__global__ void __launch_bounds__(kAttentionThreads, 1)
    attention_bwd_short(const __grid_constant__ AttentionCall<T> call, const __grid_constant__ AttentionGradients<T> grads) {
  constexpr int kOwn = 4 * kBackwardRows<T, kHead>;
  const Lane lane;
  const int thread = static_cast<int>(threadIdx.x), threads = static_cast<int>(blockDim.x), warp = warp_index();
  const std::int64_t bh = blockIdx.x;
  const int b = static_cast<int>(bh / call.H), h = static_cast<int>(bh % call.H);
  const int queries = kept_rows(call.Lq, kOwn), keys = kept_rows(call.Lk, kOwn);
  const HeadScores<T> scores(call, b, h);
  const HeadRows<const T> y(grads.y, b, h);

  MeetingRows<T> rows;
  rows.stride = row_stride<T>(call.E);
  rows.stride_v = row_stride<T>(call.Ev);
  SharedParts<T> parts;
  T* const q = parts.take(queries * rows.stride);
  T* const dy = parts.take(queries * rows.stride_v);
  T* const k = parts.take(keys * rows.stride);
  T* const v = parts.take(keys * rows.stride_v);
  rows.weights = parts.take(threads / 32 * kOwn * kTileStride) + warp * kOwn * kTileStride;
  T* const shift = parts.take(queries);
  T* const delta = parts.take(queries);
  rows.shift = shift;
  rows.delta = delta;

  fetch_rows(q, rows.stride, HeadRows<const T>(call.q, b, h), 0, queries, call.Lq, call.E, thread, threads);
  fetch_rows(dy, rows.stride_v, HeadRows<const T>(grads.dy, b, h), 0, queries, call.Lq, call.Ev, thread, threads);
  fetch_rows(k, rows.stride, HeadRows<const T>(call.k, b, h), 0, keys, call.Lk, call.E, thread, threads);
  fetch_rows(v, rows.stride_v, HeadRows<const T>(call.v, b, h), 0, keys, call.Lk, call.Ev, thread, threads);
  for (int i = thread; i < queries; i += threads) shift[i] = shift_of(grads.lse, bh, i, call.Lq);
  commit_copies();
  wait_copies();
  __syncthreads();
  for (int first = warp * 4; first < queries; first += threads / 8) {
    const int i = first + lane.row;
    const T sum = row_delta(dy + i * rows.stride_v, y.at(i), i < call.Lq ? call.Ev : 0, y.vectors);
    if (lane.col == 0) delta[i] = sum;
  }
  __syncthreads();

  rows.own = q, rows.own_v = dy, rows.other = k, rows.other_v = v;
  if (grads.dq.data) short_direction<false, kHead>(call, grads, scores, rows, bh);
  rows.own = k, rows.own_v = v, rows.other = q, rows.other_v = dy;
  if (grads.dk.data || grads.dv.data) short_direction<true, kHead>(call, grads, scores, rows, bh);
}

}  // namespace limbic::cuda::device
