// What the matrix product's parts share: the description of one product, and scratch memory.
//
//   C (M,N) = act([C +] A (M,K) B (K,N) [+ bias (N)])
#pragma once

#include <limbic/config.hpp>

#include <cstddef>
#include <new>

namespace limbic::cpu {

// A matrix by pointer and strides, in elements: element (i, j) is data[i * row_stride + j * col_stride].
// Transposes and slices are matrices of the same data.
template <class T>
struct MatrixRef {
  const T* data = nullptr;
  index_t row_stride = 0;
  index_t col_stride = 1;

  MatrixRef transposed() const { return {data, col_stride, row_stride}; }
};

// Applied to every element of C last. relu(x) = max(x, 0); NaN stays NaN.
enum class Activation { none, relu };

template <class T>
struct GemmOptions {
  bool accumulate = false;   // adds to what C holds
  const T* bias = nullptr;   // N values, added to every row; null: none
  Activation activation = Activation::none;
};

namespace detail {

template <class T>
struct GemmProblem {
  index_t m, n, k;
  MatrixRef<T> a, b;
  T* c;
  index_t ldc;
  GemmOptions<T> options;
};

// Memory that a thread keeps until it ends. It only grows; get() leaves what was there undefined.
class Scratch {
 public:
  Scratch() = default;
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() { release(); }

  // `count` values of T, 64-byte aligned.
  template <class T>
  T* get(index_t count) {
    const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (bytes > bytes_) grow(bytes);
    return static_cast<T*>(data_);
  }

 private:
  void grow(std::size_t bytes) {
    release();
    data_ = ::operator new(bytes, std::align_val_t{64});
    bytes_ = bytes;
  }
  void release() {
    if (data_) ::operator delete(data_, std::align_val_t{64});
    data_ = nullptr;
    bytes_ = 0;
  }

  void* data_ = nullptr;
  std::size_t bytes_ = 0;
};

// The calling thread's scratch memory for one purpose.
enum class ScratchUse { packed_a, packed_b, partial_c, vector };
template <ScratchUse>
Scratch& scratch() {
  thread_local Scratch memory;
  return memory;
}

}  // namespace detail
}  // namespace limbic::cpu
