// Cosines between samples, and losses that compare them.
//
//   cosine_matrix          S = n n', n_i = x_i / |x_i|                                    a row of zeros is an error
//   similarity_preserving  G = x x' with rows scaled to length 1; |G_s - G_t|_F^2 / n^2
//                          (Tung and Mori, ICCV 2019, arXiv:1907.09682); a row of zeros stays one
//   class_structure        S of the softmax outputs, Y of the one-hot labels:
//                          mean of -[Y log(S + eta) + (1 - Y) log(1 - S + eta)]           (UF-AMA)
#pragma once

#include <limbic/loss/reduction.hpp>
#include <limbic/ops/matmul.hpp>
#include <limbic/ops/softmax.hpp>

namespace limbic {

namespace detail {

// Rows of x (N, d) scaled to length 1. Throws for rows of length 0 or that is not finite, and names them by
// `what`.
template <Operand X>
X unit_rows(std::string_view op, const X& x, Site site, const char* what = "features") {
  if (x.rank() != 2 || x.numel() == 0) fail(op, "features (N, d), not empty, are needed; got ", x.shape());
  const X length = norm(x, {1}, true, 2, site);
  require_lengths(device_of<X>{}, op, what, value_of(length), x.shape());
  return div(x, length, site);
}

// x (N, ...) as (N, d).
template <Operand X>
X as_rows(std::string_view op, const X& x) {
  if (x.rank() < 2 || x.numel() == 0) fail(op, "features (N, ...), not empty, are needed; got ", x.shape());
  return x.rank() == 2 ? x : reshape(x, {x.shape()[0], -1});
}

// Rows scaled to length 1; rows of zeros stay.
template <Operand X>
X unit_rows_or_zero(const X& x) {
  const X length = norm(x, {1}, true);
  return x / masked_fill(length, eq(length, scalar_of<X>(0)), scalar_of<X>(1));
}

}  // namespace detail

// Cosines between all rows of x (N, d) -> (N, N). Throws for other shapes and rows of length 0 or that are
// not finite.
template <Operand X>
X cosine_matrix(const X& x, Site site = Site::here()) {
  const X unit = detail::unit_rows("cosine_matrix", x, site, "x");
  return matmul(unit, transpose(unit), site);
}

// Similarity-preserving distillation of features (N, ...) of student and teacher, which may differ in all but
// N -> (). No gradient to the teacher. Sample weights w (N) weigh the pairs with w_i w_j. Throws for other
// shapes, features that are not finite, and weights that are negative or not finite.
template <Operand A, Operand B>
A similarity_preserving(const A& student, const B& teacher, const WeightsFor<A>& weights = {},
                        Site site = Site::here()) {
  constexpr const char* kName = "similarity_preserving";
  const A s = detail::as_rows(kName, student);
  const auto t = detail::as_rows(kName, value_of(teacher));
  if (s.size(0) != t.size(0))
    fail(kName, "batches of one size are needed; got student ", student.shape(), ", teacher ",
         teacher.shape());
  const A difference = detail::unit_rows_or_zero(matmul(s, transpose(s), site)) -
                       detail::unit_rows_or_zero(matmul(t, transpose(t)));
  const A loss = detail::reduce_loss(kName, A(square(difference)), Reduction::mean,
                                     detail::pair_weights(kName, weights, s.size(0)), site);
  return detail::finite_loss(kName, loss, detail::named("student", student),
                             detail::named("teacher", teacher));
}

namespace detail {

// The loss written with simpler operations.
template <Operand X>
X class_structure_of_pairs(const X& logits, const Tensor<index_t, device_of<X>>& labels, double eta,
                           const WeightsFor<X>& weights, Site site) {
  using T = scalar_of<X>;
  constexpr const char* kName = "class_structure";
  const X unit = unit_rows(kName, softmax(logits, 1, site), site, "softmax(logits)");
  const X s = matmul(unit, transpose(unit));
  const auto same = eq(labels.unsqueeze(1), labels.unsqueeze(0));
  // Of each pair one of the two logarithms counts.
  const X inside = where(same, s, T(1) - s) + static_cast<T>(eta);
  return reduce_loss(kName, X(-log(inside)), Reduction::mean, pair_weights(kName, weights, logits.size(0)),
                     site);
}

// The same in one pass over the pairs, which makes the gradient too: for devices that have it.
template <class T, class D>
struct ClassStructure {
  static constexpr const char* name = "class_structure";
  Tensor<index_t, D> labels;
  double eta;
  bool keep = false;
  Saved<T, D> logits{};
  Tensor<T, D> own{};  // d loss / d logits

  Shape infer(const Tensor<T, D>&) { return {}; }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    const Tensor<T, D> dense = x.contiguous();
    Tensor<T, D> each = Tensor<T, D>::empty({x.size(0)});
    if (keep) {
      own = Tensor<T, D>::empty(x.shape());
      logits = dense;
    }
    class_structure_fwd(D{}, each, own, dense, labels, eta);
    reduce_sum(D{}, y, each);
    require_finite_loss(D{}, name, y, named("logits", dense));
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    dx.write([&](Tensor<T, D>& g) {
      elementwise(
          D{}, [](auto d, auto v) { return d * v; }, g, dy, own);
    });
  }
  Var<T, D> reference(const Var<T, D>& x) {
    return class_structure_of_pairs(x, labels, eta, {}, Site::here());
  }
  const Saved<T, D>& saved_input(int) const { return logits; }
};

}  // namespace detail

// Conditional structure loss of logits (N, K) and labels (N) -> (); may be slightly negative, by eta. Sample
// weights w (N) weigh the pairs with w_i w_j. Throws for other shapes, labels out of range, eta that is not
// positive, weights that are negative or not finite, and logits that are NaN.
template <Operand X>
X class_structure(const X& logits, const Tensor<index_t, device_of<X>>& labels, double eta = 1e-3,
                  const WeightsFor<X>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<X>;
  using D = device_of<X>;
  constexpr const char* kName = "class_structure";
  detail::check_logits(kName, "logits", logits.shape());
  detail::check_labels(kName, "labels", labels, logits.size(0), logits.size(1));
  check(eta > 0 && std::isfinite(eta), kName, "eta must be positive and finite; got ", eta);
  if constexpr (!std::is_same_v<D, Cpu>)
    if (!weights.defined() && has_class_structure(D{}, logits.size(1)))
      return apply(site, detail::ClassStructure<T, D>{.labels = labels.contiguous(), .eta = eta}, logits);
  return detail::class_structure_of_pairs(logits, labels, eta, weights, site);
}

}  // namespace limbic
