// Are two samples from one law? A permutation test whose statistic is an MMD (Gretton et al., "A kernel
// two-sample test", JMLR 13, 2012).
//
//   p = (1 + how many of P random relabellings have a statistic at least as large) / (1 + P)
//
// so the chance of p <= alpha under one law is at most alpha, at any sample size (Phipson and Smyth, Stat.
// Appl. Genet. Mol. Biol. 9, 2010). The bandwidth comes from the pooled sample, which no relabelling changes.
// In double.
//
// biased, unbiased: one pass over the kernel matrix of the pooled sample, tile by tile, for all relabellings:
// O(N^2 (d + P)) work, O(N (d + P)) memory. linear: O(N d P) work.
#pragma once

#include <limbic/backend/cpu/pair_products.hpp>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/random.hpp>
#include <limbic/loss/mmd.hpp>
#include <limbic/ops/index_select.hpp>

namespace limbic {

// What mmd_permutation_test() found.
struct TwoSampleTest {
  double statistic = 0;  // of the labelling given
  double p_value = 1;
  double bandwidth = 0;          // the kernel's, of the pooled sample
  std::vector<double> permuted;  // the statistics of the relabellings, in the order of their draws
};

namespace detail {

// The statistic of each of the `count` labellings: rows (count, N), of which the first n name the source.
template <class T>
std::vector<double> pooled_mmd(const CentredPoints<T, Cpu>& z, const RadialKernel& kernel, bool unbiased,
                               const std::vector<Tensor<index_t>>& order, index_t n) {
  const index_t rows = z.points.size(0), m = rows - n, count = static_cast<index_t>(order.size());
  // A column for each labelling, 1 for the source, and one of ones.
  Tensor<T> member = Tensor<T>::zeros({rows, count + 1});
  T* const u = member.mutable_data();
  for (index_t p = 0; p < count; ++p) {
    const index_t* const of = order[static_cast<std::size_t>(p)].data();
    for (index_t i = 0; i < n; ++i) u[of[i] * (count + 1) + p] = 1;
  }
  for (index_t i = 0; i < rows; ++i) u[i * (count + 1) + count] = 1;
  const Tensor<T> product = pair_products(Cpu{}, z.points, z.norms, {kernel}, member);  // K u
  const T* const k = product.data();
  double all = 0;
  for (index_t i = 0; i < rows; ++i) all += k[i * (count + 1) + count];
  const double own = radial_at_zero<T>(kernel), a = static_cast<double>(n), b = static_cast<double>(m);
  std::vector<double> out;
  for (index_t p = 0; p < count; ++p) {
    double ss = 0, sz = 0;  // sums of k over source x source, and source x all
    for (index_t i = 0; i < rows; ++i) {
      const double label = u[i * (count + 1) + p];
      ss += label * k[i * (count + 1) + p];
      sz += label * k[i * (count + 1) + count];
    }
    const double st = sz - ss, tt = all - 2 * sz + ss;
    out.push_back(unbiased ? (n > 1 ? (ss - a * own) / (a * (a - 1)) : 0) +
                                 (m > 1 ? (tt - b * own) / (b * (b - 1)) : 0) - 2 * st / (a * b)
                           : std::max(0.0, ss / (a * a) + tt / (b * b) - 2 * st / (a * b)));
  }
  return out;
}

}  // namespace detail

// Tests whether the rows of source (n, d) and target (m, d) are drawn from one law, with `permutations`
// relabellings drawn from `random`. The estimator and kernel are those of `options`. No p is below 1 / (1 +
// permutations); with few samples the smallest is larger, as relabellings repeat. Throws as mmd(), for
// permutations below 1, and for a running bandwidth.
template <class T>
TwoSampleTest mmd_permutation_test(const Tensor<T>& source, const Tensor<T>& target, RandomStream& random,
                                   const MmdOptions& options = {}, index_t permutations = 999) {
  constexpr const char* kName = "mmd_permutation_test";
  detail::check_batches(kName, source.shape(), target.shape());
  detail::check_kernel(kName, options.kernel);
  check(permutations >= 1, kName, "at least one permutation is needed; got ", permutations);
  check(options.kernel.bandwidth != Bandwidth::running, kName,
        "the bandwidth must depend on these samples alone, or be fixed");
  const Tensor<double> s = source.template to<double>(), t = target.template to<double>();
  const index_t n = s.size(0), rows = n + t.size(0);
  const bool linear = options.estimator == MmdEstimator::linear;
  if (linear && s.size(0) != t.size(0))
    fail(kName, "the linear estimator needs batches of one size; got source ", s.shape(), ", target ",
         t.shape());
  const detail::CentredPoints<double, Cpu> z(kName, s, t);
  TwoSampleTest out;
  out.bandwidth = detail::bandwidth_of(options.kernel, z.points, z.norms, z.sum_norms);
  std::vector<Tensor<index_t>> order{Tensor<index_t>::arange(rows)};
  for (index_t p = 0; p < permutations; ++p) order.push_back(random.permutation(rows));
  std::vector<double> statistics;
  const RadialKernel kernel = detail::radial_kernel(options.kernel, out.bandwidth);
  if (linear) {
    for (const auto& o : order) {
      Tensor<double> none, value = Tensor<double>::empty({});
      neighbour_form(Cpu{}, value, index_select(z.points, 0, o), {kernel}, none);
      statistics.push_back(value.item());
    }
  } else {
    statistics = detail::pooled_mmd(z, kernel, options.estimator == MmdEstimator::unbiased, order, n);
  }
  out.statistic = statistics[0];
  out.permuted.assign(statistics.begin() + 1, statistics.end());
  // Equal labellings may differ by roundings.
  double size = 0;
  for (double v : statistics) size = std::max(size, std::fabs(v));
  index_t above = 0;
  for (double v : out.permuted) above += v >= out.statistic - 1e-9 * size;
  out.p_value = static_cast<double>(1 + above) / static_cast<double>(1 + permutations);
  if (options.unbiased_offset && !linear && n > 1) {
    out.statistic += 2 / static_cast<double>(n - 1);
    for (double& v : out.permuted) v += 2 / static_cast<double>(n - 1);
  }
  return out;
}

}  // namespace limbic
