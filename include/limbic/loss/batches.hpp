// What the losses share: checks of two batches of features, sample weights, and roots that stop at zero.
#pragma once

#include <limbic/loss/finite.hpp>
#include <limbic/ops/statistics.hpp>

namespace limbic {

// Weights of the samples of two batches, not negative, in any scale; undefined: all equal.
template <class T, class D>
struct SampleWeights {
  Tensor<T, D> source{}, target{};  // (n), (m)
};
// The sample weights that go with operands A and B.
template <class A, class B>
using SampleWeightsFor = std::type_identity_t<SampleWeights<scalar_of<A>, device_of<A>>>;

namespace detail {

// Throws unless the shapes are (n, d) and (m, d), n and m positive.
inline void check_batches(std::string_view op, const Shape& source, const Shape& target) {
  if (source.rank() != 2 || target.rank() != 2 || source[1] != target[1])
    fail(op, "batches (n, d) and (m, d) of one width d are needed; got source ", source, ", target ", target);
  if (source[0] == 0 || target[0] == 0 || source[1] == 0)
    fail(op, "at least one sample of each batch and one feature are needed; got source ", source, ", target ",
         target);
}

// Throws unless labels (n) lie in [0, classes).
template <class D>
void check_labels(std::string_view op, const char* what, const Tensor<index_t, D>& labels, index_t n,
                  index_t classes) {
  if (!(labels.shape() == Shape{n})) fail(op, what, " must be of shape (", n, "); got ", labels.shape());
  require_labels(D{}, op, what, labels, classes, 0);
}

// Throws unless the weights that are given are (n) and (m).
template <class T, class D>
void check_weight_shapes(std::string_view op, index_t n, index_t m, const SampleWeights<T, D>& weights) {
  const auto one = [&](const char* what, const Tensor<T, D>& w, index_t count) {
    if (w.defined() && !(w.shape() == Shape{count}))
      fail(op, what, " weights must be of shape (", count, "); got ", w.shape());
  };
  one("source", weights.source, n);
  one("target", weights.target, m);
}

// Weights that sum to 1 (n), as doubles on the host. Throws for a wrong shape, negative or no weight.
template <class T, class D>
std::vector<double> normalised_weights(std::string_view op, const char* what, const Tensor<T, D>& weights,
                                       index_t n) {
  if (!weights.defined()) return std::vector<double>(static_cast<std::size_t>(n), 1 / static_cast<double>(n));
  if (!(weights.shape() == Shape{n}))
    fail(op, what, " weights must be of shape (", n, "); got ", weights.shape());
  std::vector<double> w;
  double total = 0;
  for (T v : weights.to_vector()) {
    check(v >= T(0) && v - v == T(0), op, what, " weights must be finite and not negative; got ",
          static_cast<double>(v), " at ", w.size());
    w.push_back(static_cast<double>(v));
    total += w.back();
  }
  check(total > 0, op, what, " weights must not all be 0");
  for (double& v : w) v /= total;
  return w;
}

// sqrt(x) with slope 0 at 0: for norms of differences that may vanish.
template <Operand X>
X root(const X& x, Site site = Site::here()) {
  return unary(site, RootF{}, x);
}

// The weights (n, 1) of samples that sum to 1, as a tensor. Throws as normalised_weights().
template <class T>
Tensor<T, Cpu> weight_column(std::string_view op, const char* what, const Tensor<T, Cpu>& weights,
                             index_t n) {
  const std::vector<double> w = normalised_weights(op, what, weights, n);
  return Tensor<T, Cpu>::from({n, 1}, std::vector<T>(w.begin(), w.end()));
}
template <class T, class D>
Tensor<T, D> weight_column(std::string_view op, const char* what, const Tensor<T, D>& weights, index_t n) {
  if (!weights.defined()) return Tensor<T, D>::full({n, 1}, static_cast<T>(1 / static_cast<double>(n)));
  if (!(weights.shape() == Shape{n}))
    fail(op, what, " weights must be of shape (", n, "); got ", weights.shape());
  return normalised_column(D{}, op, what, weights);
}

// Mean (1, d) of the rows of x (n, d); `w` as weight_column() gives it, or undefined for equal weights.
template <Operand X>
X mean_row(const X& x, const Tensor<scalar_of<X>, device_of<X>>& w) {
  return w.defined() ? sum(x * w, {0}, true) : mean(x, {0}, true);
}

}  // namespace detail

}  // namespace limbic
