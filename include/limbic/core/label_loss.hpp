// What the forward and the backward of cross-entropy with integer labels share, on every device.
#pragma once

#include <limbic/core/tensor.hpp>

namespace limbic {

// class_weights (K) may be undefined.
template <class T, class D>
struct LabelLoss {
  Tensor<index_t, D> labels;  // (N), dense
  Tensor<T, D> class_weights{};
  double smoothing = 0;
  index_t ignored = -100;
};

}  // namespace limbic
