// What an attention operation is asked for beside its operands.
#pragma once

#include <limbic/core/philox.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

// What does not carry a gradient. `mask` (true: may attend) broadcasts to (B, H, L_q, L_k).
template <class T, class D>
struct AttentionPlan {
  T scale = T(1);          // of q k'
  bool causal = false;     // query i sees the keys j <= i
  Tensor<bool, D> mask{};  // undefined: none
  double dropout = 0;      // p, in [0, 1)
  // Of B H L_q L_k words: entry (b, h, i, j) is kept if its word is not below p 2^32.
  PhiloxKey draw{};
};

}  // namespace limbic
