// The linear-time two-sample form over neighbouring pairs, j = i + 1 around the batch, with its gradient.
//
//   y = 1/n sum_i k(|s_i - s_j|^2) + k(|t_i - t_j|^2) - k(|s_i - t_j|^2) - k(|s_j - t_i|^2)   s, t (n, d)
//
// O(n d) work and memory. Source: Gretton et al., "A kernel two-sample test", JMLR 13, 2012, section 6.
#pragma once

#include <limbic/backend/cpu/pairwise.hpp>

namespace limbic {

// y () = the value, for s and then t in `points` (2n, d), dense; fills `gradient` (2n, d) if it is defined.
template <class T>
void neighbour_form(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& points, const PairKernel<Cpu>& kernel,
                    Tensor<T, Cpu>& gradient) {
  struct Pairs;
  const index_t n = points.size(0) / 2, d = points.size(1), grain = std::max(index_t{1}, 16384 / (4 * d + 1));
  const T *s = points.data(), *t = s + n * d;
  T* const w = cpu::scratch<Pairs, T>(8 * n);  // distances, then slopes: of ss, tt, st and ts
  T* const k = w + 4 * n;
  double value = 0;
  cpu::detail::on_pairwise([&](auto kernels) {
    parallel_for(n, grain, [&](index_t begin, index_t end) {
      for (index_t i = begin; i < end; ++i) {
        const index_t j = i + 1 < n ? i + 1 : 0;
        w[i] = kernels.distance(s + i * d, s + j * d, d);
        w[n + i] = kernels.distance(t + i * d, t + j * d, d);
        w[2 * n + i] = kernels.distance(s + i * d, t + j * d, d);
        w[3 * n + i] = kernels.distance(s + j * d, t + i * d, d);
      }
    });
    kernels.radial(kernel.form, w, k, 4 * n);
    for (index_t i = 0; i < n; ++i)
      value += static_cast<double>(k[i] + k[n + i]) - static_cast<double>(k[2 * n + i] + k[3 * n + i]);
    y.fill(static_cast<T>(value / static_cast<double>(n)));
    if (!gradient.defined()) return;
    const T factor = T(2) / static_cast<T>(n);
    T *const ds = gradient.mutable_data(), *const dt = ds + n * d;
    parallel_for(n, grain, [&](index_t begin, index_t end) {
      std::fill(ds + begin * d, ds + end * d, T(0));
      std::fill(dt + begin * d, dt + end * d, T(0));
      for (index_t i = begin; i < end; ++i) {
        const index_t j = i + 1 < n ? i + 1 : 0, h = i > 0 ? i - 1 : n - 1;
        const T *si = s + i * d, *sj = s + j * d, *sh = s + h * d, *ti = t + i * d, *tj = t + j * d,
                *th = t + h * d;
        kernels.add_difference(ds + i * d, factor * w[i], si, sj, d);
        kernels.add_difference(ds + i * d, factor * w[h], si, sh, d);
        kernels.add_difference(ds + i * d, -factor * w[2 * n + i], si, tj, d);
        kernels.add_difference(ds + i * d, -factor * w[3 * n + h], si, th, d);
        kernels.add_difference(dt + i * d, factor * w[n + i], ti, tj, d);
        kernels.add_difference(dt + i * d, factor * w[n + h], ti, th, d);
        kernels.add_difference(dt + i * d, -factor * w[2 * n + h], ti, sh, d);
        kernels.add_difference(dt + i * d, -factor * w[3 * n + i], ti, sj, d);
      }
    });
  });
}

}  // namespace limbic
