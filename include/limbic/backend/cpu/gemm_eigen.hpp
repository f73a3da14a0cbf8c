// The matrix product by Eigen: for processors that have neither AVX2 nor AVX-512.
#pragma once

#include <limbic/backend/cpu/gemm_problem.hpp>
#include <limbic/backend/cpu/parallel.hpp>

#include <Eigen/Core>

#include <algorithm>

namespace limbic::cpu::detail {

template <class T>
struct EigenGemm {
  using Matrix = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using Stride = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  using Input = Eigen::Map<const Matrix, 0, Stride>;
  using Output = Eigen::Map<Matrix, 0, Eigen::OuterStride<>>;

  // Rows are cut into pieces of a fixed size, so that the result is the same for any number of threads.
  static void run(const GemmProblem<T>& p) {
    const index_t rows = p.m * p.n * p.k < (1 << 20) ? p.m : 128;
    parallel_for(p.m, rows, [&](index_t begin, index_t end) { block(p, begin, end); });
  }

 private:
  static void block(const GemmProblem<T>& p, index_t begin, index_t end) {
    const Input a(p.a.data + begin * p.a.row_stride, end - begin, p.k,
                  Stride(p.a.row_stride, p.a.col_stride));
    const Input b(p.b.data, p.k, p.n, Stride(p.b.row_stride, p.b.col_stride));
    Output c(p.c + begin * p.ldc, end - begin, p.n, Eigen::OuterStride<>(p.ldc));
    if (!p.options.accumulate) c.setZero();
    if (p.k > 0) c.noalias() += a * b;
    if (p.options.bias) c.rowwise() += Eigen::Map<const Eigen::RowVectorX<T>>(p.options.bias, p.n);
    if (p.options.activation == Activation::relu) c = c.unaryExpr([](T x) { return x < T(0) ? T(0) : x; });
  }
};

}  // namespace limbic::cpu::detail
