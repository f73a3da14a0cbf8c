// What kernels say of values that are wrong; see launch/guard.hpp.
#pragma once

#include <limbic/backend/cuda/launch/guard.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

// By one thread of one kernel at a time. The first report stays.
__device__ inline void report(Report* box, const GuardText& about, double value, std::int64_t position) {
  if (box->found) return;
  box->about = about;
  box->value = value;
  box->position = position;
  box->found = 1;
}

}  // namespace limbic::cuda::device
