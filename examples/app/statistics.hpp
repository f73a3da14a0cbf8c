// Statistics of folds: means, deviations, and tests of paired differences.
#pragma once

#include <limbic/config.hpp>

#include <span>
#include <string>

namespace limbic::app {

// Throws when there is none.
double mean_of(std::span<const double> x);
// Sample standard deviation (n - 1); 0 for a single value.
double deviation_of(std::span<const double> x);

struct PairedTest {
  index_t pairs = 0;      // that entered the test
  double difference = 0;  // mean of a - b over all pairs
  double statistic = 0;   // t, or the smaller rank sum W
  double p = 1;           // two-sided
  bool exact = false;     // Wilcoxon: from the exact distribution
};
// Student's t-test of paired differences, n - 1 degrees of freedom. Throws for fewer than 2 pairs or unequal
// numbers. Differences that are all equal: p = 1 when they are 0, else p = 0.
PairedTest paired_t_test(std::span<const double> a, std::span<const double> b);
// Wilcoxon's signed-rank test (1945): zero differences are dropped, ties get mean ranks. Exact for at most 50
// pairs (ties included: the distribution is counted over the ranks as they are), else the normal
// approximation with tie correction.
PairedTest wilcoxon_test(std::span<const double> a, std::span<const double> b);

// "p = 0.013", "p < 0.001".
std::string p_text(double p);

}  // namespace limbic::app
