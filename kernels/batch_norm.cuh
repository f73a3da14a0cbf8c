// Batch norm over x (B, C, L), by channel (Ioffe and Szegedy, ICML 2015).
//
//   moments   mean and squares = sum (x - mean)^2
//   sums      sum dy, sum dy (x - mean)
//   affine    y = (x - mean) scale + shift      dx = (dy - level - (x - mean) slope) scale
//
//   plan      moments and sums: parts of the data to partial results, which a second kernel puts together in
//             double, a warp a channel. Where L is long a block takes a part of a channel; where it is short,
//             32 columns of the matrix (B, C L) over a part of its rows, so that reads coalesce. Each thread
//             takes eight numbers at a time: their own mean and squares, joined to what it has (Chan, Golub
//             and LeVeque, "Algorithms for computing the sample variance", 1983): memory is read once, and no
//             digits are lost where the mean is large.
//             affine: a thread keeps a column, so a channel and its numbers, and goes down the rows; several
//             images make a row where C L is small.
//   launch    1-D blocks of kNormThreads (merge: whole warps); static shared memory
//   bytes     x (sums: and dy) once; affine: x (and dy) once in, y once out, by 128 bits where L and
//             alignment allow
//   repeats   bit for bit: orders depend on the sizes alone
#pragma once

#include <limbic/backend/cuda/launch/batch_norm.hpp>

#include "divisor.cuh"
#include "prelude.cuh"

namespace limbic::cuda {

// Partial results lie (C, parts, columns of a channel); a part has `size` rows, the last one less.
template <class T>
struct BatchNormParts {
  const T *x, *dy, *mean;
  T *first, *second;
  std::int64_t rows, columns, size;  // of columns: B and C L; of channels: B L and C
  int channels, length;
};

template <class T>
struct BatchNormAffine {
  const T *x, *dy, *mean, *scale, *shift;
  const T *rstd, *sum, *dot;
  T* y;
  std::int64_t count, width;  // numbers in all, and in a row: some images
  int channels, length;
  double inverse;  // 1 / (B L)
};

namespace device {

constexpr int kNormThreads = 256;
constexpr int kNormBatch = 8;  // numbers that a thread takes together

// Mean and squares of `count` numbers.
template <class T>
struct Moments {
  static constexpr bool kGradient = false;
  T mean = T(0), squares = T(0), count = T(0);

  __device__ explicit Moments(T) {}
  template <int n>
  __device__ void add(const T (&x)[n], const T (&)[n]) {
    T mu = T(0), sq = T(0);
#pragma unroll
    for (int i = 0; i < n; ++i) mu += x[i];
    mu *= T(1) / T(n);
#pragma unroll
    for (int i = 0; i < n; ++i) sq = math::fma(x[i] - mu, x[i] - mu, sq);
    merge(mu, sq, T(n));
  }
  __device__ void merge(T mu, T sq, T n) {
    if (n == T(0)) return;
    const T total = count + n, weight = n * reciprocal(total), d = mu - mean;
    mean += d * weight;
    squares += sq + d * d * (weight * count);
    count = total;
  }
  __device__ T a() const { return mean; }
  __device__ T b() const { return squares; }
  __device__ T n() const { return count; }
};

// sum dy, sum dy (x - mean).
template <class T>
struct GradientSums {
  static constexpr bool kGradient = true;
  T mean, sum = T(0), dot = T(0);

  __device__ explicit GradientSums(T channel_mean) : mean(channel_mean) {}
  template <int n>
  __device__ void add(const T (&x)[n], const T (&dy)[n]) {
#pragma unroll
    for (int i = 0; i < n; ++i) {
      sum += dy[i];
      dot = math::fma(dy[i], x[i] - mean, dot);
    }
  }
  __device__ void merge(T s, T d, T) {
    sum += s;
    dot += d;
  }
  __device__ T a() const { return sum; }
  __device__ T b() const { return dot; }
  __device__ T n() const { return T(0); }
};

// What the block's kLines lines of 32 lanes have, joined in order: kAlong: lanes as well, else lane by lane.
// The first lane, or line, gets it.
template <bool kAlong, class S, class T>
__device__ __forceinline__ void join(S& s, T (&shared)[3][kNormThreads]) {
  if constexpr (kAlong) {
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) {
      const T a = __shfl_down_sync(kFullMask, s.a(), static_cast<unsigned>(offset));
      const T b = __shfl_down_sync(kFullMask, s.b(), static_cast<unsigned>(offset));
      const T n = __shfl_down_sync(kFullMask, s.n(), static_cast<unsigned>(offset));
      s.merge(a, b, n);
    }
  }
  shared[0][threadIdx.x] = s.a();
  shared[1][threadIdx.x] = s.b();
  shared[2][threadIdx.x] = s.n();
  __syncthreads();
  if (threadIdx.x < (kAlong ? 1 : 32))
    for (int i = threadIdx.x + 32; i < kNormThreads; i += 32)
      s.merge(shared[0][i], shared[1][i], shared[2][i]);
}

// Columns of (B, C L): blockIdx.x has 32 of them, blockIdx.y a part of the rows.
template <class T, class S>
__global__ void __launch_bounds__(kNormThreads)
    batch_norm_columns(const __grid_constant__ BatchNormParts<T> call) {
  constexpr int kLines = kNormThreads / 32;
  __shared__ T shared[3][kNormThreads];
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.x) * 32 + lane_index();
  const bool inside = column < call.columns;
  const std::int64_t begin = blockIdx.y * call.size;
  const std::int64_t end = begin + call.size < call.rows ? begin + call.size : call.rows;
  S s(S::kGradient && inside ? call.mean[column / call.length] : T(0));
  if (inside) {
    const T *const x = call.x + column, *const dy = call.dy + (S::kGradient ? column : 0);
    std::int64_t r = begin + warp_index();
    for (; r + (kNormBatch - 1) * kLines < end; r += kNormBatch * kLines) {
      T v[kNormBatch], d[kNormBatch];
#pragma unroll
      for (int i = 0; i < kNormBatch; ++i) {
        v[i] = x[(r + i * kLines) * call.columns];
        d[i] = S::kGradient ? dy[(r + i * kLines) * call.columns] : T(0);
      }
      s.add(v, d);
    }
    for (; r < end; r += kLines) {
      const T v[1] = {x[r * call.columns]}, d[1] = {S::kGradient ? dy[r * call.columns] : T(0)};
      s.add(v, d);
    }
  }
  join<false>(s, shared);
  if (warp_index() == 0 && inside) {
    const std::int64_t channel = column / call.length;
    const std::int64_t at = (channel * (gridDim.y - 1) + blockIdx.y) * call.length + column;
    call.first[at] = s.a();
    call.second[at] = s.b();
  }
}

// Channel blockIdx.x of (B, C, L), part blockIdx.y of its B L numbers, kVector at a time.
template <class T, class S, int kVector>
__global__ void __launch_bounds__(kNormThreads)
    batch_norm_channels(const __grid_constant__ BatchNormParts<T> call) {
  constexpr int kVectors = kNormBatch / kVector, kStep = kNormThreads * kVector;
  __shared__ T shared[3][kNormThreads];
  const int channel = static_cast<int>(blockIdx.x);
  const int begin = static_cast<int>(blockIdx.y * call.size);
  const int end = static_cast<int>(call.rows - begin < call.size ? call.rows : begin + call.size);
  const Divisor by_length(call.length);
  const auto offset = [&](int i) {
    const int image = by_length.quotient(i);
    return (static_cast<std::int64_t>(image) * call.channels + channel) * call.length +
           (i - image * call.length);
  };
  S s(S::kGradient ? call.mean[channel] : T(0));
  int i = begin + static_cast<int>(threadIdx.x) * kVector;
  const auto take = [&](auto vectors) {
    constexpr int n = decltype(vectors)::size;
    T v[n * kVector], d[n * kVector];
#pragma unroll
    for (int k = 0; k < n; ++k) {
      const std::int64_t at = offset(i + k * kStep);
      const Vec<T, kVector> from_x = load<kVector>(call.x + at);
      const Vec<T, kVector> from_dy = S::kGradient ? load<kVector>(call.dy + at) : Vec<T, kVector>{};
#pragma unroll
      for (int e = 0; e < kVector; ++e) {
        v[k * kVector + e] = from_x[e];
        d[k * kVector + e] = from_dy[e];
      }
    }
    s.add(v, d);
    i += n * kStep;
  };
  while (end - i > (kVectors - 1) * kStep) take(Vec<char, kVectors>{});
  while (i < end) take(Vec<char, 1>{});
  join<true>(s, shared);
  if (threadIdx.x == 0) {
    const std::int64_t at = static_cast<std::int64_t>(channel) * gridDim.y + blockIdx.y;
    call.first[at] = s.a();
    call.second[at] = s.b();
  }
}

// A warp a channel: its partial results to mean and variance, or to sums.
template <class T, bool kMoments>
__global__ void __launch_bounds__(kNormThreads)
    batch_norm_merge(const __grid_constant__ BatchNormParts<T> call, int parts, T* __restrict__ a,
                     T* __restrict__ b) {
  const int channel = static_cast<int>(blockIdx.x) * (kNormThreads / 32) + warp_index();
  const bool inside = channel < call.channels;
  const int length = static_cast<int>(call.columns / call.channels), count = inside ? parts * length : 0;
  // f(place of a partial result, how many numbers it is of)
  const auto sum = [&](auto&& f) {
    double total = 0;
    for (int i = lane_index(); i < count; i += 32) {
      const int part = i / length;
      const std::int64_t left = call.rows - part * call.size;
      total += f(static_cast<std::int64_t>(channel) * count + i,
                 static_cast<double>(left < call.size ? left : call.size));
    }
    return warp_sum(total);
  };
  double first, second;
  if constexpr (kMoments) {
    const double n = static_cast<double>(call.rows) * length;
    first = sum([&](std::int64_t i, double m) { return m * static_cast<double>(call.first[i]); }) / n;
    second = sum([&](std::int64_t i, double m) {
               const double d = static_cast<double>(call.first[i]) - first;
               return static_cast<double>(call.second[i]) + m * d * d;
             }) /
             n;
  } else {
    first = sum([&](std::int64_t i, double) { return static_cast<double>(call.first[i]); });
    second = sum([&](std::int64_t i, double) { return static_cast<double>(call.second[i]); });
  }
  if (inside && lane_index() == 0) {
    a[channel] = static_cast<T>(first);
    b[channel] = static_cast<T>(second);
  }
}

template <class T, int kVector, bool kGradient>
__global__ void __launch_bounds__(kNormThreads)
    batch_norm_affine(const __grid_constant__ BatchNormAffine<T> call) {
  const std::int64_t column = (static_cast<std::int64_t>(blockIdx.x) * kNormThreads + threadIdx.x) * kVector;
  if (column >= call.width) return;
  const auto channel = static_cast<int>(column / call.length % call.channels);
  const T mean = call.mean[channel], scale = call.scale[channel];
  T shift, slope = T(0);
  if constexpr (kGradient) {
    const auto rstd = static_cast<double>(call.rstd[channel]);
    shift = static_cast<T>(static_cast<double>(call.sum[channel]) * call.inverse);
    slope = static_cast<T>(rstd * rstd * static_cast<double>(call.dot[channel]) * call.inverse);
  } else {
    shift = call.shift[channel];
  }
  for (std::int64_t i = blockIdx.y * call.width + column; i < call.count; i += gridDim.y * call.width) {
    Vec<T, kVector> v = load<kVector>(call.x + i), d{};
    if constexpr (kGradient) d = load<kVector>(call.dy + i);
#pragma unroll
    for (int e = 0; e < kVector; ++e)
      v[e] = kGradient ? ((d[e] - shift) - (v[e] - mean) * slope) * scale : (v[e] - mean) * scale + shift;
    store(call.y + i, v);
  }
}

}  // namespace device
}  // namespace limbic::cuda
