// Losses of differences d = a - b, elementwise, then reduced.
//
//   mse        d^2                l1     |d|
//   smooth_l1  d^2 / (2 beta)     where |d| < beta,  else |d| - beta / 2
//   huber      d^2 / 2            where |d| < delta, else delta (|d| - delta / 2)
#pragma once

#include <limbic/loss/reduction.hpp>
#include <limbic/ops/clamp.hpp>
#include <limbic/ops/rounding.hpp>

namespace limbic {

namespace detail {

template <class T>
struct SmoothL1F {
  static constexpr const char* name = "smooth_l1";
  static constexpr bool kSlopeOfOutput = false;
  T beta;
  LIMBIC_INLINE auto value(auto x) const {
    const auto a = math::abs(x);
    return choose(a < beta, T(0.5) * x * x / beta, a - T(0.5) * beta);
  }
  template <class X>
  X slope(const X& x) const {
    if constexpr (Operand<X>) return clamp(x * (T(1) / beta), T(-1), T(1));
    else return math::max(T(-1), math::min(T(1), x / beta));
  }
};

template <Operand A, Operand B>
result_of<A, B> difference(std::string_view op, const A& a, const B& b, Site site) {
  check_same_shape(op, "a", a.shape(), "b", b.shape());
  return sub(a, b, site);
}

}  // namespace detail

// Squared error. All four take a and b of one shape, sample weights that broadcast to it -> (), or that shape
// without reduction, and throw for other shapes and weights that are negative or not finite.
template <Operand A, Operand B>
result_of<A, B> mse(const A& a, const B& b, Reduction reduction = Reduction::mean,
                    const WeightsFor<A>& weights = {}, Site site = Site::here()) {
  return detail::reduce_loss("mse", square(detail::difference("mse", a, b, site), site), reduction, weights,
                             site);
}
// Absolute error; slope 0 at 0.
template <Operand A, Operand B>
result_of<A, B> l1(const A& a, const B& b, Reduction reduction = Reduction::mean,
                   const WeightsFor<A>& weights = {}, Site site = Site::here()) {
  return detail::reduce_loss("l1", abs(detail::difference("l1", a, b, site), site), reduction, weights, site);
}
// Absolute error rounded off below beta (Girshick, "Fast R-CNN", ICCV 2015); beta = 0 is l1. Throws for a
// beta that is negative or not finite.
template <Operand A, Operand B>
result_of<A, B> smooth_l1(const A& a, const B& b, double beta = 1, Reduction reduction = Reduction::mean,
                          const WeightsFor<A>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<A>;
  check(beta >= 0 && std::isfinite(beta), "smooth_l1", "beta must be finite and not negative; got ", beta);
  if (beta == 0) return l1(a, b, reduction, weights, site);
  const auto d = detail::difference("smooth_l1", a, b, site);
  const auto each = unary(site, detail::SmoothL1F<T>{.beta = static_cast<T>(beta)}, d);
  return detail::reduce_loss("smooth_l1", each, reduction, weights, site);
}
// Squared error that grows linearly beyond delta (Huber, Ann. Math. Stat. 35, 1964). Throws unless delta is
// positive and finite.
template <Operand A, Operand B>
result_of<A, B> huber(const A& a, const B& b, double delta = 1, Reduction reduction = Reduction::mean,
                      const WeightsFor<A>& weights = {}, Site site = Site::here()) {
  check(delta > 0 && std::isfinite(delta), "huber", "delta must be positive and finite; got ", delta);
  return smooth_l1(a, b, delta, reduction, weights, site) * static_cast<scalar_of<A>>(delta);
}

}  // namespace limbic
