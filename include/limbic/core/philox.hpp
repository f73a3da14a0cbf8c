// Counter-based random numbers: Philox4x32-10 and what is made of its words.
//
// Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. A block of four
// 32-bit words is a function of a 128-bit counter and a 64-bit key, so every number of a draw is computed
// from its index alone. The counter of block b of a draw is position + b in its low 64 bits, 0 above (in a
// CUDA graph, the number of its replay).
//
//   word(i)         word i % 4 of block i / 4
//   uniform float   word(i) >> 8, times 2^-24                          one word a number
//   uniform double  (word(2i+1) 2^32 + word(2i)) >> 11, times 2^-53    two words a number
//   normal          Box and Muller (1958): elements 2j and 2j+1 are r cos a and r sin a, r = sqrt(-2 log u),
//                   where u in (0, 1) and the angle a come from the words of both
//
// Normals are bitwise the same on every device and instruction set: nothing calls a maths library, every
// product that is added to something is an explicit fma, so contraction by a compiler has nothing left to
// change. Everything is computed in double; their relative error is about 4e-16, and float is the rounded
// double. Only <cstdint> is needed, so that device code can do the same, line by line.
#pragma once

#include <limbic/config.hpp>

namespace limbic {

// Where a draw's numbers come from: the key of the stream, and the first block.
struct PhiloxKey {
  std::uint64_t key = 0;
  std::uint64_t position = 0;

  friend bool operator==(const PhiloxKey& a, const PhiloxKey& b) {
    return a.key == b.key && a.position == b.position;
  }
};

// Four 32-bit words: a counter, or what became of it.
struct PhiloxBlock {
  std::uint32_t word[4];
};

namespace detail {

LIMBIC_INLINE void philox_round(PhiloxBlock& c, std::uint32_t k0, std::uint32_t k1) {
  const std::uint64_t p0 = std::uint64_t{0xd2511f53u} * c.word[0];
  const std::uint64_t p1 = std::uint64_t{0xcd9e8d57u} * c.word[2];
  c = {{static_cast<std::uint32_t>(p1 >> 32) ^ c.word[1] ^ k0, static_cast<std::uint32_t>(p1),
        static_cast<std::uint32_t>(p0 >> 32) ^ c.word[3] ^ k1, static_cast<std::uint32_t>(p0)}};
}

LIMBIC_INLINE double as_double(std::uint64_t bits) { return __builtin_bit_cast(double, bits); }
LIMBIC_INLINE std::uint64_t as_bits(double x) { return __builtin_bit_cast(std::uint64_t, x); }

// -2 log(u) for a normal u in (0, 1). With u = 2^k m, m in [sqrt(1/2), sqrt(2)) and s = (m - 1) / (m + 1):
// log(m) = 2 (s + s^3/3 + s^5/5 + ...), |s| < 0.172.
LIMBIC_INLINE double minus_two_log(double u) {
  constexpr std::uint64_t kSqrtHalf = 0x3fe6a09e667f3bcdu;
  const std::uint64_t shifted = as_bits(u) - kSqrtHalf + (std::uint64_t{1023} << 52);
  const std::uint64_t biased = shifted >> 52;  // k + 1023
  const double m = as_double((shifted & 0xfffffffffffffu) + kSqrtHalf);
  const double minus_k = 4503599627370496.0 + 1023.0 - as_double(0x4330000000000000u | biased);
  const double s = (m - 1.0) / (m + 1.0);
  const double z = s * s;
  double p = 2.0 / 21.0;
  p = __builtin_fma(p, z, 2.0 / 19.0);
  p = __builtin_fma(p, z, 2.0 / 17.0);
  p = __builtin_fma(p, z, 2.0 / 15.0);
  p = __builtin_fma(p, z, 2.0 / 13.0);
  p = __builtin_fma(p, z, 2.0 / 11.0);
  p = __builtin_fma(p, z, 2.0 / 9.0);
  p = __builtin_fma(p, z, 2.0 / 7.0);
  p = __builtin_fma(p, z, 2.0 / 5.0);
  p = __builtin_fma(p, z, 2.0 / 3.0);
  const double minus_log_m = -__builtin_fma(z * s, p, s + s);
  const double minus_log = __builtin_fma(minus_k, 0.69314718055994530942, minus_log_m);
  return minus_log + minus_log;
}

// sqrt(x) of a normal positive x. (A call of sqrt may set errno, which keeps loops from being vectorised.)
// Newton's steps for 1/sqrt(x) from a guess by the bits, then one for the root itself.
LIMBIC_INLINE double root(double x) {
  double y = as_double(0x5fe6eb50c7b537a9u - (as_bits(x) >> 1));
  const double half = 0.5 * x;
  y *= __builtin_fma(-(half * y), y, 1.5);
  y *= __builtin_fma(-(half * y), y, 1.5);
  y *= __builtin_fma(-(half * y), y, 1.5);
  const double r = x * y;
  return __builtin_fma(__builtin_fma(-r, r, x), 0.5 * y, r);
}

// Cosine and sine of (turn >> 10) / 2^54 full turns: whole quarters by the two top bits, then Taylor's series
// within an eighth on either side.
LIMBIC_INLINE void cos_sin_turn(std::uint64_t turn, double& cosine, double& sine) {
  const std::uint64_t v = turn + (std::uint64_t{1} << 61);
  // The upper 52 of the 62 bits within a quarter, as an integer about 0.
  const double t = as_double(0x4330000000000000u | ((v >> 10) & 0xfffffffffffffu)) - 6755399441055744.0;
  const double a = t * 3.48786849800863190e-16;  // 2 pi 2^-54
  const double z = a * a;
  double p = -1.0 / 1307674368000.0;
  p = __builtin_fma(p, z, 1.0 / 6227020800.0);
  p = __builtin_fma(p, z, -1.0 / 39916800.0);
  p = __builtin_fma(p, z, 1.0 / 362880.0);
  p = __builtin_fma(p, z, -1.0 / 5040.0);
  p = __builtin_fma(p, z, 1.0 / 120.0);
  p = __builtin_fma(p, z, -1.0 / 6.0);
  const double s = __builtin_fma(a * z, p, a);
  double q = 1.0 / 20922789888000.0;
  q = __builtin_fma(q, z, -1.0 / 87178291200.0);
  q = __builtin_fma(q, z, 1.0 / 479001600.0);
  q = __builtin_fma(q, z, -1.0 / 3628800.0);
  q = __builtin_fma(q, z, 1.0 / 40320.0);
  q = __builtin_fma(q, z, -1.0 / 720.0);
  q = __builtin_fma(q, z, 1.0 / 24.0);
  q = __builtin_fma(q, z, -0.5);
  const double c = __builtin_fma(q, z, 1.0);
  const std::uint64_t quarter = v >> 62, odd = std::uint64_t{0} - (quarter & 1u);
  const std::uint64_t sb = as_bits(s), cb = as_bits(c);
  cosine = as_double(((cb & ~odd) | (sb & odd)) ^ (((quarter + 1u) & 2u) << 62));
  sine = as_double(((sb & ~odd) | (cb & odd)) ^ ((quarter & 2u) << 62));
}

}  // namespace detail

// The ten rounds: counter (c0, c1, c2, c3), key (k0, k1).
LIMBIC_INLINE PhiloxBlock philox4x32(std::uint32_t c0, std::uint32_t c1, std::uint32_t c2, std::uint32_t c3,
                                     std::uint32_t k0, std::uint32_t k1) {
  constexpr std::uint32_t w0 = 0x9e3779b9u, w1 = 0xbb67ae85u;
  PhiloxBlock c = {{c0, c1, c2, c3}};
  detail::philox_round(c, k0, k1);
  detail::philox_round(c, k0 + w0, k1 + w1);
  detail::philox_round(c, k0 + 2 * w0, k1 + 2 * w1);
  detail::philox_round(c, k0 + 3 * w0, k1 + 3 * w1);
  detail::philox_round(c, k0 + 4 * w0, k1 + 4 * w1);
  detail::philox_round(c, k0 + 5 * w0, k1 + 5 * w1);
  detail::philox_round(c, k0 + 6 * w0, k1 + 6 * w1);
  detail::philox_round(c, k0 + 7 * w0, k1 + 7 * w1);
  detail::philox_round(c, k0 + 8 * w0, k1 + 8 * w1);
  detail::philox_round(c, k0 + 9 * w0, k1 + 9 * w1);
  return c;
}

// Words 4b .. 4b + 3 of a draw.
LIMBIC_INLINE PhiloxBlock philox_block(PhiloxKey draw, std::uint64_t b) {
  const std::uint64_t n = draw.position + b;
  return philox4x32(static_cast<std::uint32_t>(n), static_cast<std::uint32_t>(n >> 32), 0, 0,
                    static_cast<std::uint32_t>(draw.key), static_cast<std::uint32_t>(draw.key >> 32));
}

// Word i of a draw.
LIMBIC_INLINE std::uint32_t philox_bits(PhiloxKey draw, std::uint64_t i) {
  return philox_block(draw, i / 4).word[i % 4];
}
// Words 2i and 2i + 1 as one number.
LIMBIC_INLINE std::uint64_t philox_bits64(PhiloxKey draw, std::uint64_t i) {
  const PhiloxBlock c = philox_block(draw, i / 2);
  const std::uint64_t odd = i % 2;
  return (std::uint64_t{c.word[2 * odd + 1]} << 32) | c.word[2 * odd];
}

// In [0, 1): 24 bits of a word, 53 of two.
LIMBIC_INLINE float unit_float(std::uint32_t word) {
  return static_cast<float>(static_cast<std::int32_t>(word >> 8)) * 5.9604644775390625e-8f;
}
LIMBIC_INLINE double unit_double(std::uint64_t bits) {
  const double high = detail::as_double(0x4330000000000000u | (bits >> 32)) - 4503599627370496.0;
  const double low = detail::as_double(0x4330000000000000u | ((bits >> 11) & 0x1fffffu)) - 4503599627370496.0;
  return __builtin_fma(high, 2.3283064365386963e-10, low * 1.1102230246251565e-16);
}

// Number i of a draw of uniform floats in [0, 1).
LIMBIC_INLINE float philox_uniform(PhiloxKey draw, std::uint64_t i) {
  return unit_float(philox_bits(draw, i));
}

// An event of probability p is a word below the threshold: true with a probability of p rounded to 2^-32.
// Anything below 0, and NaN, counts as 0; anything above 1 as 1.
LIMBIC_INLINE std::uint64_t philox_threshold(double p) {
  return p >= 1.0 ? std::uint64_t{1} << 32 : p > 0.0 ? static_cast<std::uint64_t>(p * 4294967296.0 + 0.5) : 0;
}
// Whether event i of a draw happens.
LIMBIC_INLINE bool philox_event(PhiloxKey draw, std::uint64_t i, std::uint64_t threshold) {
  return philox_bits(draw, i) < threshold;
}

// Two independent standard normals, from the words of two floats or the 64-bit words of two doubles.
struct NormalPair {
  double first, second;
};
LIMBIC_INLINE NormalPair normal_pair(std::uint32_t radius, std::uint32_t angle) {
  // (radius + 1/2) 2^-32
  const double u =
      (detail::as_double(0x4330000000000000u | radius) - 4503599627370495.5) * 2.3283064365386963e-10;
  double c, s;
  detail::cos_sin_turn((std::uint64_t{angle} << 32) | 0x80000000u, c, s);  // (angle + 1/2) 2^-32 turns
  const double r = detail::root(detail::minus_two_log(u));
  return {r * c, r * s};
}
LIMBIC_INLINE NormalPair normal_pair(std::uint64_t radius, std::uint64_t angle) {
  // (the top 52 bits + 1/2) 2^-52
  const double u = detail::as_double(0x3ff0000000000000u | (radius >> 12)) - 0.99999999999999988898;
  double c, s;
  detail::cos_sin_turn(angle, c, s);
  const double r = detail::root(detail::minus_two_log(u));
  return {r * c, r * s};
}

// Number i of a draw of standard normals of type T = float or double, before it is rounded to T.
template <class T>
LIMBIC_INLINE double philox_normal(PhiloxKey draw, std::uint64_t i) {
  NormalPair pair;
  if constexpr (sizeof(T) == 4) {
    const PhiloxBlock c = philox_block(draw, i / 4);
    const std::uint64_t half = (i / 2 % 2) * 2;
    pair = normal_pair(c.word[half], c.word[half + 1]);
  } else {
    pair = normal_pair(philox_bits64(draw, i / 2 * 2), philox_bits64(draw, i / 2 * 2 + 1));
  }
  return i % 2 ? pair.second : pair.first;
}

// High 64 bits of a 128-bit product: a number below n from 64 random bits, each of the n with a probability
// of 1/n within 2^-64 (Lemire, "Fast random integer generation in an interval", 2019, without rejection).
LIMBIC_INLINE std::uint64_t philox_below(std::uint64_t bits, std::uint64_t n) {
  const std::uint64_t a = bits & 0xffffffffu, b = bits >> 32, c = n & 0xffffffffu, d = n >> 32;
  const std::uint64_t middle = ((a * c) >> 32) + ((b * c) & 0xffffffffu) + ((a * d) & 0xffffffffu);
  return b * d + ((b * c) >> 32) + ((a * d) >> 32) + (middle >> 32);
}

}  // namespace limbic
