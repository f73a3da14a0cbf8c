// Questions about all elements of a mask or tensor over dimensions: any, all, count_nonzero.
#pragma once

#include <limbic/ops/compare.hpp>

namespace limbic {

namespace detail {

template <class R, class F, class T, class D>
Tensor<R, D> reduce_plain(const char* name, const F& fold, const Tensor<T, D>& x, const Dims& dims,
                          bool keepdim) {
  const auto flags = dim_flags(name, dims, x.rank());
  Tensor<R, D> y = Tensor<R, D>::empty(reduced_shape(x.shape(), flags, true));
  reduce(D{}, fold, y, x);
  return keepdim ? y : y.reshape(reduced_shape(x.shape(), flags, false));
}

}  // namespace detail

// Whether any, or every, element over `dims` (none given: all) is true; of no elements false and true. The
// shape is as sum()'s. Masks only: ne(x, 0) makes one of numbers. Throw for dims out of range or repeated.
template <class D>
Tensor<bool, D> any(const Tensor<bool, D>& mask, const Dims& dims = {}, bool keepdim = false) {
  return detail::reduce_plain<bool>("any", folds::Any{}, mask, dims, keepdim);
}
template <class D>
Tensor<bool, D> all(const Tensor<bool, D>& mask, const Dims& dims = {}, bool keepdim = false) {
  return detail::reduce_plain<bool>("all", folds::All{}, mask, dims, keepdim);
}

// The number of elements over `dims` (none given: all) that are not 0 (NaN is not), or that are true. Shape
// and errors are any()'s.
template <AnyTensor X>
auto count_nonzero(const X& x, const Dims& dims = {}, bool keepdim = false) {
  return detail::reduce_plain<index_t>("count_nonzero", folds::CountNonzero<scalar_of<X>>{}, value_of(x),
                                       dims, keepdim);
}

}  // namespace limbic
