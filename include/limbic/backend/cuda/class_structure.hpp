// The class structure loss on the device, with its gradient in the same pass (kernels/class_structure.cuh).
#pragma once

#include <limbic/backend/cuda/launch/class_structure.hpp>
#include <limbic/backend/cuda/memory.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

// Whether class_structure_fwd() takes so many classes.
inline bool has_class_structure(Cuda, index_t classes) { return classes <= cuda::kMaxStructureClasses; }

// each (N): the rows' parts of the loss of logits (N, K) and labels (N); gradient (N, K) of their sum, or
// undefined. All are dense.
template <class T>
void class_structure_fwd(Cuda, Tensor<T, Cuda>& each, Tensor<T, Cuda>& gradient,
                         const Tensor<T, Cuda>& logits, const Tensor<index_t, Cuda>& labels, double eta) {
  Tensor<T, Cuda> unit = Tensor<T, Cuda>::empty(logits.shape());
  cuda::class_structure<T>({.logits = logits.data(),
                            .labels = labels.data(),
                            .rows = logits.size(0),
                            .classes = logits.size(1),
                            .eta = static_cast<T>(eta),
                            .unit = unit.mutable_data(),
                            .each = each.mutable_data(),
                            .gradient = gradient.defined() ? gradient.mutable_data() : nullptr});
}

}  // namespace limbic
