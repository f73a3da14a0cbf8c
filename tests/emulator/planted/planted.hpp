// Launchers of the kernels in this folder, and what the tests of the emulator share.
#pragma once

#include <cuda_runtime.h>

#include "emulator/emulator.hpp"

#include <limbic/core/error.hpp>

#include <vector>

namespace planted {

// faults.cu: each with its fault, or right. Buffers have 1024 floats unless said otherwise.
void barrier_between(bool fault, const float* x, float* y);   // neighbours' values through shared memory
void write_after_read(bool fault, const float* x, float* y);  // a tile is refilled
void last_reader_writes(int fault, float* y);  // what all have read: 1 of a block, 2 a warp, 3 the grid
void warp_exchange(int fault, const float* x, float* y);  // 0 __syncwarp, 1 nothing, 2 a shuffle only
void half_warps(bool fault, const float* x, float* y);    // __syncwarp of 16 lanes
void blocks_write(bool fault, float* y);                  // the same place from two blocks
void blocks_read(bool fault, float* y);                   // what another block writes
void blocks_add(bool fault, float* y);                    // atomically, or with one plain store
void last_block(int fault, const float* x, float* partial, unsigned* count, float* y);  // 1: no fence
void past_the_end(bool fault, float* y, int n);
void shared_past_the_end(int fault, float* y);  // 1: static, 2: dynamic
void just_write(float* y, int n);
void just_read(const float* x, float* y, int n);
void copy_vectors(bool fault, const float* x, float* y);  // float4 by Vec
void copy_float4(bool fault, const float* x, float* y);   // float4 by dereferencing
void uninitialised_shared(bool fault, float* y);
void divergent_barrier(int fault, float* y);  // 1: some threads, 2: two places, 3: early return
void shuffles(int fault, const float* x,
              float* y);  // 1: own lane left out, 2: lane missing, 3: absent source
void asynchronous(int fault, const float* x, float* y);  // 1: no wait, 2: no barrier after the wait
void pipelined(bool fault, const float* x, float* y);    // waits for the first of two groups
void other_threads_local(float* y);
void trap(float* y);

// counted.cu
void strided(int stride, const float* x, float* y);  // one block of 32: y[i] = x[stride * i]
void vectors(const float* x, float* y);              // one block of 32: a float4 each
void columns(int pitch, float* y);                   // one block of 32: a column of a tile in shared memory
void wide_shared(int bytes, float* y);               // 4, 8 or 16 bytes a lane, side by side
void broadcast(float* y);  // one block of 32: four lanes each read the same word of shared memory
void diverging(float* y);  // half of each warp stores
void long_loop(const float* x, float* y, int n);  // 256 threads read n floats in turns
void spinning(unsigned* lock, float* y);          // a lock that threads of a block wait for

// prelude.cu
void row_sums(const float* x, float* y, int rows, int columns);
void random_numbers(unsigned long long key, unsigned long long position, float* uniform, double* uniform2,
                    float* normal, double* normal2, unsigned* bits, int n);
void matrix_product(int type, const float* a, const float* b,
                    float* d);  // 0 bf16, 1 f16: 16x16x8; 2 tf32: 16x8x8
void matrix_product_loaded(const float* a, const float* b, float* d);  // bf16 through ldmatrix, b row by row
void half_round_trip(const float* x, float* bf16, float* f16, float* tf32, int n);
void reductions(const float* x, float* y);  // of 128 threads: sum, max, min, ..
void scale(float factor, const float* x, float* y, int n, cudaStream_t stream);
void too_large(int threads, size_t shared_bytes);

// Device memory with these values, or of this many uninitialised ones.
template <class T>
class Device {
 public:
  explicit Device(std::size_t n) : n_(n) { cudaMalloc(&data_, n * sizeof(T)); }
  explicit Device(const std::vector<T>& values) : Device(values.size()) {
    cudaMemcpy(data_, values.data(), n_ * sizeof(T), cudaMemcpyHostToDevice);
  }
  ~Device() { cudaFree(data_); }
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  T* get() { return data_; }
  std::vector<T> values() const {
    std::vector<T> v(n_);
    cudaMemcpy(v.data(), data_, n_ * sizeof(T), cudaMemcpyDeviceToHost);
    return v;
  }

 private:
  T* data_ = nullptr;
  std::size_t n_;
};

// 0, 1, 2, ... scaled.
inline std::vector<float> ramp(std::size_t n, float step = 1.0f) {
  std::vector<float> v(n);
  for (std::size_t i = 0; i < n; ++i) v[i] = step * static_cast<float>(i);
  return v;
}

// Options as they were, when this goes.
struct KeepOptions {
  emulator::Options before = emulator::options();
  ~KeepOptions() { emulator::options() = before; }
};

}  // namespace planted
