// The linear-time two-sample form over neighbouring pairs, with its gradient.
//
//   y = 1/n sum_i k(|s_i - s_j|^2) + k(|t_i - t_j|^2) - k(|s_i - t_j|^2) - k(|s_j - t_i|^2),  j = i + 1 around
//
//   neighbour_pairs      a warp an i: its four distances, kernels and slopes (4, n)
//   neighbour_gradients  a warp an i: rows s_i and t_i of the gradient, each from four neighbours
//   launch   1-D blocks of kNeighbourThreads; no shared memory to speak of
//   bytes    forward: points twice (cached); backward: points three times (cached), gradient once
//   repeats  bit for bit
//   source   Gretton et al., "A kernel two-sample test", JMLR 13, 2012, section 6
#pragma once

#include "radial.cuh"

namespace limbic::cuda::device {

constexpr int kNeighbourThreads = 128;

// values (n): the terms of the sum; slopes (4, n): k' of ss, tt, st and ts.
template <class T>
__global__ void __launch_bounds__(kNeighbourThreads)
    neighbour_pairs(const T* __restrict__ points, std::int64_t n, std::int64_t d,
                    const __grid_constant__ RadialCall kernel, double* __restrict__ values,
                    T* __restrict__ slopes) {
  __shared__ RadialNumbers<T> numbers;
  numbers.set(kernel);
  __syncthreads();
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * (kNeighbourThreads / 32) + warp_index();
  const int lane = lane_index();
  T sum[4] = {};
  if (i < n) {
    const std::int64_t j = i + 1 < n ? i + 1 : 0;
    const T *const si = points + i * d, *const sj = points + j * d, *const ti = si + n * d,
                   *const tj = sj + n * d;
    for (std::int64_t c = lane; c < d; c += 32) {
      const T a = si[c], b = sj[c], e = ti[c], f = tj[c];
      const T u[4] = {a - b, e - f, a - f, b - e};
#pragma unroll
      for (int q = 0; q < 4; ++q) sum[q] = math::fma(u[q], u[q], sum[q]);
    }
  }
#pragma unroll
  for (int q = 0; q < 4; ++q) sum[q] = warp_sum(sum[q]);
  T own = lane % 4 == 0 ? sum[0] : lane % 4 == 1 ? sum[1] : lane % 4 == 2 ? sum[2] : sum[3];
  const T k = radial(kernel, numbers, own);
  const T k_tt = __shfl_sync(kFullMask, k, 1), k_st = __shfl_sync(kFullMask, k, 2),
          k_ts = __shfl_sync(kFullMask, k, 3);
  if (i >= n) return;
  if (lane < 4) slopes[lane * n + i] = own;
  if (lane == 0) values[i] = static_cast<double>(k + k_tt) - static_cast<double>(k_st + k_ts);
}

template <class T>
__global__ void __launch_bounds__(kNeighbourThreads)
    neighbour_gradients(T* __restrict__ gradient, const T* __restrict__ points, std::int64_t n,
                        std::int64_t d, const T* __restrict__ slopes) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * (kNeighbourThreads / 32) + warp_index();
  if (i >= n) return;
  const std::int64_t j = i + 1 < n ? i + 1 : 0, h = i > 0 ? i - 1 : n - 1, t = n * d;
  const T factor = T(2) / static_cast<T>(n);
  const T ss_i = factor * slopes[i], ss_h = factor * slopes[h], tt_i = factor * slopes[n + i],
          tt_h = factor * slopes[n + h];
  const T st_i = factor * slopes[2 * n + i], st_h = factor * slopes[2 * n + h];
  const T ts_i = factor * slopes[3 * n + i], ts_h = factor * slopes[3 * n + h];
  for (std::int64_t c = lane_index(); c < d; c += 32) {
    const T *const at_i = points + i * d + c, *const at_j = points + j * d + c,
                   *const at_h = points + h * d + c;
    const T si = *at_i, sj = *at_j, sh = *at_h, ti = at_i[t], tj = at_j[t], th = at_h[t];
    gradient[i * d + c] = ss_i * (si - sj) + ss_h * (si - sh) - st_i * (si - tj) - ts_h * (si - th);
    gradient[t + i * d + c] = tt_i * (ti - tj) + tt_h * (ti - th) - st_h * (ti - sh) - ts_i * (ti - sj);
  }
}

}  // namespace limbic::cuda::device
