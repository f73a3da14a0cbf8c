// Launchers of convolutions and of their columns, T = float or double. Everything is dense.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// The sizes of core/conv_shape.hpp, for device code.
struct ConvSizes {
  std::int64_t batch = 0, channels = 0, height = 0, width = 0;
  std::int64_t filters = 0, kernel_h = 1, kernel_w = 1, out_h = 0, out_w = 0;
  std::int64_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1, dilation_w = 1, groups = 1;
};

// y = conv(x, w) + bias; bias may be null. All throw where a number that the kernels count with 32 bits does
// not fit them: a plane, a kernel's numbers, batch times plane.
template <class T>
void conv_fwd(const ConvSizes& s, T* y, const T* x, const T* w, const T* bias);
// dx = the transpose of the convolution, of dy.
template <class T>
void conv_bwd_input(const ConvSizes& s, T* dx, const T* w, const T* dy);
// dw = gradient of the weight from x and dy.
template <class T>
void conv_bwd_weight(const ConvSizes& s, T* dw, const T* x, const T* dy);

}  // namespace limbic::cuda
