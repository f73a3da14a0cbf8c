// limbic::math: the scalar functions of generic code, for float and double.
//
// The float versions of exp, log, log1p, expm1, tanh, sigmoid, erf, softplus (core/math_float.inl) and
// sin, cos (below) are branch-free, so that g++ and clang++ vectorise loops over them at -O3 (clang++ and,
// for known trip counts, g++ at -O2), with or without fused multiply-add. Their error is below 2 ulp (that of
// sigmoid below 2.5) over all floats; denormal numbers, infinities, NaN and the sign of zero come out right.
// Everything else calls <cmath>; loops over sqrt vectorise with -fno-math-errno only.
// Compile user code without -ffast-math: its assumptions break infinities, NaN and these functions.
#pragma once

#include <limbic/config.hpp>

#include <bit>
#include <cmath>
#include <concepts>
#include <limits>
#include <type_traits>

namespace limbic::math {

namespace detail {

#include <limbic/core/math_float.inl>

using Float = FloatMath<float, std::int32_t, std::uint32_t>;

// A non-negative float times 2/pi, as the nearest integer modulo 4 and the rest in [-1/2, 1/2] times pi/2.
// The float is m 2^(e-150) with a 24-bit m; 96 bits of 2/pi suffice if they start where m times what is
// before them is a multiple of 4 (Payne and Hanek, "Radian reduction for trigonometric functions", 1983),
// and shifts bring them there: exact to 40 bits for every float, with no table.
struct Quadrant {
  std::uint32_t n;
  float r;
};
LIMBIC_INLINE Quadrant quadrant(float a) {
  const std::uint32_t b = std::bit_cast<std::uint32_t>(a);
  const std::uint32_t e = b >> 23;
  const std::uint64_t m = (b & 0x7fffffu) | 0x800000u;
  const std::uint32_t p = (e < 126u ? 126u : e) - 120u;
  // 32 zero bits, then 2/pi.
  constexpr std::uint64_t w0 = 0x00000000a2f9836eu, w1 = 0x4e441529fc2757d1u, w2 = 0xf534ddc0db629599u,
                          w3 = 0x3c439041fe5163abu;
  const std::uint32_t word = p >> 6;
  const std::uint64_t s = p & 63u;
  const std::uint64_t first = 0u - std::uint64_t{word == 0}, second = 0u - std::uint64_t{word == 1};
  const std::uint64_t third = ~(first | second);
  const std::uint64_t x = (w0 & first) | (w1 & second) | (w2 & third);
  const std::uint64_t y = (w1 & first) | (w2 & second) | (w3 & third);
  const std::uint64_t z = (w2 & first) | (w3 & second);
  const std::uint64_t high = (x << s) | ((y >> 1) >> (63u - s));
  const std::uint64_t low = ((y << s) | ((z >> 1) >> (63u - s))) >> 32;
  // Two bits of quadrant, 62 bits of fraction; half a quadrant more, to round to nearest.
  const std::uint64_t q = m * high + ((m * low) >> 32) + (std::uint64_t{1} << 61);
  // The fraction as a double, in halves that fit its significand (a 64-bit conversion seldom vectorises).
  const std::uint64_t top = (q >> 31) & 0x7fffffffu, bottom = q & 0x7fffffffu;
  const double dt = std::bit_cast<double>(top | 0x4330000000000000u) - 4503599627370496.0;
  const double db = std::bit_cast<double>(bottom | 0x4330000000000000u) - 4503599627370496.0;
  const double rest = (dt - 1073741824.0) * 2147483648.0 + db;
  const float r = static_cast<float>(rest * 3.4061215800304554e-19);  // pi/2 2^-62
  const bool large = a >= 0.785398163f;
  return {static_cast<std::uint32_t>(q >> 62) & (0u - static_cast<std::uint32_t>(large)),
          Float::select(large, r, a)};
}

LIMBIC_INLINE float sin_kernel(float r, float s) {
  const float p = (s * -1.98612921e-4f + 8.33339710e-3f) * s - 0.166666672f;
  return (p + s * s * s * 2.92170853e-6f) * (r * s) + r;
}
LIMBIC_INLINE float cos_kernel(float s) {
  float p = s * -3.21301997e-7f + 2.48527649e-5f;
  p = p * s - 1.38890487e-3f;
  p = p * s + 4.16666679e-2f;
  return (p * (s * s) - s * 0.5f) + 1.0f;
}
// sin(|x| + shift pi/2) with the sign bit `sign` flipped.
LIMBIC_INLINE float sin_shifted(float x, std::uint32_t shift, std::uint32_t sign) {
  const float a = Float::abs(x);
  const Quadrant q = quadrant(a);
  const float s = q.r * q.r, odd = sin_kernel(q.r, s), even = cos_kernel(s);
  const std::uint32_t n = q.n + shift;
  const float y = Float::select(n & 1u, even, odd);
  const float z = std::bit_cast<float>(std::bit_cast<std::uint32_t>(y) ^ ((n & 2u) << 30) ^ sign);
  constexpr float kInf = std::numeric_limits<float>::infinity(),
                  kNan = std::numeric_limits<float>::quiet_NaN();
  return Float::select(a < kInf, z, kNan);
}

}  // namespace detail

// The functions of <cmath>, branch-free.
LIMBIC_INLINE float exp(float x) { return detail::Float::exp(x); }
LIMBIC_INLINE float expm1(float x) { return detail::Float::expm1(x); }
LIMBIC_INLINE float log(float x) { return detail::Float::log(x); }
LIMBIC_INLINE float log1p(float x) { return detail::Float::log1p(x); }
LIMBIC_INLINE float tanh(float x) { return detail::Float::tanh(x); }
LIMBIC_INLINE float erf(float x) { return detail::Float::erf(x); }
LIMBIC_INLINE float sin(float x) {
  return detail::sin_shifted(x, 0, std::bit_cast<std::uint32_t>(x) & 0x80000000u);
}
LIMBIC_INLINE float cos(float x) { return detail::sin_shifted(x, 1, 0); }
// 1 / (1 + e^-x)
LIMBIC_INLINE float sigmoid(float x) { return detail::Float::sigmoid(x); }
// log(1 + e^x)
LIMBIC_INLINE float softplus(float x) { return detail::Float::softplus(x); }

// The same for double, by <cmath>.
LIMBIC_INLINE double exp(double x) { return std::exp(x); }
LIMBIC_INLINE double expm1(double x) { return std::expm1(x); }
LIMBIC_INLINE double log(double x) { return std::log(x); }
LIMBIC_INLINE double log1p(double x) { return std::log1p(x); }
LIMBIC_INLINE double tanh(double x) { return std::tanh(x); }
LIMBIC_INLINE double erf(double x) { return std::erf(x); }
LIMBIC_INLINE double sin(double x) { return std::sin(x); }
LIMBIC_INLINE double cos(double x) { return std::cos(x); }
LIMBIC_INLINE double sigmoid(double x) {
  const double e = std::exp(-std::fabs(x));
  return (x < 0 ? e : 1.0) / (1.0 + e);
}
LIMBIC_INLINE double softplus(double x) { return (x > 0 ? x : 0.0) + std::log1p(std::exp(-std::fabs(x))); }

// The rest by <cmath>, T = float or double; rsqrt is 1 / sqrt(x).
template <std::floating_point T>
LIMBIC_INLINE T sqrt(T x) {
  return std::sqrt(x);
}
template <std::floating_point T>
LIMBIC_INLINE T rsqrt(T x) {
  return T(1) / std::sqrt(x);
}
template <std::floating_point T>
LIMBIC_INLINE T pow(T x, T y) {
  return std::pow(x, y);
}
template <std::floating_point T>
LIMBIC_INLINE T exp2(T x) {
  return std::exp2(x);
}
template <std::floating_point T>
LIMBIC_INLINE T log2(T x) {
  return std::log2(x);
}
template <std::floating_point T>
LIMBIC_INLINE T log10(T x) {
  return std::log10(x);
}
template <std::floating_point T>
LIMBIC_INLINE T erfc(T x) {
  return std::erfc(x);
}
template <std::floating_point T>
LIMBIC_INLINE T tan(T x) {
  return std::tan(x);
}
template <std::floating_point T>
LIMBIC_INLINE T asin(T x) {
  return std::asin(x);
}
template <std::floating_point T>
LIMBIC_INLINE T acos(T x) {
  return std::acos(x);
}
template <std::floating_point T>
LIMBIC_INLINE T atan(T x) {
  return std::atan(x);
}
template <std::floating_point T>
LIMBIC_INLINE T atan2(T y, T x) {
  return std::atan2(y, x);
}
template <std::floating_point T>
LIMBIC_INLINE T sinh(T x) {
  return std::sinh(x);
}
template <std::floating_point T>
LIMBIC_INLINE T cosh(T x) {
  return std::cosh(x);
}
template <std::floating_point T>
LIMBIC_INLINE T floor(T x) {
  return std::floor(x);
}
template <std::floating_point T>
LIMBIC_INLINE T ceil(T x) {
  return std::ceil(x);
}
template <std::floating_point T>
LIMBIC_INLINE T trunc(T x) {
  return std::trunc(x);
}
// To the nearest integer, halves to the even one (as NumPy and PyTorch).
template <std::floating_point T>
LIMBIC_INLINE T round(T x) {
  return std::nearbyint(x);
}
template <std::floating_point T>
LIMBIC_INLINE T abs(T x) {
  return std::fabs(x);
}
// NaN if either is.
template <class T>
LIMBIC_INLINE T max(T a, T b) {
  return a > b || a != a ? a : b;
}
template <class T>
LIMBIC_INLINE T min(T a, T b) {
  return a < b || a != a ? a : b;
}
// -1, 0 or 1; NaN of NaN, and the zero itself of a zero.
template <class T>
LIMBIC_INLINE T sign(T x) {
  return x > T(0) ? T(1) : (x < T(0) ? T(-1) : x);
}
// 1 where x > 0, else 0 (of NaN too): the derivative of relu.
template <class T>
LIMBIC_INLINE T step(T x) {
  return x > T(0) ? T(1) : T(0);
}
// mask ? a : b, by the bits: g++ turns ?: into jumps, which keep a loop from vectorising.
template <std::floating_point T>
LIMBIC_INLINE T choose(bool mask, T a, T b) {
  using U = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const U bits = U(0) - static_cast<U>(mask);
  return std::bit_cast<T>((std::bit_cast<U>(a) & bits) | (std::bit_cast<U>(b) & ~bits));
}
// What a function gave, as a T.
template <class T, class X>
LIMBIC_INLINE T as(X x) {
  return static_cast<T>(x);
}
// x^2.
template <class T>
LIMBIC_INLINE T square(T x) {
  return x * x;
}
// Whether x is NaN, and whether it is neither that nor infinite. Right without -ffast-math only.
template <class T>
LIMBIC_INLINE bool isnan(T x) {
  return x != x;
}
template <class T>
LIMBIC_INLINE bool isfinite(T x) {
  return x - x == T(0);
}

// The same of numbers that are not computed but recorded, for devices that run the record: declared here so
// that generic code finds them, defined in backend/cuda/trace.hpp.
}  // namespace limbic::math

namespace limbic {
template <class T>
class Traced;
}

namespace limbic::math {

template <class X>
struct ScalarOf {
  using type = X;
};
template <class T>
struct ScalarOf<Traced<T>> {
  using type = T;
};
// The scalar type of a number, recorded or not.
template <class X>
using scalar_t = typename ScalarOf<X>::type;

template <class T>
Traced<T> exp(const Traced<T>& x);
template <class T>
Traced<T> expm1(const Traced<T>& x);
template <class T>
Traced<T> log(const Traced<T>& x);
template <class T>
Traced<T> log1p(const Traced<T>& x);
template <class T>
Traced<T> tanh(const Traced<T>& x);
template <class T>
Traced<T> erf(const Traced<T>& x);
template <class T>
Traced<T> sin(const Traced<T>& x);
template <class T>
Traced<T> cos(const Traced<T>& x);
template <class T>
Traced<T> sigmoid(const Traced<T>& x);
template <class T>
Traced<T> softplus(const Traced<T>& x);
template <class T>
Traced<T> sqrt(const Traced<T>& x);
template <class T>
Traced<T> rsqrt(const Traced<T>& x);
template <class T>
Traced<T> exp2(const Traced<T>& x);
template <class T>
Traced<T> log2(const Traced<T>& x);
template <class T>
Traced<T> log10(const Traced<T>& x);
template <class T>
Traced<T> erfc(const Traced<T>& x);
template <class T>
Traced<T> tan(const Traced<T>& x);
template <class T>
Traced<T> asin(const Traced<T>& x);
template <class T>
Traced<T> acos(const Traced<T>& x);
template <class T>
Traced<T> atan(const Traced<T>& x);
template <class T>
Traced<T> sinh(const Traced<T>& x);
template <class T>
Traced<T> cosh(const Traced<T>& x);
template <class T>
Traced<T> floor(const Traced<T>& x);
template <class T>
Traced<T> ceil(const Traced<T>& x);
template <class T>
Traced<T> trunc(const Traced<T>& x);
template <class T>
Traced<T> round(const Traced<T>& x);
template <class T>
Traced<T> abs(const Traced<T>& x);
template <class T>
Traced<T> sign(const Traced<T>& x);
template <class T>
Traced<T> step(const Traced<T>& x);
template <class T>
Traced<bool> isnan(const Traced<T>& x);
template <class T>
Traced<bool> isfinite(const Traced<T>& x);
template <class T, class U>
Traced<T> as(const Traced<U>& x);
template <class T>
Traced<T> pow(const Traced<T>& a, const Traced<T>& b);
template <class T>
Traced<T> pow(const Traced<T>& a, T b);
template <class T>
Traced<T> pow(T a, const Traced<T>& b);
template <class T>
Traced<T> atan2(const Traced<T>& a, const Traced<T>& b);
template <class T>
Traced<T> atan2(const Traced<T>& a, T b);
template <class T>
Traced<T> atan2(T a, const Traced<T>& b);
template <class T>
Traced<T> max(const Traced<T>& a, const Traced<T>& b);
template <class T>
Traced<T> max(const Traced<T>& a, T b);
template <class T>
Traced<T> max(T a, const Traced<T>& b);
template <class T>
Traced<T> min(const Traced<T>& a, const Traced<T>& b);
template <class T>
Traced<T> min(const Traced<T>& a, T b);
template <class T>
Traced<T> min(T a, const Traced<T>& b);
// mask ? a : b, of which one may be a plain number.
template <class T>
Traced<T> choose(const Traced<bool>& mask, const Traced<T>& a, const Traced<T>& b);
template <class T>
Traced<T> choose(const Traced<bool>& mask, const Traced<T>& a, T b);
template <class T>
Traced<T> choose(const Traced<bool>& mask, T a, const Traced<T>& b);
template <std::floating_point T>
Traced<T> choose(const Traced<bool>& mask, T a, T b);

}  // namespace limbic::math
