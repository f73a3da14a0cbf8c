// Convolutions (cross-correlations, as in all deep learning) in one and two dimensions, and their transposes.
//
//   x (B, C, H, W), weight (O, C / groups, KH, KW), bias (O), y (B, O, YH, YW)
//   y[b,o,i,j] = bias_o + sum over c, k, l of weight[o,c,k,l] x[b, c, i stride - padding + k dilation, j ...]
//   YH = floor((H + 2 padding - dilation (KH - 1) - 1) / stride) + 1, YW alike
//
// <dy, conv(x, w)> is linear in each of x, w and dy: its three partial derivatives are conv, the transpose of
// conv in x, and the gradient of w, and the derivatives of each of them are the other two. So derivatives of
// any order are these three operations again, all with kernels of their own.
#pragma once

#include <limbic/backend/cpu/conv.hpp>
#include <limbic/core/height_width.hpp>
#include <limbic/ops/arithmetic.hpp>

namespace limbic {

// As padding: y is as large as x (where that is an odd number, more of it follows than goes before). Stride 1
// only.
inline constexpr index_t kSame = -1;

// Options of conv1d() and conv2d(). padding is at both ends, with zeros; groups as in PyTorch.
struct Conv1dOptions {
  index_t stride = 1, padding = 0, dilation = 1, groups = 1;
};
struct Conv2dOptions {
  HeightWidth stride = 1, padding = 0, dilation = 1;
  index_t groups = 1;
};

namespace detail {

// Size of y, and the padding before x, in one dimension.
inline index_t conv_size(std::string_view op, index_t size, index_t kernel, index_t stride, index_t dilation,
                         index_t& padding, const Shape& x, const Shape& w) {
  check(stride > 0 && dilation > 0, op, "stride and dilation must be at least 1; got ", stride, " and ",
        dilation);
  const index_t reach = dilation * (kernel - 1);
  if (padding == kSame) {
    check(stride == 1, op, "padding kSame needs stride 1; got ", stride);
    padding = reach / 2;
    return size;
  }
  check(padding >= 0, op, "padding must not be negative; got ", padding);
  const index_t room = size + 2 * padding - reach - 1;
  if (room < 0)
    fail(op, "the kernel must fit into the padded x; got x ", x, ", weight ", w, ", padding ", padding,
         ", dilation ", dilation);
  return room / stride + 1;
}

inline ConvShape conv_shape(std::string_view op, const Shape& x, const Shape& w, const Conv2dOptions& o) {
  if (x.rank() != 4 || w.rank() != 4)
    fail(op, "x must be (B, C, H, W) and weight (O, C / groups, KH, KW); got x ", x, ", weight ", w);
  check(o.groups > 0, op, "groups must be at least 1; got ", o.groups);
  if (x[1] != w[1] * o.groups || w[0] % o.groups != 0 || x[1] == 0)
    fail(op, "weight must be (O, C / groups, KH, KW), with groups dividing O; got x ", x, ", weight ", w,
         ", groups ", o.groups);
  if (w[2] * w[3] == 0) fail(op, "a kernel of at least 1 is needed; got weight ", w);
  ConvShape s{.batch = x[0],
              .channels = x[1],
              .height = x[2],
              .width = x[3],
              .filters = w[0],
              .kernel_h = w[2],
              .kernel_w = w[3],
              .stride_h = o.stride.h,
              .stride_w = o.stride.w,
              .pad_h = o.padding.h,
              .pad_w = o.padding.w,
              .dilation_h = o.dilation.h,
              .dilation_w = o.dilation.w,
              .groups = o.groups};
  s.out_h = conv_size(op, x[2], w[2], s.stride_h, s.dilation_h, s.pad_h, x, w);
  s.out_w = conv_size(op, x[3], w[3], s.stride_w, s.dilation_w, s.pad_w, x, w);
  return s;
}

template <class T, class D>
struct ConvInput;
template <class T, class D>
struct ConvWeight;

// y of x and w, with a bias unless it is undefined.
template <class T, class D>
struct Conv {
  static constexpr const char* name = "conv2d";
  ConvShape s;
  bool keep = false;
  Saved<T, D> kept_x{}, kept_w{};

  Shape infer(const Tensor<T, D>&, const Tensor<T, D>& w, const Tensor<T, D>& bias) {
    if (bias.defined() && !(bias.shape() == Shape{s.filters}))
      fail(name, "bias must be (O); got weight ", w.shape(), ", bias ", bias.shape());
    return {s.batch, s.filters, s.out_h, s.out_w};
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x, const Tensor<T, D>& w, const Tensor<T, D>& bias) {
    conv_fwd(D{}, s, y, x.contiguous(), w.contiguous(), bias.contiguous());
    if (!keep) return;
    kept_x = x;
    kept_w = w;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx, Grad<T, D>& dw, Grad<T, D>& dbias) {
    const Tensor<T, D> d = dy.contiguous();
    dx.write([&](Tensor<T, D>& g) { conv_bwd_input(D{}, s, g, kept_w.get().contiguous(), d); });
    dw.write([&](Tensor<T, D>& g) { conv_bwd_weight(D{}, s, g, kept_x.get().contiguous(), d); });
    dbias.write([&](Tensor<T, D>& g) { conv_bwd_bias(D{}, s, g, d); });
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), ConvInput<T, D>{.s = s}, dy, c.input(1, kept_w)));
    if (c.wants(1)) c.give(1, apply(Site::here(), ConvWeight<T, D>{.s = s}, c.input(0, kept_x), dy));
    if (c.wants(2)) c.give(2, sum(dy, {0, 2, 3}));
  }
};

// dx of dy and w: the transpose of the convolution.
template <class T, class D>
struct ConvInput {
  static constexpr const char* name = "conv_transpose2d";
  ConvShape s;
  bool keep = false;
  Saved<T, D> kept_dy{}, kept_w{};

  Shape infer(const Tensor<T, D>&, const Tensor<T, D>&) { return {s.batch, s.channels, s.height, s.width}; }
  void forward(Tensor<T, D>& dx, const Tensor<T, D>& dy, const Tensor<T, D>& w) {
    conv_bwd_input(D{}, s, dx, w.contiguous(), dy.contiguous());
    if (!keep) return;
    kept_dy = dy;
    kept_w = w;
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& u) {
    if (c.wants(0)) c.give(0, apply(Site::here(), Conv<T, D>{.s = s}, u, c.input(1, kept_w), Var<T, D>()));
    if (c.wants(1)) c.give(1, apply(Site::here(), ConvWeight<T, D>{.s = s}, u, c.input(0, kept_dy)));
  }
};

// dw of x and dy.
template <class T, class D>
struct ConvWeight {
  static constexpr const char* name = "conv_weight_gradient";
  ConvShape s;
  bool keep = false;
  Saved<T, D> kept_x{}, kept_dy{};

  Shape infer(const Tensor<T, D>&, const Tensor<T, D>&) {
    return {s.filters, s.group_channels(), s.kernel_h, s.kernel_w};
  }
  void forward(Tensor<T, D>& dw, const Tensor<T, D>& x, const Tensor<T, D>& dy) {
    conv_bwd_weight(D{}, s, dw, x.contiguous(), dy.contiguous());
    if (!keep) return;
    kept_x = x;
    kept_dy = dy;
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& v) {
    if (c.wants(0)) c.give(0, apply(Site::here(), ConvInput<T, D>{.s = s}, c.input(1, kept_dy), v));
    if (c.wants(1)) c.give(1, apply(Site::here(), Conv<T, D>{.s = s}, c.input(0, kept_x), v, Var<T, D>()));
  }
};

// (A, B, L) as (A, B, 1, L).
template <Operand X>
X with_height(std::string_view op, const X& x, Site site) {
  if (x.rank() != 3) fail(op, "x must be (B, C, L) and weight (O, C / groups, K); got ", x.shape());
  return reshape(x, {x.shape()[0], x.shape()[1], 1, x.shape()[2]}, site);
}
template <Operand X>
X without_height(const X& x, Site site) {
  return reshape(x, {x.shape()[0], x.shape()[1], x.shape()[3]}, site);
}
inline Conv2dOptions with_height(const Conv1dOptions& o) {
  return {
      .stride = {1, o.stride}, .padding = {0, o.padding}, .dilation = {1, o.dilation}, .groups = o.groups};
}

}  // namespace detail

// Convolution of x (B, C, H, W) with weight (O, C / groups, KH, KW) -> (B, O, YH, YW); bias (O) may be
// undefined. The batch must be there. padding may be kSame. Throws when shapes do not fit, the kernel is
// larger than the padded x, a stride, dilation or groups is below 1, or padding is negative.
template <Operand X, Operand W, Operand B = Tensor<scalar_of<X>, device_of<X>>>
result_of<X, W, B> conv2d(const X& x, const W& weight, const B& bias = {}, const Conv2dOptions& options = {},
                          Site site = Site::here()) {
  const ConvShape s = detail::conv_shape("conv2d", x.shape(), weight.shape(), options);
  return apply(site, detail::Conv<scalar_of<X>, device_of<X>>{.s = s}, x, weight, bias);
}

// Convolution of x (B, C, L) with weight (O, C / groups, K); y is (B, O, YL). Otherwise as conv2d().
template <Operand X, Operand W, Operand B = Tensor<scalar_of<X>, device_of<X>>>
result_of<X, W, B> conv1d(const X& x, const W& weight, const B& bias = {}, const Conv1dOptions& options = {},
                          Site site = Site::here()) {
  const auto x2 = detail::with_height("conv1d", x, site);
  const auto w2 = detail::with_height("conv1d", weight, site);
  const ConvShape s = detail::conv_shape("conv1d", x2.shape(), w2.shape(), detail::with_height(options));
  return detail::without_height(apply(site, detail::Conv<scalar_of<X>, device_of<X>>{.s = s}, x2, w2, bias),
                                site);
}

// The transpose of conv2d() (its gradient in x, "deconvolution"): x (B, O, H, W), weight (O, C / groups, KH,
// KW), bias (C) or undefined, y (B, C, YH, YW) with YH = (H - 1) stride - 2 padding + dilation (KH - 1) +
// output_padding + 1; the options are those of the conv2d() that it transposes, but for kSame. Throws when
// shapes do not fit, unless 0 <= output_padding < stride, and where padding is negative or leaves no y.
template <Operand X, Operand W, Operand B = Tensor<scalar_of<X>, device_of<X>>>
result_of<X, W, B> conv_transpose2d(const X& x, const W& weight, const B& bias = {},
                                    const Conv2dOptions& o = {}, HeightWidth output_padding = 0,
                                    Site site = Site::here()) {
  constexpr const char* op = "conv_transpose2d";
  const Shape &s = x.shape(), &w = weight.shape();
  if (s.rank() != 4 || w.rank() != 4 || s[1] != w[0])
    fail(op, "x must be (B, O, H, W) and weight (O, C / groups, KH, KW); got x ", s, ", weight ", w);
  check(output_padding.h >= 0 && output_padding.w >= 0 && output_padding.h < o.stride.h &&
            output_padding.w < o.stride.w,
        op, "output_padding must be at least 0 and below the stride; got ", output_padding.h, " and ",
        output_padding.w);
  const auto size = [&](index_t n, index_t kernel, index_t stride, index_t padding, index_t dilation,
                        index_t more) {
    const index_t y = (n - 1) * stride - 2 * padding + dilation * (kernel - 1) + more + 1;
    if (y < 1 || padding < 0)
      fail(op, "the padding must be at least 0 and leave some of y; got x ", s, ", weight ", w, ", padding ",
           padding);
    return y;
  };
  const Shape y{s[0], w[1] * o.groups,
                size(s[2], w[2], o.stride.h, o.padding.h, o.dilation.h, output_padding.h),
                size(s[3], w[3], o.stride.w, o.padding.w, o.dilation.w, output_padding.w)};
  const ConvShape shape = detail::conv_shape(op, y, w, o);
  const auto result = apply(site, detail::ConvInput<scalar_of<X>, device_of<X>>{.s = shape}, x, weight);
  if (!bias.defined()) {
    return result_of<X, W, B>(result);
  } else {
    if (!(bias.shape() == Shape{y[1]})) fail(op, "bias must be (C); got weight ", w, ", bias ", bias.shape());
    return add(result, reshape(bias, {y[1], 1, 1}, site), site);
  }
}

}  // namespace limbic
