// Products that are known to be symmetric, as second moments are, for little more than half of their cost.
#pragma once

#include <limbic/backend/cpu/gemm.hpp>
#include <limbic/core/tensor.hpp>

#include <algorithm>

namespace limbic {

// y (d, d) = a' b of a, b (n, d), all dense, where a' b is symmetric: b is a with scaled rows, or a itself.
// Only blocks on and above the diagonal are multiplied, the rest is their mirror image.
template <class T>
void symmetric_product(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& a, const Tensor<T, Cpu>& b) {
  const index_t n = a.size(0), d = a.size(1);
  // Narrower blocks would spare more, but each packs its part of b again. Of few rows the mirror image costs
  // more than it spares.
  const index_t block = n < d ? d : std::max<index_t>(64, (d / 4 + 15) / 16 * 16);
  T* const to = y.mutable_data();
  for (index_t i = 0; i < d; i += block) {
    const index_t end = std::min(i + block, d);
    cpu::gemm<T>(end - i, d - i, n, {a.data() + i, 1, d}, {b.data() + i, d, 1}, to + i * d + i, d);
    if (i > 0) y.slice(0, i, end).slice(1, 0, i).copy_from(y.slice(0, 0, i).slice(1, i, end).transpose(0, 1));
  }
}

}  // namespace limbic
