// Binary cross-entropy, of logits and of probabilities.
//
//   bce_with_logits  loss = (1 - t) x + (1 + (w - 1) t) log(1 + e^-x)     w: weight of positives
//   bce              loss = -t log p - (1 - t) log(1 - p)                 p kept a rounding error away from 0 and 1
#pragma once

#include <limbic/loss/reduction.hpp>
#include <limbic/ops/activation.hpp>
#include <limbic/ops/clamp.hpp>

namespace limbic {

// Options of bce_with_logits() and bce().
struct BceOptions {
  double positive_weight = 1;  // w, positive; bce() does not look at it
  Reduction reduction = Reduction::mean;
};

// "bce(positive_weight 1, reduction mean)", for logs.
inline std::string to_text(const BceOptions& o) {
  return "bce(positive_weight " + to_text(o.positive_weight) + ", reduction " + to_text(o.reduction) + ")";
}

// Binary cross-entropy of logits with targets in [0, 1] of the same shape, elementwise, then reduced -> (),
// or their shape without reduction. Sample weights broadcast. Throws for other shapes, a positive_weight that
// is not positive and finite, and weights that are negative or not finite. Targets are taken as they are.
template <Operand X, Operand Y>
result_of<X, Y> bce_with_logits(const X& logits, const Y& target, const BceOptions& options = {},
                                const WeightsFor<X>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<X>;
  constexpr const char* kName = "bce_with_logits";
  detail::check_same_shape(kName, "logits", logits.shape(), "target", target.shape());
  check(options.positive_weight > 0 && std::isfinite(options.positive_weight), kName,
        "positive_weight must be positive and finite; got ", options.positive_weight);
  // log(1 + e^-x) to the last place however large x is, so the threshold is out of reach.
  const X rest = softplus(-logits, T(1), std::numeric_limits<T>::max(), site);
  const T w = static_cast<T>(options.positive_weight - 1);
  const result_of<X, Y> each =
      (T(1) - target) * logits + (w == T(0) ? result_of<X, Y>(rest) : rest * (target * w + T(1)));
  return detail::reduce_loss(kName, each, options.reduction, weights, site);
}

// Binary cross-entropy of probabilities with targets of the same shape, otherwise as bce_with_logits().
// Throws for other shapes, probabilities outside [0, 1] (NaN passes), and weights that are negative or not
// finite.
template <Operand X, Operand Y>
result_of<X, Y> bce(const X& p, const Y& target, const BceOptions& options = {},
                    const WeightsFor<X>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<X>;
  detail::check_same_shape("bce", "probabilities", p.shape(), "target", target.shape());
  require_unit_interval(device_of<X>{}, "bce", "probabilities", value_of(p), " (hint: bce_with_logits)");
  const T least = std::numeric_limits<T>::epsilon();
  const X inside = clamp(p, least, T(1) - least, site);
  const result_of<X, Y> each = -(target * log(inside) + (T(1) - target) * log1p(-inside));
  return detail::reduce_loss("bce", each, options.reduction, weights, site);
}

}  // namespace limbic
