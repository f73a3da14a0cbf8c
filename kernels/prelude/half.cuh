// Bf16 and F16: 16-bit floating-point numbers as storage; arithmetic is done in float.
#pragma once

#include <cuda_runtime.h>

namespace limbic::cuda {

// 8 bits of exponent, 7 of fraction: the upper half of a float.
struct Bf16 {
  unsigned short bits;
};
// IEEE binary16: 5 bits of exponent, 10 of fraction.
struct F16 {
  unsigned short bits;
};

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(Bf16 x) {
  return __uint_as_float(static_cast<unsigned>(x.bits) << 16);
}
__device__ __forceinline__ float to_float(F16 x) {
#ifdef LIMBIC_EMULATED
  return emulator::float_of_half(x.bits);
#else
  float y;
  asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
  return y;
#endif
}

// Rounded to nearest, ties to even.
template <class T>
__device__ __forceinline__ T from_float(float x);
template <>
__device__ __forceinline__ float from_float<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ double from_float<double>(float x) {
  return x;
}
template <>
__device__ __forceinline__ Bf16 from_float<Bf16>(float x) {
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
  Bf16 y;
  asm("cvt.rn.bf16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
  return y;
#else
  const unsigned bits = __float_as_uint(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {0x7fffu};  // the one NaN that the instruction gives
  return {static_cast<unsigned short>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
#endif
}
template <>
__device__ __forceinline__ F16 from_float<F16>(float x) {
#ifdef LIMBIC_EMULATED
  return {emulator::half_of_float(x)};
#else
  F16 y;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x));
  return y;
#endif
}

// Two neighbours in one register, the first in the low half: what mma operands are made of.
template <class T>
__device__ __forceinline__ unsigned pack(T first, T second) {
  return static_cast<unsigned>(first.bits) | (static_cast<unsigned>(second.bits) << 16);
}
template <class T>
__device__ __forceinline__ unsigned pack_floats(float first, float second) {
  return pack(from_float<T>(first), from_float<T>(second));
}
#if defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
template <>
__device__ __forceinline__ unsigned pack_floats<Bf16>(float first, float second) {
  unsigned y;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(second), "f"(first));
  return y;
}
template <>
__device__ __forceinline__ unsigned pack_floats<F16>(float first, float second) {
  unsigned y;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(y) : "f"(second), "f"(first));
  return y;
}
#endif

// What sums over T are kept in.
template <class T>
struct Accumulator {
  using type = float;
};
template <>
struct Accumulator<double> {
  using type = double;
};
template <class T>
using Accumulate = typename Accumulator<T>::type;

}  // namespace limbic::cuda
