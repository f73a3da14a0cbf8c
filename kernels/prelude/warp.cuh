// Reductions over a warp and over a block. Every thread of it takes part and gets the result.
//
// The order of the operations is fixed, so results repeat bit for bit. A warp is reduced by a butterfly of
// five shuffles; a block by its warps, then by the butterfly over one value a warp.
#pragma once

#include <cuda_runtime.h>

namespace limbic::cuda {

constexpr unsigned kFullMask = 0xffffffffu;
constexpr int kWarpSize = 32;

// The thread's number in its warp and its warp's in the block; blocks of these kernels have one dimension.
__device__ __forceinline__ int lane_index() { return static_cast<int>(threadIdx.x & 31u); }
__device__ __forceinline__ int warp_index() { return static_cast<int>(threadIdx.x >> 5); }

struct Sum {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a + b;
  }
  template <class T>
  __device__ __forceinline__ static T identity() {
    return T(0);
  }
};
// The larger one; NaN wins, so that it is never lost.
struct Max {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a > b || a != a ? a : b;
  }
  template <class T>
  __device__ __forceinline__ static T identity() {
    return T(-__int_as_float(0x7f800000));
  }
};
struct Min {
  template <class T>
  __device__ __forceinline__ T operator()(T a, T b) const {
    return a < b || a != a ? a : b;
  }
  template <class T>
  __device__ __forceinline__ static T identity() {
    return T(__int_as_float(0x7f800000));
  }
};

// Over groups of kWidth neighbouring lanes (a power of two), within the whole warp.
template <int kWidth = kWarpSize, class T, class Op>
__device__ __forceinline__ T warp_reduce(T value, Op op) {
#pragma unroll
  for (int offset = kWidth / 2; offset > 0; offset /= 2)
    value = op(value, __shfl_xor_sync(kFullMask, value, offset));
  return value;
}
template <int kWidth = kWarpSize, class T>
__device__ __forceinline__ T warp_sum(T value) {
  return warp_reduce<kWidth>(value, Sum{});
}
template <int kWidth = kWarpSize, class T>
__device__ __forceinline__ T warp_max(T value) {
  return warp_reduce<kWidth>(value, Max{});
}
template <int kWidth = kWarpSize, class T>
__device__ __forceinline__ T warp_min(T value) {
  return warp_reduce<kWidth>(value, Min{});
}

// Over a block of kThreads threads, a multiple of 32. Up to 128 bytes or 256 (double) of shared memory; two
// barriers.
template <int kThreads, class T, class Op>
__device__ __forceinline__ T block_reduce(T value, Op op) {
  static_assert(kThreads % kWarpSize == 0 && kThreads <= 1024, "whole warps");
  constexpr int kWarps = kThreads / kWarpSize;
  value = warp_reduce(value, op);
  if constexpr (kWarps > 1) {
    __shared__ T partial[kWarps];
    __syncthreads();  // whoever still reads the last call's values
    if (lane_index() == 0) partial[warp_index()] = value;
    __syncthreads();
    value = lane_index() < kWarps ? partial[lane_index()] : op.template identity<T>();
    value = warp_reduce(value, op);
  }
  return value;
}
template <int kThreads, class T>
__device__ __forceinline__ T block_sum(T value) {
  return block_reduce<kThreads>(value, Sum{});
}
template <int kThreads, class T>
__device__ __forceinline__ T block_max(T value) {
  return block_reduce<kThreads>(value, Max{});
}
template <int kThreads, class T>
__device__ __forceinline__ T block_min(T value) {
  return block_reduce<kThreads>(value, Min{});
}

// Sum of the values of the lanes before this one and of this one: x_0 + ... + x_lane.
template <class T>
__device__ __forceinline__ T warp_inclusive_sum(T value) {
#pragma unroll
  for (int offset = 1; offset < kWarpSize; offset *= 2) {
    const T before = __shfl_up_sync(kFullMask, value, static_cast<unsigned>(offset));
    if (lane_index() >= offset) value += before;
  }
  return value;
}

}  // namespace limbic::cuda
