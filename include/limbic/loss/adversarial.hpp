// Adversarial alignment: a domain classifier behind a gradient reversal (ops/gradient_reversal.hpp).
//
//   dann_coefficient     2 / (1 + exp(-rate p)) - 1 for training progress p in [0, 1]: from 0 to almost 1
//   domain_loss          binary cross-entropy of the domain logits: source is 1, target 0; mean of both batches
//                        (Ganin et al., "Domain-adversarial training of neural networks", JMLR 2016)
//   conditional_map      f (x) p: all products of features and class probabilities, or randomised:
//                        (f R_f) * (p R_p) / sqrt(width)
//   certainty_weights    1 + exp(-H(p)), no gradient, scaled to sum N
//                        (CDAN: Long et al., NeurIPS 2018, arXiv:1705.10667)
#pragma once

#include <limbic/loss/bce.hpp>
#include <limbic/loss/entropy.hpp>
#include <limbic/ops/gradient_reversal.hpp>
#include <limbic/ops/matmul.hpp>

namespace limbic {

// Strength of the gradient reversal at training progress p, in [0, 1]. Throws unless p is in [0, 1], and for
// a rate that is negative or not finite.
inline double dann_coefficient(double progress, double rate = 10) {
  check(progress >= 0 && progress <= 1, "dann_coefficient", "the progress must be in [0, 1]; got ", progress);
  check(rate >= 0 && std::isfinite(rate), "dann_coefficient",
        "the rate must be finite and not negative; got ", rate);
  return 2 / (1 + std::exp(-rate * progress)) - 1;
}

// Domain classification loss of the logits of two batches, (n) or (n, 1) and (m) or (m, 1) -> (). Sample
// weights have the same number of elements. Throws for other shapes, logits that are not finite, and weights
// that are negative or not finite.
template <Operand A, Operand B>
result_of<A, B> domain_loss(const A& source_logits, const B& target_logits,
                            const SampleWeightsFor<A, B>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<A>;
  using D = device_of<A>;
  constexpr const char* kName = "domain_loss";
  auto part = [&](const auto& logits, const Tensor<T, D>& w, T domain) {
    const Shape& s = logits.shape();
    if (s.rank() < 1 || s.rank() > 2 || (s.rank() == 2 && s[1] != 1) || s[0] == 0)
      fail(kName, "one logit a sample is needed, (N) or (N, 1); got ", s);
    if (w.defined() && w.numel() != s[0])
      fail(kName, "one weight a sample is needed; got ", w.shape(), " for ", s);
    return bce_with_logits(reshape(logits, {s[0]}), Tensor<T, D>::full({s[0]}, domain), {},
                           w.defined() ? w.reshape({s[0]}) : w, site);
  };
  const result_of<A, B> loss =
      (part(source_logits, weights.source, T(1)) + part(target_logits, weights.target, T(0))) * T(0.5);
  return detail::finite_loss(kName, loss, detail::named("source logits", source_logits),
                             detail::named("target logits", target_logits));
}

// Features (N, d) and class probabilities (N, K) -> (N, d K). Throws for other shapes.
template <Operand A, Operand B>
result_of<A, B> conditional_map(const A& features, const B& probabilities, Site site = Site::here()) {
  if (features.rank() != 2 || probabilities.rank() != 2 || features.size(0) != probabilities.size(0))
    fail("conditional_map", "features (N, d) and probabilities (N, K) are needed; got ", features.shape(),
         " and ", probabilities.shape());
  return reshape(mul(unsqueeze(features, 2), unsqueeze(probabilities, 1), site),
                 {features.size(0), features.size(1) * probabilities.size(1)});
}

// The same through fixed random matrices (d, w) and (K, w) -> (N, w), for where d K is too wide. Throws for
// other shapes of theirs, and where the products with them do not fit each other.
template <Operand A, Operand B>
result_of<A, B> conditional_map(const A& features, const B& probabilities, const WeightsFor<A>& feature_map,
                                const WeightsFor<A>& class_map, Site site = Site::here()) {
  if (features.rank() != 2 || probabilities.rank() != 2 || features.size(0) != probabilities.size(0))
    fail("conditional_map", "features (N, d) and probabilities (N, K) are needed; got ", features.shape(),
         " and ", probabilities.shape());
  if (feature_map.rank() != 2 || class_map.rank() != 2 || feature_map.size(1) != class_map.size(1))
    fail("conditional_map", "random maps (d, w) and (K, w) are needed; got ", feature_map.shape(), " and ",
         class_map.shape());
  const scalar_of<A> scale =
      static_cast<scalar_of<A>>(1 / std::sqrt(static_cast<double>(feature_map.size(1))));
  return mul(matmul(features, feature_map, site), matmul(probabilities, class_map, site), site) * scale;
}

// Weights (N) of samples by how certain the prediction of logits (N, K) is; their sum is N. Throws for other
// shapes and logits that are NaN.
template <Operand X>
Tensor<scalar_of<X>, device_of<X>> certainty_weights(const X& logits) {
  using T = scalar_of<X>;
  const auto w = exp(-entropy(value_of(logits), Reduction::none)) + T(1);
  require_finite_loss(device_of<X>{}, "certainty_weights", sum(w), detail::named("logits", logits));
  return w * detail::over_sum(static_cast<T>(w.numel()), w);
}

}  // namespace limbic
