// Pooling: the largest or the mean of windows of each plane.
//
//   x (..., H, W), y (..., YH, YW)    YH = floor((H + 2 padding - kernel) / stride) + 1, YW alike
//   x (..., L),    y (..., YL)
//   max  y_i = max of window i                   dx_j = sum of dy_i over windows i with their maximum at j
//   avg  y_i = sum of window i / places counted  dx_j = sum of dy_i / places over windows i with j in them
//
// Both are linear once it is known where the maxima are: gradients of gradients are the same and its
// transpose.
#pragma once

#include <limbic/backend/cpu/pool.hpp>
#include <limbic/core/height_width.hpp>
#include <limbic/ops/sum.hpp>

namespace limbic {

// stride 0: the kernel; padding: elements at both ends. Windows that do not fit whole are left out; there is
// no dilation.
struct Pool1dOptions {
  index_t stride = 0, padding = 0;
  bool count_include_pad = true;  // average: padding counts as zeros
};
struct Pool2dOptions {
  HeightWidth stride = 0, padding = 0;
  bool count_include_pad = true;
};

namespace detail {

// How planes are pooled. One dimension is height 1.
struct PoolShape {
  index_t height, width;
  PoolWindows rows, cols;
  bool flat = false;  // (..., L)

  index_t plane() const { return height * width; }
  Shape pooled(Shape x) const {
    x[x.rank() - 1] = cols.count;
    if (!flat) x[x.rank() - 2] = rows.count;
    return x;
  }
  Shape whole(Shape y) const {
    y[y.rank() - 1] = width;
    if (!flat) y[y.rank() - 2] = height;
    return y;
  }
};

inline PoolWindows pool_windows(std::string_view op, index_t size, index_t kernel, index_t stride,
                                index_t padding, bool count_pad, const Shape& x) {
  check(kernel > 0 && stride > 0, op, "kernel and stride must be at least 1; got ", kernel, " and ", stride);
  check(padding >= 0 && 2 * padding <= kernel, op, "padding must be in [0, kernel / 2]; got ", padding,
        " for kernel ", kernel);
  if (size + 2 * padding < kernel || size == 0)
    fail(op, "the kernel must fit into the padded x; got x ", x, ", kernel ", kernel, ", padding ", padding);
  return {.size = size,
          .count = (size + 2 * padding - kernel) / stride + 1,
          .kernel = kernel,
          .stride = stride,
          .padding = padding,
          .count_padding = count_pad};
}

inline PoolShape pool_shape(std::string_view op, const Shape& x, HeightWidth kernel, Pool2dOptions o) {
  if (x.rank() < 2) fail(op, "x must be (..., H, W); got x ", x);
  if (o.stride.h == 0) o.stride.h = kernel.h;
  if (o.stride.w == 0) o.stride.w = kernel.w;
  const index_t h = x[x.rank() - 2], w = x[x.rank() - 1];
  return {h, w, pool_windows(op, h, kernel.h, o.stride.h, o.padding.h, o.count_include_pad, x),
          pool_windows(op, w, kernel.w, o.stride.w, o.padding.w, o.count_include_pad, x)};
}
inline PoolShape pool_shape(std::string_view op, const Shape& x, index_t kernel, const Pool1dOptions& o) {
  if (x.rank() < 1) fail(op, "x must be (..., L); got x ", x);
  PoolShape s{
      1,
      x.back(),
      {},
      pool_windows(op, x.back(), kernel, o.stride ? o.stride : kernel, o.padding, o.count_include_pad, x),
      true};
  return s;
}
inline PoolWindows adaptive_windows(index_t size, index_t count) {
  return {.size = size, .count = count, .adaptive = true};
}

// y = elements of x that an index names, plane by plane; and its transpose.
template <class T, class D, bool Transposed>
struct PlanePick {
  static constexpr const char* name = Transposed ? "plane_scatter" : "plane_gather";
  Tensor<index_t, D> index;
  PoolShape s;

  Shape infer(const Tensor<T, D>& x) { return Transposed ? s.whole(x.shape()) : s.pooled(x.shape()); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    if constexpr (Transposed)
      plane_scatter(D{}, y, x.contiguous(), index, s.plane(), s.width, s.rows, s.cols);
    else plane_gather(D{}, y, x.contiguous(), index, s.plane(), s.rows.count * s.cols.count);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), PlanePick<T, D, !Transposed>{index, s}, dy));
  }
};

template <class T, class D>
struct MaxPool {
  static constexpr const char* name = "max_pool";
  PoolShape s;
  bool keep = false;
  Tensor<index_t, D> index{};

  Shape infer(const Tensor<T, D>& x) { return s.pooled(x.shape()); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    index = Tensor<index_t, D>::empty(y.shape());
    max_pool_fwd(D{}, y, index, x.contiguous(), s.plane(), s.width, s.rows, s.cols);
    if (!keep) index = {};
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    dx.write([&](Tensor<T, D>& g) {
      plane_scatter(D{}, g, dy.contiguous(), index, s.plane(), s.width, s.rows, s.cols);
    });
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), PlanePick<T, D, true>{index, s}, dy));
  }
};

template <class T, class D, bool Transposed>
struct AvgPool {
  static constexpr const char* name = Transposed ? "avg_unpool" : "avg_pool";
  PoolShape s;

  Shape infer(const Tensor<T, D>& x) { return Transposed ? s.whole(x.shape()) : s.pooled(x.shape()); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    if constexpr (Transposed) avg_pool_bwd(D{}, y, x.contiguous(), s.plane(), s.width, s.rows, s.cols);
    else avg_pool_fwd(D{}, y, x.contiguous(), s.plane(), s.width, s.rows, s.cols);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), AvgPool<T, D, !Transposed>{s}, dy));
  }
};

}  // namespace detail

// Largest of each window of x (..., H, W) or (..., L) -> (..., YH, YW) or (..., YL), see the head of this
// file; of equal elements the first gets the gradient; NaN wins. Padding never does. Throws unless 0 <=
// padding <= kernel / 2, the kernel is positive and fits, and no stride is negative.
template <Operand X>
X max_pool2d(const X& x, HeightWidth kernel, const Pool2dOptions& options = {}, Site site = Site::here()) {
  return apply(site,
               detail::MaxPool<scalar_of<X>, device_of<X>>{
                   .s = detail::pool_shape("max_pool2d", x.shape(), kernel, options)},
               x);
}
template <Operand X>
X max_pool1d(const X& x, index_t kernel, const Pool1dOptions& options = {}, Site site = Site::here()) {
  return apply(site,
               detail::MaxPool<scalar_of<X>, device_of<X>>{
                   .s = detail::pool_shape("max_pool1d", x.shape(), kernel, options)},
               x);
}

// Mean of each window; without count_include_pad of what is not padding. Otherwise as max_pool2d().
template <Operand X>
X avg_pool2d(const X& x, HeightWidth kernel, const Pool2dOptions& options = {}, Site site = Site::here()) {
  return apply(site,
               detail::AvgPool<scalar_of<X>, device_of<X>, false>{
                   detail::pool_shape("avg_pool2d", x.shape(), kernel, options)},
               x);
}
template <Operand X>
X avg_pool1d(const X& x, index_t kernel, const Pool1dOptions& options = {}, Site site = Site::here()) {
  return apply(site,
               detail::AvgPool<scalar_of<X>, device_of<X>, false>{
                   detail::pool_shape("avg_pool1d", x.shape(), kernel, options)},
               x);
}

// Means of size.h x size.w windows that cover x (..., H, W) -> (..., size.h, size.w): output i sees
// floor(i H / h) up to ceil((i + 1) H / h). Throws for sizes below 1, empty planes and rank < 2.
template <Operand X>
X adaptive_avg_pool2d(const X& x, HeightWidth size, Site site = Site::here()) {
  constexpr const char* op = "adaptive_avg_pool2d";
  const Shape& s = x.shape();
  if (s.rank() < 2 || s[s.rank() - 2] * s.back() == 0)
    fail(op, "x must be (..., H, W) with H, W of at least 1; got x ", s);
  check(size.h > 0 && size.w > 0, op, "sizes must be at least 1; got ", size.h, " and ", size.w);
  const index_t h = s[s.rank() - 2], w = s.back();
  return apply(site,
               detail::AvgPool<scalar_of<X>, device_of<X>, false>{
                   {h, w, detail::adaptive_windows(h, size.h), detail::adaptive_windows(w, size.w)}},
               x);
}

}  // namespace limbic
