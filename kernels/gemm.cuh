// What follows a matrix product: y += bias, max(y, 0).
//
//   plan    kPack neighbouring elements of a row a thread, grid-stride; bias comes from cache
//   launch  1-D blocks of kBiasThreads; kPack divides cols, y and bias are aligned to kPack elements
//   bytes   y in and out, bias once; two operations an element
#pragma once

#include <limbic/backend/cuda/launch/gemm.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kBiasThreads = 256;

template <class T, bool kRelu, int kPack>
__global__ void __launch_bounds__(kBiasThreads)
    add_bias(T* __restrict__ y, const T* __restrict__ bias, std::int64_t count, std::int64_t cols) {
  for (std::int64_t i = grid_index() * kPack; i < count; i += grid_stride() * kPack) {
    auto v = load<kPack>(y + i);
    if (bias) {
      // A division of 32 bits takes a fraction of one of 64.
      const std::int64_t col =
          count >> 31 == 0 ? static_cast<unsigned>(i) % static_cast<unsigned>(cols) : i % cols;
      const auto b = load<kPack>(bias + col);
#pragma unroll
      for (int j = 0; j < kPack; ++j) v[j] += b[j];
    }
#pragma unroll
    for (int j = 0; j < kPack; ++j) v[j] = kRelu && v[j] <= T(0) ? T(0) : v[j];
    store(y + i, v);
  }
}

}  // namespace limbic::cuda::device
