// What follows a matrix product: y += bias, max(y, 0).
//
//   plan    one thread an element, grid-stride; bias comes from cache
//   launch  1-D blocks of kBiasThreads
//   bytes   y in and out, bias once; two operations an element
#pragma once

#include <limbic/backend/cuda/launch/gemm.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kBiasThreads = 256;

template <class T, bool kRelu>
__global__ void __launch_bounds__(kBiasThreads)
    add_bias(T* __restrict__ y, const T* __restrict__ bias, std::int64_t count, std::int64_t cols) {
  for (std::int64_t i = grid_index(); i < count; i += grid_stride()) {
    const T v = bias ? y[i] + bias[i % cols] : y[i];
    y[i] = kRelu && v <= T(0) ? T(0) : v;
  }
}

}  // namespace limbic::cuda::device
