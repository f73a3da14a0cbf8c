// Which kernel a loss compares two batches with, and how wide it is.
//
//   b_i = b mul^(i - num // 2), i < num; b by a rule from all D_ij = |z_i - z_j|^2 of z = [s; t], N rows:
//     mean_offdiag  sum D / (N^2 - N)        mean_all  sum D / N^2
//     median        of D_ij, i < j (the lower of two in the middle)
//     fixed         a given number           running   moving average of mean_offdiag over calls
//
// The bandwidth is a constant of the graph. If all points are equal it would be 0 and is taken as 1: D = 0
// has the same kernel value, and gradient 0, at any bandwidth.
#pragma once

#include <limbic/autograd/mode.hpp>
#include <limbic/backend/cpu/pairwise_median.hpp>

#include <cmath>

namespace limbic {

// Kernels, of which linear is x . y (the squared distance of means) and distance -|x - y| (the energy
// distance), and the rules above.
enum class Kernel : std::uint8_t { gaussian, laplacian, linear, distance };
enum class Bandwidth : std::uint8_t { mean_offdiag, mean_all, median, fixed, running };

// The enumerators' names.
inline std::string to_text(Kernel k) {
  constexpr const char* kNames[] = {"gaussian", "laplacian", "linear", "distance"};
  return kNames[static_cast<int>(k)];
}
inline std::string to_text(Bandwidth b) {
  constexpr const char* kNames[] = {"mean_offdiag", "mean_all", "median", "fixed", "running"};
  return kNames[static_cast<int>(b)];
}

// What Bandwidth::running keeps between calls; belongs to the caller, who saves it with the model.
struct RunningBandwidth {
  double value = 0;       // 0: nothing seen yet
  double momentum = 0.9;  // value = momentum value + (1 - momentum) new
};

// Of KernelOptions eps is 1e-5 unless it is set, of BareKernelOptions 0; the one serves for the other as it
// is. distance and linear have no bandwidth, and nothing but `kernel` is looked at. `running` is needed where
// the bandwidth is running, its momentum in [0, 1).
template <bool kBare>
struct BasicKernelOptions {
  Kernel kernel = Kernel::gaussian;  // sum exp(-(D + eps) / b_i); laplacian: sum exp(-sqrt((D + eps) / b_i))
  double mul = 2;                    // ratio of neighbouring bandwidths, positive
  int num = 5;                       // how many, 1 to 16
  double eps = kBare ? 0 : 1e-5;     // added to D in the kernel, not negative
  Bandwidth bandwidth = Bandwidth::mean_offdiag;
  double fixed = 1;                // the rule's result when it is fixed, positive
  double scale = 1;                // b is the rule's result times this, positive
  bool bandwidth_with_eps = true;  // the rule sees D + eps
  RunningBandwidth* running = nullptr;

  operator BasicKernelOptions<!kBare>() const {
    return {kernel, mul, num, eps, bandwidth, fixed, scale, bandwidth_with_eps, running};
  }
};
using KernelOptions = BasicKernelOptions<false>;
using BareKernelOptions = BasicKernelOptions<true>;

namespace detail {
inline bool has_bandwidth(const KernelOptions& o) {
  return o.kernel == Kernel::gaussian || o.kernel == Kernel::laplacian;
}
}  // namespace detail

// "gaussian(mul 2, num 5, eps 0, bandwidth mean_offdiag)", for logs.
template <bool kBare>
std::string to_text(const BasicKernelOptions<kBare>& o) {
  if (!detail::has_bandwidth(o)) return to_text(o.kernel);
  std::string s = to_text(o.kernel) + "(mul " + to_text(o.mul) + ", num " + to_text(o.num) + ", eps " +
                  to_text(o.eps) + ", bandwidth " + to_text(o.bandwidth);
  if (o.bandwidth == Bandwidth::fixed) s += " " + to_text(o.fixed);
  if (o.scale != 1) s += " times " + to_text(o.scale);
  if (o.eps > 0 && o.bandwidth_with_eps && o.bandwidth != Bandwidth::fixed) s += " of D + eps";
  return s + ")";
}

namespace detail {

inline void check_kernel(std::string_view op, const KernelOptions& o) {
  if (!has_bandwidth(o)) return;
  check(o.num >= 1 && o.num <= kMaxBandwidths, op, "num must be from 1 to 16; got ", o.num);
  check(o.mul > 0 && std::isfinite(o.mul), op, "mul must be positive; got ", o.mul);
  check(o.eps >= 0 && std::isfinite(o.eps), op, "eps must not be negative; got ", o.eps);
  check(o.scale > 0 && std::isfinite(o.scale), op, "scale must be positive; got ", o.scale);
  if (o.bandwidth == Bandwidth::fixed)
    check(o.fixed > 0 && std::isfinite(o.fixed), op, "the bandwidth must be positive; got ", o.fixed);
  if (o.bandwidth == Bandwidth::running)
    check(o.running && o.running->momentum >= 0 && o.running->momentum < 1, op,
          "the running bandwidth needs a RunningBandwidth with a momentum in [0, 1)");
}

// The kernel with its bandwidth b filled in.
inline RadialKernel radial_kernel(const KernelOptions& o, double b) {
  RadialKernel k;
  if (!has_bandwidth(o)) {
    k.kind = o.kernel == Kernel::linear ? RadialKernel::Kind::square : RadialKernel::Kind::distance;
    return k;
  }
  k.kind = o.kernel == Kernel::gaussian ? RadialKernel::Kind::gaussian : RadialKernel::Kind::laplacian;
  k.count = o.num;
  k.eps = o.eps;
  if (!(b > 0)) b = 1;
  for (int i = 0; i < o.num; ++i) {
    const double inverse = 1 / (b * std::pow(o.mul, i - o.num / 2));
    k.inverse[i] = inverse < 1e30 ? inverse : 1e30;  // finite in float
  }
  k.halving = o.mul == 2 && k.inverse[0] < 1e30;
  return k;
}

// b by the rule, from centred points (N, d) and the sum of their squared norms.
template <class T, class D>
double bandwidth_of(const KernelOptions& o, const Tensor<T, D>& points, const Tensor<T, D>& norms,
                    double sum_norms) {
  if (!has_bandwidth(o)) return 1;
  const double n = static_cast<double>(points.size(0)), sum = 2 * n * sum_norms;
  const double eps = o.bandwidth_with_eps ? o.eps : 0;
  switch (o.bandwidth) {
    case Bandwidth::fixed: return o.scale * o.fixed;
    case Bandwidth::mean_all: return o.scale * (sum / (n * n) + eps);
    case Bandwidth::median:
      if constexpr (std::is_same_v<D, Cpu>) return o.scale * (median_distance(D{}, points, norms) + eps);
      break;
    default: break;
  }
  double b = (sum + n * n * eps) / (n * n - n);
  if (o.bandwidth == Bandwidth::running) {
    RunningBandwidth& r = *o.running;
    if (!recomputing()) r.value = r.value > 0 ? r.momentum * r.value + (1 - r.momentum) * b : b;
    b = r.value;
  }
  return o.scale * b;
}

// The kernel with its bandwidth by the rule: on the host, or on a device that need not be waited for but
// where the bandwidth is running, which is the host's.
template <class T>
PairKernel<Cpu> pair_kernel(const KernelOptions& o, const Tensor<T, Cpu>& points, const Tensor<T, Cpu>& norms,
                            double sum_norms) {
  return {radial_kernel(o, bandwidth_of(o, points, norms, sum_norms))};
}
template <class T, class D>
PairKernel<D> pair_kernel(const KernelOptions& o, const Tensor<T, D>& points, const Tensor<T, D>& norms,
                          const Tensor<double, D>& sum_norms) {
  using Rule = BandwidthRule::From;
  if (!has_bandwidth(o) || o.bandwidth == Bandwidth::fixed) return {radial_kernel(o, o.scale * o.fixed)};
  if (o.bandwidth == Bandwidth::running)
    return {radial_kernel(o, bandwidth_of(o, points, norms, sum_norms.item()))};
  RadialKernel form = radial_kernel(o, 1);
  form.halving = o.mul == 2;  // where the first bandwidth is not too small for that
  const Rule from = o.bandwidth == Bandwidth::median     ? Rule::median
                    : o.bandwidth == Bandwidth::mean_all ? Rule::mean_all
                                                         : Rule::mean_offdiag;
  const BandwidthRule rule{
      .from = from, .ratio = o.mul, .scale = o.scale, .eps = o.bandwidth_with_eps ? o.eps : 0};
  return {form, bandwidths(D{}, rule, form.count, points, sum_norms)};
}

}  // namespace detail

}  // namespace limbic
