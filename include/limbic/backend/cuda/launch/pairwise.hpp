// Launchers of sums over pairs of points, T = float or double. All matrices are dense and row-major.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// k(D) of core/radial_kernel.hpp.
struct RadialCall {
  enum class Kind : std::uint8_t { gaussian, laplacian, distance, square };
  static constexpr int kMaxBandwidths = 16;

  Kind kind = Kind::gaussian;
  bool halving = false;  // each of `inverse` is half the one before, if the first is below 1e30
  int count = 1;
  double eps = 0;
  double inverse[kMaxBandwidths] = {};
  const double* on_device = nullptr;  // in place of `inverse`, unless null
};

// points (n + m, d) = the rows of x (n, d) and y (m, d) minus their common mean, norms (n + m) their squared
// lengths, *sum = the norms' sum. mean (d) is scratch.
template <class T>
struct CentreCall {
  const T *x = nullptr, *y = nullptr;
  std::int64_t n = 0, m = 0, d = 0;
  T *points = nullptr, *norms = nullptr, *mean = nullptr;
  double* sum = nullptr;
};
template <class T>
void centre_rows(const CentreCall<T>& call);

// inverse (RadialCall::kMaxBandwidths): 1 / b_i, b_i = b ratio^(i - count / 2), b by the rule from *from: the
// sum of the norms of `points` centred points, or the median of their squared distances; b = 1 where that is
// not positive.
struct BandwidthCall {
  enum class Rule : std::uint8_t { mean_all, mean_offdiag, median };
  Rule rule = Rule::mean_offdiag;
  int count = 1;
  double ratio = 2, scale = 1, eps = 0;  // b = scale times the rule's result for D + eps
  double points = 0;
  const double* from = nullptr;
};
void bandwidths(const BandwidthCall& call, double* inverse);

// *value = offset + sum_ij w_ij prod_l k_l(D^l_ij), w_ij = sum_r left_ir right_jr, without i = j unless
// `diagonal`; the gradients of the layers where they are not null.
template <class T>
struct PairCall {
  static constexpr int kMaxLayers = 8;
  struct Layer {
    const T* points = nullptr;  // (N, width)
    std::int64_t width = 0;
    T* gradient = nullptr;  // (N, width)
    RadialCall kernel;
  };
  std::int64_t points = 0;  // N
  int layers = 0;
  Layer layer[kMaxLayers];
  const T *left = nullptr, *right = nullptr;  // (N, rank)
  std::int64_t rank = 1;
  bool diagonal = true;
  // Numbers of W held at a time, or as many as the points have: 256 MB of floats, so that all pairs of 8192 points
  // are made once, and by all of a GPU.
  std::int64_t room = std::int64_t{1} << 26;
};
template <class T>
void pair_form(const PairCall<T>& call, double offset, T* value);

// y (n, m) = squared distances of the rows of a (n, d) and b (m, d).
template <class T>
void squared_distances(T* y, const T* a, std::int64_t n, const T* b, std::int64_t m, std::int64_t d);

// y (n, m) = a b', a (n, d), b (m, d).
template <class T>
void row_products(T* y, const T* a, std::int64_t n, const T* b, std::int64_t m, std::int64_t d);

// y (N, columns) = K u, K_ij = k(|x_i - x_j|^2), x (N, d).
template <class T>
void pair_products(T* y, const T* points, std::int64_t n, std::int64_t d, const RadialCall& kernel,
                   const T* u, std::int64_t columns);

// *median = the lower median of the squared distances of the rows i < j of points (n, d), n >= 2.
template <class T>
void median_distance(double* median, const T* points, std::int64_t n, std::int64_t d);

// *value = 1/n sum_i k(|s_i - s_j|^2) + k(|t_i - t_j|^2) - k(|s_i - t_j|^2) - k(|s_j - t_i|^2), j = i + 1
// around, s and then t in points (2n, d); the gradient (2n, d) unless null.
template <class T>
void neighbour_form(const T* points, std::int64_t n, std::int64_t d, const RadialCall& kernel, T* gradient,
                    T* value);

}  // namespace limbic::cuda
