// Activations: tanh, sigmoid, ReLU.
#pragma once

#include <limbic/ops/arithmetic.hpp>

namespace limbic {

namespace detail {

struct TanhF {
  static constexpr const char* name = "tanh";
  static constexpr bool kSlopeOfOutput = true;
  template <class T>
  LIMBIC_INLINE T value(T x) const {
    return math::tanh(x);
  }
  template <class X>
  X slope(const X& y) const {
    return element_of<X>(1) - y * y;
  }
};

struct SigmoidF {
  static constexpr const char* name = "sigmoid";
  static constexpr bool kSlopeOfOutput = true;
  template <class T>
  LIMBIC_INLINE T value(T x) const {
    return math::sigmoid(x);
  }
  template <class X>
  X slope(const X& y) const {
    return y * (element_of<X>(1) - y);
  }
};

}  // namespace detail

// Hyperbolic tangent.
template <Operand X>
X tanh(const X& x, Site site = Site::here()) {
  return unary(site, detail::TanhF{}, x);
}
// 1 / (1 + exp(-x)).
template <Operand X>
X sigmoid(const X& x, Site site = Site::here()) {
  return unary(site, detail::SigmoidF{}, x);
}

}  // namespace limbic
