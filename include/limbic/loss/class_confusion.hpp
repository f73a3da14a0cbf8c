// Minimum class confusion: predictions of unlabelled samples should not mix up classes.
//
//   p = softmax(z / T), H_n its entropy, w = 1 + exp(-H) (no gradient) scaled to sum N
//   C = p' diag(w) p with rows scaled to sum 1;  y = (sum C - trace C) / K             in [0, 1]
//
// A class of probability 0 everywhere has a row of zeros. Source: Jin et al., "Minimum class confusion for
// versatile domain adaptation", ECCV 2020, arXiv:1912.03699.
#pragma once

#include <limbic/loss/entropy.hpp>
#include <limbic/ops/matmul.hpp>

namespace limbic {

// Options of minimum_class_confusion().
struct ClassConfusionOptions {
  double temperature = 2.5;  // T, positive
};

// "minimum_class_confusion(temperature 2.5)", for logs.
inline std::string to_text(const ClassConfusionOptions& o) {
  return "minimum_class_confusion(temperature " + to_text(o.temperature) + ")";
}

// Class confusion of logits (N, K) -> (). Sample weights (N) multiply w. Throws for other shapes,
// temperatures that are not positive, weights that are negative or not finite, and logits that are NaN.
template <Operand X>
X minimum_class_confusion(const X& logits, const ClassConfusionOptions& options = {},
                          const WeightsFor<X>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<X>;
  using D = device_of<X>;
  constexpr const char* kName = "minimum_class_confusion";
  detail::check_logits(kName, "logits", logits.shape());
  detail::check_temperature(kName, options.temperature);
  const index_t n = logits.size(0), k = logits.size(1);
  const X log_p =
      detail::finite_log_softmax(affine(logits, static_cast<T>(1 / options.temperature), T(0), site));
  const X p = exp(log_p);
  Tensor<T, D> w = exp(-detail::entropy_of_log(value_of(log_p))) + T(1);
  if (weights.defined()) {
    check(weights.shape() == Shape{n}, kName, "sample weights must be of shape (", n, "); got ",
          weights.shape());
    require_not_negative(D{}, kName, "sample weights", weights);
    w = w * weights;
  }
  w = w * detail::over_sum(static_cast<T>(n), w);
  const X confusion = matmul(transpose(p), p * w.unsqueeze(1));
  const X rows = sum(confusion, {1}, true);
  const X scaled = confusion / masked_fill(rows, eq(rows, T(0)), T(1));
  const X off = masked_fill(scaled, detail::label_mask(Tensor<index_t, D>::arange(k), k), T(0));
  return detail::finite_loss(kName, X(sum(off) * (T(1) / static_cast<T>(k))),
                             detail::named("logits", logits));
}

}  // namespace limbic
