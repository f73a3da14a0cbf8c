// Errors instead of NaN: losses whose value is not finite say which input was not, and where.
#pragma once

#include <limbic/autograd/var.hpp>
#include <limbic/backend/cpu/elementwise.hpp>
#include <limbic/backend/cpu/guard.hpp>

namespace limbic {

namespace detail {

// Throws if x holds a NaN, else if it holds an infinity, and says where.
template <Operand X>
void check_finite(std::string_view op, const char* what, const X& x) {
  require_finite(device_of<X>{}, op, what, value_of(x));
}

// A name for finite_loss().
template <class T, class D>
struct NamedInput {
  const char* first;
  const Tensor<T, D>& second;
};
template <Operand X>
NamedInput<scalar_of<X>, device_of<X>> named(const char* name, const X& x) {
  return {name, value_of(x)};
}

// `loss` (), if it is finite. Throws else: for the first input (a name and a tensor each) that is not finite,
// or because the value is beyond the type's range.
template <Operand Y, class... Inputs>
Y finite_loss(std::string_view op, Y loss, const Inputs&... named) {
  require_finite_loss(device_of<Y>{}, op, value_of(loss), named...);
  return loss;
}

}  // namespace detail

}  // namespace limbic
