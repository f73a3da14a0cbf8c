// Kernels k(D) of squared distances and their slopes; see core/radial_kernel.hpp.
#pragma once

#include <limbic/backend/cuda/launch/pairwise.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

// A kernel's numbers in shared memory; of laplacian kernels the roots.
template <class T>
struct RadialNumbers {
  T inverse[RadialCall::kMaxBandwidths];

  // By the first threads of the block; a barrier must follow.
  __device__ void set(const RadialCall& call) {
    const int i = static_cast<int>(threadIdx.x);
    if (i >= call.count) return;
    const T v = static_cast<T>(call.on_device ? call.on_device[i] : call.inverse[i]);
    inverse[i] = call.kind == RadialCall::Kind::laplacian ? math::sqrt(v) : v;
  }
};

// k(d), and then d = k'(d). Where a root's slope is infinite it is 0.
template <class T>
__device__ inline T radial(const RadialCall& call, const RadialNumbers<T>& numbers, T& d) {
  using Kind = RadialCall::Kind;
  T sum = T(0), slope = T(0);
  if (call.kind == Kind::gaussian) {
    const T x = d + static_cast<T>(call.eps);
    if (call.halving && numbers.inverse[0] < T(1e30)) {
      constexpr T kTiny = sizeof(T) == 4 ? T(1e-18) : T(1e-150);  // its square is not denormal
      T e = math::exp(-x * numbers.inverse[call.count - 1]);
      for (int i = call.count - 1;; --i) {
        sum += e;
        slope = math::fma(-e, numbers.inverse[i], slope);
        if (i == 0) break;
        e = e < kTiny ? T(0) : e * e;
      }
    } else {
      for (int i = 0; i < call.count; ++i) {
        const T e = math::exp(-x * numbers.inverse[i]);
        sum += e;
        slope = math::fma(-e, numbers.inverse[i], slope);
      }
    }
  } else if (call.kind == Kind::laplacian) {
    const T x = math::sqrt(d + static_cast<T>(call.eps));
    for (int i = 0; i < call.count; ++i) {
      const T e = math::exp(-x * numbers.inverse[i]);
      sum += e;
      slope = math::fma(-e, numbers.inverse[i], slope);
    }
    slope = x > T(0) ? slope / (x * T(2)) : T(0);
  } else if (call.kind == Kind::distance) {
    const T x = math::sqrt(d);
    sum = -x;
    slope = x > T(0) ? T(-0.5) / x : T(0);
  } else {
    sum = d * T(-0.5);
    slope = T(-0.5);
  }
  d = slope;
  return sum;
}

}  // namespace limbic::cuda::device
