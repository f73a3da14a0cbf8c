// Covariances: the centred Gram matrix of the columns of x (n, d) in one pass over the data.
//
//   y = scale (sum_i w_i u_i u_i' - s s' / sum_i w_i),  u_i = x_i - x_0,  s = sum_i w_i u_i,  m = x_0 + s / sum_i w_i
//
// x_0, a sample itself, is about as far from the mean as the others are: few digits are lost.
//
//   plan     a block a tile of y, each unordered pair of tiles once; four rows and columns a thread; pieces
//            of 16 rows of both column ranges copied asynchronously to shared memory while the piece before
//            is added up
//   launch   blocks as PairTile's; static shared memory of at most 33 KB
//   work     2 d operations an element of x (half of y is computed); bytes: x once a tile row, y once
//   repeats  bit for bit
//   source   Sun and Saenko, "Deep CORAL", 2016, arXiv:1607.01719
#pragma once

#include <limbic/backend/cuda/launch/covariance.hpp>

#include "pair_tile.cuh"

namespace limbic::cuda::device {

// x's rows of `padded` numbers begin at multiples of 16 bytes.
template <class T, int kSide>
__global__ void __launch_bounds__(PairTile<T, kSide>::kThreads, PairTile<T, kSide>::kBlocks)
    covariance(const __grid_constant__ CovarianceCall<T> call, std::int64_t padded) {
  using Tile = PairTile<T, kSide>;
  constexpr int kWidth = Tile::kWidth, kDepth = Tile::kDepth, kRow = kSide / kWidth;
  alignas(16) __shared__ T as[2][kDepth * kSide], bs[2][kDepth * kSide];
  __shared__ T ws[2][kDepth];
  const TilePair pair((call.d + kSide - 1) / kSide);
  if (!pair.there) return;
  const std::int64_t row = pair.row * kSide, col = pair.col * kSide, n = call.n;

  const auto fetch = [&](int stage, std::int64_t first) {
#pragma unroll
    for (int l = 0; l < Tile::kLoads; ++l) {
      const int e = static_cast<int>(threadIdx.x) + l * Tile::kThreads, k = e / kRow, at = e % kRow * kWidth;
      const std::int64_t i = first + k;
      const bool a = i < n && row + at < padded, b = i < n && col + at < padded;
      copy_async<16>(as[stage] + k * kSide + at, call.x + (a ? i * padded + row + at : 0), a);
      copy_async<16>(bs[stage] + k * kSide + at, call.x + (b ? i * padded + col + at : 0), b);
    }
    commit_copies();
    // Rows past the end weigh nothing.
    const int k = static_cast<int>(threadIdx.x);
    if (k < kDepth) ws[stage][k] = first + k >= n ? T(0) : call.weights ? call.weights[first + k] : T(1);
  };

  T x0[4], y0[4], acc[4][4] = {}, sum_x[4] = {}, sum_y[4] = {}, total = T(0);
#pragma unroll
  for (int u = 0; u < 4; ++u) {
    const std::int64_t i = row + Tile::row(u), j = col + Tile::col(u);
    x0[u] = i < padded ? call.x[i] : T(0);
    y0[u] = j < padded ? call.x[j] : T(0);
  }
  fetch(0, 0);
  int stage = 0;
  for (std::int64_t first = 0; first < n; first += kDepth, stage ^= 1) {
    wait_copies();
    __syncthreads();  // the piece is there for all, and nobody reads the one before
    if (first + kDepth < n) fetch(stage ^ 1, first + kDepth);
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      T x[4], y[4];
      const T w = ws[stage][k];
#pragma unroll
      for (int g = 0; g < Tile::kGroups; ++g) {
        const auto vx = load<kWidth>(as[stage] + k * kSide + Tile::place(Tile::down(), g * kWidth));
        const auto vy = load<kWidth>(bs[stage] + k * kSide + Tile::place(Tile::across(), g * kWidth));
#pragma unroll
        for (int q = 0; q < kWidth; ++q) x[g * kWidth + q] = vx[q], y[g * kWidth + q] = vy[q];
      }
      total += w;
#pragma unroll
      for (int u = 0; u < 4; ++u) {
        x[u] = w * (x[u] - x0[u]);
        y[u] = y[u] - y0[u];
        sum_x[u] += x[u];
        sum_y[u] = math::fma(w, y[u], sum_y[u]);
      }
#pragma unroll
      for (int r = 0; r < 4; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c) acc[r][c] = math::fma(x[r], y[c], acc[r][c]);
    }
  }
  const T scale = *call.scale;
  T mean[4];
#pragma unroll
  for (int r = 0; r < 4; ++r) {
    const std::int64_t i = row + Tile::row(r);
    mean[r] = sum_x[r] / total;
    if (i < call.d && row == col && Tile::across() == 0) call.mean[i] = x0[r] + mean[r];
#pragma unroll
    for (int c = 0; c < 4; ++c) acc[r][c] = scale * (acc[r][c] - mean[r] * sum_y[c]);
  }
  const bool whole = call.d % kWidth == 0 && is_aligned(call.y, 16);
  // Four numbers of row i of y, in the columns of a thread's place in a tile: v(c).
  const auto put = [&](std::int64_t i, std::int64_t to, int place, auto&& v) {
    if (i >= call.d) return;
    T* const y = call.y + i * call.d;
#pragma unroll
    for (int g = 0; g < Tile::kGroups; ++g) {
      const std::int64_t j = to + Tile::place(place, g * kWidth);
      Vec<T, kWidth> values;
#pragma unroll
      for (int q = 0; q < kWidth; ++q) values[q] = v(g * kWidth + q);
      if (whole) {
        if (j < call.d) store(y + j, values);
      } else {
#pragma unroll
        for (int q = 0; q < kWidth; ++q)
          if (j + q < call.d) y[j + q] = values[q];
      }
    }
  };
#pragma unroll
  for (int u = 0; u < 4; ++u) {
    put(row + Tile::row(u), col, Tile::across(), [&](int c) { return acc[u][c]; });
    if (row != col) put(col + Tile::col(u), row, Tile::down(), [&](int r) { return acc[r][u]; });
  }
}

}  // namespace limbic::cuda::device
