// Launching: the only place where a kernel is started, and where a failure of that gets its name.
#pragma once

#include <cuda_runtime.h>

#include <cstdio>

namespace limbic::cuda {

// Throws limbic::Error for a kernel that failed. Defined by the library's runtime, not by kernels.
[[noreturn]] void raise(const char* kernel, const char* text);

// What a launch may use without asking, in bytes.
constexpr size_t kPlainSharedBytes = 48 * 1024;

// An H100's multiprocessors: what work is cut for. A constant, because the order of a sum must not depend on the
// device at hand.
constexpr int kProcessors = 132;

namespace detail {

template <class... P>
struct Launch {
  static cudaError_t run(void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes,
                         cudaStream_t stream, P... args) {
    if (shared_bytes > kPlainSharedBytes) {
      const cudaError_t error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                                     static_cast<int>(shared_bytes));
      if (error != cudaSuccess) return error;
    }
    void* pointers[] = {const_cast<void*>(static_cast<const volatile void*>(&args))..., nullptr};
    return cudaLaunchKernel(kernel, grid, block, pointers, shared_bytes, stream);
  }
};

[[noreturn]] inline void raise_launch(const char* name, cudaError_t error, dim3 grid, dim3 block,
                                      size_t shared_bytes) {
  static_cast<void>(cudaGetLastError());  // it has been seen now
  char text[2048];
  std::snprintf(text, sizeof text,
                "%s: %s; grid (%u, %u, %u), block (%u, %u, %u), %zu bytes of dynamic shared memory",
                cudaGetErrorName(error), cudaGetErrorString(error), grid.x, grid.y, grid.z, block.x, block.y,
                block.z, shared_bytes);
  raise(name, text);
}

}  // namespace detail

// Starts kernel(args...) on a stream: the arguments are converted to the kernel's parameters, more than 48 KB
// of dynamic shared memory are asked for. An empty grid or block is nothing to do. Throws, by raise(), what
// the launch reports; the kernel itself runs later.
template <class... P, class... A>
void launch(const char* name, void (*kernel)(P...), dim3 grid, dim3 block, size_t shared_bytes,
            cudaStream_t stream, A... args) {
  static_assert(sizeof...(P) == sizeof...(A), "as many arguments as the kernel has parameters");
  if (!grid.x || !grid.y || !grid.z || !block.x || !block.y || !block.z) return;
#ifdef LIMBIC_EMULATED
  emulator::name_next_kernel(name);
#endif
  const cudaError_t error =
      detail::Launch<P...>::run(kernel, grid, block, shared_bytes, stream, static_cast<P>(args)...);
  if (error != cudaSuccess) detail::raise_launch(name, error, grid, block, shared_bytes);
}

// Blocks of `threads` for n items, at most `limit`: for kernels that stride over what is left.
inline dim3 blocks_for(long long n, int threads, long long limit = 65535) {
  const long long blocks = (n + threads - 1) / threads;
  return dim3(static_cast<unsigned>(blocks < limit ? blocks : limit));
}

// for (long long i = grid_index(); i < n; i += grid_stride())
__device__ __forceinline__ long long grid_index() {
  return static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ long long grid_stride() { return static_cast<long long>(gridDim.x) * blockDim.x; }

}  // namespace limbic::cuda
