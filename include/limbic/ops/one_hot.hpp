// One-hot vectors of class numbers.
#pragma once

#include <limbic/backend/cpu/index.hpp>

namespace limbic {

// index (...) -> (..., classes): 1 at the index, else 0; of type T, float if none is named (PyTorch:
// integers). Throws when an index is not in [0, classes), and for negative `classes`.
template <class T = float, class D>
Tensor<T, D> one_hot(const Tensor<index_t, D>& index, index_t classes) {
  check(classes >= 0, "one_hot", "the number of classes must not be negative; got ", classes);
  check_indices(D{}, "one_hot", index, classes);
  Shape shape = index.shape();
  shape.push_back(classes);
  Tensor<T, D> y = Tensor<T, D>::empty(shape);
  set_ones(D{}, y, index);
  return y;
}

}  // namespace limbic
