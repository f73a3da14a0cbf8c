// The contrastive loss of pairs without its matrix of logits, forward and backward.
//
//   s_ij = scale a_i . b_j
//   y    = sum_i w_i (along (r_i - s_ii) + down (c_i - s_ii)),  r_i = log sum_j e^s_ij, c_j = log sum_i e^s_ij
//   W_ij = along w_i e^(s_ij - r_i) + down w_j e^(s_ij - c_j) - [i = j] (along + down) w_i
//   da_i = dy scale sum_j W_ij b_j,  db_j = dy scale sum_i W_ij a_i,  dscale = dy sum_ij W_ij a_i . b_j
//
//   contrast_parts   a block a tile of logits: largest and sum of exponentials of its rows and columns, in
//                    (tiles, n) each
//   contrast_sums    a thread a row: parts put together in order      contrast_value  one block
//   contrast_tiles   a block a tile: the tile of W into a strip, for pair_gather (pairwise.cuh), which is run once for a
//                    and, the sides exchanged, once for b
//   launch   blocks as PairTile's, else of kContrastThreads; static shared memory only
//   work     2 d operations a logit in each of three passes, 2 d in two products; O(n d) memory
//   repeats  bit for bit
//   source   Radford et al., 2021, arXiv:2103.00020; tiles as in Dao et al., 2022, arXiv:2205.14135
#pragma once

#include <limbic/backend/cuda/launch/contrast.hpp>

#include "pairwise.cuh"

namespace limbic::cuda::device {

constexpr int kContrastThreads = 256;

// The largest of some numbers, and the sum of e^(number - largest).
template <class T>
struct LogSum {
  T top = sizeof(T) == 4 ? T(-3.402823466e38) : T(-1.7976931348623157e308);
  T sum = T(0);
};
struct JoinLogSums {
  template <class T>
  __device__ LogSum<T> operator()(LogSum<T> a, LogSum<T> b) const {
    const T top = a.top > b.top ? a.top : b.top;
    return {top, a.sum * math::exp(a.top - top) + b.sum * math::exp(b.top - top)};
  }
};

// rows, cols (tiles, n): of row i in column tile t, of column j in row tile t. diagonal (n): s_ii.
template <class T, int kSide>
__global__ void __launch_bounds__(PairTile<T, kSide>::kThreads, PairTile<T, kSide>::kBlocks)
    contrast_parts(const __grid_constant__ ContrastCall<T> call, LogSum<T>* __restrict__ rows,
                   LogSum<T>* __restrict__ cols, T* __restrict__ diagonal) {
  using Tile = PairTile<T, kSide>;
  __shared__ Tile shared;
  const std::int64_t n = call.n, tiles = (n + kSide - 1) / kSide;
  const std::int64_t row_tile = blockIdx.x / tiles, col_tile = blockIdx.x % tiles, row = row_tile * kSide,
                     col = col_tile * kSide;
  T s[4][4] = {};
  add_tile<true>(s, shared, tile_rows<kSide>(call.a, row, n, call.d),
                 tile_rows<kSide>(call.b, col, n, call.d));
  const T scale = *call.scale;
#pragma unroll
  for (int r = 0; r < 4; ++r)
#pragma unroll
    for (int c = 0; c < 4; ++c) s[r][c] *= scale;
  const auto exists = [&](int r, int c) { return row + Tile::row(r) < n && col + Tile::col(c) < n; };
  if (row == col)
#pragma unroll
    for (int r = 0; r < 4; ++r)
#pragma unroll
      for (int c = 0; c < 4; ++c)
        if (Tile::row(r) == Tile::col(c) && exists(r, c)) diagonal[row + Tile::row(r)] = s[r][c];
          // Rows: the four of a thread, then the threads across, which are neighbours in a warp.
#pragma unroll
  for (int r = 0; r < 4; ++r) {
    LogSum<T> part;
#pragma unroll
    for (int c = 0; c < 4; ++c)
      if (exists(r, c)) part.top = s[r][c] > part.top || s[r][c] != s[r][c] ? s[r][c] : part.top;
#pragma unroll
    for (int c = 0; c < 4; ++c)
      if (exists(r, c)) part.sum += math::exp(s[r][c] - part.top);
#pragma unroll
    for (int step = Tile::kAcross / 2; step > 0; step /= 2)
      part = JoinLogSums{}(part, LogSum<T>{__shfl_xor_sync(kFullMask, part.top, step),
                                           __shfl_xor_sync(kFullMask, part.sum, step)});
    if (Tile::across() == 0 && row + Tile::row(r) < n) rows[col_tile * n + row + Tile::row(r)] = part;
  }
  // Columns: through shared memory, (kAcross, kSide) of largest numbers and of sums.
  static_assert(Tile::kAcross <= Tile::kDepth, "the tile's memory is enough");
  __syncthreads();
  Vec<T, Tile::kWidth> tops[Tile::kGroups], sums[Tile::kGroups];
#pragma unroll
  for (int c = 0; c < 4; ++c) {
    LogSum<T> part;
#pragma unroll
    for (int r = 0; r < 4; ++r)
      if (exists(r, c)) part.top = s[r][c] > part.top || s[r][c] != s[r][c] ? s[r][c] : part.top;
#pragma unroll
    for (int r = 0; r < 4; ++r)
      if (exists(r, c)) part.sum += math::exp(s[r][c] - part.top);
    tops[c / Tile::kWidth][c % Tile::kWidth] = part.top;
    sums[c / Tile::kWidth][c % Tile::kWidth] = part.sum;
  }
#pragma unroll
  for (int g = 0; g < Tile::kGroups; ++g) {
    const int at = Tile::down() * kSide + Tile::place(Tile::across(), g * Tile::kWidth);
    store(shared.a + at, tops[g]);
    store(shared.b + at, sums[g]);
  }
  __syncthreads();
  for (int j = static_cast<int>(threadIdx.x); j < kSide; j += Tile::kThreads) {
    LogSum<T> part;
    for (int g = 0; g < Tile::kAcross; ++g)
      part = JoinLogSums{}(part, LogSum<T>{shared.a[g * kSide + j], shared.b[g * kSide + j]});
    if (col + j < n) cols[row_tile * n + col + j] = part;
  }
}

// lse (2, n); terms (n): each sample's loss, before its weight.
template <class T>
__global__ void __launch_bounds__(kContrastThreads)
    contrast_sums(const __grid_constant__ ContrastCall<T> call, std::int64_t tiles,
                  const LogSum<T>* __restrict__ rows, const LogSum<T>* __restrict__ cols,
                  const T* __restrict__ diagonal, T* __restrict__ lse, T* __restrict__ terms) {
  const std::int64_t i = grid_index(), n = call.n;
  if (i >= n) return;
  LogSum<T> along, down;
  for (std::int64_t t = 0; t < tiles; ++t) {
    along = JoinLogSums{}(along, rows[t * n + i]);
    down = JoinLogSums{}(down, cols[t * n + i]);
  }
  const T r = along.top + math::log(along.sum), c = down.top + math::log(down.sum);
  lse[i] = r;
  lse[n + i] = c;
  terms[i] = (call.along != T(0) ? call.along * (r - diagonal[i]) : T(0)) +
             (call.down != T(0) ? call.down * (c - diagonal[i]) : T(0));
}

// *y = sum w terms / sum w, *inverse = 1 / sum w (0 if that is not positive).
template <class T>
__global__ void __launch_bounds__(kContrastThreads)
    contrast_value(const T* __restrict__ terms, const T* __restrict__ weights, std::int64_t n,
                   T* __restrict__ y) {
  double total = 0, sum = 0;
  for (std::int64_t i = threadIdx.x; i < n; i += kContrastThreads) {
    const double w = weights ? static_cast<double>(weights[i]) : 1.0;
    total += w;
    sum += w * static_cast<double>(terms[i]);
  }
  total = block_sum<kContrastThreads>(total);
  sum = block_sum<kContrastThreads>(sum);
  if (threadIdx.x == 0) *y = total > 0 ? static_cast<T>(sum / total) : T(0);
}

// The strip of dy scale W, its rows first; values: dy times the tiles' parts of dscale, unless null. `share`:
// 1 / sum w. `exchanged`: a and b, along and down are; then lse is (down, along).
template <class T, int kSide>
__global__ void __launch_bounds__(PairTile<T, kSide>::kThreads, PairTile<T, kSide>::kBlocks)
    contrast_tiles(const __grid_constant__ ContrastCall<T> call, const T* __restrict__ lse_rows,
                   const T* __restrict__ lse_cols, const T* __restrict__ share, const T* __restrict__ dy,
                   const PairStrip<T> strip, double* __restrict__ values) {
  using Tile = PairTile<T, kSide>;
  __shared__ Tile shared;
  const std::int64_t n = call.n, tiles = (n + kSide - 1) / kSide;
  const std::int64_t row = strip.first + blockIdx.x / tiles * kSide, col = blockIdx.x % tiles * kSide;
  T s[4][4] = {};
  add_tile<true>(s, shared, tile_rows<kSide>(call.a, row, n, call.d),
                 tile_rows<kSide>(call.b, col, n, call.d));
  const T scale = *call.scale, factor = *dy * *share;
  double value = 0;
#pragma unroll
  for (int r = 0; r < 4; ++r)
#pragma unroll
    for (int c = 0; c < 4; ++c) {
      const std::int64_t i = row + Tile::row(r), j = col + Tile::col(c);
      T w = T(0);
      if (i < n && j < n) {
        const T logit = scale * s[r][c], w_i = call.weights ? call.weights[i] : T(1),
                w_j = call.weights ? call.weights[j] : T(1);
        if (call.along != T(0)) w += call.along * w_i * math::exp(logit - lse_rows[i]);
        if (call.down != T(0)) w += call.down * w_j * math::exp(logit - lse_cols[j]);
        if (i == j) w -= (call.along + call.down) * w_i;
        w *= factor;
      }
      value += static_cast<double>(w) * static_cast<double>(s[r][c]);
      s[r][c] = w * scale;
    }
  if (values) {
    value = block_sum<Tile::kThreads>(value);
    if (threadIdx.x == 0) values[blockIdx.x] = value;
  }
#pragma unroll
  for (int g = 0; g < Tile::kGroups; ++g)
#pragma unroll
    for (int u = 0; u < 4; ++u) {
      const std::int64_t j = col + Tile::col(u);
      Vec<T, Tile::kWidth> v;
#pragma unroll
      for (int q = 0; q < Tile::kWidth; ++q) v[q] = s[g * Tile::kWidth + q][u];
      if (j < n) store(strip.data + j * strip.stride + (row - strip.first) + Tile::row(g * Tile::kWidth), v);
    }
}

}  // namespace limbic::cuda::device
