// Activations of one piece or two, elementwise (those with a gate x * s(x): gelu.hpp).
//
//   tanh                              dx = dy (1 - y^2)
//   sigmoid     1 / (1 + e^-x)        dx = dy y (1 - y)
//   logsigmoid  log sigmoid(x)        dx = dy sigmoid(-x)
//   softplus    log(1 + e^(bx)) / b   dx = dy sigmoid(bx);       x itself where bx > threshold
//   softsign    x / (1 + |x|)         dx = dy (1 - |y|)^2
//   relu        max(x, 0)             dx = dy where x > 0
//   leaky_relu  x or s x              dx = dy, below 0 s dy
//   elu, selu   c x or c a (e^x - 1)  dx = c dy, below 0 c a e^x dy
#pragma once

#include <limbic/ops/exponential.hpp>
#include <limbic/ops/rounding.hpp>

namespace limbic {

template <Operand X>
X sigmoid(const X& x, Site site = Site::here());

namespace detail {

struct TanhF : OfOutput {
  static constexpr const char* name = "tanh";
  LIMBIC_INLINE auto value(auto x) const { return math::tanh(x); }
  LIMBIC_INLINE auto slope(const auto& y) const { return like(y, 1) - y * y; }
};
struct SigmoidF : OfOutput {
  static constexpr const char* name = "sigmoid";
  LIMBIC_INLINE auto value(auto x) const { return math::sigmoid(x); }
  LIMBIC_INLINE auto slope(const auto& y) const { return y * (like(y, 1) - y); }
};
struct LogsigmoidF : OfInput {
  static constexpr const char* name = "logsigmoid";
  LIMBIC_INLINE auto value(auto x) const { return -math::softplus(-x); }
  LIMBIC_INLINE auto slope(const auto& x) const {
    using math::sigmoid;
    return sigmoid(-x);
  }
};
template <class T>
struct SoftplusF {
  static constexpr const char* name = "softplus";
  static constexpr bool kSlopeOfOutput = false;
  T beta, threshold;
  LIMBIC_INLINE auto value(auto x) const {
    const auto z = beta * x;
    return choose(z > threshold, x, math::softplus(z) / beta);
  }
  template <class X>
  LIMBIC_INLINE X slope(const X& x) const {
    using math::sigmoid;
    const X s = sigmoid(beta * x);
    return choose(mask_of([b = beta, t = threshold](auto v) { return b * v > t; }, x), T(1), s);
  }
};
struct SoftsignF : OfOutput {
  static constexpr const char* name = "softsign";
  LIMBIC_INLINE auto value(auto x) const { return x / (decltype(x)(1) + math::abs(x)); }
  template <class X>
  LIMBIC_INLINE X slope(const X& y) const {
    using math::abs;
    const X r = like(y, 1) - abs(y);
    return r * r;
  }
};
struct ReluF : OfOutput {
  static constexpr const char* name = "relu";
  LIMBIC_INLINE auto value(auto x) const {
    return choose(x <= decltype(x)(0), decltype(x)(0), x);
  }  // NaN stays
  LIMBIC_INLINE auto slope(const auto& y) const {
    return flat(y, [](auto v) { return math::step(v); });
  }
};
template <class T>
struct LeakyReluF {
  static constexpr const char* name = "leaky_relu";
  static constexpr bool kSlopeOfOutput = false;
  T negative;
  LIMBIC_INLINE auto value(auto x) const { return choose(x > T(0), x, negative * x); }
  LIMBIC_INLINE auto slope(const auto& x) const {
    return flat(x, [s = negative](auto v) { return choose(v > T(0), decltype(v)(1), decltype(v)(s)); });
  }
};
template <class T>
struct EluF {
  static constexpr const char* name = "elu";
  static constexpr bool kSlopeOfOutput = false;
  T alpha, scale;
  LIMBIC_INLINE auto value(auto x) const { return scale * choose(x > T(0), x, alpha * math::expm1(x)); }
  template <class X>
  LIMBIC_INLINE X slope(const X& x) const {
    using math::exp;
    const auto linear = mask_of([](auto v) { return v > decltype(v)(0); }, x);
    // Of the smaller of x and 0: e^x may overflow where it is not wanted.
    const X below = alpha * exp(choose(linear, T(0), x));
    return scale * choose(linear, T(1), below);
  }
};
template <class T>
struct SeluF : EluF<T> {
  static constexpr const char* name = "selu";
};

}  // namespace detail

// Hyperbolic tangent.
template <Operand X>
X tanh(const X& x, Site site = Site::here()) {
  return unary(site, detail::TanhF{}, x);
}
// 1 / (1 + exp(-x)).
template <Operand X>
X sigmoid(const X& x, Site site) {
  return unary(site, detail::SigmoidF{}, x);
}
// log(sigmoid(x)), without overflow.
template <Operand X>
X logsigmoid(const X& x, Site site = Site::here()) {
  return unary(site, detail::LogsigmoidF{}, x);
}
// log(1 + exp(beta x)) / beta, without overflow; x where beta x is above the threshold. Throws unless beta is
// positive.
template <Operand X>
X softplus(const X& x, std::type_identity_t<scalar_of<X>> beta = 1,
           std::type_identity_t<scalar_of<X>> threshold = 20, Site site = Site::here()) {
  if (!(beta > 0)) fail("softplus", "beta must be positive; got ", beta);
  return unary(site, detail::SoftplusF<scalar_of<X>>{.beta = beta, .threshold = threshold}, x);
}
// x / (1 + |x|).
template <Operand X>
X softsign(const X& x, Site site = Site::here()) {
  return unary(site, detail::SoftsignF{}, x);
}
// max(x, 0), with gradient 0 at 0.
template <Operand X>
X relu(const X& x, Site site = Site::here()) {
  return unary(site, detail::ReluF{}, x);
}
// x, times `negative_slope` where it is not positive.
template <Operand X>
X leaky_relu(const X& x, std::type_identity_t<scalar_of<X>> negative_slope = scalar_of<X>(0.01),
             Site site = Site::here()) {
  return unary(site, detail::LeakyReluF<scalar_of<X>>{.negative = negative_slope}, x);
}
// x, and alpha (e^x - 1) where it is not positive (Clevert et al., 2016).
template <Operand X>
X elu(const X& x, std::type_identity_t<scalar_of<X>> alpha = 1, Site site = Site::here()) {
  return unary(site, detail::EluF<scalar_of<X>>{.alpha = alpha, .scale = 1}, x);
}
// scale elu(x, alpha) with the constants that keep mean 0 and variance 1 (Klambauer et al., 2017).
template <Operand X>
X selu(const X& x, Site site = Site::here()) {
  using T = scalar_of<X>;
  return unary(site, detail::SeluF<T>{{.alpha = T(1.6732632423543772848), .scale = T(1.0507009873554804934)}},
               x);
}

}  // namespace limbic
