// Powers and roots, elementwise.
//
//   square      y = x^2          dx = 2 dy x
//   sqrt        y = x^(1/2)      dx = dy / (2 y)             infinite at 0
//   rsqrt       y = x^(-1/2)     dx = -dy y^3 / 2
//   reciprocal  y = 1 / x        dx = -dy y^2
//   pow         y = a^b          da = dy b a^(b-1),          0 where b = 0
//                                db = dy y log a,            0 where a = 0 and b >= 0
#pragma once

#include <limbic/ops/exponential.hpp>

namespace limbic {

template <Operand X>
X pow(const X& x, std::type_identity_t<scalar_of<X>> exponent, Site site = Site::here());
template <Operand X>
X pow(std::type_identity_t<scalar_of<X>> base, const X& exponent, Site site = Site::here());
template <Operand A, Operand B>
auto pow(const A& base, const B& exponent, Site site = Site::here());

namespace detail {

struct SquareF : OfInput {
  static constexpr const char* name = "square";
  LIMBIC_INLINE auto value(auto x) const { return x * x; }
  LIMBIC_INLINE auto slope(const auto& x) const { return like(x, 2) * x; }
};
struct SqrtF : OfOutput {
  static constexpr const char* name = "sqrt";
  LIMBIC_INLINE auto value(auto x) const { return math::sqrt(x); }
  LIMBIC_INLINE auto slope(const auto& y) const { return like(y, 0.5) / y; }
};
struct RsqrtF : OfOutput {
  static constexpr const char* name = "rsqrt";
  LIMBIC_INLINE auto value(auto x) const { return math::rsqrt(x); }
  LIMBIC_INLINE auto slope(const auto& y) const { return like(y, -0.5) * y * y * y; }
};
struct ReciprocalF : OfOutput {
  static constexpr const char* name = "reciprocal";
  LIMBIC_INLINE auto value(auto x) const { return decltype(x)(1) / x; }
  LIMBIC_INLINE auto slope(const auto& y) const { return -y * y; }
};

template <class T>
struct PowNumberF {
  static constexpr const char* name = "pow";
  static constexpr bool kSlopeOfOutput = false;
  T exponent;
  LIMBIC_INLINE auto value(auto x) const { return math::pow(x, decltype(x)(exponent)); }
  template <class X>
  LIMBIC_INLINE X slope(const X& x) const {
    using math::pow;
    if (exponent == T(0))
      return flat(x, [](auto v) { return decltype(v)(0); });  // 0 times infinity at 0 else
    return exponent * pow(x, exponent - T(1));
  }
};

// number^x; the power of 0 is flat where it is 0 or 1.
template <class T>
struct NumberPowF {
  static constexpr const char* name = "pow";
  static constexpr bool kSlopeOfOutput = false;
  T base;
  LIMBIC_INLINE auto value(auto x) const { return math::pow(decltype(x)(base), x); }
  template <class X>
  LIMBIC_INLINE X slope(const X& x) const {
    using math::pow;
    const X s = pow(base, x) * math::log(base);
    if (base != T(0)) return s;
    return choose(mask_of([](auto v) { return v >= 0; }, x), like(x, 0), s);
  }
};

struct PowF {
  static constexpr const char* name = "pow";
  template <class T>
  LIMBIC_INLINE T value(T a, T b) const {
    return math::pow(a, b);
  }
  // b a^(b-1) is 0 times infinity where b = 0 and 1/a is not finite.
  template <class X>
  LIMBIC_INLINE X slope_a(const X& a, const X& b) const {
    using math::pow;
    const auto flat_there = mask_of([](auto u, auto v) { return v == 0 && !math::isfinite(1 / u); }, a, b);
    const X c = choose(flat_there, like(b, 1), b);
    return choose(flat_there, like(b, 0), c * pow(a, c - like(b, 1)));
  }
  template <class X>
  LIMBIC_INLINE X slope_b(const X& a, const X& b) const {
    using math::log;
    using math::pow;
    const auto flat_there = mask_of([](auto u, auto v) { return u == 0 && v >= 0; }, a, b);
    const X c = choose(flat_there, like(a, 1), a);
    return choose(flat_there, like(a, 0), pow(a, b) * log(c));
  }
};

}  // namespace detail

// x^2.
template <Operand X>
X square(const X& x, Site site = Site::here()) {
  return unary(site, detail::SquareF{}, x);
}
// Square root; NaN below 0, with an infinite slope at 0.
template <Operand X>
X sqrt(const X& x, Site site = Site::here()) {
  return unary(site, detail::SqrtF{}, x);
}
// 1 / sqrt(x); infinite at 0, NaN below.
template <Operand X>
X rsqrt(const X& x, Site site = Site::here()) {
  return unary(site, detail::RsqrtF{}, x);
}
// 1 / x.
template <Operand X>
X reciprocal(const X& x, Site site = Site::here()) {
  return unary(site, detail::ReciprocalF{}, x);
}

// base^exponent elementwise, each a tensor or a number, with broadcasting; as C's pow (0^0 = 1, NaN for a
// negative base and an exponent that is not whole). Throws if the shapes do not broadcast.
template <Operand X>
X pow(const X& x, std::type_identity_t<scalar_of<X>> exponent, Site site) {
  using T = scalar_of<X>;
  if (exponent == T(1)) return affine(x, T(1), T(-0.0), site);
  if (exponent == T(2)) return square(x, site);
  if (exponent == T(3)) return mul(square(x, site), x, site);
  if (exponent == T(0.5)) return sqrt(x, site);
  if (exponent == T(-0.5)) return rsqrt(x, site);
  if (exponent == T(-1)) return reciprocal(x, site);
  return unary(site, detail::PowNumberF<T>{.exponent = exponent}, x);
}
template <Operand X>
X pow(std::type_identity_t<scalar_of<X>> base, const X& exponent, Site site) {
  return unary(site, detail::NumberPowF<scalar_of<X>>{.base = base}, exponent);
}
template <Operand A, Operand B>
auto pow(const A& base, const B& exponent, Site site) {
  return binary(site, detail::PowF{}, base, exponent);
}

}  // namespace limbic
