// Elements in order along one dimension, and the k largest or smallest. NaN counts as larger than all
// numbers.
//
//   y = x picked by index along dim        dx = dy placed back
#pragma once

#include <limbic/backend/cpu/sort.hpp>
#include <limbic/ops/along.hpp>
#include <limbic/ops/gather.hpp>

namespace limbic {

// What sort() and topk() give: elements of x, differentiable, and where they stood along the dimension; both
// of one shape.
template <class X>
struct Sorted {
  X values;
  Tensor<index_t, device_of<X>> indices;
};

namespace detail {

template <class T, class D>
Tensor<index_t, D> order(const Tensor<T, D>& x, const Along& at, index_t k, bool descending, bool sorted) {
  Shape shape = x.shape();
  if (shape.rank()) shape[at.dim] = k;
  Tensor<index_t, D> y = Tensor<index_t, D>::empty(shape);
  order_of(D{}, y, x.contiguous(), at.outer, at.n, at.inner, k, descending, sorted);
  return y;
}

template <Operand X>
X pick_along(Site site, const X& x, int dim, const Tensor<index_t, device_of<X>>& index) {
  return x.rank() == 0 ? x : pick(site, GatherMap<device_of<X>>{.dim = dim, .index = index}, x);
}

}  // namespace detail

// Positions that put x in order along `dim`, of x's shape; equal elements keep theirs (always stable). A
// scalar counts as (1), here and below. Throws for a dim out of range.
template <Operand X>
auto argsort(const X& x, index_t dim = -1, bool descending = false) {
  const detail::Along at("argsort", x.shape(), dim);
  return detail::order(value_of(x), at, at.n, descending, true);
}

// x in order along `dim`, and the positions; equal elements keep theirs (always stable). Throws for a dim out
// of range.
template <Operand X>
Sorted<X> sort(const X& x, index_t dim = -1, bool descending = false, Site site = Site::here()) {
  const detail::Along at("sort", x.shape(), dim);
  const auto index = detail::order(value_of(x), at, at.n, descending, true);
  return {detail::pick_along(site, x, at.dim, index), index};
}

// The k largest (or smallest) elements along `dim` and their positions, in order unless not `sorted`; of
// equal elements the first. x's shape with k along dim. Throws unless 0 <= k <= size, and for a dim out of
// range.
template <Operand X>
Sorted<X> topk(const X& x, index_t k, index_t dim = -1, bool largest = true, bool sorted = true,
               Site site = Site::here()) {
  const detail::Along at("topk", x.shape(), dim);
  if (k < (x.rank() ? 0 : 1) || k > at.n)
    fail("topk", "k must be in [0, size]; got ", k, " for dim ", at.dim, " of ", x.shape());
  const auto index = detail::order(value_of(x), at, k, largest, sorted);
  return {detail::pick_along(site, x, at.dim, index), index};
}

}  // namespace limbic
