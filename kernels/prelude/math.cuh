// Mathematical functions for float and double by one name, and the limits of both types.
#pragma once

#include <cuda_runtime.h>

namespace limbic::cuda::math {

#define LIMBIC_UNARY(name, of_float, of_double)                            \
  __device__ __forceinline__ float name(float x) { return ::of_float(x); } \
  __device__ __forceinline__ double name(double x) { return ::of_double(x); }
LIMBIC_UNARY(exp, expf, exp)
LIMBIC_UNARY(exp2, exp2f, exp2)
LIMBIC_UNARY(expm1, expm1f, expm1)
LIMBIC_UNARY(log, logf, log)
LIMBIC_UNARY(log2, log2f, log2)
LIMBIC_UNARY(log1p, log1pf, log1p)
LIMBIC_UNARY(sqrt, sqrtf, sqrt)
LIMBIC_UNARY(rsqrt, rsqrtf, rsqrt)
LIMBIC_UNARY(sin, sinf, sin)
LIMBIC_UNARY(cos, cosf, cos)
LIMBIC_UNARY(tanh, tanhf, tanh)
LIMBIC_UNARY(erf, erff, erf)
LIMBIC_UNARY(erfc, erfcf, erfc)
LIMBIC_UNARY(abs, fabsf, fabs)
LIMBIC_UNARY(floor, floorf, floor)
LIMBIC_UNARY(ceil, ceilf, ceil)
LIMBIC_UNARY(round_even, rintf, rint)
#undef LIMBIC_UNARY

#define LIMBIC_BINARY(name, of_float, of_double)                                       \
  __device__ __forceinline__ float name(float x, float y) { return ::of_float(x, y); } \
  __device__ __forceinline__ double name(double x, double y) { return ::of_double(x, y); }
LIMBIC_BINARY(pow, powf, pow)
LIMBIC_BINARY(max, fmaxf, fmax)  // of a number and NaN: the number
LIMBIC_BINARY(min, fminf, fmin)
LIMBIC_BINARY(copysign, copysignf, copysign)
LIMBIC_BINARY(hypot, hypotf, hypot)
#undef LIMBIC_BINARY

// a b + c, rounded once. Counted as two operations by the emulator, which cannot see a * b + c.
__device__ __forceinline__ float fma(float a, float b, float c) {
#ifdef LIMBIC_EMULATED
  emulator::count_flops(2);
#endif
  return ::fmaf(a, b, c);
}
__device__ __forceinline__ double fma(double a, double b, double c) {
#ifdef LIMBIC_EMULATED
  emulator::count_flops(2);
#endif
  return ::fma(a, b, c);
}

template <class T>
__device__ __forceinline__ T infinity() {
  return static_cast<T>(__int_as_float(0x7f800000));
}
template <class T>
__device__ __forceinline__ T quiet_nan() {
  return static_cast<T>(__int_as_float(0x7fc00000));
}

__device__ __forceinline__ bool is_nan(float x) { return x != x; }
__device__ __forceinline__ bool is_nan(double x) { return x != x; }
__device__ __forceinline__ bool is_finite(float x) {
  return (__float_as_uint(x) & 0x7f800000u) != 0x7f800000u;
}
__device__ __forceinline__ bool is_finite(double x) { return x - x == 0.0; }

}  // namespace limbic::cuda::math
