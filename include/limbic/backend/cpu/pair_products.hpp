// The kernel matrix of a set of points times other vectors, tile by tile: y = K u in O(N (d + P)) memory.
//
//   K_ij = k(|x_i - x_j|^2), x (N, d) dense and centred; u, y (N, P)
#pragma once

#include <limbic/backend/cpu/pairwise.hpp>

namespace limbic {

// k(0). (A template, as it would else be compiled wherever this header is included.)
template <class T>
T radial_at_zero(const RadialKernel& kernel) {
  T k = 0, d = 0;
  cpu::detail::on_pairwise([&](auto kernels) { kernels.radial(kernel, &d, &k, 1); });
  return k;
}

// y = K u; norms (N): the points' squared lengths.
template <class T>
Tensor<T, Cpu> pair_products(Cpu, const Tensor<T, Cpu>& points, const Tensor<T, Cpu>& norms,
                             const PairKernel<Cpu>& kernel, const Tensor<T, Cpu>& u) {
  using namespace cpu::detail;
  const index_t n = points.size(0), d = points.size(1), columns = u.size(1);
  Tensor<T, Cpu> y = Tensor<T, Cpu>::empty({n, columns});
  const T *x = points.data(), *x_norms = norms.data(), *from = u.data();
  T* const to = y.mutable_data();
  on_pairwise([&](auto kernels) {
    parallel_for((n + kPairRows - 1) / kPairRows, 1, [&](index_t piece, index_t) {
      struct Tiles;
      T* const tile = cpu::scratch<Tiles, T>(2 * kPairRows * kPairCols);
      T* const k = tile + kPairRows * kPairCols;
      const index_t i = piece * kPairRows, rows = std::min(kPairRows, n - i);
      for (index_t j = 0; j < n; j += kPairCols) {
        const index_t cols = std::min(kPairCols, n - j);
        distance_tile(kernels, rows, cols, d, x + i * d, x_norms + i, x + j * d, x_norms + j, tile, kPairCols,
                      i - j, [](index_t, index_t) {});
        for (index_t r = 0; r < rows; ++r)
          kernels.radial(kernel.form, tile + r * kPairCols, k + r * kPairCols, cols);
        cpu::gemm<T>(rows, columns, cols, {k, kPairCols, 1}, {from + j * columns, columns, 1},
                     to + i * columns, columns, {.accumulate = j > 0});
      }
    });
  });
  return y;
}

}  // namespace limbic
