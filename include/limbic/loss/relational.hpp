// Relational distillation: the student keeps the teacher's distances and angles between samples.
//
//   distances  smooth_l1 (beta 1) of |x_i - x_j| / m, m the mean of the positive ones, over all pairs
//   angles     smooth_l1 of cos at i between j and k, of (x_j - x_i) and (x_k - x_i), over all triples
//
// Sample weights w (summing to 1) weigh pairs with w_i w_j and triples with w_i w_j w_k, in m too.
// >= 0; the slope of a distance that is 0 is taken as 0, and all samples equal give distances and angles 0.
// Source: Park et al., "Relational knowledge distillation", CVPR 2019, arXiv:1904.05068. O(n^2) memory:
// angles come from distances and are not stored.
#pragma once

#include <limbic/backend/cpu/angles.hpp>
#include <limbic/loss/pair_form.hpp>
#include <limbic/loss/regression.hpp>
#include <limbic/loss/similarity.hpp>

namespace limbic {

// Options of relational_kd(): what distances and angles count, not negative.
struct RelationalKdOptions {
  double distance_weight = 1, angle_weight = 2;
};

// "relational_kd(distance_weight 1, angle_weight 2)", for logs.
inline std::string to_text(const RelationalKdOptions& o) {
  return "relational_kd(distance_weight " + to_text(o.distance_weight) + ", angle_weight " +
         to_text(o.angle_weight) + ")";
}

namespace detail {

// Input: the student's squared distances (n, n).
template <class T, class D>
struct AngleDistance {
  static constexpr const char* name = "relational_kd";
  Tensor<T, D> teacher, weights;  // (n, n); (n), summing to 1, or undefined
  bool keep = false;
  Saved<T, D> kept{};
  Tensor<T, D> slope{};

  Shape infer(const Tensor<T, D>&) { return {}; }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& d) {
    const Tensor<T, D> dense = d.contiguous();
    if (keep) slope = Tensor<T, D>::empty(d.shape());
    angle_distance(D{}, y, dense, teacher, weights, slope);
    if (keep) kept = dense;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) { give_rows(dx, slope, 0, slope.size(0), dy); }
  // With all angles in memory: for second derivatives.
  Var<T, D> reference(const Var<T, D>& d) const {
    Tensor<T, D> w;
    if (weights.defined()) w = weights.unsqueeze(1).unsqueeze(2) * weights.unsqueeze(1) * weights;
    return smooth_l1(cosines(d), cosines(teacher), 1, Reduction::mean, w);
  }
  const Saved<T, D>& saved_input(int) const { return kept; }

 private:
  template <Operand X>
  static X cosines(const X& d) {
    const X a = unsqueeze(d, 2), b = unsqueeze(d, 1);
    const X product = a * b;
    const auto none = eq(product, T(0));
    return masked_fill((a + b - unsqueeze(d, 0)) * T(0.5) / sqrt(masked_fill(product, none, T(1))), none,
                       T(0));
  }
};

// d over `total` divided by the weights of the positive distances, or d where these weigh nothing.
template <class T, class X>
X relative_to(const X& d, const X& total, const Tensor<T, Cpu>& values, const Tensor<T, Cpu>& w) {
  const std::vector<T> v = values.to_vector(),
                       own = w.defined() ? w.to_vector() : std::vector<T>(v.size(), T(1));
  double positive = 0;
  for (std::size_t i = 0; i < v.size(); ++i) positive += v[i] > T(0) ? static_cast<double>(own[i]) : 0.0;
  return positive > 0 ? X(d / (total * static_cast<T>(1 / positive))) : d;
}
template <class T, class D, class X>
X relative_to(const X& d, const X& total, const Tensor<T, D>& values, const Tensor<T, D>& w) {
  const Tensor<T, D> there = gt(values, T(0)).template to<T>();
  const Tensor<T, D> share = inverse_total(D{}, w.defined() ? there * w : there);
  return d / (total * share + eq(share, T(0)).template to<T>());
}

// Distances over the mean of the positive ones, weighed by `w` (n, n) if it is defined.
template <Operand X>
X relative_distances(const X& squared, const WeightsFor<X>& w) {
  const X d = root(squared);
  return relative_to<scalar_of<X>>(d, X(sum(w.defined() ? X(d * w) : d)), value_of(d), w);
}

}  // namespace detail

// Relational distillation of features (n, ...) of student and teacher, which may differ in all but n -> ().
// No gradient to the teacher. Sample weights (n). Throws for other shapes, features that are not finite,
// weights, of samples or of the two parts, that are negative or not finite, and sample weights that are all
// 0.
template <Operand A, Operand B>
A relational_kd(const A& student, const B& teacher, const RelationalKdOptions& options = {},
                const WeightsFor<A>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<A>;
  constexpr const char* kName = "relational_kd";
  for (double w : {options.distance_weight, options.angle_weight})
    check(w >= 0 && std::isfinite(w), kName,
          "distance_weight and angle_weight must be finite and not negative; got ", w);
  const A s = detail::as_rows(kName, student);
  const auto t = detail::as_rows(kName, value_of(teacher));
  if (s.size(0) != t.size(0))
    fail(kName, "batches of one size are needed; got student ", student.shape(), ", teacher ",
         teacher.shape());
  detail::check_finite(kName, "student", student);
  detail::check_finite(kName, "teacher", teacher);
  const A ds = squared_distances(s, s, site);
  const auto dt = squared_distances(t, t);
  Tensor<T, device_of<A>> own, pairs;
  if (weights.defined()) {
    own = detail::weight_column(kName, "sample", weights, s.size(0)).reshape({s.size(0)});
    pairs = detail::pair_weights(kName, own, s.size(0));
  }
  A total = smooth_l1(detail::relative_distances(ds, pairs), detail::relative_distances(dt, pairs), 1,
                      Reduction::mean, pairs) *
            static_cast<T>(options.distance_weight);
  if (options.angle_weight == 0) return total;
  return total + apply(site, detail::AngleDistance<T, device_of<A>>{.teacher = dt, .weights = own}, ds) *
                     static_cast<T>(options.angle_weight);
}

}  // namespace limbic
