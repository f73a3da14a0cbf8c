// Matrix products by cuBLAS, T = float or double, and what is done to their result.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// Batch of products C = [C +] A B of row-major matrices: element (i, j) of A is a[i a_row + j a_col], and one
// of the two strides is 1 (or its size is). C's rows are c_row apart, the matrices of a batch *_step.
template <class T>
struct GemmCall {
  std::int64_t m = 0, n = 0, k = 0, batch = 1;
  const T* a = nullptr;
  std::int64_t a_row = 0, a_col = 1, a_step = 0;
  const T* b = nullptr;
  std::int64_t b_row = 0, b_col = 1, b_step = 0;
  T* c = nullptr;
  std::int64_t c_row = 0, c_step = 0;
  bool accumulate = false;
};

// k = 0 gives 0, or leaves C. Throws for sizes past 2^31 - 1 and what cuBLAS reports.
template <class T>
void gemm(const GemmCall<T>& call);

// y (rows, cols) dense: += bias (cols; null: none), then max(y, 0) if `relu`; NaN stays.
template <class T>
void add_bias(T* y, const T* bias, std::int64_t rows, std::int64_t cols, bool relu);

}  // namespace limbic::cuda
