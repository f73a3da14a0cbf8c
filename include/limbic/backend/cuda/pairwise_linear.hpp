// The linear-time two-sample form over neighbouring pairs, on the device (kernels/pairwise_linear.cuh).
#pragma once

#include <limbic/backend/cuda/pairwise.hpp>

namespace limbic {

// y () = the value of backend/cpu/pairwise_linear.hpp, for s and then t in `points` (2n, d), dense; fills
// `gradient` (2n, d) if it is defined.
template <class T>
void neighbour_form(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& points, const PairKernel<Cuda>& kernel,
                    Tensor<T, Cuda>& gradient) {
  cuda::neighbour_form(points.data(), points.size(0) / 2, points.size(1), cuda::detail::radial_call(kernel),
                       gradient.defined() ? gradient.mutable_data() : nullptr, y.mutable_data());
}

}  // namespace limbic
