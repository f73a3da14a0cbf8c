// Kernels with one planted fault each, beside the same kernel without it.
#include "prelude.cuh"

#include "planted.hpp"

namespace limbic::cuda {
void raise(const char* kernel, const char* text) { fail(kernel, text); }
}  // namespace limbic::cuda

namespace planted {

using namespace limbic::cuda;

namespace {

template <bool kFault>
__global__ void barrier_between_kernel(const float* x, float* y) {
  __shared__ float tile[256];
  const unsigned t = threadIdx.x;
  tile[t] = x[t];
  if constexpr (!kFault) __syncthreads();
  y[t] = tile[255 - t];
}

template <bool kFault>
__global__ void write_after_read_kernel(const float* x, float* y) {
  __shared__ float tile[256];
  const unsigned t = threadIdx.x;
  float sum = 0;
  for (unsigned i = 0; i < 4; ++i) {
    tile[t] = x[256 * i + t];
    __syncthreads();
    sum += tile[(t + 64) % 256];
    if constexpr (!kFault) __syncthreads();
  }
  y[t] = sum;
}

template <int kFault>
__global__ void last_reader_writes_kernel(float* y) {
  __shared__ float first;
  const unsigned t = threadIdx.x, last = blockDim.x - 1;
  if (t == 0) first = 1;
  __syncthreads();
  const float v = kFault == 3 ? y[0] : first;
  if constexpr (kFault == 0) __syncthreads();
  y[1 + t + blockIdx.x * blockDim.x] = v;
  if (t == last && kFault != 3) first = v + 1;
  if (t == last && kFault == 3 && blockIdx.x == gridDim.x - 1) y[0] = v + 1;
}

template <int kFault>
__global__ void warp_exchange_kernel(const float* x, float* y) {
  __shared__ float tile[64];
  const unsigned t = threadIdx.x;
  tile[t] = x[t];
  if constexpr (kFault == 0) __syncwarp();
  float other = 0;
  if constexpr (kFault == 2) other = __shfl_xor_sync(kFullMask, x[t], 1);  // does not order memory
  y[t] = tile[t ^ 1] + other;
}

template <bool kFault>
__global__ void half_warps_kernel(const float* x, float* y) {
  __shared__ float tile[32];
  const unsigned t = threadIdx.x, mask = t < 16 ? 0xffffu : 0xffff0000u;
  tile[t] = x[t];
  __syncwarp(mask);
  y[t] = tile[kFault ? 31 - t : t ^ 15];  // from the other half, or the own one
}

template <bool kFault>
__global__ void blocks_write_kernel(float* y) {
  y[threadIdx.x + (kFault ? 0 : blockIdx.x * blockDim.x)] = static_cast<float>(blockIdx.x);
}

template <bool kFault>
__global__ void blocks_read_kernel(float* y) {
  y[32 * blockIdx.x + threadIdx.x] = 1;
  if (kFault && blockIdx.x == 1) y[64 + threadIdx.x] = y[threadIdx.x];
}

template <bool kFault>
__global__ void blocks_add_kernel(float* y) {
  if (kFault && blockIdx.x == 2) y[0] = 1;
  else atomicAdd(y, 1.0f);
}

// The last block that is done adds up what all have written.
template <int kFault>
__global__ void last_block_kernel(const float* x, float* partial, unsigned* count, float* y) {
  __shared__ bool is_last;
  const float sum = block_sum<64>(x[64 * blockIdx.x + threadIdx.x]);
  if (threadIdx.x == 0) {
    partial[blockIdx.x] = sum;
    if constexpr (kFault == 0) __threadfence();
    is_last = atomicAdd(count, 1u) == gridDim.x - 1;
  }
  __syncthreads();
  if (!is_last) return;
  const float total = block_sum<64>(threadIdx.x < gridDim.x ? partial[threadIdx.x] : 0.0f);
  if (threadIdx.x == 0) {
    *y = total;
    *count = 0;
  }
}

__global__ void past_the_end_kernel(float* y, int n) {
  const int i = static_cast<int>(grid_index());
  if (i < n) y[i] = 1;
}

template <int kFault>
__global__ void shared_past_the_end_kernel(float* y) {
  __shared__ float tile[33];
  float* dynamic = dynamic_shared<float>();
  const unsigned t = threadIdx.x;
  tile[kFault == 1 ? t + 2 : t] = 1;
  dynamic[kFault == 2 ? t + 1 : t] = 2;
  __syncthreads();
  y[t] = tile[kFault == 1 ? t + 2 : t] + dynamic[kFault == 2 ? t + 1 : t];
}

__global__ void just_write_kernel(float* y, int n) {
  const int i = static_cast<int>(grid_index());
  if (i < n) y[i] = static_cast<float>(i);
}
__global__ void just_read_kernel(const float* x, float* y, int n) {
  const int i = static_cast<int>(grid_index());
  if (i < n) y[i] = x[i];
}

__global__ void copy_vectors_kernel(const float* x, float* y) {
  store(y + 4 * threadIdx.x, load<4>(x + 4 * threadIdx.x));
}
__global__ void copy_float4_kernel(const float4* x, float4* y) {
  const float4 v = x[threadIdx.x];
  y[threadIdx.x] = v;
}

template <bool kFault>
__global__ void uninitialised_shared_kernel(float* y) {
  __shared__ float tile[32];
  const unsigned t = threadIdx.x;
  if (!kFault || t != 7) tile[t] = 1;
  y[32 * blockIdx.x + t] = tile[t];
}

template <int kFault>
__global__ void divergent_barrier_kernel(float* y) {
  const unsigned t = threadIdx.x;
  y[t] = 1;
  if constexpr (kFault == 1) {
    if (t < 32) __syncthreads();
  } else if constexpr (kFault == 2) {
    if (t < 32) {
      y[t] = 2;
      __syncthreads();
    } else {
      y[t] = 3;
      __syncthreads();
    }
  } else if constexpr (kFault == 3) {
    if (t >= 40) return;
    __syncthreads();
  } else {
    __syncthreads();
  }
  y[t] += 1;
}

template <int kFault>
__global__ void shuffles_kernel(const float* x, float* y) {
  const unsigned t = threadIdx.x;
  float v = x[t];
  if constexpr (kFault == 1) {
    v += __shfl_xor_sync(0xffffu, v, 1);
  } else if constexpr (kFault == 2) {
    if (t < 16) v += __shfl_xor_sync(kFullMask, v, 1);
    __syncthreads();
  } else if constexpr (kFault == 3) {
    if (t < 16) v += __shfl_down_sync(0xffffu, v, 8);
  } else {
    v += __shfl_xor_sync(kFullMask, v, 1);
    if (t < 16) v += __shfl_xor_sync(0xffffu, v, 8);
    if (__any_sync(kFullMask, v > 1e9f)) v = 0;
    v += static_cast<float>(__popc(__ballot_sync(kFullMask, (t & 1) != 0)));
  }
  y[t] = v;
}

template <int kFault>
__global__ void asynchronous_kernel(const float* x, float* y) {
  __shared__ __align__(16) float tile[256];
  const unsigned t = threadIdx.x;
  copy_async<16>(tile + 4 * t, x + 4 * t);
  commit_copies();
  if constexpr (kFault != 1) wait_copies<0>();
  if constexpr (kFault != 2) __syncthreads();
  for (unsigned i = 0; i < 4; ++i) y[t + 64 * i] = tile[t + 64 * i];
}

// Two groups under way; after waiting for all but the last, the first one is there.
template <bool kFault>
__global__ void pipelined_kernel(const float* x, float* y) {
  __shared__ __align__(16) float tile[2][32];
  const unsigned t = threadIdx.x;
  for (unsigned stage = 0; stage < 2; ++stage) {
    copy_async<4>(&tile[stage][t], x + 32 * stage + t);
    commit_copies();
  }
  wait_copies<1>();
  __syncthreads();
  y[t] = tile[kFault][31 - t];
}

__global__ void other_threads_local_kernel(float* y) {
  __shared__ float* pointer;
  float mine = static_cast<float>(threadIdx.x);
  if (threadIdx.x == 0) pointer = &mine;
  __syncthreads();
  y[threadIdx.x] = *pointer;
}

__global__ void trap_kernel(float* y) {
  if (y[threadIdx.x] > 5) __trap();
}

}  // namespace

#define PLANTED_LAUNCH(kernel, ...) launch(#kernel, kernel##_kernel<kFault>, __VA_ARGS__)
#define PLANTED_CHOOSE(fault, ...) \
  if (fault) {                     \
    constexpr bool kFault = true;  \
    __VA_ARGS__;                   \
  } else {                         \
    constexpr bool kFault = false; \
    __VA_ARGS__;                   \
  }
#define PLANTED_FAULT(n, ...) \
  if (fault == n) {           \
    constexpr int kFault = n; \
    __VA_ARGS__;              \
  }

void barrier_between(bool fault, const float* x, float* y) {
  PLANTED_CHOOSE(fault, PLANTED_LAUNCH(barrier_between, 1, 256, 0, nullptr, x, y))
}
void write_after_read(bool fault, const float* x, float* y) {
  PLANTED_CHOOSE(fault, PLANTED_LAUNCH(write_after_read, 1, 256, 0, nullptr, x, y))
}
void last_reader_writes(int fault, float* y) {
  PLANTED_FAULT(0, PLANTED_LAUNCH(last_reader_writes, 1, 256, 0, nullptr, y))
  PLANTED_FAULT(1, PLANTED_LAUNCH(last_reader_writes, 1, 256, 0, nullptr, y))
  PLANTED_FAULT(2, PLANTED_LAUNCH(last_reader_writes, 1, 32, 0, nullptr, y))
  PLANTED_FAULT(3, PLANTED_LAUNCH(last_reader_writes, 3, 1, 0, nullptr, y))
}
void warp_exchange(int fault, const float* x, float* y) {
  PLANTED_FAULT(0, PLANTED_LAUNCH(warp_exchange, 1, 64, 0, nullptr, x, y))
  PLANTED_FAULT(1, PLANTED_LAUNCH(warp_exchange, 1, 64, 0, nullptr, x, y))
  PLANTED_FAULT(2, PLANTED_LAUNCH(warp_exchange, 1, 64, 0, nullptr, x, y))
}
void half_warps(bool fault, const float* x, float* y) {
  PLANTED_CHOOSE(fault, PLANTED_LAUNCH(half_warps, 1, 32, 0, nullptr, x, y))
}
void blocks_write(bool fault, float* y) {
  PLANTED_CHOOSE(fault, PLANTED_LAUNCH(blocks_write, 4, 64, 0, nullptr, y))
}
void blocks_read(bool fault, float* y) {
  PLANTED_CHOOSE(fault, PLANTED_LAUNCH(blocks_read, 2, 32, 0, nullptr, y))
}
void blocks_add(bool fault, float* y) {
  PLANTED_CHOOSE(fault, PLANTED_LAUNCH(blocks_add, 5, 1, 0, nullptr, y))
}
void last_block(int fault, const float* x, float* partial, unsigned* count, float* y) {
  PLANTED_FAULT(0, PLANTED_LAUNCH(last_block, 16, 64, 0, nullptr, x, partial, count, y))
  PLANTED_FAULT(1, PLANTED_LAUNCH(last_block, 16, 64, 0, nullptr, x, partial, count, y))
}
void past_the_end(bool fault, float* y, int n) {
  launch("past_the_end", past_the_end_kernel, blocks_for(n + 1, 64), 64, 0, nullptr, y, fault ? n + 1 : n);
}
void shared_past_the_end(int fault, float* y) {
  PLANTED_FAULT(0, PLANTED_LAUNCH(shared_past_the_end, 1, 32, 128, nullptr, y))
  PLANTED_FAULT(1, PLANTED_LAUNCH(shared_past_the_end, 1, 32, 128, nullptr, y))
  PLANTED_FAULT(2, PLANTED_LAUNCH(shared_past_the_end, 1, 32, 128, nullptr, y))
}
void just_write(float* y, int n) {
  launch("just_write", just_write_kernel, blocks_for(n, 64), 64, 0, nullptr, y, n);
}
void just_read(const float* x, float* y, int n) {
  launch("just_read", just_read_kernel, blocks_for(n, 64), 64, 0, nullptr, x, y, n);
}
void copy_vectors(bool fault, const float* x, float* y) {
  launch("copy_vectors", copy_vectors_kernel, 1, 32, 0, nullptr, x + fault, y);
}
void copy_float4(bool fault, const float* x, float* y) {
  launch("copy_float4", copy_float4_kernel, 1, 32, 0, nullptr, reinterpret_cast<const float4*>(x + fault),
         reinterpret_cast<float4*>(y));
}
void uninitialised_shared(bool fault, float* y) {
  PLANTED_CHOOSE(fault, PLANTED_LAUNCH(uninitialised_shared, 2, 32, 0, nullptr, y))
}
void divergent_barrier(int fault, float* y) {
  PLANTED_FAULT(0, PLANTED_LAUNCH(divergent_barrier, 1, 64, 0, nullptr, y))
  PLANTED_FAULT(1, PLANTED_LAUNCH(divergent_barrier, 1, 64, 0, nullptr, y))
  PLANTED_FAULT(2, PLANTED_LAUNCH(divergent_barrier, 1, 64, 0, nullptr, y))
  PLANTED_FAULT(3, PLANTED_LAUNCH(divergent_barrier, 1, 64, 0, nullptr, y))
}
void shuffles(int fault, const float* x, float* y) {
  PLANTED_FAULT(0, PLANTED_LAUNCH(shuffles, 1, 32, 0, nullptr, x, y))
  PLANTED_FAULT(1, PLANTED_LAUNCH(shuffles, 1, 32, 0, nullptr, x, y))
  PLANTED_FAULT(2, PLANTED_LAUNCH(shuffles, 1, 32, 0, nullptr, x, y))
  PLANTED_FAULT(3, PLANTED_LAUNCH(shuffles, 1, 32, 0, nullptr, x, y))
}
void asynchronous(int fault, const float* x, float* y) {
  PLANTED_FAULT(0, PLANTED_LAUNCH(asynchronous, 1, 64, 0, nullptr, x, y))
  PLANTED_FAULT(1, PLANTED_LAUNCH(asynchronous, 1, 64, 0, nullptr, x, y))
  PLANTED_FAULT(2, PLANTED_LAUNCH(asynchronous, 1, 64, 0, nullptr, x, y))
}
void pipelined(bool fault, const float* x, float* y) {
  PLANTED_CHOOSE(fault, PLANTED_LAUNCH(pipelined, 1, 32, 0, nullptr, x, y))
}
void other_threads_local(float* y) {
  launch("other_threads_local", other_threads_local_kernel, 1, 32, 0, nullptr, y);
}
void trap(float* y) { launch("trap", trap_kernel, 1, 32, 0, nullptr, y); }

}  // namespace planted
