// Square tiles of numbers of pairs of rows: sum_c (a_ic - b_jc)^2 or sum_c a_ic b_jc, for kernels over pairs
// of points.
//
//   plan     (kSide / 4)^2 threads, each with 4 x 4 pairs in registers; pieces of kDepth columns of both
//            sides go through shared memory, transposed, the next one already on its way from memory
//   why      by differences, not |a|^2 + |b|^2 - 2 a b: one more operation a column, and no digits are lost
//            where points are close, which a second path would have to make up for
//   shared   stored at row ^ swizzle(column): neither the transposing stores nor the 128-bit loads conflict
//   rows     begin at multiples of 16 bytes: the launcher pads those that do not (PaddedRows), once
#pragma once

#include <limbic/backend/cuda/launch/pairwise.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

template <class T, int kSide>
struct PairTile {
  static constexpr int kWidth = kVectorSize<T>;  // numbers of a 128-bit access
  static constexpr int kDepth = 16, kAcross = kSide / 4, kThreads = kAcross * kAcross;
  static constexpr int kGroups = 4 / kWidth, kSpan = kSide / kGroups;
  static constexpr int kBlocks = sizeof(T) * kSide * kSide <= 4096   ? 6
                                 : sizeof(T) * kSide * kSide <= 8192 ? 4
                                 : sizeof(T) == 4                    ? 2
                                                                     : 1;
  static constexpr int kLoads = kSide * kDepth / kWidth / kThreads;  // of a thread, for each operand

  alignas(16) T a[kDepth * kSide];
  alignas(16) T b[kDepth * kSide];

  // The thread's place: of its four rows and four columns, those in one group are neighbours.
  __device__ static int across() { return static_cast<int>(threadIdx.x) % kAcross; }
  __device__ static int down() { return static_cast<int>(threadIdx.x) / kAcross; }
  __device__ static int place(int at, int u) { return u / kWidth * kSpan + at * kWidth + u % kWidth; }
  __device__ static int row(int u) { return place(down(), u); }
  __device__ static int col(int u) { return place(across(), u); }

  __device__ static int swizzle(int k) { return kWidth == 4 ? 8 * (k / 4 % 4) : 2 * (k / 2 % 8); }
};

// Rows of an operand: `count` of `width` numbers each, a multiple of kVectorSize; those past the end count as
// zeros.
template <class T>
struct TileRows {
  const T* data;
  std::int64_t count, width;
};

// acc += the sums of a tile, over all columns. Every thread of the block must come here.
template <bool kProducts, class T, int kSide>
__device__ __forceinline__ void add_tile(T (&acc)[4][4], PairTile<T, kSide>& shared, const TileRows<T>& a,
                                         const TileRows<T>& b) {
  using Tile = PairTile<T, kSide>;
  constexpr int kWidth = Tile::kWidth, kRow = Tile::kDepth / kWidth;
  using V = Vec<T, kWidth>;
  V next_a[Tile::kLoads], next_b[Tile::kLoads];

  const auto fetch = [&](V(&to)[Tile::kLoads], const TileRows<T>& from, std::int64_t first) {
#pragma unroll
    for (int l = 0; l < Tile::kLoads; ++l) {
      const int e = static_cast<int>(threadIdx.x) + l * Tile::kThreads, r = e / kRow;
      const std::int64_t c = first + e % kRow * kWidth;
      V v{};
      if (r < from.count && c < from.width) v = load<kWidth>(from.data + r * from.width + c);
      to[l] = v;
    }
  };
  const auto stash = [&](T* to, const V(&from)[Tile::kLoads]) {
#pragma unroll
    for (int l = 0; l < Tile::kLoads; ++l) {
      const int e = static_cast<int>(threadIdx.x) + l * Tile::kThreads, r = e / kRow, k = e % kRow * kWidth;
#pragma unroll
      for (int q = 0; q < kWidth; ++q) to[(k + q) * kSide + (r ^ Tile::swizzle(k))] = from[l][q];
    }
  };

  const int down = Tile::down(), across = Tile::across();
  fetch(next_a, a, 0);
  fetch(next_b, b, 0);
  for (std::int64_t first = 0; first < a.width; first += Tile::kDepth) {
    __syncthreads();  // nobody reads the piece before any longer
    stash(shared.a, next_a);
    stash(shared.b, next_b);
    __syncthreads();
    if (first + Tile::kDepth < a.width) {
      fetch(next_a, a, first + Tile::kDepth);
      fetch(next_b, b, first + Tile::kDepth);
    }
#pragma unroll
    for (int k = 0; k < Tile::kDepth; ++k) {
      T x[4], y[4];
#pragma unroll
      for (int g = 0; g < Tile::kGroups; ++g) {
        const V vx = load<kWidth>(shared.a + k * kSide + (Tile::place(down, g * kWidth) ^ Tile::swizzle(k)));
        const V vy =
            load<kWidth>(shared.b + k * kSide + (Tile::place(across, g * kWidth) ^ Tile::swizzle(k)));
#pragma unroll
        for (int q = 0; q < kWidth; ++q) x[g * kWidth + q] = vx[q], y[g * kWidth + q] = vy[q];
      }
#pragma unroll
      for (int r = 0; r < 4; ++r)
#pragma unroll
        for (int c = 0; c < 4; ++c) {
          const T u = kProducts ? x[r] : x[r] - y[c], v = kProducts ? y[c] : u;
          acc[r][c] = math::fma(u, v, acc[r][c]);
        }
    }
  }
}

// Rows [first, first + kSide) of a matrix, as far as they exist.
template <int kSide, class T>
__device__ __forceinline__ TileRows<T> tile_rows(const T* data, std::int64_t first, std::int64_t count,
                                                 std::int64_t width) {
  return {data + first * width, count - first < kSide ? count - first : kSide, width};
}

// The tile of a block, of `tiles` a side, when each unordered pair of tiles is visited once: block x = s
// tiles + i has row tile i and the s-th after it, around.
struct TilePair {
  std::int64_t row, col;
  bool there;
  __device__ explicit TilePair(std::int64_t tiles) {
    const std::int64_t step = blockIdx.x / tiles;
    row = blockIdx.x - step * tiles;
    col = row + step < tiles ? row + step : row + step - tiles;
    there = 2 * step < tiles || 2 * row < tiles;
  }
};
// Blocks of such a launch.
inline unsigned tile_pairs(std::int64_t tiles) { return static_cast<unsigned>(tiles * (tiles / 2 + 1)); }

// to (rows, padded) = from (rows, width), and zeros.
template <class T>
__global__ void __launch_bounds__(256)
    pad_rows(T* __restrict__ to, std::int64_t padded, const T* __restrict__ from, std::int64_t rows,
             std::int64_t width) {
  for (std::int64_t e = grid_index(); e < rows * padded; e += grid_stride()) {
    const std::int64_t r = e / padded, c = e - r * padded;
    to[e] = c < width ? from[r * width + c] : T(0);
  }
}

}  // namespace limbic::cuda::device
