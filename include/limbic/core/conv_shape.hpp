// Sizes of a convolution in two dimensions, as its kernels take them; one dimension is height 1.
//
//   x (B, C, H, W), w (O, C / groups, KH, KW), y (B, O, YH, YW)
//   y[b,o,i,j] = sum over c, k, l of w[o,c,k,l] x[b, c', i stride_h - pad_h + k dilation_h, j ...]
//
// where c' is channel c of the group that filter o belongs to,
// with zeros outside x. pad_h and pad_w are what is added before the first row and column; how much follows
// the last ones is said by YH and YW.
#pragma once

#include <limbic/config.hpp>

#include <algorithm>

namespace limbic {

// The sizes: B batch, C channels, (H, W), O filters, (KH, KW), (YH, YW); all of them agree already.
struct ConvShape {
  index_t batch = 0, channels = 0, height = 0, width = 0;
  index_t filters = 0, kernel_h = 1, kernel_w = 1, out_h = 0, out_w = 0;
  index_t stride_h = 1, stride_w = 1, pad_h = 0, pad_w = 0, dilation_h = 1, dilation_w = 1, groups = 1;

  // Of one plane of x, one plane of y, one kernel, one group.
  index_t pixels() const { return height * width; }
  index_t positions() const { return out_h * out_w; }
  index_t taps() const { return kernel_h * kernel_w; }
  index_t group_channels() const { return channels / groups; }
  index_t group_filters() const { return filters / groups; }
  index_t group_taps() const { return group_channels() * taps(); }  // numbers behind one of y

  // Whether x, as (C, H W), is its own matrix of patches: a kernel of 1 x 1.
  bool pointwise() const {
    return taps() == 1 && stride_h == 1 && stride_w == 1 && pad_h == 0 && pad_w == 0 && out_h == height &&
           out_w == width;
  }
  // Whether the patches that positions see are a partition of x.
  bool partition() const {
    return kernel_h == stride_h && kernel_w == stride_w && pad_h == 0 && pad_w == 0 && dilation_h == 1 &&
           dilation_w == 1 && out_h * stride_h == height && out_w * stride_w == width;
  }
};

// A range of indices, [begin, end).
struct IndexRange {
  index_t begin, end;
  index_t size() const { return end - begin; }
};

// For which i in [0, count) the index i stride + offset is in [0, size). stride > 0.
inline IndexRange inside(index_t count, index_t stride, index_t offset, index_t size) {
  const index_t begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const index_t end = size > offset ? (size - offset + stride - 1) / stride : 0;
  const index_t b = std::min(begin, count);
  return {b, std::clamp(end, b, count)};
}

}  // namespace limbic
