// Philox4x32-10 and the numbers made of its words, bit for bit those of the library's core/philox.hpp, which
// explains them: element i of a draw depends on the key, the position and i alone.
#pragma once

#include <cuda_runtime.h>

namespace limbic::cuda {

// Where a draw's numbers come from: the key of the stream, and the first block of four words; in a graph, the
// number of the replay, 0 being that of numbers drawn outside of graphs.
struct PhiloxKey {
  unsigned long long key;
  unsigned long long position;
  unsigned replay = 0;
};
struct PhiloxBlock {
  unsigned word[4];
};

__device__ __forceinline__ PhiloxBlock philox4x32(unsigned c0, unsigned c1, unsigned c2, unsigned c3,
                                                  unsigned k0, unsigned k1) {
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const unsigned high0 = __umulhi(0xd2511f53u, c0), low0 = 0xd2511f53u * c0;
    const unsigned high1 = __umulhi(0xcd9e8d57u, c2), low1 = 0xcd9e8d57u * c2;
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  return {{c0, c1, c2, c3}};
}

// Words 4b .. 4b + 3 of a draw.
__device__ __forceinline__ PhiloxBlock philox_block(PhiloxKey draw, unsigned long long b) {
  const unsigned long long n = draw.position + b;
  return philox4x32(static_cast<unsigned>(n), static_cast<unsigned>(n >> 32), draw.replay, 0,
                    static_cast<unsigned>(draw.key), static_cast<unsigned>(draw.key >> 32));
}
// Word i of a draw.
__device__ __forceinline__ unsigned philox_bits(PhiloxKey draw, unsigned long long i) {
  const PhiloxBlock c = philox_block(draw, i / 4);
  const unsigned low = i & 1u ? c.word[1] : c.word[0], high = i & 1u ? c.word[3] : c.word[2];
  return i & 2u ? high : low;
}
// Words 2i and 2i + 1 as one number.
__device__ __forceinline__ unsigned long long philox_bits64(PhiloxKey draw, unsigned long long i) {
  const PhiloxBlock c = philox_block(draw, i / 2);
  const unsigned low = i & 1u ? c.word[2] : c.word[0], high = i & 1u ? c.word[3] : c.word[1];
  return (static_cast<unsigned long long>(high) << 32) | low;
}
// Whether event i of a draw happens: the threshold is the library's philox_threshold(probability).
__device__ __forceinline__ bool philox_event(PhiloxKey draw, unsigned long long i,
                                             unsigned long long threshold) {
  return philox_bits(draw, i) < threshold;
}

// In [0, 1): 24 bits of a word, 53 of two.
__device__ __forceinline__ float unit_float(unsigned word) {
  return static_cast<float>(static_cast<int>(word >> 8)) * 5.9604644775390625e-8f;
}
__device__ __forceinline__ double unit_double(unsigned long long bits) {
  return static_cast<double>(static_cast<long long>(bits >> 11)) * 1.1102230246251565e-16;
}

template <class T>
__device__ __forceinline__ T philox_uniform(PhiloxKey draw, unsigned long long i);
template <>
__device__ __forceinline__ float philox_uniform<float>(PhiloxKey draw, unsigned long long i) {
  return unit_float(philox_bits(draw, i));
}
template <>
__device__ __forceinline__ double philox_uniform<double>(PhiloxKey draw, unsigned long long i) {
  return unit_double(philox_bits64(draw, i));
}

namespace detail {

__device__ __forceinline__ double double_of(unsigned long long bits) {
  return __longlong_as_double(static_cast<long long>(bits));
}
__device__ __forceinline__ unsigned long long bits_of(double x) {
  return static_cast<unsigned long long>(__double_as_longlong(x));
}

// -2 log(u), root(x) and the angle's cosine and sine: the same operations in the same order as on the CPU.
__device__ __forceinline__ double minus_two_log(double u) {
  constexpr unsigned long long kSqrtHalf = 0x3fe6a09e667f3bcdull;
  const unsigned long long shifted = bits_of(u) - kSqrtHalf + (1023ull << 52);
  const unsigned long long biased = shifted >> 52;
  const double m = double_of((shifted & 0xfffffffffffffull) + kSqrtHalf);
  const double minus_k = 4503599627370496.0 + 1023.0 - double_of(0x4330000000000000ull | biased);
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double p = 2.0 / 21.0;
  p = ::fma(p, z, 2.0 / 19.0);
  p = ::fma(p, z, 2.0 / 17.0);
  p = ::fma(p, z, 2.0 / 15.0);
  p = ::fma(p, z, 2.0 / 13.0);
  p = ::fma(p, z, 2.0 / 11.0);
  p = ::fma(p, z, 2.0 / 9.0);
  p = ::fma(p, z, 2.0 / 7.0);
  p = ::fma(p, z, 2.0 / 5.0);
  p = ::fma(p, z, 2.0 / 3.0);
  const double minus_log_m = -::fma(z * s, p, s + s);
  const double minus_log = ::fma(minus_k, 0.69314718055994530942, minus_log_m);
  return minus_log + minus_log;
}
__device__ __forceinline__ double root(double x) {
  double y = double_of(0x5fe6eb50c7b537a9ull - (bits_of(x) >> 1));
  const double half = 0.5 * x;
  y *= ::fma(-(half * y), y, 1.5);
  y *= ::fma(-(half * y), y, 1.5);
  y *= ::fma(-(half * y), y, 1.5);
  const double r = x * y;
  return ::fma(::fma(-r, r, x), 0.5 * y, r);
}
__device__ __forceinline__ void cos_sin_turn(unsigned long long turn, double& cosine, double& sine) {
  const unsigned long long v = turn + (1ull << 61);
  const double t = double_of(0x4330000000000000ull | ((v >> 10) & 0xfffffffffffffull)) - 6755399441055744.0;
  const double a = t * 3.48786849800863190e-16;
  const double z = a * a;
  double p = -1.0 / 1307674368000.0;
  p = ::fma(p, z, 1.0 / 6227020800.0);
  p = ::fma(p, z, -1.0 / 39916800.0);
  p = ::fma(p, z, 1.0 / 362880.0);
  p = ::fma(p, z, -1.0 / 5040.0);
  p = ::fma(p, z, 1.0 / 120.0);
  p = ::fma(p, z, -1.0 / 6.0);
  const double s = ::fma(a * z, p, a);
  double q = 1.0 / 20922789888000.0;
  q = ::fma(q, z, -1.0 / 87178291200.0);
  q = ::fma(q, z, 1.0 / 479001600.0);
  q = ::fma(q, z, -1.0 / 3628800.0);
  q = ::fma(q, z, 1.0 / 40320.0);
  q = ::fma(q, z, -1.0 / 720.0);
  q = ::fma(q, z, 1.0 / 24.0);
  q = ::fma(q, z, -0.5);
  const double c = ::fma(q, z, 1.0);
  const unsigned long long quarter = v >> 62, odd = 0ull - (quarter & 1u);
  const unsigned long long sb = bits_of(s), cb = bits_of(c);
  cosine = double_of(((cb & ~odd) | (sb & odd)) ^ (((quarter + 1u) & 2u) << 62));
  sine = double_of(((sb & ~odd) | (cb & odd)) ^ ((quarter & 2u) << 62));
}

}  // namespace detail

// Two independent standard normals, from the words of two floats or the 64-bit words of two doubles.
struct NormalPair {
  double first, second;
};
__device__ __forceinline__ NormalPair normal_pair(unsigned radius, unsigned angle) {
  const double u =
      (detail::double_of(0x4330000000000000ull | radius) - 4503599627370495.5) * 2.3283064365386963e-10;
  double c, s;
  detail::cos_sin_turn((static_cast<unsigned long long>(angle) << 32) | 0x80000000u, c, s);
  const double r = detail::root(detail::minus_two_log(u));
  return {r * c, r * s};
}
__device__ __forceinline__ NormalPair normal_pair(unsigned long long radius, unsigned long long angle) {
  const double u = detail::double_of(0x3ff0000000000000ull | (radius >> 12)) - 0.99999999999999988898;
  double c, s;
  detail::cos_sin_turn(angle, c, s);
  const double r = detail::root(detail::minus_two_log(u));
  return {r * c, r * s};
}

// Number i of a draw of standard normals of type T = float or double, before it is rounded to T.
template <class T>
__device__ __forceinline__ double philox_normal(PhiloxKey draw, unsigned long long i) {
  NormalPair pair;
  if constexpr (sizeof(T) == 4) {
    const PhiloxBlock c = philox_block(draw, i / 4);
    pair = i & 2u ? normal_pair(c.word[2], c.word[3]) : normal_pair(c.word[0], c.word[1]);
  } else {
    pair = normal_pair(philox_bits64(draw, i / 2 * 2), philox_bits64(draw, i / 2 * 2 + 1));
  }
  return i % 2 ? pair.second : pair.first;
}

}  // namespace limbic::cuda
