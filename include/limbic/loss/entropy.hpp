// Entropy of predictions, p = softmax(logits), and the Kullback-Leibler divergence.
//
//   entropy  -sum_k p log p of each row, then reduced       0 log 0 = 0
//   kl_div   q (log q - log p) elementwise, then reduced    KL(q | p) summed over a distribution
#pragma once

#include <limbic/loss/reduction.hpp>
#include <limbic/ops/clamp.hpp>
#include <limbic/ops/softmax.hpp>

namespace limbic {

namespace detail {

// log softmax, finite also where p is 0, so that p log p is 0 there.
template <Operand X>
X finite_log_softmax(const X& logits, Site site = Site::here()) {
  const X y = log_softmax(logits, -1, site);
  constexpr auto kLeast = scalar_of<X>(-1e30);
  return may_be_below(device_of<X>{}, value_of(y), kLeast) ? clamp(y, kLeast, std::nullopt) : y;
}

// -sum p log p (N) from log p (N, K).
template <Operand X>
X entropy_of_log(const X& log_p) {
  return -sum(exp(log_p) * log_p, {-1});
}

}  // namespace detail

// Mean entropy of the rows of logits (N, K) -> (); (N) without reduction. In [0, log K]. Sample weights (N).
// Throws for other shapes, weights that are negative or not finite and, when it is reduced, logits that are
// NaN.
template <Operand X>
X entropy(const X& logits, Reduction reduction = Reduction::mean, const WeightsFor<X>& weights = {},
          Site site = Site::here()) {
  detail::check_logits("entropy", "logits", logits.shape());
  const X loss = detail::reduce_loss(
      "entropy", detail::entropy_of_log(detail::finite_log_softmax(logits, site)), reduction, weights, site);
  return reduction == Reduction::none ? loss
                                      : detail::finite_loss("entropy", loss, detail::named("logits", logits));
}

// batch_mean: the sum divided by N. The others are those of Reduction.
enum class KlReduction : std::uint8_t { batch_mean, mean, sum, none };

// Divergence of q from exp(log_p), both of one shape (N, ...): by default summed and divided by N. Where q =
// 0 the term is 0. Sample weights broadcast to that shape. Throws for other shapes, q and weights that are
// negative or not finite and, when it is reduced, a divergence that is not finite: log_p is NaN somewhere, or
// -infinity where q is not 0.
template <Operand P, Operand Q>
result_of<P, Q> kl_div(const P& log_p, const Q& q, KlReduction reduction = KlReduction::batch_mean,
                       const WeightsFor<P>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<P>;
  detail::check_same_shape("kl_div", "log_p", log_p.shape(), "q", q.shape());
  require_not_negative(device_of<Q>{}, "kl_div", "q", value_of(q), " (hint: probabilities, not logarithms)");
  const auto zero = eq(q, T(0));
  const result_of<P, Q> log_q = log(masked_fill(q, zero, T(1)));
  const result_of<P, Q> each = masked_fill(q * sub(log_q, log_p, site), zero, T(0));
  const bool batch = reduction == KlReduction::batch_mean;
  if (batch)
    check(log_p.rank() >= 1 && log_p.shape()[0] > 0, "kl_div", "at least one sample is needed; got ",
          log_p.shape());
  const Reduction same = reduction == KlReduction::mean   ? Reduction::mean
                         : reduction == KlReduction::none ? Reduction::none
                                                          : Reduction::sum;
  result_of<P, Q> loss = detail::reduce_loss("kl_div", each, same, weights, site);
  if (batch) loss = loss * (T(1) / static_cast<T>(log_p.shape()[0]));
  return reduction == KlReduction::none ? loss
                                        : detail::finite_loss("kl_div", loss, detail::named("log_p", log_p));
}

}  // namespace limbic
