#include <app/statistics.hpp>

#include <limbic/core/error.hpp>

#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <vector>

namespace limbic::app {

namespace {

constexpr index_t kExactPairs = 50;

std::vector<double> differences(std::span<const double> a, std::span<const double> b, const char* test) {
  check(a.size() == b.size(), test, "as many values on both sides are needed; got ", a.size(), " and ",
        b.size());
  std::vector<double> d(a.size());
  for (std::size_t i = 0; i < d.size(); ++i) {
    d[i] = a[i] - b[i];
    check(std::isfinite(d[i]), test, "finite values are needed; got ", a[i], " and ", b[i], " as pair ",
          i + 1);
  }
  return d;
}

}  // namespace

double mean_of(std::span<const double> x) {
  check(!x.empty(), "mean", "at least one value is needed; got none");
  double sum = 0;
  for (double v : x) sum += v;
  return sum / static_cast<double>(x.size());
}

double deviation_of(std::span<const double> x) {
  const double mean = mean_of(x);
  if (x.size() == 1) return 0;
  double sum = 0;
  for (double v : x) sum += (v - mean) * (v - mean);
  return std::sqrt(sum / static_cast<double>(x.size() - 1));
}

PairedTest paired_t_test(std::span<const double> a, std::span<const double> b) {
  const auto d = differences(a, b, "paired t-test");
  check(d.size() >= 2, "paired t-test", "at least 2 pairs are needed; got ", d.size());
  PairedTest out;
  out.pairs = static_cast<index_t>(d.size());
  out.difference = mean_of(d);
  const double error = deviation_of(d) / std::sqrt(static_cast<double>(d.size()));
  if (error == 0) {
    out.statistic = out.difference == 0 ? 0 : std::copysign(HUGE_VAL, out.difference);
    out.p = out.difference == 0 ? 1 : 0;
    return out;
  }
  out.statistic = out.difference / error;
  const boost::math::students_t t(static_cast<double>(d.size() - 1));
  out.p = 2 * boost::math::cdf(boost::math::complement(t, std::abs(out.statistic)));
  return out;
}

PairedTest wilcoxon_test(std::span<const double> a, std::span<const double> b) {
  auto d = differences(a, b, "wilcoxon");
  check(!d.empty(), "wilcoxon", "at least 1 pair is needed; got none");
  PairedTest out;
  out.difference = mean_of(d);
  std::erase(d, 0.0);
  const std::size_t n = d.size();
  out.pairs = static_cast<index_t>(n);
  out.exact = out.pairs <= kExactPairs;
  if (n == 0) return out;
  std::ranges::sort(d, [](double p, double q) { return std::abs(p) < std::abs(q); });
  // Mean ranks, doubled so that they are whole numbers.
  std::vector<std::size_t> rank(n);
  double ties = 0;
  for (std::size_t i = 0; i < n;) {
    std::size_t end = i;
    while (end < n && std::abs(d[end]) == std::abs(d[i])) ++end;
    for (std::size_t k = i; k < end; ++k) rank[k] = i + 1 + end;
    const double t = static_cast<double>(end - i);
    ties += t * t * t - t;
    i = end;
  }
  std::size_t positive = 0, all = 0;
  for (std::size_t i = 0; i < n; ++i) {
    all += rank[i];
    if (d[i] > 0) positive += rank[i];
  }
  const std::size_t smaller = std::min(positive, all - positive);
  out.statistic = static_cast<double>(smaller) / 2;
  if (out.exact) {
    // Share of the 2^n signs whose doubled rank sum is at most `smaller`.
    std::vector<double> share(all + 1, 0.0);
    share[0] = 1;
    std::size_t reach = 0;
    for (std::size_t r : rank) {
      reach += r;
      for (std::size_t s = reach + 1; s-- > 0;) share[s] = 0.5 * (share[s] + (s >= r ? share[s - r] : 0.0));
    }
    double p = 0;
    for (std::size_t s = 0; s <= smaller; ++s) p += share[s];
    out.p = std::min(1.0, 2 * p);
    return out;
  }
  const double count = static_cast<double>(n);
  const double variance = count * (count + 1) * (2 * count + 1) / 24 - ties / 48;
  const double z = (out.statistic - count * (count + 1) / 4) / std::sqrt(variance);
  out.p = std::min(1.0, 2 * boost::math::cdf(boost::math::normal(), z));
  return out;
}

std::string p_text(double p) {
  if (p < 0.001) return "p < 0.001";
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, p < 0.1 ? "p = %.3f" : "p = %.2f", p);
  return buffer;
}

}  // namespace limbic::app
