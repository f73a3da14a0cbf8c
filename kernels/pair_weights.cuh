// Weights of pairs from weights of samples; see launch/pair_weights.hpp.
//
//   biased    u_i = w_i, -w_j of the target; left = right = u
//   unbiased  left (w, 0), (0, w); right (w s, -w), (-w, w t), s = 1 / (1 - sum w^2)        w: summing to 1
//   classes   u_ic = w_i [l_i = c] / sum_i ..., -w_i p_ic / sum_i ...; left = u, right = u / count of classes in both
//
//   mmd_weights, normalise_weights, covariance_scale, inverse_total   one block: sums in double, then the values
//   class_sums     a block a class: its sums and whether it is present     class_columns  a thread an element
//   launch   1-D blocks of kWeightThreads; static shared memory only
//   bytes    two to four times the weights; class_sums: probabilities once a class
//   repeats  bit for bit
//   source   Gretton et al., JMLR 13, 2012; Zhu et al., IEEE TNNLS 2020, arXiv:2106.09388
#pragma once

#include <limbic/backend/cuda/launch/pair_weights.hpp>

#include "report.cuh"

namespace limbic::cuda::device {

constexpr int kWeightThreads = 256;

template <class T>
__device__ inline double weight_of(const T* weights, std::int64_t i) {
  return weights ? static_cast<double>(weights[i]) : 1.0;
}
template <class F>
__device__ inline double total_of(std::int64_t count, const F& f) {
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kWeightThreads) sum += f(i);
  return block_sum<kWeightThreads>(sum);
}

// Weights of one batch, normalised.
template <class T>
struct NormalisedWeights {
  const T* weights;
  double total, rest;  // rest: 1 - the sum of squares

  __device__ NormalisedWeights(const T* w, std::int64_t count, Report* box, const GuardText& about)
      : weights(w) {
    total = total_of(count, [&](std::int64_t i) { return weight_of(w, i); });
    rest = 1 - total_of(count, [&](std::int64_t i) { return (*this)(i) * (*this)(i); });
    if (threadIdx.x == 0 && !(total > 0)) report(box, about, total, 0);
  }
  __device__ double operator()(std::int64_t i) const { return weight_of(weights, i) / total; }
  // 1 / rest: what a mean without i = i is divided by.
  __device__ double off_diagonal(std::int64_t count) const {
    return count > 1 && rest > 1e-12 ? 1 / rest : 0;
  }
};

template <class T>
__global__ void __launch_bounds__(kWeightThreads)
    mmd_weights(const __grid_constant__ MmdWeightsCall<T> call, Report* box) {
  const NormalisedWeights<T> s(call.source, call.n, box, call.about_source),
      t(call.target, call.m, box, call.about_target);
  const double ss = s.off_diagonal(call.n), tt = t.off_diagonal(call.m);
  for (std::int64_t i = threadIdx.x; i < call.n + call.m; i += kWeightThreads) {
    const bool of_source = i < call.n;
    const double w = of_source ? s(i) : t(i - call.n);
    if (!call.unbiased) {
      call.left[i] = call.right[i] = static_cast<T>(of_source ? w : -w);
    } else {
      call.left[2 * i] = static_cast<T>(of_source ? w : 0.0);
      call.left[2 * i + 1] = static_cast<T>(of_source ? 0.0 : w);
      call.right[2 * i] = static_cast<T>(of_source ? w * ss : -w);
      call.right[2 * i + 1] = static_cast<T>(of_source ? -w : w * tt);
    }
  }
}

// Sums of a class in source and target; 0 in both unless it is present in both.
struct ClassSums {
  double source, target;
};

template <class T>
__global__ void __launch_bounds__(kWeightThreads)
    class_sums(const __grid_constant__ ClassWeightsCall<T> call, ClassSums* __restrict__ sums, Report* box) {
  const std::int64_t own = blockIdx.x;
  const double source = total_of(
      call.n, [&](std::int64_t i) { return call.source_labels[i] == own ? weight_of(call.source, i) : 0.0; });
  double target = 0, present = 0;
  std::int64_t empty = call.m;  // a sample without any probability
  for (std::int64_t i = threadIdx.x; i < call.m; i += kWeightThreads) {
    const double w = weight_of(call.target, i);
    if (call.target_labels) {
      const bool here = call.target_labels[i] == own;
      target += here ? w : 0;
      present += here && w > 0;
      continue;
    }
    const T* const p = call.probabilities + i * call.classes;
    std::int64_t best = 0;
    for (std::int64_t c = 1; c < call.classes; ++c) best = p[c] > p[best] ? c : best;
    target += w * static_cast<double>(p[own]);
    present += best == own && w > 0;
    if (!(p[best] > T(0)) && empty == call.m) empty = i;
  }
  target = block_sum<kWeightThreads>(target);
  present = block_sum<kWeightThreads>(present);
  const auto bad = static_cast<std::int64_t>(block_min<kWeightThreads>(static_cast<double>(empty)));
  const bool both = source > 0 && present > 0;
  if (threadIdx.x != 0) return;
  sums[own] = {both ? source : 0, both ? target : 0};
  if (own == 0 && bad < call.m) report(box, call.about_probabilities, 0, bad);
}

template <class T>
__global__ void __launch_bounds__(kWeightThreads)
    class_columns(const __grid_constant__ ClassWeightsCall<T> call, const ClassSums* __restrict__ sums) {
  const double count = total_of(call.classes, [&](std::int64_t c) { return sums[c].source > 0 ? 1.0 : 0.0; });
  const std::int64_t total = (call.n + call.m) * call.classes;
  for (std::int64_t e = grid_index(); e < total; e += grid_stride()) {
    const std::int64_t row = e / call.classes, c = e - row * call.classes, i = row - call.n;
    double u = 0;
    if (sums[c].source > 0) {
      if (row < call.n) u = call.source_labels[row] == c ? weight_of(call.source, row) / sums[c].source : 0;
      else if (call.target_labels)
        u = call.target_labels[i] == c ? -weight_of(call.target, i) / sums[c].target : 0;
      else
        u = sums[c].target > 0
                ? -weight_of(call.target, i) *
                      static_cast<double>(call.probabilities[e - call.n * call.classes]) / sums[c].target
                : 0;
    }
    call.left[e] = static_cast<T>(u);
    call.right[e] = static_cast<T>(u) / static_cast<T>(count > 1 ? count : 1);
  }
}

template <class T>
__global__ void __launch_bounds__(kWeightThreads)
    inverse_total(const T* __restrict__ weights, std::int64_t count, T* __restrict__ inverse) {
  const double total = total_of(count, [&](std::int64_t i) { return static_cast<double>(weights[i]); });
  if (threadIdx.x == 0) *inverse = total > 0 ? static_cast<T>(1 / total) : T(0);
}

template <class T>
__global__ void __launch_bounds__(kWeightThreads)
    normalise_weights(const __grid_constant__ GuardText about, Report* box, const T* weights,
                      std::int64_t count, T* to) {
  const NormalisedWeights<T> w(weights, count, box, about);
  for (std::int64_t i = threadIdx.x; i < count; i += kWeightThreads) to[i] = static_cast<T>(w(i));
}

template <class T>
__global__ void __launch_bounds__(kWeightThreads)
    covariance_scale(const T* __restrict__ weights, std::int64_t count, T* __restrict__ scale) {
  const double rest = 1 - total_of(count, [&](std::int64_t i) {
                        return static_cast<double>(weights[i]) * static_cast<double>(weights[i]);
                      });
  if (threadIdx.x == 0) *scale = rest > 1e-12 ? static_cast<T>(1 / rest) : T(0);
}

}  // namespace limbic::cuda::device
