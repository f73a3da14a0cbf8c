// Softmax and its family, layer norm and RMS norm over the rows of dense matrices.
//
//   softmax      y = e^(x - m) / sum e^(x - m)     dx = y (dy - sum dy y)
//   log_softmax  y = x - m - log sum e^(x - m)     dx = dy - e^y sum dy
//   logsumexp    y = m + log sum e^(x - m)         dx = dy e^(x - y)
//   norms        xhat = (x - mean) rstd, y = weight xhat + bias, mean 0 for RMS norm; with g = weight dy:
//                dx = rstd (g - [mean g] - xhat mean(g xhat)); dweight = sum dy xhat, dbias = sum dy over rows
//                (Ba et al. 2016, arXiv:1607.06450; Zhang and Sennrich 2019, arXiv:1910.07467)
//
//   plan     kLanes threads a row (a warp, or a whole block of 256); kPer of its elements each in registers,
//            so that memory is read once, or kPer = 0: as often as the formula asks
//   sums     dweight and dbias: blocks of 32 columns by 8 threads, each over every 8th row of a part, added up
//            in order; parts added the same way
//   launch   1-D blocks of kRowThreads, sums (32, kRowThreads / 32); static shared memory only
//   bytes    x in, y out (backward: two in, one out); some ten operations an element, one exp in softmax
//   repeats  bit for bit: orders depend on the sizes alone
#pragma once

#include <limbic/backend/cuda/launch/rows.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kRowThreads = 256;

// One row's elements, dealt out to its threads.
template <class T, int kLanes, int kPer>
struct Row {
  static constexpr int kRows = kRowThreads / kLanes;  // rows of a block
  std::int64_t row, cols;
  int lane;
  bool inside;
  T* shared;  // kRowThreads / 32 numbers, for rows of several warps

  __device__ Row(std::int64_t rows, std::int64_t columns, T* scratch)
      : row(static_cast<std::int64_t>(blockIdx.x) * kRows + threadIdx.x / kLanes),
        cols(columns),
        lane(threadIdx.x % kLanes),
        inside(row < rows),
        shared(scratch) {}

  // f(column, place in registers) for each of the thread's elements.
  template <class F>
  __device__ void each(F&& f) const {
    if (!inside) return;
    if constexpr (kPer > 0) {
#pragma unroll
      for (int j = 0; j < kPer; ++j) {
        const std::int64_t c = lane + j * kLanes;
        if (c < cols) f(c, j);
      }
    } else {
      for (std::int64_t c = lane; c < cols; c += kLanes) f(c, 0);
    }
  }
  // The row's elements of an array, held in registers where they fit.
  struct Values {
    const T* from;
    T held[kPer > 0 ? kPer : 1];
    __device__ T operator()(std::int64_t c, int j) const { return kPer > 0 ? held[j] : from[c]; }
  };
  __device__ Values load(const T* data) const {
    Values v{data + (inside ? row * cols : 0), {}};
    if constexpr (kPer > 0) each([&](std::int64_t c, int j) { v.held[j] = v.from[c]; });
    return v;
  }

  // Over all the row's threads; every thread of the block must come here.
  template <class Combine>
  __device__ T fold(T mine, const Combine& combine) const {
#pragma unroll
    for (int step = 16; step > 0; step /= 2) mine = combine(mine, __shfl_xor_sync(0xffffffffu, mine, step));
    if constexpr (kLanes > 32) {
      __syncthreads();  // what was read before is no longer needed
      if (threadIdx.x % 32 == 0) shared[threadIdx.x / 32] = mine;
      __syncthreads();
      mine = shared[0];
      for (int w = 1; w < kLanes / 32; ++w) mine = combine(mine, shared[w]);
    }
    return mine;
  }
  template <class F>
  __device__ T sum(F&& f) const {
    T total = T(0);
    each([&](std::int64_t c, int j) { total += f(c, j); });
    return fold(total, [](T a, T b) { return a + b; });
  }
  // Largest element; NaN if there is one.
  __device__ T max(const Values& x) const {
    const T lowest = -(T(1) / T(0.0f));
    T top = lowest;
    const auto larger = [](T a, T b) { return a > b || a != a ? a : b; };
    each([&](std::int64_t c, int j) { top = larger(x(c, j), top); });
    return fold(top, larger);
  }
};

enum class Softmax { softmax, log_softmax, logsumexp };

template <Softmax kKind, class T, int kLanes, int kPer>
__global__ void __launch_bounds__(kRowThreads)
    softmax_fwd(T* y, const T* x, std::int64_t rows, std::int64_t cols) {
  __shared__ T scratch[kRowThreads / 32];
  const Row<T, kLanes, kPer> row(rows, cols, scratch);
  const auto v = row.load(x);
  T top = row.max(v);
  // Rows without a finite number: log sum is then -inf, or inf, rather than NaN.
  if (kKind != Softmax::softmax && !(top - top == T(0)) && top == top) top = T(0);
  const T sum = row.sum([&](std::int64_t c, int j) { return ::exp(v(c, j) - top); });
  if constexpr (kKind == Softmax::logsumexp) {
    if (row.inside && row.lane == 0) y[row.row] = ::log(sum) + top;
  } else {
    T* const to = y + row.row * cols;
    const T log_sum = kKind == Softmax::log_softmax ? ::log(sum) : T(0), factor = T(1) / sum;
    row.each([&](std::int64_t c, int j) {
      const T d = v(c, j) - top;
      to[c] = kKind == Softmax::softmax ? ::exp(d) * factor : d - log_sum;
    });
  }
}

template <class T>
__device__ inline void put(T* to, T value, bool accumulate) {
  *to = accumulate ? *to + value : value;
}

// kept: y, of logsumexp x.
template <Softmax kKind, class T, int kLanes, int kPer>
__global__ void __launch_bounds__(kRowThreads)
    softmax_bwd(T* dx, const T* kept, const T* y, const T* dy, std::int64_t rows, std::int64_t cols,
                bool accumulate) {
  __shared__ T scratch[kRowThreads / 32];
  const Row<T, kLanes, kPer> row(rows, cols, scratch);
  const auto k = row.load(kept);
  T* const to = dx + row.row * cols;
  if constexpr (kKind == Softmax::logsumexp) {
    const T lse = row.inside ? y[row.row] : T(0), d = row.inside ? dy[row.row] : T(0);
    row.each([&](std::int64_t c, int j) { put(to + c, d * ::exp(k(c, j) - lse), accumulate); });
  } else {
    const auto g = row.load(dy);
    const T total = row.sum(
        [&](std::int64_t c, int j) { return kKind == Softmax::softmax ? g(c, j) * k(c, j) : g(c, j); });
    row.each([&](std::int64_t c, int j) {
      put(to + c, kKind == Softmax::softmax ? k(c, j) * (g(c, j) - total) : g(c, j) - ::exp(k(c, j)) * total,
          accumulate);
    });
  }
}

template <bool kCentred, class T, int kLanes, int kPer>
__global__ void __launch_bounds__(kRowThreads, 3)
    norm_fwd(const __grid_constant__ NormCall<T> call, T* y, T eps) {
  __shared__ T scratch[kRowThreads / 32];
  const Row<T, kLanes, kPer> row(call.rows, call.cols, scratch);
  const auto x = row.load(call.x);
  const T n = static_cast<T>(call.cols);
  const T mean = kCentred ? row.sum([&](std::int64_t c, int j) { return x(c, j); }) / n : T(0);
  const T squares = row.sum([&](std::int64_t c, int j) { return (x(c, j) - mean) * (x(c, j) - mean); });
  const T rstd = T(1) / ::sqrt(squares / n + eps);
  T* const to = y + row.row * call.cols;
  row.each([&](std::int64_t c, int j) {
    const T xhat = (x(c, j) - mean) * rstd, scaled = call.weight ? xhat * call.weight[c] : xhat;
    to[c] = call.bias ? scaled + call.bias[c] : scaled;
  });
  if (row.inside && row.lane == 0) {
    if (kCentred) call.mean[row.row] = mean;
    call.rstd[row.row] = rstd;
  }
}

template <bool kCentred, class T, int kLanes, int kPer>
__global__ void __launch_bounds__(kRowThreads)
    norm_bwd(const __grid_constant__ NormCall<T> call, const T* dy, T* dx, bool accumulate) {
  __shared__ T scratch[kRowThreads / 32];
  const Row<T, kLanes, kPer> row(call.rows, call.cols, scratch);
  const auto x = row.load(call.x);
  const auto d = row.load(dy);
  const T n = static_cast<T>(call.cols);
  const T mean = kCentred && row.inside ? call.mean[row.row] : T(0),
          rstd = row.inside ? call.rstd[row.row] : T(0);
  const auto xhat = [&](std::int64_t c, int j) { return (x(c, j) - mean) * rstd; };
  const auto g = [&](std::int64_t c, int j) { return call.weight ? d(c, j) * call.weight[c] : d(c, j); };
  const T mean_g = kCentred ? row.sum([&](std::int64_t c, int j) { return g(c, j); }) / n : T(0);
  const T mean_gx = row.sum([&](std::int64_t c, int j) { return g(c, j) * xhat(c, j); }) / n;
  T* const to = dx + row.row * call.cols;
  row.each([&](std::int64_t c, int j) {
    put(to + c, rstd * (g(c, j) - mean_g - xhat(c, j) * mean_gx), accumulate);
  });
}

constexpr int kSumRows = kRowThreads / 32;

// Two sums of a column by the threads of one x, to those of y = 0. Every thread of the block must come here.
template <class T>
__device__ inline void add_rows_of_block(T& a, T& b) {
  __shared__ T sums[2][kSumRows][32];
  sums[0][threadIdx.y][threadIdx.x] = a;
  sums[1][threadIdx.y][threadIdx.x] = b;
  __syncthreads();
  if (threadIdx.y != 0) return;
  for (int row = 1; row < kSumRows; ++row) {
    a += sums[0][row][threadIdx.x];
    b += sums[1][row][threadIdx.x];
  }
}

// parts (2, gridDim.y, cols): sums of dy xhat and of dy over each part of the rows.
template <bool kCentred, class T>
__global__ void __launch_bounds__(kRowThreads)
    norm_parameter_parts(const __grid_constant__ NormCall<T> call, const T* dy, T* __restrict__ parts) {
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * 32 + threadIdx.x;
  const std::int64_t size = (call.rows + gridDim.y - 1) / gridDim.y, begin = size * blockIdx.y;
  const std::int64_t end = begin + size < call.rows ? begin + size : call.rows;
  T weight = T(0), bias = T(0);
  if (c < call.cols) {
#pragma unroll 4
    for (std::int64_t r = begin + threadIdx.y; r < end; r += kSumRows) {
      const T d = dy[r * call.cols + c];
      weight += d * (call.x[r * call.cols + c] - (kCentred ? call.mean[r] : T(0))) * call.rstd[r];
      bias += d;
    }
  }
  add_rows_of_block(weight, bias);
  if (c >= call.cols || threadIdx.y != 0) return;
  parts[blockIdx.y * call.cols + c] = weight;
  parts[(gridDim.y + blockIdx.y) * call.cols + c] = bias;
}

// dweight, dbias (cols) = the sums of the parts; null: not wanted.
template <class T>
__global__ void __launch_bounds__(kRowThreads)
    norm_parameter_sums(const T* __restrict__ parts, int count, std::int64_t cols, T* dweight, T* dbias) {
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * 32 + threadIdx.x;
  T weight = T(0), bias = T(0);
  if (c < cols) {
#pragma unroll 4
    for (int p = static_cast<int>(threadIdx.y); p < count; p += kSumRows) {
      weight += parts[p * cols + c];
      bias += parts[(count + p) * cols + c];
    }
  }
  add_rows_of_block(weight, bias);
  if (c >= cols || threadIdx.y != 0) return;
  if (dweight) dweight[c] = weight;
  if (dbias) dbias[c] = bias;
}

}  // namespace limbic::cuda::device
