// Unfolding into the patches that a convolution sees, and folding back, where patches that overlap add up.
//
//   unfold  x (B, C, H, W) -> y (B, C KH KW, positions)
//     y[b, (c KH + k) KW + l, i YW + j] = x[b, c, i stride - padding + k dilation, j stride ...]
//   fold    its transpose
#pragma once

#include <limbic/backend/cpu/unfold.hpp>
#include <limbic/ops/conv.hpp>

namespace limbic {

namespace detail {

template <class T, class D, bool Transposed>
struct Unfold {
  static constexpr const char* name = Transposed ? "fold" : "unfold";
  ConvShape s;

  Shape infer(const Tensor<T, D>&) {
    if (Transposed) return {s.batch, s.channels, s.height, s.width};
    return {s.batch, s.channels * s.taps(), s.positions()};
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    if constexpr (Transposed) fold_fwd(D{}, s, y, x.contiguous());
    else unfold_fwd(D{}, s, y, x.contiguous());
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), Unfold<T, D, !Transposed>{s}, dy));
  }
};

// A convolution with one channel a group, whose patches are these.
inline ConvShape unfold_shape(const char* op, const Shape& x, HeightWidth kernel, Conv2dOptions o) {
  if (x.rank() != 4) fail(op, "x must be (B, C, H, W); got x ", x);
  o.groups = x[1];
  return conv_shape(op, x, {x[1], 1, kernel.h, kernel.w}, o);
}

}  // namespace detail

// The patches of x (B, C, H, W) as columns (B, C KH KW, YH YW), YH and YW as conv2d() has them;
// options.groups is not looked at. Throws as conv2d(). (torch.nn.functional.unfold)
template <Operand X>
X unfold(const X& x, HeightWidth kernel, const Conv2dOptions& options = {}, Site site = Site::here()) {
  return apply(site,
               detail::Unfold<scalar_of<X>, device_of<X>, false>{
                   detail::unfold_shape("unfold", x.shape(), kernel, options)},
               x);
}

// The sum of patches (B, C KH KW, positions) at their places in (B, C, size.h, size.w). Throws as unfold() of
// that, and unless its result has x's shape. (torch.nn.functional.fold)
template <Operand X>
X fold(const X& x, HeightWidth size, HeightWidth kernel, const Conv2dOptions& options = {},
       Site site = Site::here()) {
  const Shape& s = x.shape();
  if (s.rank() != 3 || kernel.h * kernel.w < 1 || s[1] % (kernel.h * kernel.w) != 0)
    fail("fold", "x must be (B, C KH KW, positions); got x ", s, ", kernel ", kernel.h, " x ", kernel.w);
  const ConvShape c =
      detail::unfold_shape("fold", {s[0], s[1] / (kernel.h * kernel.w), size.h, size.w}, kernel, options);
  if (c.positions() != s[2])
    fail("fold", "x must have a column for each position; got x ", s, " for ", c.out_h, " x ", c.out_w,
         " positions");
  return apply(site, detail::Unfold<scalar_of<X>, device_of<X>, true>{c}, x);
}

}  // namespace limbic
