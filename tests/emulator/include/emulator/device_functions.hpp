// CUDA's device functions, by their names there.
#pragma once

// Not <cmath>: exp(float) and the like are in the global namespace in CUDA.
#include <math.h>

#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "device.hpp"

#define LIMBIC_EMULATED_FUNCTION inline __attribute__((always_inline))

// Barriers, votes and shuffles.
LIMBIC_EMULATED_FUNCTION void __syncthreads(emulator::Place place = emulator::Place::here()) {
  emulator::block_barrier(0, "__syncthreads", place);
}
LIMBIC_EMULATED_FUNCTION int __syncthreads_count(int predicate,
                                                 emulator::Place place = emulator::Place::here()) {
  return emulator::block_barrier(predicate, "__syncthreads_count", place);
}
LIMBIC_EMULATED_FUNCTION int __syncthreads_or(int predicate,
                                              emulator::Place place = emulator::Place::here()) {
  return emulator::block_barrier(predicate, "__syncthreads_or", place) != 0;
}
LIMBIC_EMULATED_FUNCTION int __syncthreads_and(int predicate,
                                               emulator::Place place = emulator::Place::here()) {
  return emulator::block_barrier(!predicate, "__syncthreads_and", place) == 0;
}
LIMBIC_EMULATED_FUNCTION void __syncwarp(unsigned mask = 0xffffffffu,
                                         emulator::Place place = emulator::Place::here()) {
  emulator::vote(emulator::Vote::synchronise, mask, 0, false, place);
}
#define LIMBIC_EMULATED_VOTE(name, kind, Result, Argument)                                              \
  LIMBIC_EMULATED_FUNCTION Result name(unsigned mask, Argument value,                                   \
                                       emulator::Place place = emulator::Place::here()) {               \
    return static_cast<Result>(emulator::vote(emulator::Vote::kind, mask, static_cast<unsigned>(value), \
                                              std::is_signed_v<Argument>, place));                      \
  }
LIMBIC_EMULATED_VOTE(__all_sync, all, int, int)
LIMBIC_EMULATED_VOTE(__any_sync, any, int, int)
LIMBIC_EMULATED_VOTE(__ballot_sync, ballot, unsigned, int)
LIMBIC_EMULATED_VOTE(__reduce_add_sync, sum, unsigned, unsigned)
LIMBIC_EMULATED_VOTE(__reduce_add_sync, sum, int, int)
LIMBIC_EMULATED_VOTE(__reduce_min_sync, min, unsigned, unsigned)
LIMBIC_EMULATED_VOTE(__reduce_min_sync, min, int, int)
LIMBIC_EMULATED_VOTE(__reduce_max_sync, max, unsigned, unsigned)
LIMBIC_EMULATED_VOTE(__reduce_max_sync, max, int, int)
LIMBIC_EMULATED_VOTE(__reduce_and_sync, bit_and, unsigned, unsigned)
LIMBIC_EMULATED_VOTE(__reduce_or_sync, bit_or, unsigned, unsigned)
LIMBIC_EMULATED_VOTE(__reduce_xor_sync, bit_xor, unsigned, unsigned)
#undef LIMBIC_EMULATED_VOTE
LIMBIC_EMULATED_FUNCTION unsigned __activemask() { return emulator::active_mask(); }

namespace emulator {

// A value's bits in 64 bits and back.
template <class T>
LIMBIC_EMULATED_FUNCTION unsigned long long to_bits(T value) {
  if constexpr (sizeof(T) == 8) return __builtin_bit_cast(unsigned long long, value);
  else if constexpr (sizeof(T) == 4) return __builtin_bit_cast(unsigned, value);
  else return __builtin_bit_cast(unsigned short, value);
}
template <class T>
LIMBIC_EMULATED_FUNCTION T from_bits(unsigned long long bits) {
  if constexpr (sizeof(T) == 8) return __builtin_bit_cast(T, bits);
  else if constexpr (sizeof(T) == 4) return __builtin_bit_cast(T, static_cast<unsigned>(bits));
  else return __builtin_bit_cast(T, static_cast<unsigned short>(bits));
}

}  // namespace emulator

template <class T>
LIMBIC_EMULATED_FUNCTION unsigned __match_any_sync(unsigned mask, T value,
                                                   emulator::Place place = emulator::Place::here()) {
  return static_cast<unsigned>(
      emulator::vote(emulator::Vote::match, mask, emulator::to_bits(value), false, place));
}
#define LIMBIC_EMULATED_SHUFFLE(name, kind, Source)                                                          \
  template <class T>                                                                                         \
  LIMBIC_EMULATED_FUNCTION T name(unsigned mask, T value, Source source, int width = 32,                     \
                                  emulator::Place place = emulator::Place::here()) {                         \
    return emulator::from_bits<T>(emulator::shuffle(emulator::Shuffle::kind, mask, emulator::to_bits(value), \
                                                    static_cast<int>(source), width, place));                \
  }
LIMBIC_EMULATED_SHUFFLE(__shfl_sync, index, int)
LIMBIC_EMULATED_SHUFFLE(__shfl_up_sync, up, unsigned)
LIMBIC_EMULATED_SHUFFLE(__shfl_down_sync, down, unsigned)
LIMBIC_EMULATED_SHUFFLE(__shfl_xor_sync, exclusive_or, int)
#undef LIMBIC_EMULATED_SHUFFLE

// Atomic operations: the old value.
#define LIMBIC_EMULATED_ATOMIC(name, T, kind)                                                    \
  LIMBIC_EMULATED_FUNCTION T name(T* address, T value) {                                         \
    return emulator::from_bits<T>(                                                               \
        emulator::atomic(emulator::Atomic::kind, address, sizeof(T), emulator::to_bits(value))); \
  }
#define LIMBIC_EMULATED_ATOMIC_COMPARE(T)                                                                   \
  LIMBIC_EMULATED_FUNCTION T atomicCAS(T* address, T expected, T value) {                                   \
    return emulator::from_bits<T>(emulator::atomic(emulator::Atomic::compare, address, sizeof(T),           \
                                                   emulator::to_bits(value), emulator::to_bits(expected))); \
  }
LIMBIC_EMULATED_ATOMIC(atomicAdd, int, add)
LIMBIC_EMULATED_ATOMIC(atomicAdd, unsigned, add)
LIMBIC_EMULATED_ATOMIC(atomicAdd, unsigned long long, add)
LIMBIC_EMULATED_ATOMIC(atomicAdd, float, add_float)
LIMBIC_EMULATED_ATOMIC(atomicAdd, double, add_float)
LIMBIC_EMULATED_ATOMIC(atomicMin, int, min_signed)
LIMBIC_EMULATED_ATOMIC(atomicMin, unsigned, min)
LIMBIC_EMULATED_ATOMIC(atomicMin, long long, min_signed)
LIMBIC_EMULATED_ATOMIC(atomicMin, unsigned long long, min)
LIMBIC_EMULATED_ATOMIC(atomicMax, int, max_signed)
LIMBIC_EMULATED_ATOMIC(atomicMax, unsigned, max)
LIMBIC_EMULATED_ATOMIC(atomicMax, long long, max_signed)
LIMBIC_EMULATED_ATOMIC(atomicMax, unsigned long long, max)
LIMBIC_EMULATED_ATOMIC(atomicExch, int, exchange)
LIMBIC_EMULATED_ATOMIC(atomicExch, unsigned, exchange)
LIMBIC_EMULATED_ATOMIC(atomicExch, float, exchange)
LIMBIC_EMULATED_ATOMIC(atomicExch, unsigned long long, exchange)
LIMBIC_EMULATED_ATOMIC(atomicAnd, int, bit_and)
LIMBIC_EMULATED_ATOMIC(atomicAnd, unsigned, bit_and)
LIMBIC_EMULATED_ATOMIC(atomicOr, int, bit_or)
LIMBIC_EMULATED_ATOMIC(atomicOr, unsigned, bit_or)
LIMBIC_EMULATED_ATOMIC(atomicXor, int, bit_xor)
LIMBIC_EMULATED_ATOMIC(atomicXor, unsigned, bit_xor)
LIMBIC_EMULATED_ATOMIC(atomicInc, unsigned, inc)
LIMBIC_EMULATED_ATOMIC(atomicDec, unsigned, dec)
LIMBIC_EMULATED_ATOMIC_COMPARE(int)
LIMBIC_EMULATED_ATOMIC_COMPARE(unsigned)
LIMBIC_EMULATED_ATOMIC_COMPARE(unsigned long long)
#undef LIMBIC_EMULATED_ATOMIC
#undef LIMBIC_EMULATED_ATOMIC_COMPARE
LIMBIC_EMULATED_FUNCTION int atomicSub(int* address, int value) { return atomicAdd(address, -value); }
LIMBIC_EMULATED_FUNCTION unsigned atomicSub(unsigned* address, unsigned value) {
  return atomicAdd(address, 0u - value);
}

LIMBIC_EMULATED_FUNCTION void __threadfence() { emulator::fence(); }
LIMBIC_EMULATED_FUNCTION void __threadfence_block() {}
LIMBIC_EMULATED_FUNCTION void __threadfence_system() { emulator::fence(); }
[[noreturn]] LIMBIC_EMULATED_FUNCTION void __trap() { emulator::trap(); }
LIMBIC_EMULATED_FUNCTION void __nanosleep(unsigned) {}

template <class T>
LIMBIC_EMULATED_FUNCTION T __ldg(const T* from) {
  return emulator::load<T>(from);
}
#define LIMBIC_EMULATED_CACHE_HINT(loads, stores)        \
  template <class T>                                     \
  LIMBIC_EMULATED_FUNCTION T loads(const T* from) {      \
    return emulator::load<T>(from);                      \
  }                                                      \
  template <class T>                                     \
  LIMBIC_EMULATED_FUNCTION void stores(T* to, T value) { \
    emulator::store(to, value);                          \
  }
LIMBIC_EMULATED_CACHE_HINT(__ldcg, __stcg)
LIMBIC_EMULATED_CACHE_HINT(__ldcs, __stcs)
LIMBIC_EMULATED_CACHE_HINT(__ldca, __stwb)
#undef LIMBIC_EMULATED_CACHE_HINT

// Bits and integers.
LIMBIC_EMULATED_FUNCTION int __popc(unsigned x) { return __builtin_popcount(x); }
LIMBIC_EMULATED_FUNCTION int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
LIMBIC_EMULATED_FUNCTION int __ffs(int x) { return __builtin_ffs(x); }
LIMBIC_EMULATED_FUNCTION int __ffsll(long long x) { return __builtin_ffsll(x); }
LIMBIC_EMULATED_FUNCTION int __clz(int x) { return x ? __builtin_clz(static_cast<unsigned>(x)) : 32; }
LIMBIC_EMULATED_FUNCTION int __clzll(long long x) {
  return x ? __builtin_clzll(static_cast<unsigned long long>(x)) : 64;
}
LIMBIC_EMULATED_FUNCTION unsigned __brev(unsigned x) {
  unsigned y = 0;
  for (int i = 0; i < 32; ++i) y |= ((x >> i) & 1u) << (31 - i);
  return y;
}
LIMBIC_EMULATED_FUNCTION unsigned __umulhi(unsigned a, unsigned b) {
  return static_cast<unsigned>((static_cast<unsigned long long>(a) * b) >> 32);
}
LIMBIC_EMULATED_FUNCTION int __mulhi(int a, int b) {
  return static_cast<int>((static_cast<long long>(a) * b) >> 32);
}
LIMBIC_EMULATED_FUNCTION unsigned long long __umul64hi(unsigned long long a, unsigned long long b) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<unsigned long long>((static_cast<Wide>(a) * b) >> 64);
}
LIMBIC_EMULATED_FUNCTION unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return static_cast<unsigned>((((static_cast<unsigned long long>(high) << 32) | low) << (shift & 31u)) >>
                               32);
}

// Bits of floating-point numbers, and conversions that name their rounding.
LIMBIC_EMULATED_FUNCTION float __int_as_float(int x) { return __builtin_bit_cast(float, x); }
LIMBIC_EMULATED_FUNCTION float __uint_as_float(unsigned x) { return __builtin_bit_cast(float, x); }
LIMBIC_EMULATED_FUNCTION int __float_as_int(float x) { return __builtin_bit_cast(int, x); }
LIMBIC_EMULATED_FUNCTION unsigned __float_as_uint(float x) { return __builtin_bit_cast(unsigned, x); }
LIMBIC_EMULATED_FUNCTION double __longlong_as_double(long long x) { return __builtin_bit_cast(double, x); }
LIMBIC_EMULATED_FUNCTION long long __double_as_longlong(double x) { return __builtin_bit_cast(long long, x); }
LIMBIC_EMULATED_FUNCTION int __float2int_rn(float x) { return static_cast<int>(std::nearbyint(x)); }
LIMBIC_EMULATED_FUNCTION int __float2int_rz(float x) { return static_cast<int>(x); }
LIMBIC_EMULATED_FUNCTION int __double2int_rn(double x) { return static_cast<int>(std::nearbyint(x)); }
LIMBIC_EMULATED_FUNCTION float __int2float_rn(int x) { return static_cast<float>(x); }
LIMBIC_EMULATED_FUNCTION float __double2float_rn(double x) { return static_cast<float>(x); }

// Arithmetic with a named rounding, and the fast approximations, which here are exact to the last bits.
LIMBIC_EMULATED_FUNCTION float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
LIMBIC_EMULATED_FUNCTION double __fma_rn(double a, double b, double c) { return __builtin_fma(a, b, c); }
LIMBIC_EMULATED_FUNCTION float __fadd_rn(float a, float b) { return a + b; }
LIMBIC_EMULATED_FUNCTION float __fsub_rn(float a, float b) { return a - b; }
LIMBIC_EMULATED_FUNCTION float __fmul_rn(float a, float b) { return a * b; }
LIMBIC_EMULATED_FUNCTION float __fdiv_rn(float a, float b) { return a / b; }
LIMBIC_EMULATED_FUNCTION float __fsqrt_rn(float x) { return std::sqrt(x); }
LIMBIC_EMULATED_FUNCTION float __frcp_rn(float x) { return 1.0f / x; }
LIMBIC_EMULATED_FUNCTION double __dadd_rn(double a, double b) { return a + b; }
LIMBIC_EMULATED_FUNCTION double __dsub_rn(double a, double b) { return a - b; }
LIMBIC_EMULATED_FUNCTION double __dmul_rn(double a, double b) { return a * b; }
LIMBIC_EMULATED_FUNCTION double __ddiv_rn(double a, double b) { return a / b; }
LIMBIC_EMULATED_FUNCTION double __dsqrt_rn(double x) { return std::sqrt(x); }
LIMBIC_EMULATED_FUNCTION float __fdividef(float a, float b) { return a / b; }
LIMBIC_EMULATED_FUNCTION float __expf(float x) { return std::exp(x); }
LIMBIC_EMULATED_FUNCTION float __exp10f(float x) { return std::pow(10.0f, x); }
LIMBIC_EMULATED_FUNCTION float __logf(float x) { return std::log(x); }
LIMBIC_EMULATED_FUNCTION float __log2f(float x) { return std::log2(x); }
LIMBIC_EMULATED_FUNCTION float __powf(float x, float y) { return std::pow(x, y); }
LIMBIC_EMULATED_FUNCTION float __sinf(float x) { return std::sin(x); }
LIMBIC_EMULATED_FUNCTION float __cosf(float x) { return std::cos(x); }
LIMBIC_EMULATED_FUNCTION float __tanhf(float x) { return std::tanh(x); }
LIMBIC_EMULATED_FUNCTION float __saturatef(float x) { return x > 0.0f ? (x < 1.0f ? x : 1.0f) : 0.0f; }
LIMBIC_EMULATED_FUNCTION float rsqrtf(float x) { return 1.0f / std::sqrt(x); }
LIMBIC_EMULATED_FUNCTION float rsqrt(float x) { return rsqrtf(x); }
LIMBIC_EMULATED_FUNCTION double rsqrt(double x) { return 1.0 / std::sqrt(x); }
LIMBIC_EMULATED_FUNCTION float rcbrtf(float x) { return 1.0f / std::cbrt(x); }
LIMBIC_EMULATED_FUNCTION float normcdff(float x) { return 0.5f * std::erfc(-x * 0.70710678118654752f); }
LIMBIC_EMULATED_FUNCTION double normcdf(double x) { return 0.5 * std::erfc(-x * 0.70710678118654752440); }

#define LIMBIC_EMULATED_MIN_MAX(T)                                   \
  LIMBIC_EMULATED_FUNCTION T min(T a, T b) { return b < a ? b : a; } \
  LIMBIC_EMULATED_FUNCTION T max(T a, T b) { return a < b ? b : a; }
LIMBIC_EMULATED_MIN_MAX(int)
LIMBIC_EMULATED_MIN_MAX(unsigned)
LIMBIC_EMULATED_MIN_MAX(long)
LIMBIC_EMULATED_MIN_MAX(unsigned long)
LIMBIC_EMULATED_MIN_MAX(long long)
LIMBIC_EMULATED_MIN_MAX(unsigned long long)
#undef LIMBIC_EMULATED_MIN_MAX
LIMBIC_EMULATED_FUNCTION float min(float a, float b) { return std::fmin(a, b); }
LIMBIC_EMULATED_FUNCTION float max(float a, float b) { return std::fmax(a, b); }
LIMBIC_EMULATED_FUNCTION double min(double a, double b) { return std::fmin(a, b); }
LIMBIC_EMULATED_FUNCTION double max(double a, double b) { return std::fmax(a, b); }
