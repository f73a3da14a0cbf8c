// Launcher of reductions.
#pragma once

#include <limbic/backend/cuda/launch/elementwise.hpp>

namespace limbic::cuda {

// What elements are folded into: the folds of core/folds.hpp.
enum class Fold : std::uint8_t {
  sum,
  sum_of_squares,
  sum_of_squared_differences,
  count_equal,
  count_nonzero,
  product,
  product_of_nonzero,
  any,
  all,
  max,
  min,
};

// y_k = fold over r of x[kept offset of k + reduced offset of r]; y and `side` (of x's type) are dense.
struct ReduceCall {
  Fold fold = Fold::sum;
  Dtype dtype = Dtype::f32;  // x's; y's is what the fold gives
  const void* x = nullptr;
  const void* side = nullptr;
  void* y = nullptr;
  std::int64_t kept = 1, reduced = 1;  // numbers of elements
  int kept_rank = 0, reduced_rank = 0;
  std::int64_t kept_size[8] = {}, kept_stride[8] = {}, reduced_size[8] = {}, reduced_stride[8] = {};
};

// Deterministic: the order of the fold depends on the sizes alone.
void reduce(const ReduceCall& call);

}  // namespace limbic::cuda
