// *y = scale (sum of the values) + offset, in double.
//
//   plan     one block; a thread adds every kSumThreads-th value, then a tree
//   launch   one block of kSumThreads; static shared memory only
//   bytes    the values once; one operation each
//   repeats  bit for bit
#pragma once

#include <cstdint>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kSumThreads = 256;

template <class V, class Y>
__global__ void __launch_bounds__(kSumThreads) sum_values(const V* __restrict__ values, std::int64_t count,
                                                          double scale, double offset, Y* __restrict__ y) {
  double total = 0;
  for (std::int64_t i = threadIdx.x; i < count; i += kSumThreads) total += static_cast<double>(values[i]);
  total = block_sum<kSumThreads>(total);
  if (threadIdx.x == 0) *y = static_cast<Y>(scale * total + offset);
}

}  // namespace limbic::cuda::device
