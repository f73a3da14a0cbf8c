// Class structure of predictions: binary cross-entropy of the cosines between softmax outputs p_i of logits
// (N, K).
//
//   u_i = p_i / |p_i|;  s_ij = u_i u_j;  e_ij = (labels equal ? s_ij : 1 - s_ij) + eta
//   each_i = -1/N^2 sum_j log e_ij
//   h_ij = -+1/(N^2 e_ij), - where the labels are equal;  a_i = 2 sum_j h_ij u_j      (s is symmetric)
//   dx_i = u_i (a_i - (a_i u_i))       softmax and the scaling leave this: p_i is along u_i, so its length cancels
//
//   plan     units: a thread a row. Pairs: a warp a row, lanes take every 32nd other row; the sums over them,
//            of the loss and of K <= kClasses numbers of the gradient, stay in registers: the matrix of
//            cosines is nowhere
//   launch   1-D blocks of kStructureThreads; no shared memory
//   bytes    logits in, u out and, from cache, in again; 2 K + 20 operations a pair, 2 K more with the
//            gradient
//   repeats  bit for bit
#pragma once

#include <limbic/backend/cuda/launch/class_structure.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kStructureThreads = 256;

template <class T>
__global__ void __launch_bounds__(kStructureThreads)
    class_structure_units(const __grid_constant__ ClassStructureCall<T> call) {
  for (std::int64_t i = grid_index(); i < call.rows; i += grid_stride()) {
    const T* const x = call.logits + i * call.classes;
    T* const u = call.unit + i * call.classes;
    T top = x[0];
    for (std::int64_t k = 1; k < call.classes; ++k) top = x[k] > top ? x[k] : top;
    // The sum of the softmax cancels as well.
    T squares = T(0);
    for (std::int64_t k = 0; k < call.classes; ++k) {
      const T e = math::exp(x[k] - top);
      squares += e * e;
    }
    const T scale = T(1) / math::sqrt(squares);
    for (std::int64_t k = 0; k < call.classes; ++k) u[k] = math::exp(x[k] - top) * scale;
  }
}

template <class T, int kClasses>
__global__ void __launch_bounds__(kStructureThreads)
    class_structure_pairs(const __grid_constant__ ClassStructureCall<T> call) {
  constexpr int kRows = kStructureThreads / kWarpSize;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kRows + warp_index();
  if (i >= call.rows) return;  // the whole warp
  const int K = static_cast<int>(call.classes);
  T own[kClasses], pull[kClasses] = {};
#pragma unroll
  for (int k = 0; k < kClasses; ++k) own[k] = k < K ? call.unit[i * K + k] : T(0);
  const std::int64_t label = call.labels[i];
  T loss = T(0);
  for (std::int64_t j = lane_index(); j < call.rows; j += kWarpSize) {
    T other[kClasses], cosine = T(0);
#pragma unroll
    for (int k = 0; k < kClasses; ++k) {
      other[k] = k < K ? call.unit[j * K + k] : T(0);
      cosine = math::fma(own[k], other[k], cosine);
    }
    const bool same = call.labels[j] == label;
    const T inside = (same ? cosine : T(1) - cosine) + call.eta;
    loss -= math::log(inside);
    if (!call.gradient) continue;
    const T weight = (same ? T(-1) : T(1)) / inside;
#pragma unroll
    for (int k = 0; k < kClasses; ++k) pull[k] = math::fma(weight, other[k], pull[k]);
  }
  const T pairs = static_cast<T>(call.rows) * static_cast<T>(call.rows);
  loss = warp_sum(loss);
  if (lane_index() == 0) call.each[i] = loss / pairs;
  if (!call.gradient) return;
  T along = T(0);
#pragma unroll
  for (int k = 0; k < kClasses; ++k) {
    pull[k] = T(2) * warp_sum(pull[k]) / pairs;
    along = math::fma(pull[k], own[k], along);
  }
#pragma unroll
  for (int k = 0; k < kClasses; ++k)
    if (k == lane_index() && k < K) call.gradient[i * K + k] = own[k] * (pull[k] - along * own[k]);
}

}  // namespace limbic::cuda::device
