// Entries of attention's score matrix as numbers, for the form composed of simpler operations.
//
//   allowed_bhij = 1 where the mask and causality allow it, else 0
//   kept_n = 1 / (1 - p) where word n of the draw is not below the threshold, else 0
//
//   plan     allowed: one entry a thread at a time; kept: four, which one block of random words decides
//   launch   1-D grid and block of kEntryThreads, grid-stride; no shared memory
//   bytes    the output once, the mask once; repeats bit for bit
#pragma once

#include "attention.cuh"

namespace limbic::cuda::device {

constexpr int kEntryThreads = 256;

template <class T>
__global__ void __launch_bounds__(kEntryThreads)
    attention_allowed(const __grid_constant__ AttentionCall<T> call, T* __restrict__ allowed) {
  const long long n = static_cast<long long>(call.B) * call.H * call.Lq * call.Lk;
  for (long long e = grid_index(); e < n; e += grid_stride()) {
    const long long row = e / call.Lk, bh = row / call.Lq;
    const HeadScores<T> scores(call, static_cast<int>(bh / call.H), static_cast<int>(bh % call.H));
    allowed[e] =
        scores.allows(call, static_cast<int>(row % call.Lq), static_cast<int>(e % call.Lk)) ? T(1) : T(0);
  }
}

template <class T>
__global__ void __launch_bounds__(kEntryThreads)
    attention_kept(const __grid_constant__ AttentionCall<T> call, T* __restrict__ kept, std::int64_t n) {
  for (long long block = grid_index(); block < (n + 3) / 4; block += grid_stride()) {
    const PhiloxBlock words = philox_block({call.key, call.position, call.replay ? *call.replay : 0},
                                           static_cast<unsigned long long>(block));
    Vec<T, 4> factors;
#pragma unroll
    for (int w = 0; w < 4; ++w) factors[w] = words.word[w] >= call.threshold ? call.kept : T(0);
    if (4 * block + 4 <= n) store(kept + 4 * block, factors);
    else
#pragma unroll
      for (int w = 0; w < 4; ++w)
        if (4 * block + w < n) kept[4 * block + w] = factors[w];
  }
}

}  // namespace limbic::cuda::device
