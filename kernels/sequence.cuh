// to_i = start + i step.
//
//   plan     one thread an element     launch  1-D blocks of kSequenceThreads     bytes  each element out, once
//   repeats  exactly
#pragma once

#include <limbic/backend/cuda/launch/sequence.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kSequenceThreads = 256;

__global__ void __launch_bounds__(kSequenceThreads)
    fill_sequence(std::int64_t* __restrict__ to, std::int64_t count, std::int64_t start, std::int64_t step) {
  for (std::int64_t i = grid_index(); i < count; i += grid_stride()) to[i] = start + i * step;
}

}  // namespace limbic::cuda::device
