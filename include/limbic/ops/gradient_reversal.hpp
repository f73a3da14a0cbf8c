// Gradient reversal (Ganin and Lempitsky, "Unsupervised domain adaptation by backpropagation", ICML 2015):
// features are trained against what follows.
//
//   y = x    dx = -coefficient dy
#pragma once

#include <limbic/ops/arithmetic.hpp>

namespace limbic {

namespace detail {

template <class T, class D>
struct GradientReversal {
  static constexpr const char* name = "gradient_reversal";
  T coefficient;
  Tensor<T, D> evaluate(const Tensor<T, D>& x) { return x; }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, dy * -coefficient);
  }
};

}  // namespace detail

// x (any shape), whose gradient is multiplied by -coefficient. Not the derivative of what it computes:
// differences will not agree with it.
template <Operand X>
X gradient_reversal(const X& x, scalar_of<X> coefficient = scalar_of<X>(1), Site site = Site::here()) {
  return apply(site, detail::GradientReversal<scalar_of<X>, device_of<X>>{coefficient}, x);
}

}  // namespace limbic
