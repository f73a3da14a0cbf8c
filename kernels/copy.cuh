// Strided copies and fills, by the word: to[...] = from[...].
//
//   strided    one thread an element in the destination's order: writes coalesce, reads do where the source's
//              last dimension is dense too
//   transpose  where another dimension of the source is the dense one: tiles of 32 x 32 through shared memory
//              (rows of 33 words: no bank conflicts for words of 4 bytes), so that reads and writes coalesce
//   launch     strided: 1-D, kCopyThreads; transpose: kTile x kTileRows threads, grid (tiles along `inner`, tiles along
//              `dense`, what is left)
//   bytes      each element once in and once out; no arithmetic but offsets
//   repeats    bit for bit
#pragma once

#include <limbic/backend/cuda/launch/copy.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kCopyThreads = 256;
constexpr int kCopyBatch = 4;
constexpr int kTile = 32, kTileRows = 8;

struct CopyOffsets {
  std::int64_t to = 0, from = 0;
  // Of element i of the loop without the two dimensions skip_a and skip_b (-1: none).
  __device__ CopyOffsets(const CopyCall& call, std::int64_t i, int skip_a = -1, int skip_b = -1) {
    // Divisions of 32 bits take a fraction of those of 64.
    if (call.count >> 31 == 0) find(call, static_cast<unsigned>(i), skip_a, skip_b);
    else find(call, i, skip_a, skip_b);
  }

 private:
  template <class Index>
  __device__ void find(const CopyCall& call, Index i, int skip_a, int skip_b) {
    for (int d = call.rank - 1; d >= 0; --d) {
      if (d == skip_a || d == skip_b) continue;
      const Index size = static_cast<Index>(call.size[d]), next = d ? i / size : 0, place = i - next * size;
      to += static_cast<std::int64_t>(place) * call.to_stride[d];
      from += static_cast<std::int64_t>(place) * call.from_stride[d];
      i = next;
    }
  }
};

// A thread has kCopyBatch elements on their way at a time, each a grid apart.
template <class Word>
__global__ void __launch_bounds__(kCopyThreads)
    copy_strided(const __grid_constant__ CopyCall call, Word* __restrict__ to,
                 const Word* __restrict__ from) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kCopyThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kCopyThreads + threadIdx.x; i < call.count;
       i += stride * kCopyBatch) {
    Word word[kCopyBatch];
    std::int64_t place[kCopyBatch];
#pragma unroll
    for (int j = 0; j < kCopyBatch; ++j) {
      if (i + j * stride >= call.count) continue;
      const CopyOffsets at(call, i + j * stride);
      place[j] = at.to;
      word[j] = from[at.from];
    }
#pragma unroll
    for (int j = 0; j < kCopyBatch; ++j)
      if (i + j * stride < call.count) to[place[j]] = word[j];
  }
}

// `inner` is the loop's last dimension, dense in the destination; `dense` the one dense in the source.
template <class Word>
__global__ void __launch_bounds__(kTile* kTileRows)
    copy_transposed(const __grid_constant__ CopyCall call, int dense, Word* __restrict__ to,
                    const Word* __restrict__ from) {
  __shared__ Word tile[kTile][kTile + 1];
  const int inner = call.rank - 1;
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * kTile,
                     row = static_cast<std::int64_t>(blockIdx.y) * kTile;
  const CopyOffsets at(call, blockIdx.z, inner, dense);
  constexpr int kLoads = kTile / kTileRows;
  Word word[kLoads];
#pragma unroll
  for (int j = 0; j < kLoads; ++j) {
    const std::int64_t k = threadIdx.y + j * kTileRows;
    if (column + k < call.size[inner] && row + threadIdx.x < call.size[dense])
      word[j] = from[at.from + (column + k) * call.from_stride[inner] + row + threadIdx.x];
  }
#pragma unroll
  for (int j = 0; j < kLoads; ++j) {
    const std::int64_t k = threadIdx.y + j * kTileRows;
    if (column + k < call.size[inner] && row + threadIdx.x < call.size[dense]) tile[k][threadIdx.x] = word[j];
  }
  __syncthreads();
#pragma unroll
  for (int j = 0; j < kLoads; ++j) {
    const std::int64_t k = threadIdx.y + j * kTileRows;
    if (row + k < call.size[dense] && column + threadIdx.x < call.size[inner])
      to[at.to + (row + k) * call.to_stride[dense] + column + threadIdx.x] = tile[threadIdx.x][k];
  }
}

template <class Word>
__global__ void __launch_bounds__(kCopyThreads)
    fill_strided(const __grid_constant__ CopyCall call, Word* __restrict__ to, Word value) {
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kCopyThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kCopyThreads + threadIdx.x; i < call.count;
       i += stride)
    to[CopyOffsets(call, i).to] = value;
}

}  // namespace limbic::cuda::device
