// What the forward and the backward of cross-entropy with integer labels share, on every device.
#pragma once

#include <limbic/core/tensor.hpp>

namespace limbic {

// The loss of loss/cross_entropy.hpp in numbers.
template <class T, class D>
struct LabelLoss {
  Tensor<index_t, D> labels;     // (N), dense
  Tensor<T, D> class_weights{};  // (K), dense; undefined: all 1
  double smoothing = 0;          // of the labels, in [0, 1]
  index_t ignored = -100;        // rows with this label have loss and gradient 0
};

}  // namespace limbic
