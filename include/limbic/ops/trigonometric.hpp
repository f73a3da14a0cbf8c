// Trigonometric and hyperbolic functions, elementwise.
//
//   sin   dx = dy cos x        asin  dx = dy / sqrt(1 - x^2)      sinh  dx = dy cosh x
//   cos   dx = -dy sin x       acos  dx = -dy / sqrt(1 - x^2)     cosh  dx = dy sinh x
//   tan   dx = dy (1 + y^2)    atan  dx = dy / (1 + x^2)
//   atan2(a, b)  angle of (b, a):  da = dy b / (a^2 + b^2),  db = -dy a / (a^2 + b^2)
#pragma once

#include <limbic/ops/power.hpp>

namespace limbic {

template <Operand X>
X cos(const X& x, Site site = Site::here());
template <Operand X>
X cosh(const X& x, Site site = Site::here());

namespace detail {

struct SinF : OfInput {
  static constexpr const char* name = "sin";
  LIMBIC_INLINE auto value(auto x) const { return math::sin(x); }
  LIMBIC_INLINE auto slope(const auto& x) const {
    using math::cos;
    return cos(x);
  }
};
struct CosF : OfInput {
  static constexpr const char* name = "cos";
  LIMBIC_INLINE auto value(auto x) const { return math::cos(x); }
  LIMBIC_INLINE auto slope(const auto& x) const {
    using math::sin;
    return -sin(x);
  }
};
struct TanF : OfOutput {
  static constexpr const char* name = "tan";
  LIMBIC_INLINE auto value(auto x) const { return math::tan(x); }
  LIMBIC_INLINE auto slope(const auto& y) const { return y * y + like(y, 1); }
};
struct AsinF : OfInput {
  static constexpr const char* name = "asin";
  LIMBIC_INLINE auto value(auto x) const { return math::asin(x); }
  LIMBIC_INLINE auto slope(const auto& x) const {
    using math::rsqrt;
    return rsqrt(like(x, 1) - x * x);
  }
};
struct AcosF : OfInput {
  static constexpr const char* name = "acos";
  LIMBIC_INLINE auto value(auto x) const { return math::acos(x); }
  LIMBIC_INLINE auto slope(const auto& x) const {
    using math::rsqrt;
    return -rsqrt(like(x, 1) - x * x);
  }
};
struct AtanF : OfInput {
  static constexpr const char* name = "atan";
  LIMBIC_INLINE auto value(auto x) const { return math::atan(x); }
  LIMBIC_INLINE auto slope(const auto& x) const { return like(x, 1) / (x * x + like(x, 1)); }
};
struct SinhF : OfInput {
  static constexpr const char* name = "sinh";
  LIMBIC_INLINE auto value(auto x) const { return math::sinh(x); }
  LIMBIC_INLINE auto slope(const auto& x) const {
    using math::cosh;
    return cosh(x);
  }
};
struct CoshF : OfInput {
  static constexpr const char* name = "cosh";
  LIMBIC_INLINE auto value(auto x) const { return math::cosh(x); }
  LIMBIC_INLINE auto slope(const auto& x) const {
    using math::sinh;
    return sinh(x);
  }
};
struct Atan2F {
  static constexpr const char* name = "atan2";
  template <class T>
  LIMBIC_INLINE T value(T a, T b) const {
    return math::atan2(a, b);
  }
  template <class X>
  LIMBIC_INLINE X slope_a(const X& a, const X& b) const {
    return b / (a * a + b * b);
  }
  template <class X>
  LIMBIC_INLINE X slope_b(const X& a, const X& b) const {
    return -a / (a * a + b * b);
  }
};

}  // namespace detail

// Sine, cosine and tangent of angles in radians.
template <Operand X>
X sin(const X& x, Site site = Site::here()) {
  return unary(site, detail::SinF{}, x);
}
template <Operand X>
X cos(const X& x, Site site) {
  return unary(site, detail::CosF{}, x);
}
template <Operand X>
X tan(const X& x, Site site = Site::here()) {
  return unary(site, detail::TanF{}, x);
}
// Arcsine, arccosine and arctangent: angles in radians; asin and acos are NaN outside [-1, 1].
template <Operand X>
X asin(const X& x, Site site = Site::here()) {
  return unary(site, detail::AsinF{}, x);
}
template <Operand X>
X acos(const X& x, Site site = Site::here()) {
  return unary(site, detail::AcosF{}, x);
}
template <Operand X>
X atan(const X& x, Site site = Site::here()) {
  return unary(site, detail::AtanF{}, x);
}
// Hyperbolic sine and cosine.
template <Operand X>
X sinh(const X& x, Site site = Site::here()) {
  return unary(site, detail::SinhF{}, x);
}
template <Operand X>
X cosh(const X& x, Site site) {
  return unary(site, detail::CoshF{}, x);
}
// Angle in radians, [-pi, pi], of the point (x, y); they broadcast. Throws if the shapes do not broadcast.
template <Operand A, Operand B>
auto atan2(const A& y, const B& x, Site site = Site::here()) {
  return binary(site, detail::Atan2F{}, y, x);
}

}  // namespace limbic
