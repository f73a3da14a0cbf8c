// Attention's products and sums by ordinary multiplications.
//
// Lane (row, col) = (lane / 8, lane % 8) holds the products of its own rows row + 4r with the tile's rows col
// + 8c, and the columns (col + 8c) * kVec ... of sums. Weights go from the first layout to the second through
// shared memory of the warp.
#pragma once

#include "attention.cuh"

namespace limbic::cuda::device {

// Own rows of a lane: as many as registers hold kSums sums and kTiles tiles for. The more there are the fewer loads
// of shared memory a product takes, but the fewer warps there are too: kMost is for long sequences.
template <class T, int kHead, int kSums, int kTiles>
struct PlainRows {
  static constexpr int words(int rows) {
    return rows * (kSums * kHead / 8 + 4 * kTiles) * static_cast<int>(sizeof(T)) / 4;
  }
  static constexpr int value = words(4) <= 160 ? 4 : words(2) <= 160 ? 2 : 1;
  static constexpr int kMost = words(8) <= 96 ? 8 : value;
};

template <class T, int kHead_, int kRows_>
struct PlainCore {
  using In = T;
  using Number = T;
  static constexpr int kHead = kHead_, kRows = kRows_, kCols = 4, kLanes = 8;
  static constexpr int kOwn = 4 * kRows, kStep = 8;
  static constexpr int kVec = kVectorSize<T>, kChunks = kHead / (8 * kVec);
  static constexpr int kTileStride = kTile + 8, kScratch = kOwn * kTileStride;

  static __device__ int own() { return lane_index() / 8; }
  static __device__ int other() { return lane_index() % 8; }
  static __device__ constexpr int own_offset(int r) { return 4 * r; }
  static __device__ constexpr int other_offset(int c) { return 8 * c; }

  using Products = T[kRows][kCols];
  struct Sums {
    Vec<T, kVec> v[kRows][kChunks];

    __device__ __forceinline__ void clear(int r) {
#pragma unroll
      for (int c = 0; c < kChunks; ++c) v[r][c] = {};
    }
    __device__ __forceinline__ void scale(int r, T factor) {
#pragma unroll
      for (int c = 0; c < kChunks; ++c)
#pragma unroll
        for (int n = 0; n < kVec; ++n) v[r][c][n] *= factor;
    }
  };

  // 0 for c without a row, `count` being the tile's.
  static __device__ __forceinline__ void products(Products& x, const T* own_rows, const T* tile, int stride,
                                                  int width, int count) {
    own_rows += own() * stride;
    tile += other() * stride;
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int c = 0; c < 4; ++c) x[r][c] = T(0);
    if (kUnchecked && count > 8 * 3) add_products<true>(x, own_rows, tile, stride, width, count);
    else add_products<false>(x, own_rows, tile, stride, width, count);
  }

  // sums += w times the tile's `count` rows.
  static __device__ __forceinline__ void add(Sums& sums, const Products& w, T* scratch, const T* tile,
                                             int stride, int width, int count) {
    __syncwarp();
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int c = 0; c < 4; ++c) scratch[(own() + 4 * r) * kTileStride + other() + 8 * c] = w[r][c];
    __syncwarp();
    const T* const weights = scratch + own() * kTileStride;
    tile += other() * kVec;
    if (kUnchecked && width > 8 * kVec * (kChunks - 1))
      add_rows<true>(sums, weights, tile, stride, width, count);
    else add_rows<false>(sums, weights, tile, stride, width, count);
  }

  // Writes the warp's rows [first, ...) of a head with `length` rows of `width` numbers. Where these are not
  // made of aligned 16-byte words they go through the scratch memory, so that neighbours write to neighbours.
  static __device__ __forceinline__ void store(const HeadRows<T>& to, int first, int length, int width,
                                               const Sums& sums, T* scratch) {
    constexpr int kColumns = 8 * kVec;
    if (to.vectors) {
#pragma unroll
      for (int r = 0; r < kRows; ++r)
#pragma unroll
        for (int c = 0; c < kChunks; ++c) {
          const int i = first + own() + 4 * r, e = other() * kVec + c * kColumns;
          if (i < length && e < width) cuda::store(to.at(i) + e, sums.v[r][c]);
        }
      return;
    }
#pragma unroll
    for (int c = 0; c < kChunks; ++c) {
      if (c * kColumns >= width) break;
      __syncwarp();
#pragma unroll
      for (int r = 0; r < kRows; ++r)
        cuda::store(scratch + (own() + 4 * r) * kTileStride + other() * kVec, sums.v[r][c]);
      __syncwarp();
      for (int n = lane_index(); n < kOwn * kColumns; n += 32) {
        const int i = n / kColumns, e = n % kColumns;
        if (first + i < length && c * kColumns + e < width)
          to.at(first + i)[c * kColumns + e] = scratch[i * kTileStride + e];
      }
    }
  }

 private:
  // Whether there are forms without checks beside the others; of wider heads they do not fit into registers.
  static constexpr bool kUnchecked = sizeof(T) == 4 && kHead <= 64;
  // Steps at a time: of narrower heads memory is the limit, and more warps help more than longer ones; of wider
  // ones, and of eight rows, registers.
  static constexpr int kUnroll = kHead == 64 && kRows <= 4 ? 2 : 1;

  // kAll: every c has a row. Without a branch between them the loads of a step, and of the next, are on their way
  // while products are added.
  template <bool kAll>
  static __device__ __forceinline__ void add_products(Products& x, const T* own_rows, const T* tile,
                                                      int stride, int width, int count) {
#pragma unroll kAll ? kUnroll : 1
    for (int e = 0; e < width; e += kVec) {
      Vec<T, kVec> a[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) a[r] = load<kVec>(own_rows + 4 * r * stride + e);
#pragma unroll
      for (int c = 0; c < 4; ++c) {
        if (!kAll && 8 * c >= count) break;
        const Vec<T, kVec> b = load<kVec>(tile + 8 * c * stride + e);
#pragma unroll
        for (int r = 0; r < kRows; ++r)
#pragma unroll
          for (int n = 0; n < kVec; ++n) x[r][c] = math::fma(a[r][n], b[n], x[r][c]);
      }
    }
  }
  // kAll: every chunk has columns.
  template <bool kAll>
  static __device__ __forceinline__ void add_rows(Sums& sums, const T* weights, const T* tile, int stride,
                                                  int width, int count) {
#pragma unroll 1
    for (int j = 0; j < count; j += kVec) {
      Vec<T, kVec> a[kRows];
#pragma unroll
      for (int r = 0; r < kRows; ++r) a[r] = load<kVec>(weights + 4 * r * kTileStride + j);
#pragma unroll
      for (int n = 0; n < kVec; ++n)
#pragma unroll
        for (int c = 0; c < kChunks; ++c) {
          if (!kAll && 8 * kVec * c >= width) break;
          const Vec<T, kVec> b = load<kVec>(tile + (j + n) * stride + 8 * kVec * c);
#pragma unroll
          for (int r = 0; r < kRows; ++r)
#pragma unroll
            for (int m = 0; m < kVec; ++m) sums.v[r][c][m] = math::fma(a[r][n], b[m], sums.v[r][c][m]);
        }
    }
  }
};

template <class T, int kHead>
using PlainForward = PlainCore<T, kHead, PlainRows<T, kHead, 1, 1>::value>;
template <class T, int kHead>
using PlainForwardLong = PlainCore<T, kHead, PlainRows<T, kHead, 1, 1>::kMost>;
template <class T, int kHead>
using PlainBackward = PlainCore<T, kHead, PlainRows<T, kHead, 2, 2>::value>;

}  // namespace limbic::cuda::device
