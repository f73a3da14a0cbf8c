// References of indexing operations: a tensor built element by element from a function of its indices.
#pragma once

#include <limbic/core/tensor.hpp>

#include <vector>

namespace limbic::test {

// The tensor of `shape` whose element at index `i` (a Dims) is f(i).
template <class T, class F>
Tensor<T> by_index(const Shape& shape, F&& f) {
  std::vector<T> values;
  Dims at = Dims::filled(shape.rank(), 0);
  for (index_t n = numel(shape); n > 0; --n) {
    values.push_back(static_cast<T>(f(static_cast<const Dims&>(at))));
    for (int d = shape.rank() - 1; d >= 0 && ++at[d] == shape[d]; --d) at[d] = 0;
  }
  return Tensor<T>::from(shape, values);
}

// The element of t at the given indices.
template <class T>
T element(const Tensor<T>& t, const Dims& at) {
  index_t offset = 0;
  for (int d = 0; d < at.rank(); ++d) offset += at[d] * t.strides()[d];
  return t.data()[offset];
}

inline Tensor<index_t> indices(const Shape& shape, const std::vector<index_t>& values) {
  return Tensor<index_t>::from(shape, values);
}

}  // namespace limbic::test
