// Checks of values that losses are given, by the device tag: here they throw at once, in the name of `op`,
// unless what the comment says holds of `what`. A device that works behind the host's back throws later
// (backend/cuda/guard.hpp).
#pragma once

#include <limbic/core/tensor.hpp>

#include <cmath>
#include <limits>

namespace limbic {

namespace cpu::detail {

// Where element `i` of a tensor of this shape lies, counted row by row.
inline Shape place(index_t i, const Shape& shape) {
  Shape at = shape;
  for (int d = at.rank() - 1; d >= 0; --d) {
    const index_t size = at[d];
    at[d] = i % size;
    i /= size;
  }
  return at;
}

}  // namespace cpu::detail

// Labels in [0, classes), or `ignored`.
inline void require_labels(Cpu, std::string_view op, const char* what, const Tensor<index_t, Cpu>& labels,
                           index_t classes, index_t ignored) {
  const Tensor<index_t, Cpu> dense = labels.contiguous();
  const index_t* const v = dense.data();
  for (index_t i = 0; i < dense.numel(); ++i)
    if ((v[i] < 0 || v[i] >= classes) && v[i] != ignored)
      fail(op, what, " must lie in [0, ", classes, "); got ", v[i], " at ", i);
}

// No NaN, else no infinity in x; says where.
template <class T>
void require_finite(Cpu, std::string_view op, const char* what, const Tensor<T, Cpu>& x) {
  const std::vector<T> v = x.to_vector();
  std::size_t bad = v.size();
  for (std::size_t i = v.size(); i-- > 0;) {
    if (v[i] != v[i] || (!(v[i] - v[i] == T(0)) && (bad == v.size() || v[bad] == v[bad]))) bad = i;
  }
  if (bad == v.size()) return;
  fail(op, what, " must be finite; got ", static_cast<double>(v[bad]), " at ",
       cpu::detail::place(static_cast<index_t>(bad), x.shape()), " of ", x.shape());
}

// A loss () that is finite; else the first of the inputs (a name and a tensor each) that is not is named.
template <class T, class... Inputs>
void require_finite_loss(Cpu, std::string_view op, const Tensor<T, Cpu>& loss, const Inputs&... named) {
  const double value = static_cast<double>(loss.item());
  if (std::isfinite(value)) return;
  (require_finite(Cpu{}, op, named.first, named.second), ...);
  fail(op, "the value must be finite; got ", value, " from finite inputs (hint: scale them down)");
}

// The sum of the squares of centred features s and t: finite, and so are distances, at most twice as large.
template <class T>
void require_finite_features(Cpu, std::string_view op, double sum, const char* s_name,
                             const Tensor<T, Cpu>& s, const char* t_name, const Tensor<T, Cpu>& t) {
  if (sum <= static_cast<double>(std::numeric_limits<T>::max()) / 4) return;
  require_finite(Cpu{}, op, s_name, s);
  require_finite(Cpu{}, op, t_name, t);
  fail(op, "the squares of the features must be finite; got ", s_name, " ", s, ", ", t_name, " ", t,
       " (hint: scale them down)");
}

// Lengths of the rows of a matrix of this shape, positive and finite.
template <class T>
void require_lengths(Cpu, std::string_view op, const char* what, const Tensor<T, Cpu>& lengths,
                     const Shape& shape) {
  index_t row = 0;
  for (T v : lengths.to_vector()) {
    if (!(v > 0) || v - v != 0)
      fail(op, "rows of ", what, " must have a positive, finite length; got ", static_cast<double>(v),
           " in row ", row, " of ", shape);
    ++row;
  }
}

// Values that are finite and not negative; `hint` ends the message.
template <class T>
void require_not_negative(Cpu, std::string_view op, const char* what, const Tensor<T, Cpu>& x,
                          const char* hint = "") {
  index_t i = 0;
  for (T v : x.to_vector()) {
    if (!(v >= T(0)) || v - v != T(0))
      fail(op, what, " must be finite and not negative; got ", static_cast<double>(v), " at ",
           cpu::detail::place(i, x.shape()), " of ", x.shape(), hint);
    ++i;
  }
}

// Values in [0, 1]; NaN passes: what follows from it is not finite.
template <class T>
void require_unit_interval(Cpu, std::string_view op, const char* what, const Tensor<T, Cpu>& x,
                           const char* hint = "") {
  for (T v : x.to_vector())
    if (v < T(0) || v > T(1)) fail(op, what, " must be in [0, 1]; got ", static_cast<double>(v), hint);
}

// Eigenvalues, ascending, of a matrix that must be positive definite.
inline void require_positive_definite(Cpu, std::string_view op, const Tensor<double, Cpu>& values) {
  const double least = values.numel() > 0 ? values.at(0) : 1;
  if (!(least > 0))
    fail(op, "the matrix must be positive definite; its least eigenvalue is ", least,
         " (hint: add a larger eps I)");
}

// Whether some element is below `bound`; a device that is not waited for says yes.
template <class T>
bool may_be_below(Cpu, const Tensor<T, Cpu>& x, T bound) {
  for (T v : x.to_vector())
    if (v < bound) return true;
  return false;
}

// 1 / sum of x, or 0 if that is not positive: a number, on other devices a tensor ().
template <class T>
T inverse_total(Cpu, const Tensor<T, Cpu>& x) {
  T total = T(0);
  for (T v : x.to_vector()) total += v;
  return total > T(0) ? T(1) / total : T(0);
}

}  // namespace limbic
