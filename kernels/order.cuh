// Order, extremes and running sums along one dimension of dense (outer, size, inner) data.
//
//   order    the place of an element is the number of elements before it: every thread counts for its own,
//            over tiles of keys in shared memory. size^2 comparisons a line, without any pass over global
//            memory but the first; made for lines of up to some thousand elements
//   extreme  a warp a line; where lines are not dense, a thread a line, neighbours on neighbouring lines
//   scans    cumsum of dense lines: a warp a line, 32 elements at a time by shuffles; else a thread a line
//   launch   1-D blocks of kOrderThreads; order: grid (tiles of a line, lines)
//   repeats  bit for bit
#pragma once

#include <limbic/backend/cuda/launch/index.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kOrderThreads = 256;

// Whether a comes before b; NaN is above all numbers, of equals the first position comes first.
template <class T>
__device__ __forceinline__ bool before(T a, std::int64_t i, T b, std::int64_t j, bool descending) {
  const bool a_nan = a != a, b_nan = b != b;
  const bool less = a_nan ? false : b_nan ? true : a < b, more = b_nan ? false : a_nan ? true : a > b;
  if (less || more) return descending ? more : less;
  return i < j;
}

template <class T>
__global__ void __launch_bounds__(kOrderThreads)
    order_of(std::int64_t* __restrict__ order, const T* __restrict__ x, Cut at, std::int64_t k,
             bool descending) {
  __shared__ T tile[kOrderThreads];
  const std::int64_t lines = at.outer * at.inner;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kOrderThreads + threadIdx.x;
  for (std::int64_t line = blockIdx.y; line < lines; line += gridDim.y) {
    const std::int64_t o = line / at.inner, column = line - o * at.inner;
    const T* const from = x + o * at.size * at.inner + column;
    const T mine = i < at.size ? from[i * at.inner] : T(0);
    std::int64_t place = 0;
    for (std::int64_t start = 0; start < at.size; start += kOrderThreads) {
      __syncthreads();
      if (start + threadIdx.x < at.size) tile[threadIdx.x] = from[(start + threadIdx.x) * at.inner];
      __syncthreads();
      const int width = static_cast<int>(at.size - start < kOrderThreads ? at.size - start : kOrderThreads);
      for (int j = 0; j < width; ++j) place += before(tile[j], start + j, mine, i, descending);
    }
    if (i < at.size && place < k) order[(o * k + place) * at.inner + column] = i;
  }
}

// The better of two elements and where it is; NaN is best, of equals the first.
template <class T>
struct Best {
  T value;
  std::int64_t at;
  __device__ __forceinline__ void meet(T v, std::int64_t i, bool largest) {
    const bool nan = value != value, v_nan = v != v;
    const bool better =
        v_nan ? !nan || i < at : !nan && ((largest ? v > value : v < value) || (v == value && i < at));
    if (better || at < 0) {
      value = v;
      at = i;
    }
  }
};

template <class T>
__global__ void __launch_bounds__(kOrderThreads)
    arg_extreme_rows(std::int64_t* __restrict__ y, const T* __restrict__ x, std::int64_t rows,
                     std::int64_t cols, bool largest) {
  const std::int64_t row = (static_cast<std::int64_t>(blockIdx.x) * kOrderThreads + threadIdx.x) / 32;
  Best<T> best{T(0), -1};
  if (row < rows)
    for (std::int64_t c = lane_index(); c < cols; c += 32) best.meet(x[row * cols + c], c, largest);
  for (int step = 16; step > 0; step /= 2) {
    const T value = __shfl_xor_sync(kFullMask, best.value, step);
    const long long at = __shfl_xor_sync(kFullMask, static_cast<long long>(best.at), step);
    if (at >= 0) best.meet(value, at, largest);
  }
  if (row < rows && lane_index() == 0) y[row] = best.at;
}

template <class T>
__global__ void __launch_bounds__(kOrderThreads, 6)
    arg_extreme_columns(std::int64_t* __restrict__ y, const T* __restrict__ x, Cut at, bool largest) {
  for (std::int64_t line = grid_index(); line < at.outer * at.inner; line += grid_stride()) {
    const std::int64_t o = line / at.inner;
    const T* const from = x + o * at.size * at.inner + line - o * at.inner;
    Best<T> best{T(0), -1};
    for (std::int64_t i = 0; i < at.size; ++i) best.meet(from[i * at.inner], i, largest);
    y[line] = best.at;
  }
}

template <class T>
__global__ void __launch_bounds__(kOrderThreads)
    cumsum_rows(T* y, const T* x, std::int64_t rows, std::int64_t cols, bool reverse) {
  const std::int64_t row = (static_cast<std::int64_t>(blockIdx.x) * kOrderThreads + threadIdx.x) / 32;
  T total = T(0);
  for (std::int64_t start = 0; start < cols; start += 32) {
    const std::int64_t c = start + lane_index(), at = row * cols + (reverse ? cols - 1 - c : c);
    const bool inside = row < rows && c < cols;
    const T sum = warp_inclusive_sum(inside ? x[at] : T(0));
    if (inside) y[at] = total + sum;
    total += __shfl_sync(kFullMask, sum, 31);
  }
}

// Where line `line` begins.
__device__ __forceinline__ std::int64_t line_start(std::int64_t line, Cut at) {
  const std::int64_t o = line / at.inner;
  return o * at.size * at.inner + line - o * at.inner;
}

template <class T>
__global__ void __launch_bounds__(kOrderThreads) cumsum_columns(T* y, const T* x, Cut at, bool reverse) {
  for (std::int64_t line = grid_index(); line < at.outer * at.inner; line += grid_stride()) {
    const std::int64_t start = line_start(line, at);
    T total = T(0);
    for (std::int64_t k = 0; k < at.size; ++k) {
      const std::int64_t i = start + (reverse ? at.size - 1 - k : k) * at.inner;
      y[i] = total += x[i];
    }
  }
}

template <class T>
__global__ void __launch_bounds__(kOrderThreads) cumprod_fwd(T* y, const T* x, Cut at) {
  for (std::int64_t line = grid_index(); line < at.outer * at.inner; line += grid_stride()) {
    T total = T(1);
    for (std::int64_t k = 0, i = line_start(line, at); k < at.size; ++k, i += at.inner) y[i] = total *= x[i];
  }
}

// dx_i = y_(i-1) s_i with s_i = dy_i + x_(i+1) s_(i+1).
template <class T>
__global__ void __launch_bounds__(kOrderThreads)
    cumprod_bwd(T* dx, const T* dy, const T* x, const T* y, Cut at) {
  for (std::int64_t line = grid_index(); line < at.outer * at.inner; line += grid_stride()) {
    const std::int64_t start = line_start(line, at);
    T s = T(0);
    for (std::int64_t k = at.size - 1; k >= 0; --k) {
      const std::int64_t i = start + k * at.inner;
      s = dy[i] + (k + 1 < at.size ? x[i + at.inner] * s : T(0));
      dx[i] = (k > 0 ? y[i - at.inner] : T(1)) * s;
    }
  }
}

}  // namespace limbic::cuda::device
