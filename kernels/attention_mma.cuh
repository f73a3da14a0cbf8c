// Attention's products and sums on tensor cores (mma.sync; sm_80 and newer): factors are Bf16, F16, or floats
// rounded to tf32; sums are in float.
//
// With g = lane / 4 and t = lane % 4 a lane holds the products of its own rows g, g + 8 with the tile's rows
// 8n + 2t, 8n + 2t + 1: an mma's result. As left operand of the next mma, which sums the tile's rows with
// these weights, it needs no exchange between lanes: for 16 bits the layouts are the same; for tf32 the
// tile's rows are summed in another order, 2t for t and 2t + 1 for t + 4.
//
// Rows come from shared memory by ldmatrix (16 bits; transposed for sums), which needs eight different banks
// for eight rows, or number by number (tf32); row_stride() makes both free of conflicts.
#pragma once

#include "attention.cuh"

namespace limbic::cuda::device {

template <class T, int kHead_>
struct TensorCore {
  using In = T;
  using Number = float;
  static constexpr bool kHalf = sizeof(T) == 2;
  static constexpr int kHead = kHead_, kRows = 2, kCols = 8, kLanes = 4;
  static constexpr int kOwn = 16, kStep = kHalf ? 16 : 8;
  static constexpr int kVec = kVectorSize<T>;
  // Results are written in pieces of 128 bytes a row, which lie so far apart in the scratch memory that
  // writing pairs has no bank conflicts.
  static constexpr int kPiece = 8 * kVec, kPieceStride = (kHalf ? 9 : 10) * kVec,
                       kScratch = kOwn * kPieceStride * (kHalf ? 2 : 4) / 4;

  static __device__ int own() { return lane_index() / 4; }
  static __device__ int other() { return lane_index() % 4 * 2; }
  static __device__ constexpr int own_offset(int r) { return 8 * r; }
  static __device__ constexpr int other_offset(int c) { return c / 2 * 8 + c % 2; }

  using Products = float[kRows][kCols];
  struct Sums {
    float v[kHead / 8][4];  // of columns 8n ...: rows g, g, g + 8, g + 8; columns 2t, 2t + 1, 2t, 2t + 1

    __device__ __forceinline__ void clear(int r) {
#pragma unroll
      for (int n = 0; n < kHead / 8; ++n) v[n][2 * r] = v[n][2 * r + 1] = 0;
    }
    __device__ __forceinline__ void scale(int r, float factor) {
#pragma unroll
      for (int n = 0; n < kHead / 8; ++n) v[n][2 * r] *= factor, v[n][2 * r + 1] *= factor;
    }
  };

  static __device__ __forceinline__ void products(Products& x, const T* own_rows, const T* tile, int stride,
                                                  int width, int count) {
    const int lane = lane_index();
    float d[4][4] = {};
    if constexpr (kHalf) {
      own_rows += (lane % 16) * stride + lane / 16 * 8;
      tile += lane % 8 * stride + lane / 8 * 8;
#pragma unroll 1
      for (int e = 0; e < width; e += 32) {
        unsigned a[4], a_next[4];
        load_matrices(a, own_rows + e);
        load_matrices(a_next, own_rows + e + 16);
#pragma unroll
        for (int n = 0; n < 4; ++n) {
          if (8 * n >= count) break;
          unsigned b[4];
          load_matrices(b, tile + 8 * n * stride + e);
          const unsigned first[2] = {b[0], b[1]}, second[2] = {b[2], b[3]};
          mma_16x8x16<T>(d[n], a, first);
          mma_16x8x16<T>(d[n], a_next, second);
        }
      }
    } else {
      own_rows += lane / 4 * stride + lane % 4;
      tile += lane / 4 * stride + lane % 4;
#pragma unroll 1
      for (int e = 0; e < width; e += 8) {
        const unsigned a[4] = {to_tf32(own_rows[e]), to_tf32(own_rows[8 * stride + e]),
                               to_tf32(own_rows[e + 4]), to_tf32(own_rows[8 * stride + e + 4])};
#pragma unroll
        for (int n = 0; n < 4; ++n) {
          if (8 * n >= count) break;
          const unsigned b[2] = {to_tf32(tile[8 * n * stride + e]), to_tf32(tile[8 * n * stride + e + 4])};
          mma_16x8x8_tf32(d[n], a, b);
        }
      }
    }
#pragma unroll
    for (int r = 0; r < kRows; ++r)
#pragma unroll
      for (int c = 0; c < kCols; ++c) x[r][c] = d[c / 2][2 * r + c % 2];
  }

  static __device__ __forceinline__ void add(Sums& sums, const Products& w, float*, const T* tile, int stride,
                                             int width, int count) {
    const int lane = lane_index();
    if constexpr (kHalf) {
      tile += lane % 16 * stride + lane / 16 * 8;
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        if (16 * k >= count) break;
        const unsigned a[4] = {pack_floats<T>(w[0][4 * k], w[0][4 * k + 1]),
                               pack_floats<T>(w[1][4 * k], w[1][4 * k + 1]),
                               pack_floats<T>(w[0][4 * k + 2], w[0][4 * k + 3]),
                               pack_floats<T>(w[1][4 * k + 2], w[1][4 * k + 3])};
#pragma unroll
        for (int n = 0; n < kHead / 8; n += 2) {
          if (8 * n >= width) break;
          unsigned b[4];
          load_matrices<true>(b, tile + 16 * k * stride + 8 * n);
          const unsigned first[2] = {b[0], b[1]}, second[2] = {b[2], b[3]};
          mma_16x8x16<T>(sums.v[n], a, first);
          mma_16x8x16<T>(sums.v[n + 1], a, second);
        }
      }
    } else {
      tile += lane % 4 * 2 * stride + lane / 4;
#pragma unroll
      for (int k = 0; k < 4; ++k) {
        if (8 * k >= count) break;
        const unsigned a[4] = {to_tf32(w[0][2 * k]), to_tf32(w[1][2 * k]), to_tf32(w[0][2 * k + 1]),
                               to_tf32(w[1][2 * k + 1])};
#pragma unroll
        for (int n = 0; n < kHead / 8; ++n) {
          if (8 * n >= width) break;
          const T* const from = tile + 8 * k * stride + 8 * n;
          const unsigned b[2] = {to_tf32(from[0]), to_tf32(from[stride])};
          mma_16x8x8_tf32(sums.v[n], a, b);
        }
      }
    }
  }

  static __device__ __forceinline__ void store(const HeadRows<T>& to, int first, int length, int width,
                                               const Sums& sums, float* scratch) {
    const int lane = lane_index();
    T* const piece = reinterpret_cast<T*>(scratch);
#pragma unroll
    for (int c = 0; c < kHead / kPiece; ++c) {
      const int e0 = c * kPiece;
      if (e0 >= width) break;
      __syncwarp();
#pragma unroll
      for (int n = 0; n < kPiece / 8; ++n)
#pragma unroll
        for (int r = 0; r < kRows; ++r) {
          const float* const pair = sums.v[c * kPiece / 8 + n] + 2 * r;
          cuda::store(piece + (own() + 8 * r) * kPieceStride + 8 * n + other(),
                      Vec<T, 2>{{from_float<T>(pair[0]), from_float<T>(pair[1])}});
        }
      __syncwarp();
      if (to.vectors) {
#pragma unroll
        for (int r = 0; r < kOwn / 4; ++r) {
          const int i = lane / 8 + 4 * r, e = lane % 8 * kVec;
          if (first + i < length && e0 + e < width)
            cuda::store(to.at(first + i) + e0 + e, load<kVec>(piece + i * kPieceStride + e));
        }
      } else {
        for (int n = lane; n < kOwn * kPiece; n += 32) {
          const int i = n / kPiece, e = n % kPiece;
          if (first + i < length && e0 + e < width) to.at(first + i)[e0 + e] = piece[i * kPieceStride + e];
        }
      }
    }
  }
};

}  // namespace limbic::cuda::device
