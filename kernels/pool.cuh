// Pooling over planes.
//
//   max      y_i = max of window i, and where it is     mean   y_i = sum of window i / places
//   scatter  dx_j = sum of dy_i over windows i that name j
//   unpool   dx_j = sum of dy_i / places over windows i with j in them
//
//   plan     one thread an output (mean of large windows: a warp); backward one thread an element of dx,
//   which
//            looks at the windows that reach it, in order: no two threads write one place
//   launch   1-D blocks of kPoolThreads, grid-stride; fewer than 2^31 numbers
//   bytes    x once from memory, windows that overlap from cache; y (and 8 bytes of index) out. Backward: dy
//   (and
//            index) once from memory, dx out. An operation or two for each element of a window
//   repeats  bit for bit
#pragma once

#include <limbic/backend/cuda/launch/pool.hpp>

#include "divisor.cuh"
#include "prelude.cuh"

namespace limbic::cuda {

// One dimension, in 32 bits.
struct PoolWindow {
  int size, count, kernel, stride, padding;
  bool count_padding, adaptive;
  device::WideDivisor by_size, by_count;
};
// The planes of one launch: `planes` times the numbers of a plane, of either side, are below 2^31.
struct PoolCall {
  PoolWindow rows, cols;
  device::Divisor by_out, by_out_cols, by_plane, by_cols;  // YH YW, YW, H W, W
  int outputs, inputs;                                     // in all planes
};

namespace device {

constexpr int kPoolThreads = 256;

struct PoolRange {
  int begin, end;
  __device__ int size() const { return end - begin; }
};
// What window i sees.
__device__ inline PoolRange seen(const PoolWindow& w, int i) {
  if (w.adaptive)
    return {static_cast<int>(w.by_count.quotient(static_cast<long long>(i) * w.size)),
            static_cast<int>(w.by_count.quotient(static_cast<long long>(i + 1) * w.size + w.count - 1))};
  const int first = i * w.stride - w.padding, last = first + w.kernel;
  return {first > 0 ? first : 0, last < w.size ? last : w.size};
}
// The windows that see element r.
__device__ inline PoolRange seeing(const PoolWindow& w, int r) {
  if (w.adaptive) {
    const auto end =
        static_cast<int>(w.by_size.quotient(static_cast<long long>(r + 1) * w.count + w.size - 1));
    return {static_cast<int>(w.by_size.quotient(static_cast<long long>(r) * w.count)),
            end < w.count ? end : w.count};
  }
  const int before = r + w.padding - w.kernel + 1, end = (r + w.padding) / w.stride + 1;
  return {before > 0 ? (before + w.stride - 1) / w.stride : 0, end < w.count ? end : w.count};
}
__device__ inline int places(const PoolWindow& w, int i) {
  return w.count_padding ? w.kernel : seen(w, i).size();
}

// An element of planes: its plane, row and column.
struct PlanePlace {
  int plane, inside, row, col;
  __device__ PlanePlace(const Divisor& by_plane, const Divisor& by_cols, int i)
      : plane(by_plane.quotient(i)),
        inside(i - plane * by_plane.d),
        row(by_cols.quotient(inside)),
        col(inside - row * by_cols.d) {}
};

template <class T>
__global__ void __launch_bounds__(kPoolThreads)
    max_pool(const __grid_constant__ PoolCall call, T* __restrict__ y, std::int64_t* __restrict__ index,
             const T* __restrict__ x) {
  for (long long i = grid_index(); i < call.outputs; i += grid_stride()) {
    const PlanePlace at(call.by_out, call.by_out_cols, static_cast<int>(i));
    const PoolRange rows = seen(call.rows, at.row), cols = seen(call.cols, at.col);
    const T* const from = x + at.plane * call.by_plane.d;
    int best = rows.begin * call.cols.size + cols.begin;
    T value = from[best];
    for (int r = rows.begin; r < rows.end; ++r)
      for (int c = cols.begin; c < cols.end; ++c) {
        const T v = from[r * call.cols.size + c];
        if (v > value || (v != v && value == value)) {
          value = v;
          best = r * call.cols.size + c;
        }
      }
    y[i] = value;
    index[i] = best;
  }
}

template <class T>
__global__ void __launch_bounds__(kPoolThreads)
    plane_gather(const __grid_constant__ PoolCall call, T* __restrict__ y, const T* __restrict__ x,
                 const std::int64_t* __restrict__ index) {
  for (long long i = grid_index(); i < call.outputs; i += grid_stride())
    y[i] = x[call.by_out.quotient(static_cast<int>(i)) * call.by_plane.d + index[i]];
}

// kLanes threads an output: 1, or 32.
template <class T, int kLanes>
__global__ void __launch_bounds__(kPoolThreads)
    avg_pool(const __grid_constant__ PoolCall call, T* __restrict__ y, const T* __restrict__ x) {
  const int lane = static_cast<int>(threadIdx.x) % kLanes;
  for (long long i = grid_index() / kLanes; i < call.outputs; i += grid_stride() / kLanes) {
    const PlanePlace at(call.by_out, call.by_out_cols, static_cast<int>(i));
    const PoolRange rows = seen(call.rows, at.row), cols = seen(call.cols, at.col);
    const T* const from = x + at.plane * call.by_plane.d;
    T sum = T(0);
    if constexpr (kLanes == 1) {
      for (int r = rows.begin; r < rows.end; ++r)
        for (int c = cols.begin; c < cols.end; ++c) sum += from[r * call.cols.size + c];
    } else {
      const int n = rows.size() * cols.size();
      for (int e = lane; e < n; e += kLanes)
        sum += from[(rows.begin + e / cols.size()) * call.cols.size + cols.begin + e % cols.size()];
      sum = warp_sum(sum);
    }
    if (lane == 0)
      y[i] = sum * reciprocal(static_cast<T>(places(call.rows, at.row) * places(call.cols, at.col)));
  }
}

// With an index only the windows that name the element count, by all of dy; else all that see it, by a share.
template <class T, bool kIndexed>
__global__ void __launch_bounds__(kPoolThreads, 4)
    unpool(const __grid_constant__ PoolCall call, T* __restrict__ dx, const T* __restrict__ dy,
           const std::int64_t* __restrict__ index) {
  for (long long e = grid_index(); e < call.inputs; e += grid_stride()) {
    const PlanePlace at(call.by_plane, call.by_cols, static_cast<int>(e));
    const PoolRange rows = seeing(call.rows, at.row), cols = seeing(call.cols, at.col);
    T sum = T(0);
    for (int i = rows.begin; i < rows.end; ++i)
      for (int j = cols.begin; j < cols.end; ++j) {
        const int out = at.plane * call.by_out.d + i * call.by_out_cols.d + j;
        if constexpr (kIndexed) sum += index[out] == at.inside ? dy[out] : T(0);
        else sum += dy[out] * reciprocal(static_cast<T>(places(call.rows, i) * places(call.cols, j)));
      }
    dx[e] = sum;
  }
}

}  // namespace device
}  // namespace limbic::cuda
