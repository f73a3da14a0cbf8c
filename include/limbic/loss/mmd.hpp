// Maximum mean discrepancy: how far the means of two batches are apart in a kernel's feature space.
//
//   biased    mean k(s,s') + mean k(t,t') - 2 mean k(s,t)                         >= 0 (roundings below 0 are lifted)
//   unbiased  the same without the pairs i = i within a batch                     may be negative
//   linear    mean over i of k(s_i,s_j) + k(t_i,t_j) - k(s_i,t_j) - k(s_j,t_i),
//             j = i + 1 around the batch; n = m                                   may be negative, O(n d)
//
// Sample weights w (summing to 1): mean k = sum w_i w_j k_ij; unbiased over i != j, divided by 1 - sum w_i^2;
// the linear estimator has none. A batch of one sample has no pairs: its unbiased mean is 0.
// Source: Gretton et al., "A kernel two-sample test", JMLR 13, 2012.
#pragma once

#include <limbic/backend/cpu/pairwise_linear.hpp>
#include <limbic/loss/pair_form.hpp>

namespace limbic {

// The estimators above.
enum class MmdEstimator : std::uint8_t { biased, unbiased, linear };

// "biased", "unbiased" or "linear".
inline std::string to_text(MmdEstimator e) {
  constexpr const char* kNames[] = {"biased", "unbiased", "linear"};
  return kNames[static_cast<int>(e)];
}

// Options of mmd().
struct MmdOptions {
  MmdEstimator estimator = MmdEstimator::biased;
  KernelOptions kernel{};
  bool unbiased_offset = false;  // adds 2 / (n - 1), as tllib does; n > 1, not to the linear estimator
};

// "mmd(biased, gaussian(...))", for logs.
inline std::string to_text(const MmdOptions& o) {
  return "mmd(" + to_text(o.estimator) + ", " + to_text(o.kernel) +
         (o.unbiased_offset ? ", plus 2 / (n - 1))" : ")");
}

// The options under which other code bases' MMD comes out: "uf_ama", "transferlearning" or "tllib". Throws
// for another name.
inline MmdOptions mmd_preset(std::string_view name) {
  MmdOptions o;
  if (name == "uf_ama") {
    o.estimator = MmdEstimator::linear;
    return o;
  }
  o.kernel.eps = 0;
  if (name == "tllib") {
    o.estimator = MmdEstimator::unbiased;
    o.kernel.num = 3;
    o.kernel.bandwidth = Bandwidth::mean_all;
    o.kernel.scale = 2;
    o.unbiased_offset = true;
  } else if (name != "transferlearning") {
    fail("mmd_preset", "a preset is one of uf_ama, transferlearning, tllib; got ", name);
  }
  return o;
}

namespace detail {

// The linear estimator.
template <class T, class D>
struct NeighbourForm {
  static constexpr const char* name = "mmd";
  KernelOptions options;
  bool keep = false;
  PairKernel<D> kernel{};
  Saved<T, D> kept_s{}, kept_t{};
  Tensor<T, D> whole{};

  Shape infer(const Tensor<T, D>& s, const Tensor<T, D>& t) {
    check_batches(name, s.shape(), t.shape());
    if (s.size(0) != t.size(0))
      fail(name, "the linear estimator needs batches of one size; got source ", s.shape(), ", target ",
           t.shape(), " (hint: biased or unbiased)");
    return {};
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& s, const Tensor<T, D>& t) {
    const CentredPoints<T, D> z(name, s, t);
    kernel = pair_kernel(options, z.points, z.norms, z.sum_norms);
    if (keep) whole = Tensor<T, D>::empty(z.points.shape());
    neighbour_form(D{}, y, z.points, kernel, whole);
    if (!keep) return;
    kept_s = s;
    kept_t = t;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& ds, Grad<T, D>& dt) {
    const index_t n = kept_s.get().size(0);
    give_rows(ds, whole, 0, n, dy);
    give_rows(dt, whole, n, 2 * n, dy);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    const Var<T, D> s = c.input(0, kept_s), t = c.input(1, kept_t);
    const Var<T, D> s_next = rolled(s, 1), t_next = rolled(t, 1);
    auto part = [form = on_host(kernel)](const Var<T, D>& a, const Var<T, D>& b) {
      return radial_slope(form, sum(square(a - b), {1}, true)) * (a - b);
    };
    // Each difference pulls its first point one way and its second the other.
    const Var<T, D> ss = part(s, s_next), tt = part(t, t_next), st = part(s, t_next), ts = part(t, s_next);
    const Var<T, D> factor = dy * (T(2) / static_cast<T>(s.size(0)));
    if (c.wants(0)) c.give(0, factor * (ss - st - rolled(ss - ts, -1)));
    if (c.wants(1)) c.give(1, factor * (tt - ts - rolled(tt - st, -1)));
  }

 private:
  // Row i is x's row i + by, around the batch.
  static Var<T, D> rolled(const Var<T, D>& x, index_t by) {
    const index_t first = by < 0 ? x.size(0) + by : by;
    return concat({slice(x, 0, first), slice(x, 0, 0, first)});
  }
};

// The matrix w of the biased and the unbiased estimator.
template <class T>
PairWeights<T, Cpu> mmd_weights(const char* op, bool unbiased, index_t n, index_t m,
                                const SampleWeights<T, Cpu>& weights) {
  const std::vector<double> ws = normalised_weights(op, "source", weights.source, n);
  const std::vector<double> wt = normalised_weights(op, "target", weights.target, m);
  std::vector<T> left, right;
  if (!unbiased) {
    for (double w : ws) left.push_back(static_cast<T>(w));
    for (double w : wt) left.push_back(static_cast<T>(-w));
    const auto u = Tensor<T, Cpu>::from({n + m, 1}, left);
    return {u, u};
  }
  auto off_diagonal = [](const std::vector<double>& w) {
    double rest = 1;
    for (double v : w) rest -= v * v;
    return w.size() > 1 && rest > 1e-12 ? 1 / rest : 0.0;
  };
  const double ss = off_diagonal(ws), tt = off_diagonal(wt);
  for (double w : ws) {
    left.insert(left.end(), {static_cast<T>(w), T(0)});
    right.insert(right.end(), {static_cast<T>(w * ss), static_cast<T>(-w)});
  }
  for (double w : wt) {
    left.insert(left.end(), {T(0), static_cast<T>(w)});
    right.insert(right.end(), {static_cast<T>(-w), static_cast<T>(w * tt)});
  }
  return {Tensor<T, Cpu>::from({n + m, 2}, left), Tensor<T, Cpu>::from({n + m, 2}, right), false};
}
template <class T, class D>
PairWeights<T, D> mmd_weights(const char* op, bool unbiased, index_t n, index_t m,
                              const SampleWeights<T, D>& weights) {
  check_weight_shapes(op, n, m, weights);
  return mmd_pair_weights(D{}, op, unbiased, n, m, weights.source, weights.target);
}

}  // namespace detail

// Squared maximum mean discrepancy of source (n, d) and target (m, d) -> (). Throws for other shapes, empty
// batches, features that are not finite, options out of range, weights that are negative, not finite or all
// 0, and for any weights of the linear estimator, which needs n = m.
template <Operand A, Operand B>
result_of<A, B> mmd(const A& source, const B& target, const MmdOptions& options = {},
                    const SampleWeightsFor<A, B>& weights = {}, Site site = Site::here()) {
  using T = scalar_of<A>;
  using D = device_of<A>;
  detail::check_batches("mmd", source.shape(), target.shape());
  detail::check_kernel("mmd", options.kernel);
  if (options.estimator == MmdEstimator::linear) {
    check(!weights.source.defined() && !weights.target.defined(), "mmd",
          "the linear estimator takes no sample weights (hint: biased or unbiased)");
    return apply(site, detail::NeighbourForm<T, D>{.options = options.kernel}, source, target);
  }
  const index_t n = source.size(0), m = target.size(0);
  const double offset = options.unbiased_offset && n > 1 ? 2 / static_cast<double>(n - 1) : 0;
  const bool unbiased = options.estimator == MmdEstimator::unbiased;
  return apply(site,
               detail::PairForm<T, D>{.name = "mmd",
                                      .options = options.kernel,
                                      .weights = detail::mmd_weights("mmd", unbiased, n, m, weights),
                                      .offset = offset,
                                      .may_be_negative = unbiased},
               source, target);
}

}  // namespace limbic
