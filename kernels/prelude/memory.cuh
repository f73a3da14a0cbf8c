// Moving data: dynamic shared memory, accesses of up to 128 bits, asynchronous copies into shared memory.
#pragma once

#include <cuda_runtime.h>

namespace limbic::cuda {

// The block's dynamic shared memory, aligned to 128 bytes. One array a kernel: parts of it are taken by
// offsets.
template <class T>
__device__ __forceinline__ T* dynamic_shared() {
#ifdef LIMBIC_EMULATED
  return static_cast<T*>(emulator::dynamic_shared());
#else
  extern __shared__ __align__(128) unsigned char limbic_dynamic_shared[];
  return reinterpret_cast<T*>(limbic_dynamic_shared);
#endif
}

// N neighbouring values, moved by one instruction when they make 4, 8 or 16 bytes: Vec<float, 4>,
// Vec<double, 2>, Vec<Bf16, 8>. Pointers to load from and to store to are multiples of that size.
template <class T, int N>
struct alignas(sizeof(T) * N < 16 ? sizeof(T) * N : 16) Vec {
  static constexpr int size = N;
  T v[N];

  __device__ __forceinline__ T& operator[](int i) { return v[i]; }
  __device__ __forceinline__ const T& operator[](int i) const { return v[i]; }
};

// As many values as fit into 128 bits.
template <class T>
constexpr int kVectorSize = 16 / static_cast<int>(sizeof(T));

template <int N, class T>
__device__ __forceinline__ Vec<T, N> load(const T* from) {
#ifdef LIMBIC_EMULATED
  return emulator::load<Vec<T, N>>(from);
#else
  return *reinterpret_cast<const Vec<T, N>*>(from);
#endif
}
template <class T, int N>
__device__ __forceinline__ void store(T* to, const Vec<T, N>& value) {
#ifdef LIMBIC_EMULATED
  emulator::store(to, value);
#else
  *reinterpret_cast<Vec<T, N>*>(to) = value;
#endif
}

template <class T>
__host__ __device__ __forceinline__ bool is_aligned(const T* pointer, int bytes) {
  return reinterpret_cast<size_t>(pointer) % static_cast<size_t>(bytes) == 0;
}

// Whether the processor that is compiled for copies to shared memory asynchronously (sm_80 and newer).
#if defined(LIMBIC_EMULATED) || (defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800)
constexpr bool kHasAsyncCopy = true;
#else
constexpr bool kHasAsyncCopy = false;
#endif

// Starts a copy of 4, 8 or 16 bytes (both pointers multiples of that) from global to shared memory; zeros
// instead of the source where `valid` is false, and then it is not touched. The data is there for this thread
// after commit_copies() and wait_copies(), for others after a barrier that follows.
template <int kBytes, bool kAsync = kHasAsyncCopy>
__device__ __forceinline__ void copy_async(void* shared, const void* global, bool valid = true) {
  static_assert(kBytes == 4 || kBytes == 8 || kBytes == 16, "what the instruction moves");
  if constexpr (kAsync && kHasAsyncCopy) {
#ifdef LIMBIC_EMULATED
    emulator::copy_async(shared, global, kBytes, valid);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    const unsigned to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
    const int bytes = valid ? kBytes : 0;
    if constexpr (kBytes == 16)
      asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(bytes)
                   : "memory");
    else
      asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(global), "n"(kBytes),
                   "r"(bytes)
                   : "memory");
#endif
  } else {
    using Words = Vec<unsigned, kBytes / 4>;
    Words words{};
    if (valid) words = load<kBytes / 4>(static_cast<const unsigned*>(global));
    store(static_cast<unsigned*>(shared), words);
  }
}

// Closes the group of copies that this thread has started since the last call.
template <bool kAsync = kHasAsyncCopy>
__device__ __forceinline__ void commit_copies() {
  if constexpr (kAsync && kHasAsyncCopy) {
#ifdef LIMBIC_EMULATED
    emulator::commit_copies();
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.commit_group;" ::: "memory");
#endif
  }
}
// Waits until at most kPending of this thread's last groups are under way.
template <int kPending = 0, bool kAsync = kHasAsyncCopy>
__device__ __forceinline__ void wait_copies() {
  if constexpr (kAsync && kHasAsyncCopy) {
#ifdef LIMBIC_EMULATED
    emulator::wait_copies(kPending);
#elif defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
    asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
#endif
  }
}

}  // namespace limbic::cuda
