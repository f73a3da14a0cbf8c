// Comparing whole tensors.
#pragma once

#include <limbic/core/tensor.hpp>

namespace limbic {

// Whether two tensors have equal shapes and elements (NaN is equal to nothing). Nothing is broadcast; eq() in
// ops/compare.hpp compares element by element.
template <class T, class D>
bool equal(const Tensor<T, D>& a, const Tensor<T, D>& b) {
  return a.shape() == b.shape() && a.to_vector() == b.to_vector();
}

// Whether shapes are equal and |a - b| <= atol + rtol |b| everywhere. As numpy.allclose, but that nothing is
// broadcast. An infinity is close to itself alone, NaN to nothing.
template <class T, class D>
bool all_close(const Tensor<T, D>& a, const Tensor<T, D>& b, double rtol = 1e-5, double atol = 1e-8) {
  if (!(a.shape() == b.shape())) return false;
  const std::vector<T> x = a.to_vector(), y = b.to_vector();
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double p = static_cast<double>(x[i]), q = static_cast<double>(y[i]);
    if (p == q) continue;
    const double distance = p > q ? p - q : q - p;
    if (!(distance <= atol + rtol * (q < 0 ? -q : q) && distance <= std::numeric_limits<double>::max()))
      return false;
  }
  return true;
}

}  // namespace limbic
