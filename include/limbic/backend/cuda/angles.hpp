// How far the angles between a batch's points are from a teacher's, on the device (kernels/angles.cuh).
#pragma once

#include <limbic/backend/cuda/launch/angles.hpp>
#include <limbic/backend/cuda/memory.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

// y () = the value of backend/cpu/angles.hpp; fills the gradient (n, n) with respect to D if it is defined.
template <class T>
void angle_distance(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& distances,
                    const Tensor<T, Cuda>& teacher, const Tensor<T, Cuda>& weights,
                    Tensor<T, Cuda>& gradient) {
  cuda::angle_distance<T>(distances.data(), teacher.data(), weights.defined() ? weights.data() : nullptr,
                          distances.size(0), gradient.defined() ? gradient.mutable_data() : nullptr,
                          y.mutable_data());
}

}  // namespace limbic
