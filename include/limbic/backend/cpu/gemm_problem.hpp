// What the matrix product's parts share: the description of one product, and the purposes of scratch memory.
//
//   C (M,N) = act([C +] A (M,K) B (K,N) [+ bias (N)])
#pragma once

#include <limbic/backend/cpu/scratch.hpp>
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

// What is done to C beside the product.
template <class T>
struct GemmOptions {
  bool accumulate = false;  // adds to what C holds
  const T* bias = nullptr;  // N values, added to every row; null: none
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

// Purposes of scratch memory.
struct PackedA;
struct PackedB;
struct PartialC;
struct DenseVector;

}  // namespace detail
}  // namespace limbic::cpu
