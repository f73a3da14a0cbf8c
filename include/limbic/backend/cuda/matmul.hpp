// Matrix products of tensors with leading batch dimensions on the device, and linear layers' products.
#pragma once

#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/launch/gemm.hpp>
#include <limbic/core/matrices.hpp>

namespace limbic {

namespace cuda::detail {

// Whether cuBLAS takes the matrix as it lies.
inline bool plain_matrix(index_t rows, index_t cols, index_t row_stride, index_t col_stride) {
  return (col_stride == 1 && (rows <= 1 || row_stride >= std::max<index_t>(1, cols))) ||
         (row_stride == 1 && (cols <= 1 || col_stride >= std::max<index_t>(1, rows))) || rows * cols <= 1 ||
         (rows == 1 && col_stride > 0) || (cols == 1 && row_stride > 0);
}

// The same matrices, copied densely where they must be. `keep` holds the copy.
template <class T>
MatrixBatch<const T*> plain(const MatrixBatch<const T*>& x, Tensor<T, Cuda>& keep) {
  if (plain_matrix(x.rows, x.cols, x.row_stride, x.col_stride)) return x;
  Shape shape = x.batch;
  Strides strides = x.batch_strides;
  shape.push_back(x.rows);
  strides.push_back(x.row_stride);
  shape.push_back(x.cols);
  strides.push_back(x.col_stride);
  keep = Tensor<T, Cuda>::empty(shape);
  copy_strided(Cuda{}, shape, keep.mutable_data(), keep.strides(), x.data, strides);
  return MatrixBatch<const T*>(keep.data(), shape, keep.strides(), MatrixForm::matrix);
}

}  // namespace cuda::detail

// c = a b, or c += a b. Batch dimensions broadcast; where c's are smaller than a's and b's, products are
// added up, in the order of the batches. c is dense and overlaps neither a nor b.
template <class T>
void matmul(Cuda, Tensor<T, Cuda>& result, MatrixForm form, const MatrixBatch<const T*>& given_a,
            const MatrixBatch<const T*>& given_b, bool accumulate) {
  Tensor<T, Cuda> keep_a, keep_b;
  const auto a = cuda::detail::plain(given_a, keep_a), b = cuda::detail::plain(given_b, keep_b);
  const MatrixBatch<T*> c(result.mutable_data(), result.shape(), result.strides(), form);
  cuda::GemmCall<T> call{.m = a.rows,
                         .n = b.cols,
                         .k = a.cols,
                         .a_row = a.row_stride,
                         .a_col = a.col_stride,
                         .b_row = b.row_stride,
                         .b_col = b.col_stride,
                         .accumulate = accumulate};
  // (The stride of a single row may be anything.)
  call.c_row =
      call.m > 1 && (form == MatrixForm::matrix || form == MatrixForm::column) ? c.row_stride : call.n;
  const Shape batch = broadcast_shapes("matmul", broadcast_shapes("matmul", a.batch, b.batch), c.batch);
  if (numel(batch) == 0) {
    if (!accumulate) result.fill(T(0));
    return;
  }
  const Strides sc = expanded_strides(c.batch, c.batch_strides, batch),
                sa = expanded_strides(a.batch, a.batch_strides, batch),
                sb = expanded_strides(b.batch, b.batch_strides, batch);
  const Loops<3> loops(batch, {&sc, &sa, &sb});
  for (int d = 0; d < loops.rank; ++d) {
    // One product is visited several times: each adds to what is there.
    if (loops.stride[0][d] != 0 || call.accumulate) continue;
    result.fill(T(0));
    call.accumulate = true;
  }
  const index_t count = loops.row_length();
  call.c_step = loops.inner_stride(0);
  call.a_step = loops.inner_stride(1);
  call.b_step = loops.inner_stride(2);
  const bool together = count == 1 || call.c_step != 0;
  call.batch = together ? count : 1;
  loops.for_rows(0, loops.rows(), [&](const index_t(&offset)[3]) {
    for (index_t i = 0; i < (together ? 1 : count); ++i) {
      call.c = c.data + offset[0] + i * call.c_step;
      call.a = a.data + offset[1] + i * call.a_step;
      call.b = b.data + offset[2] + i * call.b_step;
      cuda::gemm(call);
    }
  });
}

namespace cuda::detail {
// The rows of a linear layer's input: its own strides if it is a matrix, else dense.
template <class T>
Tensor<T, Cuda> plain_rows(const Tensor<T, Cuda>& x) {
  if (x.is_contiguous()) return x;
  return x.rank() == 2 && plain_matrix(x.shape()[0], x.shape()[1], x.strides()[0], x.strides()[1])
             ? x
             : x.clone();
}
template <class T>
void set_a(GemmCall<T>& call, const Tensor<T, Cuda>& x, index_t cols) {
  call.a = x.data();
  call.a_row = x.is_contiguous() ? cols : x.strides()[0];
  call.a_col = x.is_contiguous() ? 1 : x.strides()[1];
}
template <class T>
void set_b(GemmCall<T>& call, const Tensor<T, Cuda>& x, index_t cols) {
  call.b = x.data();
  call.b_row = x.is_contiguous() ? cols : x.strides()[0];
  call.b_col = x.is_contiguous() ? 1 : x.strides()[1];
}
}  // namespace cuda::detail

// y (N, C_out) = x (N, C_in) weight' [+ bias], then max(y, 0) if `relu`. y and bias are dense, x's rows and
// weight have any strides; x may have more leading dimensions if it is dense.
template <class T>
void linear_fwd(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& given_x, const Tensor<T, Cuda>& given_weight,
                const Tensor<T, Cuda>& bias, bool relu) {
  const index_t out = given_weight.shape()[0], in = given_weight.shape()[1], rows = out ? y.numel() / out : 0;
  const auto x = cuda::detail::plain_rows(given_x), weight = cuda::detail::plain_rows(given_weight);
  cuda::GemmCall<T> call{.m = rows, .n = out, .k = in, .c = y.mutable_data(), .c_row = out};
  cuda::detail::set_a(call, x, in);
  cuda::detail::set_b(call, weight, in);
  std::swap(call.b_row, call.b_col);
  cuda::gemm(call);
  if (bias.defined() || relu)
    cuda::add_bias(y.mutable_data(), bias.defined() ? bias.data() : nullptr, rows, out, relu);
}

// dx (N, C_in) [+]= dy (N, C_out) weight; dy and dx dense.
template <class T>
void linear_bwd_input(Cuda, Tensor<T, Cuda>& dx, const Tensor<T, Cuda>& dy,
                      const Tensor<T, Cuda>& given_weight, bool accumulate) {
  const index_t out = given_weight.shape()[0], in = given_weight.shape()[1], rows = in ? dx.numel() / in : 0;
  const auto weight = cuda::detail::plain_rows(given_weight);
  cuda::GemmCall<T> call{.m = rows,
                         .n = in,
                         .k = out,
                         .a = dy.data(),
                         .a_row = out,
                         .c = dx.mutable_data(),
                         .c_row = in,
                         .accumulate = accumulate};
  cuda::detail::set_b(call, weight, in);
  cuda::gemm(call);
}

// dweight (C_out, C_in) [+]= dy' x; dy and dweight dense.
template <class T>
void linear_bwd_weight(Cuda, Tensor<T, Cuda>& dweight, const Tensor<T, Cuda>& dy,
                       const Tensor<T, Cuda>& given_x, bool accumulate) {
  const index_t out = dweight.shape()[0], in = dweight.shape()[1], rows = out ? dy.numel() / out : 0;
  const auto x = cuda::detail::plain_rows(given_x);
  cuda::GemmCall<T> call{.m = out,
                         .n = in,
                         .k = rows,
                         .a = dy.data(),
                         .a_row = 1,
                         .a_col = out,
                         .c = dweight.mutable_data(),
                         .c_row = in,
                         .accumulate = accumulate};
  cuda::detail::set_b(call, x, in);
  cuda::gemm(call);
}

// y (C) [+]= sum over rows of x (..., C); both dense.
template <class T>
void column_sums(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, bool accumulate) {
  const index_t cols = y.numel(), rows = cols ? x.numel() / cols : 0;
  const Tensor<T, Cuda> matrix = x.reshape({rows, cols});
  if (!accumulate) {
    Tensor<T, Cuda> flat = y.reshape({cols});
    return reduce_sum(Cuda{}, flat, matrix);
  }
  Tensor<T, Cuda> sums = Tensor<T, Cuda>::empty({cols});
  reduce_sum(Cuda{}, sums, matrix);
  add_into(Cuda{}, y, sums.reshape(y.shape()));
}

}  // namespace limbic
