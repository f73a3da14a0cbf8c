// Positions of the largest and smallest elements. No gradient.
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/backend/cpu/argreduce.hpp>
#include <limbic/ops/along.hpp>

namespace limbic {

namespace detail {

template <int Sign, class T, class D>
Tensor<index_t, D> arg(const Tensor<T, D>& x, index_t dim, bool keepdim) {
  constexpr const char* kName = Sign > 0 ? "argmax" : "argmin";
  const Along at(kName, x.shape(), dim);
  Shape shape = x.shape();
  if (shape.rank()) shape[at.dim] = 1;
  if (at.n == 0 && at.outer * at.inner > 0) fail(kName, "at least one element is needed; got ", x);
  Tensor<index_t, D> y = Tensor<index_t, D>::empty(shape);
  if (y.numel()) arg_extreme<Sign>(D{}, y, x.contiguous(), at.outer, at.n, at.inner);
  return keepdim || shape.rank() == 0 ? y : y.squeeze(at.dim);
}

}  // namespace detail

// Position along `dim` of the largest element: the first of equals, the first NaN if there is one. x's shape
// without dim, or with 1 there (`keepdim`); a scalar counts as (1). Throws over no elements and for a dim out
// of range.
template <Operand X>
auto argmax(const X& x, index_t dim, bool keepdim = false) {
  return detail::arg<1>(value_of(x), dim, keepdim);
}
// The same of the smallest; NaN is the smallest, too.
template <Operand X>
auto argmin(const X& x, index_t dim, bool keepdim = false) {
  return detail::arg<-1>(value_of(x), dim, keepdim);
}
// Position of the largest or smallest among all elements in row-major order -> (). Throw for no elements.
template <Operand X>
auto argmax(const X& x) {
  return detail::arg<1>(value_of(x).reshape({-1}), 0, false);
}
template <Operand X>
auto argmin(const X& x) {
  return detail::arg<-1>(value_of(x).reshape({-1}), 0, false);
}

}  // namespace limbic
