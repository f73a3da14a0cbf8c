// Distillation of feature maps: attention transfer and hints.
//
//   attention_transfer  q = mean over channels of squares, flattened, L2-normalised per sample; mean (q_s - q_t)^2
//                       (Zagoruyko and Komodakis, ICLR 2017, arXiv:1612.03928); a map of zeros stays one
//   fitnets             mean squared error of a linear map of the student's features (Romero et al., 2014,
//                       arXiv:1412.6550)
#pragma once

#include <limbic/loss/regression.hpp>
#include <limbic/loss/similarity.hpp>
#include <limbic/ops/linear.hpp>

namespace limbic {

namespace detail {
template <Operand X>
X attention_rows(const X& x, Site site) {
  return unit_rows_or_zero(reshape(mean(square(x, site), {1}), {x.shape()[0], -1}));
}
}  // namespace detail

// Attention transfer between maps (B, C, ...) of student and teacher, whose channels may differ -> (). No
// gradient to the teacher. Sample weights (B). Throws for other shapes, maps that are not finite, and weights
// that are negative or not finite.
template <Operand A, Operand B>
A attention_transfer(const A& student, const B& teacher, const WeightsFor<A>& weights = {},
                     Site site = Site::here()) {
  constexpr const char* kName = "attention_transfer";
  const Shape &s = student.shape(), &t = teacher.shape();
  bool fits = s.rank() >= 3 && s.rank() == t.rank() && s[0] == t[0] && numel(s) > 0 && numel(t) > 0;
  for (int d = 2; fits && d < s.rank(); ++d) fits = s[d] == t[d];
  if (!fits)
    fail(kName, "maps (B, C, ...) that differ in channels only, not empty, are needed; got student ", s,
         ", teacher ", t);
  const A each =
      square(detail::attention_rows(student, site) - detail::attention_rows(value_of(teacher), site));
  const A loss = detail::reduce_loss(kName, each, Reduction::mean,
                                     detail::row_weights(kName, weights, each.shape()), site);
  return detail::finite_loss(kName, loss, detail::named("student", student),
                             detail::named("teacher", teacher));
}

// Mean squared error of student (N, ..., d) W' (+ b) and teacher (N, ..., e), W (e, d), b (e) or undefined ->
// (). No gradient to the teacher. Sample weights (N). Throws for other shapes, features and maps that are not
// finite, and weights that are negative or not finite.
template <Operand A, Operand B, Operand W>
result_of<A, W> fitnets(const A& student, const B& teacher, const W& weight, const W& bias = {},
                        const WeightsFor<A>& weights = {}, Site site = Site::here()) {
  constexpr const char* kName = "fitnets";
  if (student.rank() < 2) fail(kName, "features (N, ..., d) are needed; got student ", student.shape());
  const result_of<A, W> mapped =
      bias.defined() ? linear(student, weight, bias, site) : linear(student, weight, site);
  detail::check_same_shape(kName, "mapped student", mapped.shape(), "teacher", teacher.shape());
  const result_of<A, W> each = square(sub(mapped, value_of(teacher), site));
  const result_of<A, W> loss = detail::reduce_loss(kName, each, Reduction::mean,
                                                   detail::row_weights(kName, weights, each.shape()), site);
  return detail::finite_loss(kName, loss, detail::named("student", student),
                             detail::named("teacher", teacher), detail::named("weight", weight),
                             detail::named("bias", bias.defined() ? bias : weight));
}

}  // namespace limbic
