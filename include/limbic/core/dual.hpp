// Dual<S>: a number and its derivative along one direction. What map() differentiates functions with.
// S may be a Dual itself: that is the second derivative.
#pragma once

#include <limbic/core/math.hpp>

#include <concepts>
#include <type_traits>

namespace limbic {

// value + slope h, with h^2 = 0. Operators and functions follow the rules of differentiation.
template <class S>
struct Dual {
  S value{};
  S slope{};

  Dual() = default;
  LIMBIC_INLINE Dual(S v, S d) : value(v), slope(d) {}
  // A constant.
  template <class C>
  requires(std::is_arithmetic_v<C> || std::same_as<C, S>) LIMBIC_INLINE Dual(C c)
      : value(static_cast<S>(c)), slope(S(0)) {}

  friend LIMBIC_INLINE Dual operator+(Dual a, Dual b) { return {a.value + b.value, a.slope + b.slope}; }
  friend LIMBIC_INLINE Dual operator-(Dual a, Dual b) { return {a.value - b.value, a.slope - b.slope}; }
  friend LIMBIC_INLINE Dual operator-(Dual a) { return {-a.value, -a.slope}; }
  friend LIMBIC_INLINE Dual operator*(Dual a, Dual b) {
    return {a.value * b.value, a.slope * b.value + a.value * b.slope};
  }
  friend LIMBIC_INLINE Dual operator/(Dual a, Dual b) {
    const S q = a.value / b.value;
    return {q, (a.slope - q * b.slope) / b.value};
  }
  LIMBIC_INLINE Dual& operator+=(Dual b) { return *this = *this + b; }
  LIMBIC_INLINE Dual& operator-=(Dual b) { return *this = *this - b; }
  LIMBIC_INLINE Dual& operator*=(Dual b) { return *this = *this * b; }
  LIMBIC_INLINE Dual& operator/=(Dual b) { return *this = *this / b; }

  // Comparisons look at the value: a function may branch. On a GPU it cannot, and says choose().
  friend LIMBIC_INLINE auto operator<(Dual a, Dual b) { return a.value < b.value; }
  friend LIMBIC_INLINE auto operator>(Dual a, Dual b) { return a.value > b.value; }
  friend LIMBIC_INLINE auto operator<=(Dual a, Dual b) { return a.value <= b.value; }
  friend LIMBIC_INLINE auto operator>=(Dual a, Dual b) { return a.value >= b.value; }
  friend LIMBIC_INLINE auto operator==(Dual a, Dual b) { return a.value == b.value; }
  friend LIMBIC_INLINE auto operator!=(Dual a, Dual b) { return a.value != b.value; }
};

// f(x) with derivative d at x: the chain rule.
template <class S>
LIMBIC_INLINE Dual<S> chain(S value, S slope, const Dual<S>& x) {
  return {value, slope * x.slope};
}

// Functions of dual numbers, found by argument-dependent lookup: write `using limbic::math::exp; exp(x)`.
// What map() is to differentiate may call these alone. Where a kink leaves a choice: abs has slope 1 at 0,
// max and min of equals that of the first (abs() and maximum() of tensors have 0 and half of each).
template <class S>
LIMBIC_INLINE Dual<S> exp(const Dual<S>& x) {
  using math::exp;
  const S y = exp(x.value);
  return chain(y, y, x);
}
template <class S>
LIMBIC_INLINE Dual<S> expm1(const Dual<S>& x) {
  using math::expm1;
  const S y = expm1(x.value);
  return chain(y, y + S(1), x);
}
template <class S>
LIMBIC_INLINE Dual<S> log(const Dual<S>& x) {
  using math::log;
  return chain(S(log(x.value)), S(1) / x.value, x);
}
template <class S>
LIMBIC_INLINE Dual<S> log1p(const Dual<S>& x) {
  using math::log1p;
  return chain(S(log1p(x.value)), S(1) / (S(1) + x.value), x);
}
template <class S>
LIMBIC_INLINE Dual<S> sqrt(const Dual<S>& x) {
  using math::sqrt;
  const S y = sqrt(x.value);
  return chain(y, S(0.5) / y, x);
}
template <class S>
LIMBIC_INLINE Dual<S> tanh(const Dual<S>& x) {
  using math::tanh;
  const S y = tanh(x.value);
  return chain(y, S(1) - y * y, x);
}
template <class S>
LIMBIC_INLINE Dual<S> sigmoid(const Dual<S>& x) {
  using math::sigmoid;
  const S y = sigmoid(x.value);
  return chain(y, y * (S(1) - y), x);
}
template <class S>
LIMBIC_INLINE Dual<S> softplus(const Dual<S>& x) {
  using math::sigmoid;
  using math::softplus;
  return chain(S(softplus(x.value)), S(sigmoid(x.value)), x);
}
template <class S>
LIMBIC_INLINE Dual<S> sin(const Dual<S>& x) {
  using math::cos;
  using math::sin;
  return chain(S(sin(x.value)), S(cos(x.value)), x);
}
template <class S>
LIMBIC_INLINE Dual<S> cos(const Dual<S>& x) {
  using math::cos;
  using math::sin;
  return chain(S(cos(x.value)), -S(sin(x.value)), x);
}
template <class S>
LIMBIC_INLINE Dual<S> erf(const Dual<S>& x) {
  using math::erf;
  using math::exp;
  return chain(S(erf(x.value)), S(1.1283791670955126) * S(exp(-(x.value * x.value))), x);
}
// mask ? a : b, where mask is what a comparison gives; both are evaluated.
template <class Mask, class S>
LIMBIC_INLINE Dual<S> choose(const Mask& mask, const Dual<S>& a, const Dual<S>& b) {
  using math::choose;
  return {choose(mask, a.value, b.value), choose(mask, a.slope, b.slope)};
}
template <class S>
LIMBIC_INLINE Dual<S> abs(const Dual<S>& x) {
  return choose(x.value < S(0), -x, x);
}
template <class S>
LIMBIC_INLINE Dual<S> max(const Dual<S>& a, const Dual<S>& b) {
  return choose(a.value < b.value, b, a);
}
template <class S>
LIMBIC_INLINE Dual<S> min(const Dual<S>& a, const Dual<S>& b) {
  return choose(b.value < a.value, b, a);
}
// x to a constant power; to the power 0 it is 1, with slope 0 at 0 too.
template <class S, class C>
requires std::is_arithmetic_v<C> LIMBIC_INLINE Dual<S> pow(const Dual<S>& x, C c) {
  using math::pow;
  if (c == C(0)) return S(1);
  if constexpr (requires { pow(x.value, S(c)); })
    return chain(S(pow(x.value, S(c))), S(c) * S(pow(x.value, S(c) - S(1))), x);
  else return chain(S(pow(x.value, c)), S(c) * S(pow(x.value, c - 1)), x);
}

}  // namespace limbic
