// The error function, elementwise.
//
//   erf   y = 2 / sqrt(pi) int_0^x e^(-t^2) dt     dx = 2 / sqrt(pi) e^(-x^2) dy
//   erfc  y = 1 - erf(x)                           dx = -2 / sqrt(pi) e^(-x^2) dy
#pragma once

#include <limbic/ops/exponential.hpp>

namespace limbic {

namespace detail {

inline constexpr double kTwoOverSqrtPi = 1.1283791670955125739;

struct ErfF : OfInput {
  static constexpr const char* name = "erf";
  LIMBIC_INLINE auto value(auto x) const { return math::erf(x); }
  LIMBIC_INLINE auto slope(const auto& x) const {
    using math::exp;
    return like(x, kTwoOverSqrtPi) * exp(-(x * x));
  }
};
struct ErfcF : OfInput {
  static constexpr const char* name = "erfc";
  LIMBIC_INLINE auto value(auto x) const { return math::erfc(x); }
  LIMBIC_INLINE auto slope(const auto& x) const {
    using math::exp;
    return like(x, -kTwoOverSqrtPi) * exp(-(x * x));
  }
};

}  // namespace detail

// The error function.
template <Operand X>
X erf(const X& x, Site site = Site::here()) {
  return unary(site, detail::ErfF{}, x);
}
// 1 - erf(x), exact to the last places where that is near 0.
template <Operand X>
X erfc(const X& x, Site site = Site::here()) {
  return unary(site, detail::ErfcF{}, x);
}

}  // namespace limbic
