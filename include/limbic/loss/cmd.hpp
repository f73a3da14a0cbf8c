// Central moment discrepancy: means and central moments, each compared by their Euclidean distance.
//
//   y = |mean_s - mean_t| + sum_{k=2}^K |c_k(s) - c_k(t)|,  c_k(x) = mean (x - mean x)^k elementwise    >= 0
//
// Where moments are equal the slope of their distance is taken as 0. For features in [0, 1] or scaled alike.
// Source: Zellinger et al., "Central moment discrepancy", ICLR 2017, arXiv:1702.08811.
#pragma once

#include <limbic/loss/batches.hpp>

namespace limbic {

// Options of cmd().
struct CmdOptions {
  int moments = 5;  // K, at least 1
};

// "cmd(moments 5)", for logs.
inline std::string to_text(const CmdOptions& o) { return "cmd(moments " + to_text(o.moments) + ")"; }

// Central moment discrepancy of source (n, d) and target (m, d) -> (). Throws for other shapes, empty
// batches, features that are not finite, `moments` below 1, and weights that are negative, not finite or all
// 0.
template <Operand A, Operand B>
result_of<A, B> cmd(const A& source, const B& target, const CmdOptions& options = {},
                    const SampleWeightsFor<A, B>& weights = {}) {
  using Column = Tensor<scalar_of<A>, device_of<A>>;
  detail::check_batches("cmd", source.shape(), target.shape());
  check(options.moments >= 1, "cmd", "at least one moment is needed; got ", options.moments);
  Column ws, wt;
  if (weights.source.defined()) ws = detail::weight_column("cmd", "source", weights.source, source.size(0));
  if (weights.target.defined()) wt = detail::weight_column("cmd", "target", weights.target, target.size(0));
  const A mean_s = detail::mean_row(source, ws);
  const B mean_t = detail::mean_row(target, wt);
  auto distance = [](const A& a, const B& b) { return detail::root(sum(square(a - b))); };
  result_of<A, B> total = distance(mean_s, mean_t);
  const A s = source - mean_s;
  const B t = target - mean_t;
  A s_power = s;
  B t_power = t;
  for (int k = 2; k <= options.moments; ++k) {
    s_power = s_power * s;
    t_power = t_power * t;
    total = total + distance(detail::mean_row(s_power, ws), detail::mean_row(t_power, wt));
  }
  return detail::finite_loss("cmd", total, detail::named("source", source), detail::named("target", target));
}

}  // namespace limbic
