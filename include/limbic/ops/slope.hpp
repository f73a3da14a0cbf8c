// What derivatives of elementwise functions are written with: one expression that is the inner loop of
// backward when its arguments are scalars, and the graph of the gradient when they are Vars.
//
//   using math::exp;                                 exp(x): math's for scalars, limbic's for Vars
//   like(x, 0.5) * x                                 a constant of x's scalar type
//   flat(x, [](auto v) { return math::step(v); })    a function whose own derivative is 0
//   choose(mask_of([](auto v) { return v > 0; }, x), x, like(x, 0))
//                                                    a choice, without NaN from what is not chosen
#pragma once

#include <limbic/ops/where.hpp>

namespace limbic::detail {

template <class X>
LIMBIC_INLINE element_of<X> like(const X&, double value) {
  return static_cast<element_of<X>>(value);
}

template <class F, class X>
LIMBIC_INLINE X flat(const X& x, F f) {
  if constexpr (Operand<X>) {
    using T = scalar_of<X>;
    using D = device_of<X>;
    Tensor<T, D> y = Tensor<T, D>::empty(x.shape());
    elementwise(D{}, f, y, value_of(x));
    return X(std::move(y));
  } else {
    return f(x);
  }
}

// The predicate of scalars, or the mask of its values over tensors, which broadcast.
template <class P, class X, class... Rest>
LIMBIC_INLINE auto mask_of(P p, const X& x, const Rest&... rest) {
  if constexpr (Operand<X>) {
    using D = device_of<X>;
    Shape shape = x.shape();
    ((shape = broadcast_shapes("where", shape, rest.shape())), ...);
    Tensor<bool, D> mask = Tensor<bool, D>::empty(shape);
    elementwise(D{}, p, mask, value_of(x), value_of(rest)...);
    return mask;
  } else {
    return p(x, rest...);
  }
}

// mask ? a : b of tensors; of scalars it is math's.
template <class D, class A, class B>
auto choose(const Tensor<bool, D>& mask, const A& a, const B& b) {
  return where(mask, a, b);
}

// Which value a function's slope() is given; bases of functions without members.
struct OfInput {
  static constexpr bool kSlopeOfOutput = false;
};
struct OfOutput {
  static constexpr bool kSlopeOfOutput = true;
};

}  // namespace limbic::detail
