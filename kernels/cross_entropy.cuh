// Cross-entropy of logits x (N, K) with labels l (N).
//
//   loss_n = hard w_l (lse - x_l) + soft sum_k w_k (lse - x_k),  lse = log sum_k e^x_k,  hard = 1 - s, soft = s / K
//   dx_nk  = dloss_n ((hard w_l + soft sum_j w_j) e^(x_k - lse) - soft w_k - [k = l] hard w_l)
//
//   plan     kLanes threads a row (a warp, or a block of 256); lse in one pass over the row, the maximum so
//            far and the sum scaled to it being carried along (Milakov and Gimelshein, 2018,
//            arXiv:1805.02867)
//   launch   1-D blocks of kLabelThreads; static shared memory only
//   bytes    forward: x once (twice when labels are smoothed); backward: x in, dx out; one exp an element
//   repeats  bit for bit
#pragma once

#include <limbic/backend/cuda/launch/cross_entropy.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kLabelThreads = 256;

template <int kLanes>
struct LabelRow {
  std::int64_t row;
  int lane;
  __device__ LabelRow()
      : row(static_cast<std::int64_t>(blockIdx.x) * (kLabelThreads / kLanes) + threadIdx.x / kLanes),
        lane(threadIdx.x % kLanes) {}
  template <class T>
  __device__ static T sum(T v) {
    if constexpr (kLanes == 32) return warp_sum(v);
    else return block_sum<kLanes>(v);
  }
  template <class T>
  __device__ static T max(T v) {
    if constexpr (kLanes == 32) return warp_max(v);
    else return block_max<kLanes>(v);
  }
};

// The row's label, or -1 where it does not count.
template <class T>
__device__ inline std::int64_t label_of(const CrossEntropyCall<T>& call, std::int64_t row) {
  const std::int64_t l = row < call.rows ? call.labels[row] : call.ignored;
  return l == call.ignored || l < 0 || l >= call.cols ? -1 : l;
}

template <class T, int kLanes>
__global__ void __launch_bounds__(kLabelThreads)
    cross_entropy_fwd(const __grid_constant__ CrossEntropyCall<T> call, T* __restrict__ loss,
                      T* __restrict__ lse) {
  const LabelRow<kLanes> at;
  const bool inside = at.row < call.rows;
  const T* const x = call.x + (inside ? at.row * call.cols : 0);
  constexpr T kLowest = sizeof(T) == 4 ? T(-3.402823466e38) : T(-1.7976931348623157e308);
  T top = kLowest, sum = T(0);
  for (std::int64_t c = at.lane; inside && c < call.cols; c += kLanes) {
    const T v = x[c];
    if (v > top) {
      sum = sum * math::exp(top - v) + T(1);
      top = v;
    } else {
      sum += math::exp(v - top);
    }
  }
  const T most = at.max(top);
  const T log_sum = math::log(at.sum(sum * math::exp(top - most)));
  const std::int64_t l = label_of(call, at.row);
  const T* const w = call.class_weights;
  T total = T(0);
  if (call.soft != T(0)) {
    for (std::int64_t c = at.lane; l >= 0 && c < call.cols; c += kLanes)
      total += ((most - x[c]) + log_sum) * (w ? w[c] : T(1));
    total = at.sum(total) * call.soft;
  }
  if (at.lane != 0 || !inside) return;
  lse[at.row] = most + log_sum;
  loss[at.row] = l < 0 ? T(0) : total + call.hard * ((most - x[l]) + log_sum) * (w ? w[l] : T(1));
}

template <class T, int kLanes>
__global__ void __launch_bounds__(kLabelThreads)
    cross_entropy_bwd(const __grid_constant__ CrossEntropyCall<T> call, const T* __restrict__ lse,
                      const T* __restrict__ dloss, T* dx, bool accumulate) {
  const LabelRow<kLanes> at;
  const std::int64_t l = label_of(call, at.row);
  const T* const w = call.class_weights;
  T weights = static_cast<T>(call.cols);
  if (w && call.soft != T(0)) {
    weights = T(0);
    for (std::int64_t c = at.lane; c < call.cols; c += kLanes) weights += w[c];
    weights = at.sum(weights);
  }
  if (at.row >= call.rows || (l < 0 && accumulate)) return;
  const T own = l < 0 ? T(0) : call.hard * (w ? w[l] : T(1)), shift = lse[at.row],
          g = l < 0 ? T(0) : dloss[at.row];
  const T total = g * (own + call.soft * weights), each = g * call.soft;
  const T* const x = call.x + at.row * call.cols;
  T* const to = dx + at.row * call.cols;
  for (std::int64_t c = at.lane; c < call.cols; c += kLanes) {
    T d = T(0);
    if (l >= 0) d = math::exp(x[c] - shift) * total - each * (w ? w[c] : T(1)) - (c == l ? g * own : T(0));
    to[c] = accumulate ? to[c] + d : d;
  }
}

template <class T>
__global__ void __launch_bounds__(kLabelThreads)
    cross_entropy_scale(const __grid_constant__ CrossEntropyCall<T> call, const T* __restrict__ samples,
                        T* __restrict__ scale) {
  double total = 0;
  for (std::int64_t i = threadIdx.x; i < call.rows; i += kLabelThreads) {
    const std::int64_t l = label_of(call, i);
    if (l >= 0)
      total += (samples ? static_cast<double>(samples[i]) : 1.0) *
               (call.class_weights ? static_cast<double>(call.class_weights[l]) : 1.0);
  }
  total = block_sum<kLabelThreads>(total);
  if (threadIdx.x == 0) *scale = total > 0 ? static_cast<T>(1 / total) : T(0);
}

}  // namespace limbic::cuda::device
