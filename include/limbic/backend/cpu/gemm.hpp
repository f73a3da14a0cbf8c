// Matrix products on the CPU.
//
//   C (M,N) = act([C +] A (M,K) B (K,N) [+ bias (N)])
//
// A and B have any strides, so transposes and slices need no copy; C's rows are contiguous, ldc apart.
// K = 0 gives zeros (then bias, activation). C must not overlap A, B or bias. The result is bitwise the
// same for any number of threads.
#pragma once

#include <limbic/backend/cpu/gemm_blocked.hpp>
#include <limbic/backend/cpu/gemm_eigen.hpp>
#include <limbic/backend/cpu/gemm_problem.hpp>
#include <limbic/backend/cpu/isa.hpp>
#include <limbic/backend/cpu/parallel.hpp>

#include <type_traits>

namespace limbic::cpu {

// One product, see above; nothing where m or n is not positive. T is float or double.
template <class T>
void gemm(index_t m, index_t n, index_t k, const std::type_identity_t<MatrixRef<T>>& a,
          const std::type_identity_t<MatrixRef<T>>& b, T* c, index_t ldc,
          const std::type_identity_t<GemmOptions<T>>& options = {}) {
  if (m <= 0 || n <= 0) return;
  detail::GemmProblem<T> problem{m, n, k, a, b, c, ldc, options};
  static constexpr T nothing{};
  if (k <= 0) problem.k = 0, problem.a = problem.b = {&nothing, 0, 0};  // pointers need not be valid
#if defined(__x86_64__)
  switch (isa()) {
    case Isa::avx512: return detail::BlockedGemm<avx512::Gemm<T>, T>::run(problem);
    case Isa::avx2: return detail::BlockedGemm<avx2::Gemm<T>, T>::run(problem);
    case Isa::portable: break;
  }
#endif
  detail::EigenGemm<T>::run(problem);
}

// `batch` products: the i-th of a + i a_batch, b + i b_batch, c + i c_batch. A stride of 0 uses the same
// A or B for all; for C it adds up all products (options.accumulate, bias and activation then apply to the
// sum). bias is the same for all products.
template <class T>
void gemm_batched(index_t batch, index_t m, index_t n, index_t k, const std::type_identity_t<MatrixRef<T>>& a,
                  index_t a_batch, const std::type_identity_t<MatrixRef<T>>& b, index_t b_batch, T* c,
                  index_t ldc, index_t c_batch, const std::type_identity_t<GemmOptions<T>>& options = {}) {
  if (batch <= 0 || m <= 0 || n <= 0) return;
  const auto one = [&](index_t i, const GemmOptions<T>& with) {
    gemm<T>(m, n, k, {a.data + i * a_batch, a.row_stride, a.col_stride},
            {b.data + i * b_batch, b.row_stride, b.col_stride}, c + i * c_batch, ldc, with);
  };
  if (c_batch == 0) {
    for (index_t i = 0; i < batch; ++i) {
      const bool last = i + 1 == batch;
      one(i, {options.accumulate || i > 0, last ? options.bias : nullptr,
              last ? options.activation : Activation::none});
    }
  } else if (b_batch == 0 && a_batch == m * a.row_stride && c_batch == m * ldc) {
    gemm<T>(batch * m, n, k, a, b, c, ldc, options);  // the rows of all batches follow each other
  } else {
    // Large products are cut themselves; of small ones, some are done at a time.
    const index_t work = m * n * std::max<index_t>(k, 1);
    if (work > (index_t{1} << 24)) {
      for (index_t i = 0; i < batch; ++i) one(i, options);
    } else {
      const index_t grain = std::max<index_t>(1, (index_t{1} << 19) / work);
      parallel_for(batch, grain, [&](index_t begin, index_t end) {
        for (index_t i = begin; i < end; ++i) one(i, options);
      });
    }
  }
}

}  // namespace limbic::cpu
