// Matrix products of tensors with leading batch dimensions, on the strided gemm, and column sums.
#pragma once

#include <limbic/backend/cpu/gemm.hpp>
#include <limbic/backend/cpu/vec.hpp>
#include <limbic/core/matrices.hpp>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/column_sums.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

// c = a b, or c += a b. Batch dimensions broadcast; where c's are smaller than a's and b's, products are
// added up, in the order of the batches. c is dense and overlaps neither a nor b.
template <class T>
void matmul(Cpu, Tensor<T, Cpu>& result, MatrixForm form, const MatrixBatch<const T*>& a,
            const MatrixBatch<const T*>& b, bool accumulate) {
  const MatrixBatch<T*> c(result.mutable_data(), result.shape(), result.strides(), form);
  const index_t m = a.rows, n = b.cols, k = a.cols;
  const index_t ldc = form == MatrixForm::matrix || form == MatrixForm::column ? c.row_stride : n;
  cpu::GemmOptions<T> options{.accumulate = accumulate};
  const auto at = [](const MatrixBatch<const T*>& x, index_t offset) {
    return cpu::MatrixRef<T>{x.data + offset, x.row_stride, x.col_stride};
  };
  if (a.batch.rank() == 0 && b.batch.rank() == 0 && c.batch.rank() == 0) {
    cpu::gemm<T>(m, n, k, at(a, 0), at(b, 0), c.data, ldc, options);
    return;
  }
  const Shape batch = broadcast_shapes("matmul", broadcast_shapes("matmul", a.batch, b.batch), c.batch);
  if (numel(batch) == 0) {
    if (!accumulate) result.fill(T(0));
    return;
  }
  const Strides sc = expanded_strides(c.batch, c.batch_strides, batch),
                sa = expanded_strides(a.batch, a.batch_strides, batch),
                sb = expanded_strides(b.batch, b.batch_strides, batch);
  const Loops<3> loops(batch, {&sc, &sa, &sb});
  const index_t count = loops.row_length(), c_step = loops.inner_stride(0), a_step = loops.inner_stride(1),
                b_step = loops.inner_stride(2);
  for (int d = 0; d + 1 < loops.rank; ++d) {
    // One product is visited from several rows of the loop: each adds to what is there.
    if (loops.stride[0][d] != 0 || options.accumulate) continue;
    result.fill(T(0));
    options.accumulate = true;
  }
  // Batches that are added up, and lie behind one another along k, are one longer product.
  const bool longer = c_step == 0 && a_step == k * a.col_stride && b_step == k * b.row_stride;
  loops.for_rows(0, loops.rows(), [&](const index_t(&offset)[3]) {
    T* to = c.data + offset[0];
    if (longer) cpu::gemm<T>(m, n, k * count, at(a, offset[1]), at(b, offset[2]), to, ldc, options);
    else
      cpu::gemm_batched<T>(count, m, n, k, at(a, offset[1]), a_step, at(b, offset[2]), b_step, to, ldc,
                           c_step, options);
  });
}

// y (N, C_out) = x (N, C_in) weight' [+ bias], then max(y, 0) if `relu`. y and bias are dense, x's rows and
// weight have any strides; x may have more leading dimensions if it is dense.
template <class T>
void linear_fwd(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, const Tensor<T, Cpu>& weight,
                const Tensor<T, Cpu>& bias, bool relu) {
  const index_t out = weight.shape()[0], in = weight.shape()[1], rows = out ? y.numel() / out : 0;
  const cpu::MatrixRef<T> a = x.is_contiguous() ? cpu::MatrixRef<T>{x.data(), in, 1}
                                                : cpu::MatrixRef<T>{x.data(), x.strides()[0], x.strides()[1]};
  cpu::gemm<T>(rows, out, in, a, {weight.data(), weight.strides()[1], weight.strides()[0]}, y.mutable_data(),
               out,
               {.bias = bias.defined() ? bias.data() : nullptr,
                .activation = relu ? cpu::Activation::relu : cpu::Activation::none});
}

// dx (N, C_in) [+]= dy (N, C_out) weight; dy and dx dense.
template <class T>
void linear_bwd_input(Cpu, Tensor<T, Cpu>& dx, const Tensor<T, Cpu>& dy, const Tensor<T, Cpu>& weight,
                      bool accumulate) {
  const index_t out = weight.shape()[0], in = weight.shape()[1], rows = in ? dx.numel() / in : 0;
  cpu::gemm<T>(rows, in, out, {dy.data(), out, 1}, {weight.data(), weight.strides()[0], weight.strides()[1]},
               dx.mutable_data(), in, {.accumulate = accumulate});
}

// dweight (C_out, C_in) [+]= dy' x; dy and dweight dense.
template <class T>
void linear_bwd_weight(Cpu, Tensor<T, Cpu>& dweight, const Tensor<T, Cpu>& dy, const Tensor<T, Cpu>& x,
                       bool accumulate) {
  const index_t out = dweight.shape()[0], in = dweight.shape()[1], rows = out ? dy.numel() / out : 0;
  const cpu::MatrixRef<T> b = x.is_contiguous() ? cpu::MatrixRef<T>{x.data(), in, 1}
                                                : cpu::MatrixRef<T>{x.data(), x.strides()[0], x.strides()[1]};
  cpu::gemm<T>(out, in, rows, {dy.data(), 1, out}, b, dweight.mutable_data(), in, {.accumulate = accumulate});
}

// y (C) [+]= sum over rows of x (..., C); both dense.
template <class T>
void column_sums(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, bool accumulate) {
  const index_t cols = y.numel(), rows = cols ? x.numel() / cols : 0;
  T* const to = y.mutable_data();
  const auto piece = [&](index_t begin, index_t end) {
    cpu::on_isa<cpu::portable::ColumnSums, cpu::avx2::ColumnSums, cpu::avx512::ColumnSums>([&](auto k) {
      decltype(k)::template run<T>(to + begin, x.data() + begin, rows, cols, end - begin, accumulate);
    });
  };
  if (rows * cols <= index_t{1} << 17) piece(0, cols);
  else parallel_for(cols, 64, piece);
}

}  // namespace limbic
