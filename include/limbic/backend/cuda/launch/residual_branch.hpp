// Launchers of the end of a residual branch, T = float or double.
#pragma once

#include <limbic/backend/cuda/launch/random.hpp>

namespace limbic::cuda {

enum class Gate : std::uint8_t { identity, relu, gelu, quick_gelu };

// Everything is dense.
template <class T>
struct BranchCall {
  const T* x = nullptr;         // (rows, cols)
  const T* bias = nullptr;      // (cols); null: none
  const T* residual = nullptr;  // (rows, cols); null: none
  std::int64_t rows = 0, cols = 0;
  Gate gate = Gate::identity;
  Draw draw;
  std::uint32_t threshold = 0;  // an element is dropped where its half word is below; 0: no dropout
  T scale = T(1);               // of those that are not
};
template <class T>
void residual_branch_fwd(const BranchCall<T>& call, T* y);
// dx, what reaches x + bias, from dy; the call's residual is not looked at.
template <class T>
void residual_branch_bwd(const BranchCall<T>& call, const T* dy, T* dx);

}  // namespace limbic::cuda
