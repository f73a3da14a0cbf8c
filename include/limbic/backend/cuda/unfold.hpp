// Columns of a convolution as a tensor, on the device; each plane of x gives rows of its own.
#pragma once

#include <limbic/backend/cuda/conv.hpp>
#include <limbic/backend/cuda/launch/unfold.hpp>

namespace limbic {

// y (B, C taps, positions) = what each position sees of x (B, C, H, W), zeros where that is padding. s has
// one channel a group. All dense.
template <class T>
void unfold_fwd(Cuda, const ConvShape& s, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x) {
  if (y.numel() == 0) return;
  // Without pixels there is padding only.
  if (x.numel() == 0) y.fill(T(0));
  else cuda::unfold(cuda::detail::conv_sizes(s), y.mutable_data(), x.data());
}

// x (B, C, H, W) = the transpose of unfold_fwd(), of y: patches that overlap add up. All dense.
template <class T>
void fold_fwd(Cuda, const ConvShape& s, Tensor<T, Cuda>& x, const Tensor<T, Cuda>& y) {
  cuda::fold(cuda::detail::conv_sizes(s), x.mutable_data(), y.data());
}

}  // namespace limbic
