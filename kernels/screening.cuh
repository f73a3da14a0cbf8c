// Screening of the predictions of two classifiers (core/screening.hpp), B samples, K classes.
//
//   confidence_i = 1 / sum_k e^(x_ik - max x_i);  rank_i = number of j with confidence_j > confidence_i, or equal and j < i
//   selected: rank < B; a sample appears with its prediction of the lower rank
//
//   plan     confidence: a thread a row of logits, summed in the order of the classes, as the CPU does, so
//            that both select alike; the threads then clear what only some samples write. Rank: a thread a
//            prediction, all others pass by in tiles of shared memory. Lists: one block walks the selected
//            ones in order, 256 at a time, and places them by a prefix sum over the block
//   launch   1-D blocks of kScreenThreads, static shared memory only: grid-stride, one block for 256
//            predictions, one
//   bytes    the logits once, some 100 bytes a sample besides; 4 B^2 comparisons
//   repeats  exactly
#pragma once

#include <limbic/backend/cuda/launch/screening.hpp>

#include "prelude.cuh"
#include "report.cuh"

namespace limbic::cuda::device {

constexpr int kScreenThreads = 256;

template <class T>
__global__ void __launch_bounds__(kScreenThreads, 3)
    screen_confidence(const __grid_constant__ ScreeningCall<T> call) {
  const std::int64_t B = call.batch, K = call.classes;
  for (std::int64_t i = grid_index(); i < (call.joint ? 3 : 2) * B; i += grid_stride()) {
    const T* const x = i < B       ? call.first + i * K
                       : i < 2 * B ? call.second + (i - B) * K
                                   : call.joint + (i - 2 * B) * K;
    std::int64_t best = 0;
    for (std::int64_t k = 1; k < K; ++k)
      if (x[k] > x[best]) best = k;
    call.label[i] = best;
    if (i >= 2 * B) continue;
    T sum = T(0);
    for (std::int64_t k = 0; k < K; ++k) sum += math::exp(x[k] - x[best]);
    // No number is 0, so that all are ordered; screen_lists() tells of it.
    const T confidence = T(1) / sum;
    call.confidence[i] = confidence > T(0) ? confidence : T(0);
  }
  for (std::int64_t i = grid_index(); i < 3 * B; i += grid_stride()) call.lists[i] = -1;
  for (std::int64_t i = grid_index(); i < 3 * (call.before + B); i += grid_stride()) call.target[i] = -100;
}

template <class T>
__global__ void __launch_bounds__(kScreenThreads) screen_rank(const __grid_constant__ ScreeningCall<T> call) {
  __shared__ T tile[kScreenThreads];
  const std::int64_t n = 2 * call.batch,
                     i = static_cast<std::int64_t>(blockIdx.x) * kScreenThreads + threadIdx.x;
  const T own = i < n ? call.confidence[i] : T(0);
  std::int64_t rank = 0;
  for (std::int64_t from = 0; from < n; from += kScreenThreads) {
    __syncthreads();  // whoever still reads the last tile
    tile[threadIdx.x] = from + threadIdx.x < n ? call.confidence[from + threadIdx.x] : T(-1);
    __syncthreads();
    for (int j = 0; j < kScreenThreads; ++j) rank += tile[j] > own || (tile[j] == own && from + j < i);
  }
  if (i >= n) return;
  call.rank[i] = rank;
  if (rank < call.batch) call.order[rank] = i;
}

// Sum over the threads of the block before this one, and over all of them. Two barriers.
__device__ inline unsigned long long block_exclusive_sum(unsigned long long value, unsigned long long& all) {
  constexpr int kWarps = kScreenThreads / kWarpSize;
  __shared__ unsigned long long warp_sums[kWarps];
  const unsigned long long within = warp_inclusive_sum(value);
  __syncthreads();  // whoever still reads the last call's values
  if (lane_index() == kWarpSize - 1) warp_sums[warp_index()] = within;
  __syncthreads();
  unsigned long long before = within - value;
  all = 0;
  for (int w = 0; w < kWarps; ++w) {
    if (w < warp_index()) before += warp_sums[w];
    all += warp_sums[w];
  }
  return before;
}

template <class T>
__global__ void __launch_bounds__(kScreenThreads)
    screen_lists(const __grid_constant__ ScreeningCall<T> call, Report* box) {
  const std::int64_t B = call.batch, rows = call.before + B;
  std::int64_t bad = 2 * B;
  for (std::int64_t i = threadIdx.x; i < 2 * B && bad == 2 * B; i += kScreenThreads)
    if (!(call.confidence[i] > T(0))) bad = i;
  // As doubles, which hold these integers exactly.
  bad = static_cast<std::int64_t>(block_min<kScreenThreads>(static_cast<double>(bad)));
  if (threadIdx.x == 0 && bad < 2 * B)
    report(box, call.about, static_cast<double>(math::quiet_nan<T>()), bad);

  const T least = call.confidence[call.order[B - 1]];
  // The kinds: agree, first teaches, second teaches, dropped. Of 256 samples their numbers fit into 16 bits
  // each.
  std::int64_t size[4] = {0, 0, 0, 0};
  int first_selected = 0, lessons[2] = {0, 0};  // of this thread
  for (std::int64_t from = 0; from < B; from += kScreenThreads) {
    const std::int64_t p = from + threadIdx.x;
    int kind = -1;
    std::int64_t sample = 0;
    if (p < B) {
      const std::int64_t prediction = call.order[p];
      const bool first = prediction < B;
      first_selected += first;
      sample = first ? prediction : prediction - B;
      const std::int64_t other = call.rank[first ? prediction + B : prediction - B];
      if (other >= B) kind = first ? 1 : 2;
      else if (other > p) kind = call.label[sample] == call.label[B + sample] ? 0 : 3;
    }
    unsigned long long all;
    const unsigned long long before = block_exclusive_sum(kind < 0 ? 0ull : 1ull << (16 * kind), all);
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      if (k == kind && k < 3) {
        call.lists[k * B + size[k] + static_cast<std::int64_t>((before >> (16 * k)) & 0xffffu)] = sample;
        const std::int64_t label = call.label[k == 2 ? B + sample : sample];
        if (k == 0) call.target[call.before + sample] = label;
        else if (call.joint && label == call.label[2 * B + sample]) {
          call.target[k * rows + call.before + sample] = label;
          ++lessons[k - 1];
        }
      }
      size[k] += static_cast<std::int64_t>((all >> (16 * k)) & 0xffffu);
    }
  }
  const int selected = block_sum<kScreenThreads>(first_selected),
            first_lessons = block_sum<kScreenThreads>(lessons[0]),
            second_lessons = block_sum<kScreenThreads>(lessons[1]);
  if (threadIdx.x == 0) {
    *call.least = least;
#pragma unroll
    for (int k = 0; k < 4; ++k) call.counts[k] = size[k];
    call.counts[4] = selected;
    call.counts[5] = B - selected;
    call.counts[6] = first_lessons;
    call.counts[7] = second_lessons;
  }
  // Where a teacher is not sure enough, or has too few samples, nothing is learned of it. (The sums above
  // have barriers: what was written is there.)
#pragma unroll
  for (int k = 1; k < 3; ++k)
    if (!(static_cast<double>(least) > call.min_confidence) || size[k] < call.min_lessons)
      for (std::int64_t i = threadIdx.x; i < B; i += kScreenThreads)
        call.target[k * rows + call.before + i] = -100;
}

}  // namespace limbic::cuda::device
