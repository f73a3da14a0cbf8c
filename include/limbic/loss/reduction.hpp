// How the losses of samples become one number, and checks of what comes with them.
#pragma once

#include <limbic/loss/batches.hpp>
#include <limbic/ops/compare.hpp>

namespace limbic {

// How the losses x of samples become one number (), w being their weights:
//   mean   sum w x / sum w, 0 where all w are 0; without weights the mean, which throws for no losses
//   sum    sum w x
//   none   no number: w x, in the losses' shape
enum class Reduction : std::uint8_t { mean, sum, none };

// "mean", "sum" or "none".
inline std::string to_text(Reduction r) {
  constexpr const char* kNames[] = {"mean", "sum", "none"};
  return kNames[static_cast<int>(r)];
}

// Sample weights of operand X, finite and not negative; undefined: all 1.
template <class X>
using WeightsFor = std::type_identity_t<Tensor<scalar_of<X>, device_of<X>>>;

namespace detail {

// Reduces x. `weights`, if defined, broadcast to x's shape: the mean is then sum w x / sum w, 0 if all are 0.
// Throws for weights that are negative or not finite (a device tells them later).
template <Operand X>
X reduce_loss(std::string_view op, const X& x, Reduction reduction, const WeightsFor<X>& weights, Site site) {
  if (!weights.defined()) {
    if (reduction == Reduction::none) return x;
    if (reduction == Reduction::sum) return sum(x, {}, false, site);
    if (x.numel() == 0) fail(op, "at least one sample is needed for a mean; got ", x.shape());
    return mean(x, {}, false, site);
  }
  if (!expandable(weights.shape(), x.shape()))
    fail(op, "sample weights must broadcast to the losses; got weights ", weights.shape(), ", losses ",
         x.shape());
  require_not_negative(device_of<X>{}, op, "sample weights", weights);
  const X weighted = mul(x, weights, site);
  if (reduction == Reduction::none) return weighted;
  if (reduction == Reduction::sum) return sum(weighted);
  return sum(weighted) * inverse_total(device_of<X>{}, weights.expand(x.shape()));
}

// count / the sum of w, 0 if that is not positive: a number, on other devices a tensor ().
template <class T>
T over_sum(T count, const Tensor<T, Cpu>& w) {
  const T total = sum(w).item();
  return total > T(0) ? count / total : T(0);
}
template <class T, class D>
Tensor<T, D> over_sum(T count, const Tensor<T, D>& w) {
  return inverse_total(D{}, w) * count;
}

// Sample weights (N) as they broadcast to losses of `shape` (N, ...). Throws for another shape, and weights
// that are negative or not finite.
template <class T, class D>
Tensor<T, D> row_weights(std::string_view op, const Tensor<T, D>& weights, const Shape& shape) {
  if (!weights.defined()) return weights;
  if (!(weights.shape() == Shape{shape[0]}))
    fail(op, "sample weights must be of shape (", shape[0], "); got ", weights.shape());
  require_not_negative(D{}, op, "sample weights", weights);
  Shape column = shape;
  for (int d = 1; d < column.rank(); ++d) column[d] = 1;
  return weights.reshape(column);
}
// w_i w_j (N, N) of sample weights w (N), for losses of pairs. Throws as row_weights().
template <class T, class D>
Tensor<T, D> pair_weights(std::string_view op, const Tensor<T, D>& weights, index_t n) {
  if (!weights.defined()) return weights;
  const Tensor<T, D> column = row_weights(op, weights, {n, n});
  return column * column.reshape({1, n});
}

// Throws unless logits are (N, K), N and K positive.
inline void check_logits(std::string_view op, const char* what, const Shape& shape) {
  if (shape.rank() != 2 || shape[0] == 0 || shape[1] == 0)
    fail(op, what, " must be of shape (N, K), not empty; got ", shape);
}
inline void check_same_shape(std::string_view op, const char* a_name, const Shape& a, const char* b_name,
                             const Shape& b) {
  if (!(a == b))
    fail(op, a_name, " and ", b_name, " must have one shape; got ", a_name, " ", a, ", ", b_name, " ", b);
}
inline void check_temperature(std::string_view op, double t) {
  // Divisions by a smaller one leave float's range.
  check(t >= 1e-30 && std::isfinite(t), op,
        "the temperature must be positive and finite, 1e-30 at least; got ", t);
}

// (N, K): whether k is label n.
template <class D>
Tensor<bool, D> label_mask(const Tensor<index_t, D>& labels, index_t classes) {
  return eq(labels.unsqueeze(1), Tensor<index_t, D>::arange(classes));
}

}  // namespace detail

}  // namespace limbic
