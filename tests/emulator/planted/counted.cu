// Kernels whose accesses are counted by hand in counters_test.cpp.
#include "prelude.cuh"

#include "planted.hpp"

namespace planted {

using namespace limbic::cuda;

namespace {

__global__ void strided_kernel(int stride, const float* x, float* y) {
  const int t = static_cast<int>(threadIdx.x);
  y[t] = x[stride * t];
}

__global__ void vectors_kernel(const float* x, float* y) {
  store(y + 4 * threadIdx.x, load<4>(x + 4 * threadIdx.x));
}

__global__ void columns_kernel(int pitch, float* y) {
  float* tile = dynamic_shared<float>();
  const int t = static_cast<int>(threadIdx.x);
  tile[pitch * t] = 1;
  __syncthreads();
  y[t] = tile[pitch * t];
}

template <int kWords>
__global__ void wide_shared_kernel(float* y) {
  float* tile = dynamic_shared<float>();
  const unsigned t = threadIdx.x;
  Vec<float, kWords> v;
  for (int i = 0; i < kWords; ++i) v[i] = 1;
  store(tile + kWords * t, v);
  y[t] = v[0];
}

__global__ void broadcast_kernel(float* y) {
  __shared__ float tile[32];
  tile[threadIdx.x] = 1;
  __syncthreads();
  y[threadIdx.x] = tile[threadIdx.x / 4];
}

__global__ void diverging_kernel(float* y) {
  if (threadIdx.x & 1u) y[threadIdx.x] = 1;
}

__global__ void long_loop_kernel(const float* x, float* y, int n) {
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < n; i += static_cast<int>(blockDim.x))
    sum = math::fma(x[i], x[i], sum);
  y[threadIdx.x] = sum;
}

// One lane a warp takes the lock; the warps wait for each other.
__global__ void spinning_kernel(unsigned* lock, float* y) {
  if (lane_index() != 0) return;
  while (atomicCAS(lock, 0u, 1u) != 0u) __nanosleep(10);
  atomicAdd(y, 1.0f);
  atomicExch(lock, 0u);
}

}  // namespace

void strided(int stride, const float* x, float* y) {
  launch("strided", strided_kernel, 1, 32, 0, nullptr, stride, x, y);
}
void vectors(const float* x, float* y) { launch("vectors", vectors_kernel, 1, 32, 0, nullptr, x, y); }
void columns(int pitch, float* y) {
  launch("columns", columns_kernel, 1, 32, 33 * 32 * 4, nullptr, pitch, y);
}
void wide_shared(int bytes, float* y) {
  if (bytes == 4) launch("wide_shared", wide_shared_kernel<1>, 1, 32, 512, nullptr, y);
  if (bytes == 8) launch("wide_shared", wide_shared_kernel<2>, 1, 32, 512, nullptr, y);
  if (bytes == 16) launch("wide_shared", wide_shared_kernel<4>, 1, 32, 512, nullptr, y);
}
void broadcast(float* y) { launch("broadcast", broadcast_kernel, 1, 32, 0, nullptr, y); }
void diverging(float* y) { launch("diverging", diverging_kernel, 1, 32, 0, nullptr, y); }
void long_loop(const float* x, float* y, int n) {
  launch("long_loop", long_loop_kernel, 1, 256, 0, nullptr, x, y, n);
}
void spinning(unsigned* lock, float* y) { launch("spinning", spinning_kernel, 1, 256, 0, nullptr, lock, y); }

}  // namespace planted
