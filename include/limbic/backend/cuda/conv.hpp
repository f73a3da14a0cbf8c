// Convolutions on the device; see kernels/conv.cuh.
#pragma once

#include <limbic/backend/cuda/launch/conv.hpp>
#include <limbic/backend/cuda/reduce.hpp>
#include <limbic/core/conv_shape.hpp>

namespace limbic {

namespace cuda::detail {
inline ConvSizes conv_sizes(const ConvShape& s) {
  return {.batch = s.batch,
          .channels = s.channels,
          .height = s.height,
          .width = s.width,
          .filters = s.filters,
          .kernel_h = s.kernel_h,
          .kernel_w = s.kernel_w,
          .out_h = s.out_h,
          .out_w = s.out_w,
          .stride_h = s.stride_h,
          .stride_w = s.stride_w,
          .pad_h = s.pad_h,
          .pad_w = s.pad_w,
          .dilation_h = s.dilation_h,
          .dilation_w = s.dilation_w,
          .groups = s.groups};
}
}  // namespace cuda::detail

// y = conv(x, w) + bias (O), which may be undefined; shapes as core/conv_shape.hpp has them. All dense.
template <class T>
void conv_fwd(Cuda, const ConvShape& s, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x,
              const Tensor<T, Cuda>& w, const Tensor<T, Cuda>& bias) {
  cuda::conv_fwd(cuda::detail::conv_sizes(s), y.mutable_data(), x.data(), w.data(),
                 bias.defined() ? bias.data() : nullptr);
}

// dx = the transpose of the convolution, of dy. All dense.
template <class T>
void conv_bwd_input(Cuda, const ConvShape& s, Tensor<T, Cuda>& dx, const Tensor<T, Cuda>& w,
                    const Tensor<T, Cuda>& dy) {
  cuda::conv_bwd_input(cuda::detail::conv_sizes(s), dx.mutable_data(), w.data(), dy.data());
}

// dw = gradient of the weight from x and dy. All dense.
template <class T>
void conv_bwd_weight(Cuda, const ConvShape& s, Tensor<T, Cuda>& dw, const Tensor<T, Cuda>& x,
                     const Tensor<T, Cuda>& dy) {
  cuda::conv_bwd_weight(cuda::detail::conv_sizes(s), dw.mutable_data(), x.data(), dy.data());
}

// dbias (O) = dy summed over all but the filters. Dense.
template <class T>
void conv_bwd_bias(Cuda, const ConvShape& s, Tensor<T, Cuda>& dbias, const Tensor<T, Cuda>& dy) {
  Tensor<T, Cuda> sums = dbias.reshape({1, s.filters, 1});
  reduce_sum(Cuda{}, sums, dy.reshape({s.batch, s.filters, s.positions()}));
}

}  // namespace limbic
