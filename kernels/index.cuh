// Rows picked and added by number, elements gathered and scattered along a dimension, masks and triangles.
//
//   plan     one thread an element of what is written, grid-stride; neighbours on neighbouring elements of
//            the innermost dimension, so that rows coalesce. add_rows: one block for each first occurrence of
//            an index, which adds all rows of that index in order (the number of indices squared is looked
//            at, from cache). add_along: one thread a line along the dimension
//   launch   1-D blocks of kIndexThreads
//   bytes    what is read and written once, and the indices
//   repeats  bit for bit: sums in the order of the indices; atomics are of integers only, where order cannot
//            show
#pragma once

#include <limbic/backend/cuda/launch/index.hpp>
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kIndexThreads = 256;

template <class T>
__global__ void __launch_bounds__(kIndexThreads)
    take_rows(T* __restrict__ y, const T* __restrict__ x, const std::int64_t* __restrict__ index,
              std::int64_t n, Cut at, std::int64_t skip) {
  const std::int64_t count = at.outer * n * at.inner;
  for (std::int64_t e = grid_index(); e < count; e += grid_stride()) {
    const std::int64_t line = e / at.inner, i = e - line * at.inner, o = line / n, row = index[line - o * n];
    y[e] = row < 0 || row >= at.size || row == skip ? T(0) : x[(o * at.size + row) * at.inner + i];
  }
}

// first (size), of all ones before: the first position of each index.
__global__ void __launch_bounds__(kIndexThreads)
    first_positions(unsigned long long* __restrict__ first, const std::int64_t* __restrict__ index,
                    std::int64_t n, std::int64_t size) {
  for (std::int64_t j = grid_index(); j < n; j += grid_stride())
    if (index[j] >= 0 && index[j] < size) atomicMin(&first[index[j]], static_cast<unsigned long long>(j));
}

template <class T>
__global__ void __launch_bounds__(kIndexThreads)
    add_rows(T* __restrict__ y, const T* __restrict__ x, const std::int64_t* __restrict__ index,
             const unsigned long long* __restrict__ first, std::int64_t n, Cut at, std::int64_t skip) {
  const std::int64_t width = at.outer * at.inner;
  for (std::int64_t j = blockIdx.x; j < n; j += gridDim.x) {
    const std::int64_t row = index[j];
    if (row < 0 || row >= at.size || row == skip || first[row] != static_cast<unsigned long long>(j))
      continue;
    for (std::int64_t w = threadIdx.x; w < width; w += kIndexThreads) {
      const std::int64_t o = w / at.inner, i = w - o * at.inner;
      T* const to = y + (o * at.size + row) * at.inner + i;
      T total = *to;
      for (std::int64_t k = j; k < n; ++k)
        if (index[k] == row) total += x[(o * n + k) * at.inner + i];
      *to = total;
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kIndexThreads)
    fill_rows(T* __restrict__ y, const std::int64_t* __restrict__ index, std::int64_t n, Cut at, T value) {
  const std::int64_t count = at.outer * at.size * at.inner;
  for (std::int64_t e = grid_index(); e < count; e += grid_stride()) {
    const std::int64_t row = e / at.inner % at.size;
    for (std::int64_t j = 0; j < n; ++j)
      if (index[j] == row) {
        y[e] = value;
        break;
      }
  }
}

struct AlongOffsets {
  std::int64_t y = 0, x = 0, index = 0;
  __device__ AlongOffsets(const AlongCall& call, std::int64_t row) {
    for (int d = call.rank - 1; d >= 0; --d) {
      const std::int64_t next = row / call.size[d], place = row - next * call.size[d];
      y += place * call.y_stride[d];
      x += place * call.x_stride[d];
      index += place * call.index_stride[d];
      row = next;
    }
  }
};

template <class T>
__global__ void __launch_bounds__(kIndexThreads)
    gather_along(T* __restrict__ y, const T* __restrict__ x, const std::int64_t* __restrict__ index,
                 const __grid_constant__ AlongCall call) {
  const std::int64_t count = call.rows * call.length;
  for (std::int64_t e = grid_index(); e < count; e += grid_stride()) {
    const std::int64_t row = e / call.length, k = e - row * call.length;
    const AlongOffsets at(call, row);
    const std::int64_t which = index[at.index + k * call.index_step];
    y[at.y + k * call.y_step] = which >= 0 && which < call.limit ? x[at.x + which * call.along] : T(0);
  }
}

template <class T>
__global__ void __launch_bounds__(kIndexThreads)
    add_along(T* __restrict__ y, const T* __restrict__ x, const std::int64_t* __restrict__ index,
              const __grid_constant__ AlongCall call) {
  for (std::int64_t row = grid_index(); row < call.rows; row += grid_stride()) {
    const AlongOffsets at(call, row);
    for (std::int64_t k = 0; k < call.length; ++k) {
      const std::int64_t which = index[at.index + k * call.index_step];
      if (which >= 0 && which < call.limit) y[at.y + which * call.along] += x[at.x + k * call.x_step];
    }
  }
}

// last (size), of zeros before: one more than the last position of each index.
__global__ void __launch_bounds__(kIndexThreads)
    last_positions(unsigned long long* __restrict__ last, const std::int64_t* __restrict__ index,
                   std::int64_t n, std::int64_t size) {
  for (std::int64_t j = grid_index(); j < n; j += grid_stride())
    if (index[j] >= 0 && index[j] < size) atomicMax(&last[index[j]], static_cast<unsigned long long>(j + 1));
}
__global__ void __launch_bounds__(kIndexThreads)
    keep_last(std::int64_t* __restrict__ out, const std::int64_t* __restrict__ index,
              const unsigned long long* __restrict__ last, std::int64_t n, std::int64_t size) {
  for (std::int64_t j = grid_index(); j < n; j += grid_stride()) {
    const std::int64_t i = index[j];
    out[j] = i >= 0 && i < size && last[i] == static_cast<unsigned long long>(j + 1) ? i : -1;
  }
}

template <class T>
__global__ void __launch_bounds__(kIndexThreads)
    set_ones(T* __restrict__ y, const std::int64_t* __restrict__ index, std::int64_t n,
             std::int64_t classes) {
  const std::int64_t count = n * classes;
  for (std::int64_t e = grid_index(); e < count; e += grid_stride())
    y[e] = T(index[e / classes] == e % classes ? 1 : 0);
}

// One block, which walks over the mask: a running sum over warps and their lanes.
__global__ void __launch_bounds__(kIndexThreads)
    true_positions(std::int64_t* __restrict__ positions, std::int64_t* __restrict__ count,
                   const bool* __restrict__ mask, std::int64_t n) {
  __shared__ int warps[kIndexThreads / 32];
  std::int64_t before = 0;
  for (std::int64_t start = 0; start < n; start += kIndexThreads) {
    const std::int64_t i = start + threadIdx.x;
    const int here = i < n && mask[i] ? 1 : 0;
    const int rank = warp_inclusive_sum(here);
    if (lane_index() == 31) warps[warp_index()] = rank;
    __syncthreads();
    int ahead = 0, all = 0;
    for (int w = 0; w < kIndexThreads / 32; ++w) {
      if (w < warp_index()) ahead += warps[w];
      all += warps[w];
    }
    if (here) positions[before + ahead + rank - 1] = i;
    before += all;
    __syncthreads();
  }
  if (threadIdx.x == 0) *count = before;
}

template <class T>
__global__ void __launch_bounds__(kIndexThreads)
    keep_triangle(T* __restrict__ y, const T* __restrict__ x, std::int64_t count, std::int64_t rows,
                  std::int64_t cols, std::int64_t k, bool lower) {
  for (std::int64_t e = grid_index(); e < count; e += grid_stride()) {
    const std::int64_t line = e / cols, difference = e - line * cols - line % rows;
    y[e] = (lower ? difference <= k : difference >= k) ? x[e] : T(0);
  }
}

}  // namespace limbic::cuda::device
