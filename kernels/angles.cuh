// How far the angles between a batch's points are from a teacher's, from squared distances D and T (n, n)
// alone.
//
//   cos_ijk = (D_ij + D_ik - D_jk) / (2 sqrt(D_ij D_ik)), 0 where D_ij or D_ik is 0      u = cos - cos of the teacher
//   y = sum_ijk w_i w_j w_k h(u_ijk),  h(u) = u^2 / 2 where |u| < 1, else |u| - 1/2
//   dD_ab: of angles at a, between b and k; and, for a <= b, of angles at all i, between a and b (both orders)
//
//   plan     a thread a pair (a, b), two loops over the third point; the matrices are symmetric, so that
//            neighbours read neighbours. The value is the first loop's, added up by sum_values
//   launch   1-D blocks of kAngleThreads; static shared memory only
//   work     2 n^3 angles, O(n^2) memory; bytes: the matrices once a row, cached
//   repeats  bit for bit
//   source   Park et al., "Relational knowledge distillation", CVPR 2019, arXiv:1904.05068
#pragma once

#include <limbic/backend/cuda/launch/angles.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kAngleThreads = 128;

// cos from the squared sides a and b and the third one c; `length` = sqrt(a b).
template <class T>
__device__ inline T cosine(T a, T b, T c, T& length) {
  length = math::sqrt(a * b);
  return length > T(0) ? (a + b - c) / (T(2) * length) : T(0);
}
template <class T>
__device__ inline T clipped(T u) {
  return u > T(1) ? T(1) : u < T(-1) ? T(-1) : u;
}

template <class T>
__global__ void __launch_bounds__(kAngleThreads, 4)
    angle_terms(const T* __restrict__ d, const T* __restrict__ t, const T* __restrict__ w, std::int64_t n,
                T scale, T* __restrict__ gradient, double* __restrict__ values) {
  const std::int64_t across = (n + kAngleThreads - 1) / kAngleThreads, a = blockIdx.x / across;
  const std::int64_t b = (blockIdx.x - a * across) * kAngleThreads + threadIdx.x;
  double value = 0;
  if (b < n) {
    const T d_ab = d[a * n + b], t_ab = t[a * n + b], own = (w ? w[a] * w[b] : T(1)) * scale;
    T at_a = T(0), between = T(0);
    for (std::int64_t k = 0; k < n; ++k) {
      const T w_k = w ? w[k] : T(1);
      T length, unused;
      const T cos = cosine(d_ab, d[a * n + k], d[k * n + b], length);
      const T u = cos - cosine(t_ab, t[a * n + k], t[k * n + b], unused), size = math::abs(u);
      value += static_cast<double>(w_k * (size < T(1) ? T(0.5) * u * u : size - T(0.5)));
      if (gradient && length > T(0)) at_a += w_k * clipped(u) * (T(0.5) / length - T(0.5) * cos / d_ab);
    }
    for (std::int64_t i = 0; gradient && a <= b && i < n; ++i) {
      T length, unused;
      const T u =
          cosine(d[i * n + a], d[i * n + b], d_ab, length) - cosine(t[i * n + a], t[i * n + b], t_ab, unused);
      if (length > T(0)) between += (w ? w[i] : T(1)) * clipped(u) * T(0.5) / length;
    }
    if (gradient) gradient[a * n + b] = own * (T(2) * at_a - (a < b ? T(2) : T(1)) * between);
    value *= static_cast<double>(own);
  }
  value = block_sum<kAngleThreads>(value);
  if (threadIdx.x == 0) values[blockIdx.x] = value;
}

}  // namespace limbic::cuda::device
