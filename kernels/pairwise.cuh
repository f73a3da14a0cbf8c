// Sums over all pairs of points of kernels of their distance, with their gradient: MMD in all its forms.
//
//   y      = sum_ij w_ij prod_l k_l(D^l_ij),  D^l_ij = |x^l_i - x^l_j|^2      x^l (N, d_l), w symmetric
//   dx^l_i = 4 sum_j W^l_ij (x^l_i - x^l_j),  W^l_ij = w_ij k_l'(D^l_ij) prod_{m != l} k_m(D^m_ij)
//
//   pair_tiles    a block a tile of pairs: w, the distances of each layer and the kernels in registers; adds
//                 up the tile's value, and writes the tile of W^l for one layer l to `strip`, (N, stride)
//                 with W_ij at [j][i - first]. If all of W fits, each unordered pair of tiles is computed
//                 once and written twice; else strips of rows are made one after the other, in O(N d) memory
//   pair_gather   a block a tile of dx: four rows and columns a thread, pieces of the strip and of the points
//                 copied asynchronously to shared memory while the piece before is added up
//   centre        column_means, then centre_points (a warp a row)
//
//   launch   1-D blocks, sizes below; static shared memory of at most 35 KB
//   work     D: 2 d operations a pair (half of the pairs if W fits), W x: 2 d a pair; exponentials: one a
//            pair where bandwidths halve. Bytes: points once a tile row, W written and read once
//   repeats  bit for bit: no atomics, orders depend on the sizes alone; values in double
//   source   Gretton et al., "A kernel two-sample test", JMLR 13, 2012; Long et al., ICML 2015 and 2017
#pragma once

#include "pair_tile.cuh"
#include "radial.cuh"

namespace limbic::cuda::device {

constexpr int kPairThreads = 256;  // where a warp does a row

// The strip of W that a launch makes.
template <class T>
struct PairStrip {
  std::int64_t first = 0, rows = 0, stride = 0;
  T* data = nullptr;  // null: values alone
};

// kMatrix: the strip gets the kernel of the only layer itself, without weights.
template <class T, int kSide, bool kMatrix>
__global__ void __launch_bounds__(PairTile<T, kSide>::kThreads, PairTile<T, kSide>::kBlocks)
    pair_tiles(const __grid_constant__ PairCall<T> call, int own, const PairStrip<T> strip,
               double* __restrict__ values) {
  using Tile = PairTile<T, kSide>;
  __shared__ Tile shared;
  __shared__ RadialNumbers<T> numbers[PairCall<T>::kMaxLayers];
  const std::int64_t n = call.points, tiles = (n + kSide - 1) / kSide;
  const bool whole = strip.rows >= n;
  const TilePair pair(tiles);
  if (whole && !pair.there) {
    if (values && threadIdx.x == 0) values[blockIdx.x] = 0;
    return;
  }
  const std::int64_t row = whole ? pair.row * kSide : strip.first + blockIdx.x / tiles * kSide;
  const std::int64_t col = whole ? pair.col * kSide : blockIdx.x % tiles * kSide;
  const bool mirrored = whole && row != col;
  for (int l = 0; l < call.layers; ++l) numbers[l].set(call.layer[l].kernel);

  T w[4][4] = {}, product[4][4];
  if constexpr (!kMatrix) {
    for (std::int64_t q = 0; q < call.rank; ++q) {
      T left[4], right[4];
#pragma unroll
      for (int u = 0; u < 4; ++u) {
        const std::int64_t i = row + Tile::row(u), j = col + Tile::col(u);
        left[u] = i < n ? call.left[i * call.rank + q] : T(0);
        right[u] = j < n ? call.right[j * call.rank + q] : T(0);
      }
#pragma unroll
      for (int r = 0; r < 4; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c) w[r][c] = math::fma(left[r], right[c], w[r][c]);
    }
  }
#pragma unroll
  for (int r = 0; r < 4; ++r)
#pragma unroll
    for (int c = 0; c < 4; ++c) product[r][c] = w[r][c];
  for (int l = 0; l < (kMatrix ? 1 : call.layers); ++l) {
    const auto& layer = call.layer[l];
    T d[4][4] = {};
    add_tile<false>(d, shared, tile_rows<kSide>(layer.points, row, n, layer.width),
                    tile_rows<kSide>(layer.points, col, n, layer.width));
#pragma unroll
    for (int r = 0; r < 4; ++r)
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        const T k = radial(layer.kernel, numbers[l], d[r][c]);
        product[r][c] *= k;
        if (kMatrix) w[r][c] = k;
        else w[r][c] *= l == own ? d[r][c] : k;
      }
  }

  if (!kMatrix && values) {
    double value = 0;
#pragma unroll
    for (int r = 0; r < 4; ++r)
#pragma unroll
      for (int c = 0; c < 4; ++c)
        if (call.diagonal || row + Tile::row(r) != col + Tile::col(c))
          value += static_cast<double>(product[r][c]);
    value = block_sum<Tile::kThreads>(value);
    if (threadIdx.x == 0) values[blockIdx.x] = mirrored ? 2 * value : value;
  }
  if (!strip.data) return;
  constexpr int kWidth = Tile::kWidth;
#pragma unroll
  for (int g = 0; g < Tile::kGroups; ++g)
#pragma unroll
    for (int u = 0; u < 4; ++u) {
      const std::int64_t j = col + Tile::col(u), i = row + Tile::row(u);
      Vec<T, kWidth> v;
#pragma unroll
      for (int q = 0; q < kWidth; ++q) v[q] = w[g * kWidth + q][u];
      if (j < n) store(strip.data + j * strip.stride + (row - strip.first) + Tile::row(g * kWidth), v);
      if (!mirrored || i >= n) continue;
#pragma unroll
      for (int q = 0; q < kWidth; ++q) v[q] = w[u][g * kWidth + q];
      store(strip.data + i * strip.stride + col + Tile::col(g * kWidth), v);
    }
}

// y rows [first, first + rows) (width): 4 sum_j W_ij (x_i - x_j), or sum_j W_ij x_j; x (n, padded).
template <class T, int kSide, bool kDifferences>
__global__ void __launch_bounds__(PairTile<T, kSide>::kThreads)
    pair_gather(T* __restrict__ y, std::int64_t width, const PairStrip<T> strip, const T* __restrict__ x,
                std::int64_t n, std::int64_t padded) {
  using Tile = PairTile<T, kSide>;
  constexpr int kWidth = Tile::kWidth, kDepth = Tile::kDepth, kRow = kSide / kWidth;
  __shared__ __align__(16) T ws[2][kDepth * kSide], xs[2][kDepth * kSide];
  const std::int64_t tiles = (width + kSide - 1) / kSide;
  const std::int64_t row = blockIdx.x / tiles * kSide, col = blockIdx.x % tiles * kSide;

  const auto fetch = [&](int stage, std::int64_t first) {
#pragma unroll
    for (int l = 0; l < Tile::kLoads; ++l) {
      const int e = static_cast<int>(threadIdx.x) + l * Tile::kThreads, k = e / kRow, at = e % kRow * kWidth;
      const std::int64_t j = first + k;
      copy_async<16>(ws[stage] + k * kSide + at, strip.data + (j < n ? j * strip.stride + row + at : 0),
                     j < n);
      const bool there = j < n && col + at < padded;
      copy_async<16>(xs[stage] + k * kSide + at, x + (there ? j * padded + col + at : 0), there);
    }
    commit_copies();
  };

  T own[4][4] = {}, acc[4][4] = {};
#pragma unroll
  for (int r = 0; r < 4; ++r)
#pragma unroll
    for (int g = 0; g < Tile::kGroups; ++g) {
      const std::int64_t i = strip.first + row + Tile::row(r), c = col + Tile::col(g * kWidth);
      if (!kDifferences || i >= n || c >= padded) continue;
      const auto v = load<kWidth>(x + i * padded + c);
#pragma unroll
      for (int q = 0; q < kWidth; ++q) own[r][g * kWidth + q] = v[q];
    }
  fetch(0, 0);
  int stage = 0;
  for (std::int64_t first = 0; first < n; first += kDepth, stage ^= 1) {
    wait_copies();
    __syncthreads();  // the piece is there for all, and nobody reads the one before
    if (first + kDepth < n) fetch(stage ^ 1, first + kDepth);
#pragma unroll
    for (int k = 0; k < kDepth; ++k) {
      T w[4], v[4];
#pragma unroll
      for (int g = 0; g < Tile::kGroups; ++g) {
        const auto vw = load<kWidth>(ws[stage] + k * kSide + Tile::place(Tile::down(), g * kWidth));
        const auto vx = load<kWidth>(xs[stage] + k * kSide + Tile::place(Tile::across(), g * kWidth));
#pragma unroll
        for (int q = 0; q < kWidth; ++q) w[g * kWidth + q] = vw[q], v[g * kWidth + q] = vx[q];
      }
#pragma unroll
      for (int r = 0; r < 4; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c)
          acc[r][c] = math::fma(w[r], kDifferences ? own[r][c] - v[c] : v[c], acc[r][c]);
    }
  }
#pragma unroll
  for (int r = 0; r < 4; ++r) {
    const std::int64_t i = strip.first + row + Tile::row(r);
    if (i >= n) continue;
#pragma unroll
    for (int g = 0; g < Tile::kGroups; ++g) {
      const std::int64_t c = col + Tile::col(g * kWidth);
      Vec<T, kWidth> v;
#pragma unroll
      for (int q = 0; q < kWidth; ++q)
        v[q] = kDifferences ? T(4) * acc[r][g * kWidth + q] : acc[r][g * kWidth + q];
      if (width % kWidth == 0 && is_aligned(y, 16)) {
        if (c < width) store(y + i * width + c, v);
      } else {
#pragma unroll
        for (int q = 0; q < kWidth; ++q)
          if (c + q < width) y[i * width + c + q] = v[q];
      }
    }
  }
}

// y (n, m) = squared distances, or products, of rows of a (n, d) and b (m, d).
template <class T, int kSide, bool kProducts>
__global__ void __launch_bounds__(PairTile<T, kSide>::kThreads)
    row_pairs(T* __restrict__ y, const T* __restrict__ a, std::int64_t n, const T* __restrict__ b,
              std::int64_t m, std::int64_t d) {
  using Tile = PairTile<T, kSide>;
  constexpr int kWidth = Tile::kWidth;
  __shared__ Tile shared;
  const std::int64_t tiles = (m + kSide - 1) / kSide;
  const std::int64_t row = blockIdx.x / tiles * kSide, col = blockIdx.x % tiles * kSide;
  T acc[4][4] = {};
  add_tile<kProducts>(acc, shared, tile_rows<kSide>(a, row, n, d), tile_rows<kSide>(b, col, m, d));
#pragma unroll
  for (int r = 0; r < 4; ++r) {
    const std::int64_t i = row + Tile::row(r);
    if (i >= n) continue;
#pragma unroll
    for (int g = 0; g < Tile::kGroups; ++g) {
      const std::int64_t c = col + Tile::col(g * kWidth);
      Vec<T, kWidth> v;
#pragma unroll
      for (int q = 0; q < kWidth; ++q) v[q] = acc[r][g * kWidth + q];
      if (m % kWidth == 0 && is_aligned(y, 16)) {
        if (c < m) store(y + i * m + c, v);
      } else {
#pragma unroll
        for (int q = 0; q < kWidth; ++q)
          if (c + q < m) y[i * m + c + q] = v[q];
      }
    }
  }
}

constexpr int kMeanRows = 16;  // rows at a time

// mean (d) = the mean of all rows minus the first row: so rows that are all equal give exactly 0.
template <class T>
__global__ void __launch_bounds__(32 * kMeanRows) column_means(const __grid_constant__ CentreCall<T> call) {
  __shared__ T sums[kMeanRows][33];
  const int lane = lane_index(), group = warp_index();
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * 32 + lane, rows = call.n + call.m;
  T sum = T(0);
  if (c < call.d) {
    const T first = call.x[c];
    for (std::int64_t i = group; i < rows; i += kMeanRows)
      sum += (i < call.n ? call.x[i * call.d + c] : call.y[(i - call.n) * call.d + c]) - first;
  }
  sums[group][lane] = sum;
  __syncthreads();
  if (group != 0 || c >= call.d) return;
  for (int g = 1; g < kMeanRows; ++g) sum += sums[g][lane];
  call.mean[c] = sum / static_cast<T>(rows);
}

// A warp a row.
template <class T>
__global__ void __launch_bounds__(kPairThreads) centre_points(const __grid_constant__ CentreCall<T> call) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * (kPairThreads / 32) + warp_index(),
                     d = call.d;
  T squares = T(0);
  if (i < call.n + call.m) {
    const T* const row = i < call.n ? call.x + i * d : call.y + (i - call.n) * d;
    for (std::int64_t c = lane_index(); c < d; c += 32) {
      const T v = (row[c] - call.x[c]) - call.mean[c];
      call.points[i * d + c] = v;
      squares = math::fma(v, v, squares);
    }
  }
  squares = warp_sum(squares);
  if (i < call.n + call.m && lane_index() == 0) call.norms[i] = squares;
}

}  // namespace limbic::cuda::device
