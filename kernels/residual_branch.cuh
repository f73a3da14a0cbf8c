// The end of a residual branch: bias, activation, dropout and the sum with what went past it.
//
//   y_i = r_i + m_i s f(x_i + b_c);  dx_i = m_i s f'(x_i + b_c) dy_i;  m_i = 0 where half word i of the draw is below the
//   threshold (random.cuh), else 1; c = i modulo C
//
//   plan     one thread a vector of 128 bits, which takes its half words from one Philox block
//   launch   1-D blocks of kRandomThreads, grid-stride
//   bytes    forward: x and r in, y out; backward: x and dy in, dx out; bias comes from cache. Some 60
//            integer operations a vector for dropout
//   repeats  bit for bit
#pragma once

#include <limbic/backend/cuda/launch/residual_branch.hpp>

#include "divisor.cuh"
#include "random.cuh"

namespace limbic::cuda::device {

template <Gate kGate>
struct GateOf {
  template <class T>
  __device__ __forceinline__ static T value(T z) {
    if constexpr (kGate == Gate::relu) return z <= T(0) ? T(0) : z;  // NaN stays
    else if constexpr (kGate == Gate::gelu)
      return T(0.5) * z + T(0.5) * z * math::erf(z * T(0.70710678118654752440));
    else if constexpr (kGate == Gate::quick_gelu) return z / (T(1) + math::exp(T(-1.702) * z));
    else return z;
  }
  template <class T>
  __device__ __forceinline__ static T slope(T z) {
    if constexpr (kGate == Gate::relu) return z > T(0) ? T(1) : T(0);
    else if constexpr (kGate == Gate::gelu)
      return T(0.5) + T(0.5) * math::erf(z * T(0.70710678118654752440)) +
             z * T(0.39894228040143267794) * math::exp(T(-0.5) * z * z);
    else if constexpr (kGate == Gate::quick_gelu) {
      const T s = T(1) / (T(1) + math::exp(T(-1.702) * z));
      return s + T(1.702) * z * s * (T(1) - s);
    } else return T(1);
  }
};

// other: forward, the residual or null; backward, dy.
template <class T, Gate kGate, bool kBackward>
__global__ void __launch_bounds__(kRandomThreads)
    residual_branch(const __grid_constant__ BranchCall<T> call, WideDivisor columns, const T* other, T* to) {
  constexpr int kWide = kVectorSize<T>;
  const PhiloxKey key = key_of(call.draw);
  const std::int64_t n = call.rows * call.cols;
  const bool aligned = is_aligned(call.x, 16) && is_aligned(to, 16) && (!other || is_aligned(other, 16));
  const bool bias_aligned = call.bias && call.cols % kWide == 0 && is_aligned(call.bias, 16);
  for (std::int64_t v = grid_index(); v * kWide < n; v += grid_stride()) {
    const std::int64_t first = v * kWide;
    const int count = first + kWide <= n ? kWide : static_cast<int>(n - first);
    const bool whole = aligned && count == kWide;
    Vec<T, kWide> x = {}, beside = {};
    if (whole) {
      x = load<kWide>(call.x + first);
      if (other) beside = load<kWide>(other + first);
    } else {
      for (int j = 0; j < kWide; ++j)
        if (j < count) {
          x[j] = call.x[first + j];
          if (other) beside[j] = other[first + j];
        }
    }
    HalfWords<kWide> kept;
    if (call.threshold) kept.draw(key, v);
    Vec<T, kWide> bias = {};
    if (call.bias) {
      std::int64_t column = first - columns.quotient(first) * call.cols;
      if (bias_aligned) {
        bias = load<kWide>(call.bias + column);
      } else {
#pragma unroll
        for (int j = 0; j < kWide; ++j) {
          if (j < count) bias[j] = call.bias[column];
          column = column + 1 < call.cols ? column + 1 : 0;
        }
      }
    }
#pragma unroll
    for (int j = 0; j < kWide; ++j) {
      const T z = call.bias ? x[j] + bias[j] : x[j];
      const T scale = call.scale * (kBackward ? beside[j] : T(1));
      const bool dropped = call.threshold && kept.below(j, call.threshold);
      const T out = dropped ? T(0) : scale * (kBackward ? GateOf<kGate>::slope(z) : GateOf<kGate>::value(z));
      x[j] = kBackward || !other ? out : beside[j] + out;
    }
    if (whole) {
      store(to + first, x);
    } else {
      for (int j = 0; j < kWide; ++j)
        if (j < count) to[first + j] = x[j];
    }
  }
}

}  // namespace limbic::cuda::device
