// Tensors read as batches of matrices: what matrix products of every device are given.
#pragma once

#include <limbic/core/tensor.hpp>

namespace limbic {

// How a tensor's last dimensions are read as a matrix; the dimensions before them are batches. matrix: the
// last two are rows and columns; row, column: the last one is the only row or column; scalar: none is.
enum class MatrixForm { matrix, row, column, scalar };

// A tensor as a batch of matrices: element (i, j) of one is at i row_stride + j col_stride elements from its
// first. Data that is only read may have any strides.
template <class P>
struct MatrixBatch {
  P data = nullptr;
  index_t rows = 1, cols = 1, row_stride = 0, col_stride = 0;
  Shape batch{};
  Strides batch_strides{};

  // The tensor must have as many dimensions as its form takes; that is not checked.
  MatrixBatch(P first, const Shape& shape, const Strides& strides, MatrixForm form)
      : data(first), batch(shape), batch_strides(strides) {
    if (form == MatrixForm::matrix || form == MatrixForm::row) take(cols, col_stride);
    if (form == MatrixForm::matrix || form == MatrixForm::column) take(rows, row_stride);
  }
  // Of each matrix; nothing moves.
  void transpose() {
    std::swap(rows, cols);
    std::swap(row_stride, col_stride);
  }

 private:
  void take(index_t& size, index_t& stride) {
    const int last = batch.rank() - 1;
    size = batch[last];
    stride = batch_strides[last];
    batch.erase(last);
    batch_strides.erase(last);
  }
};

// The matrices of a tensor, or their transposes, to be read: no copy, so the tensor must outlive them.
template <class T, class D>
MatrixBatch<const T*> matrices(const Tensor<T, D>& t, MatrixForm form, bool transposed = false) {
  MatrixBatch<const T*> m(t.data(), t.shape(), t.strides(), form);
  if (transposed) m.transpose();
  return m;
}

}  // namespace limbic
