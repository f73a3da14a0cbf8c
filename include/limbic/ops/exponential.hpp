// Exponentials and logarithms, elementwise.
//
//   exp    dx = dy y            log     dx = dy / x
//   expm1  dx = dy (y + 1)      log1p   dx = dy / (1 + x)
//   exp2   dx = dy y ln 2       log2    dx = dy / (x ln 2)
//                               log10   dx = dy / (x ln 10)
#pragma once

#include <limbic/ops/slope.hpp>

namespace limbic {

namespace detail {

inline constexpr double kLn2 = 0.69314718055994530942, kLn10 = 2.30258509299404568402;

struct ExpF : OfOutput {
  static constexpr const char* name = "exp";
  LIMBIC_INLINE auto value(auto x) const { return math::exp(x); }
  LIMBIC_INLINE auto slope(const auto& y) const { return y; }
};
struct Expm1F : OfOutput {
  static constexpr const char* name = "expm1";
  LIMBIC_INLINE auto value(auto x) const { return math::expm1(x); }
  LIMBIC_INLINE auto slope(const auto& y) const { return y + like(y, 1); }
};
struct Exp2F : OfOutput {
  static constexpr const char* name = "exp2";
  LIMBIC_INLINE auto value(auto x) const { return math::exp2(x); }
  LIMBIC_INLINE auto slope(const auto& y) const { return y * like(y, kLn2); }
};
struct LogF : OfInput {
  static constexpr const char* name = "log";
  LIMBIC_INLINE auto value(auto x) const { return math::log(x); }
  LIMBIC_INLINE auto slope(const auto& x) const { return like(x, 1) / x; }
};
struct Log1pF : OfInput {
  static constexpr const char* name = "log1p";
  LIMBIC_INLINE auto value(auto x) const { return math::log1p(x); }
  LIMBIC_INLINE auto slope(const auto& x) const { return like(x, 1) / (x + like(x, 1)); }
};
struct Log2F : OfInput {
  static constexpr const char* name = "log2";
  LIMBIC_INLINE auto value(auto x) const { return math::log2(x); }
  LIMBIC_INLINE auto slope(const auto& x) const { return like(x, 1 / kLn2) / x; }
};
struct Log10F : OfInput {
  static constexpr const char* name = "log10";
  LIMBIC_INLINE auto value(auto x) const { return math::log10(x); }
  LIMBIC_INLINE auto slope(const auto& x) const { return like(x, 1 / kLn10) / x; }
};

}  // namespace detail

// e^x.
template <Operand X>
X exp(const X& x, Site site = Site::here()) {
  return unary(site, detail::ExpF{}, x);
}
// e^x - 1, exact to the last places near 0.
template <Operand X>
X expm1(const X& x, Site site = Site::here()) {
  return unary(site, detail::Expm1F{}, x);
}
// 2^x.
template <Operand X>
X exp2(const X& x, Site site = Site::here()) {
  return unary(site, detail::Exp2F{}, x);
}
// Natural logarithm: -inf at 0, NaN below.
template <Operand X>
X log(const X& x, Site site = Site::here()) {
  return unary(site, detail::LogF{}, x);
}
// log(1 + x), exact to the last places near 0; -inf at -1, NaN below.
template <Operand X>
X log1p(const X& x, Site site = Site::here()) {
  return unary(site, detail::Log1pF{}, x);
}
// Logarithm to base 2; -inf at 0, NaN below.
template <Operand X>
X log2(const X& x, Site site = Site::here()) {
  return unary(site, detail::Log2F{}, x);
}
// Logarithm to base 10; -inf at 0, NaN below.
template <Operand X>
X log10(const X& x, Site site = Site::here()) {
  return unary(site, detail::Log10F{}, x);
}

}  // namespace limbic
