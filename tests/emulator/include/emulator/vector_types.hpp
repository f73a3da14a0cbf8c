// CUDA's vector types and the keywords that have no meaning, or another one, on the host.
#pragma once

#include <cstddef>

#define __host__
#define __device__
#define __global__
#define __constant__
#define __grid_constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) __attribute__((aligned(n)))
// A block runs on one host thread, so thread-local variables serve; the runtime knows them by the symbol
// table, and the kernels' other variables are not thread-local.
#define __shared__ static thread_local

#define LIMBIC_EMULATOR_VECTORS(T, name, a2, a4)                     \
  struct name##1 {                                                   \
    T x;                                                             \
  };                                                                 \
  struct alignas(a2) name##2 {                                       \
    T x, y;                                                          \
  };                                                                 \
  struct name##3 {                                                   \
    T x, y, z;                                                       \
  };                                                                 \
  struct alignas(a4) name##4 {                                       \
    T x, y, z, w;                                                    \
  };                                                                 \
  inline name##1 make_##name##1(T x) { return {x}; }                 \
  inline name##2 make_##name##2(T x, T y) { return {x, y}; }         \
  inline name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; } \
  inline name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }
LIMBIC_EMULATOR_VECTORS(signed char, char, 2, 4)
LIMBIC_EMULATOR_VECTORS(unsigned char, uchar, 2, 4)
LIMBIC_EMULATOR_VECTORS(short, short, 4, 8)
LIMBIC_EMULATOR_VECTORS(unsigned short, ushort, 4, 8)
LIMBIC_EMULATOR_VECTORS(int, int, 8, 16)
LIMBIC_EMULATOR_VECTORS(unsigned, uint, 8, 16)
LIMBIC_EMULATOR_VECTORS(long long, longlong, 16, 16)
LIMBIC_EMULATOR_VECTORS(unsigned long long, ulonglong, 16, 16)
LIMBIC_EMULATOR_VECTORS(float, float, 8, 16)
LIMBIC_EMULATOR_VECTORS(double, double, 16, 16)
#undef LIMBIC_EMULATOR_VECTORS

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
  constexpr dim3(uint3 v) : x(v.x), y(v.y), z(v.z) {}
  constexpr operator uint3() const { return {x, y, z}; }
};
