// 1 / b_i of the bandwidths b_i of a kernel, from what the device has found out about its points; see
// loss/kernel.hpp.
//
//   plan     a thread a bandwidth     launch  one block of 32     bytes  none to speak of     repeats  bit for bit
#pragma once

#include <limbic/backend/cuda/launch/pairwise.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

__global__ void bandwidths(const __grid_constant__ BandwidthCall call, double* __restrict__ inverse) {
  const int i = static_cast<int>(threadIdx.x);
  if (i >= call.count) return;
  const double n = call.points, sum = 2 * n * *call.from;
  double b;
  if (call.rule == BandwidthCall::Rule::median) b = *call.from + call.eps;
  else if (call.rule == BandwidthCall::Rule::mean_all) b = sum / (n * n) + call.eps;
  else b = (sum + n * n * call.eps) / (n * n - n);
  b *= call.scale;
  if (!(b > 0)) b = 1;
  const double v = 1 / (b * math::pow(call.ratio, static_cast<double>(i - call.count / 2)));
  inverse[i] = v < 1e30 ? v : 1e30;  // finite in float
}

}  // namespace limbic::cuda::device
