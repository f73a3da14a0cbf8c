// Errors instead of NaN: losses whose value is not finite say which input was not, and where.
#pragma once

#include <limbic/autograd/var.hpp>
#include <limbic/backend/cpu/elementwise.hpp>

#include <cmath>
#include <vector>

namespace limbic {

namespace detail {

// Throws if x holds a NaN, else if it holds an infinity, and says where.
template <Operand X>
void check_finite(std::string_view op, const char* what, const X& x) {
  using T = scalar_of<X>;
  const std::vector<T> v = value_of(x).to_vector();
  std::size_t bad = v.size();
  for (std::size_t i = v.size(); i-- > 0;) {
    if (v[i] != v[i] || (!(v[i] - v[i] == T(0)) && (bad == v.size() || v[bad] == v[bad]))) bad = i;
  }
  if (bad == v.size()) return;
  Shape at = x.shape();
  index_t rest = static_cast<index_t>(bad);
  for (int d = at.rank() - 1; d >= 0; --d) {
    const index_t size = at[d];
    at[d] = rest % size;
    rest /= size;
  }
  fail(op, what, " must be finite; got ", static_cast<double>(v[bad]), " at ", at, " of ", x.shape());
}

// `loss` (), if it is finite. Throws else: for the first input (a name and a tensor each) that is not finite,
// or because the value is beyond the type's range.
template <Operand Y, class... Inputs>
Y finite_loss(std::string_view op, Y loss, const Inputs&... named) {
  const double value = static_cast<double>(value_of(loss).item());
  if (std::isfinite(value)) return loss;
  (check_finite(op, named.first, named.second), ...);
  fail(op, "the value must be finite; got ", value, " from finite inputs (hint: scale them down)");
}

// A name for finite_loss().
template <Operand X>
struct NamedInput {
  const char* first;
  const X& second;
};
template <Operand X>
NamedInput<X> named(const char* name, const X& x) {
  return {name, x};
}

}  // namespace detail

}  // namespace limbic
