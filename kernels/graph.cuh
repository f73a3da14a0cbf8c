// What graphs have of their own: the count of their replays, and numbers that the host tells at each.
//
//   launch   one thread, one warp
//   repeats  exactly
#pragma once

#include <limbic/backend/cuda/launch/graph.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

__global__ void count_replay(unsigned* number) { ++*number; }

template <class T>
__global__ void set_values(T* to, const __grid_constant__ FourValues<T> values) {
  if (threadIdx.x < 4) to[threadIdx.x] = values.value[threadIdx.x];
}

}  // namespace limbic::cuda::device
