// What kernels say of values that are wrong; see launch/guard.hpp.
#pragma once

#include <limbic/backend/cuda/launch/guard.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

// The first report stays.
__device__ inline void report(Report* box, const GuardText& about, double value, std::int64_t position) {
  if (atomicCAS(&box->found, 0, 1) != 0) return;
  box->about = about;
  box->value = value;
  box->position = position;
  __threadfence_system();
  atomicExch(&box->found, 2);
}

}  // namespace limbic::cuda::device
