// A kernel k(D) of the squared distance D of two points, in the form that every device takes it.
//
//   gaussian   sum_i exp(-(D + eps) / b_i)          laplacian  sum_i exp(-sqrt((D + eps) / b_i))
//   distance   -sqrt(D)                             square     -D / 2
//
// The last two are conditionally positive: with weights that sum to 0 they give the energy distance and the
// squared distance of means.
#pragma once

#include <limbic/config.hpp>

namespace limbic {

// The most bandwidths b_i of one kernel.
inline constexpr int kMaxBandwidths = 16;

// One of the kernels above. `distance` and `square` have no bandwidths.
struct RadialKernel {
  enum class Kind : std::uint8_t { gaussian, laplacian, distance, square };

  Kind kind = Kind::gaussian;
  int count = 1;                        // of bandwidths
  double inverse[kMaxBandwidths] = {};  // 1 / b_i, descending
  double eps = 0;
  bool halving = false;  // each inverse is half the one before: one exponential, then squares
};

// How the bandwidth of a kernel follows from the squared distances D of its points, and its neighbours from
// it; see loss/kernel.hpp.
struct BandwidthRule {
  enum class From : std::uint8_t { mean_all, mean_offdiag, median };

  From from = From::mean_offdiag;
  // b = scale times the rule's result for D + eps; b_i = b ratio^(i - count // 2).
  double ratio = 2, scale = 1, eps = 0;
};

}  // namespace limbic
