// Softmax and its logarithm along a dimension.
//
//   softmax      y_c = exp(x_c - max x) / sum_k exp(x_k - max x)    dx_c = y_c (dy_c - sum_k dy_k y_k)
//   log_softmax  y_c = x_c - log sum_k exp x_k                      dx_c = dy_c - exp(y_c) sum_k dy_k
//   logsumexp    y = log sum_k exp x_k                              dx_c = dy exp(x_c - y)
#pragma once

#include <limbic/backend/cpu/row_ops.hpp>
#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/exponential.hpp>
#include <limbic/ops/view.hpp>

namespace limbic {

namespace detail {

template <class T, class D>
struct Softmax {
  static constexpr const char* name = "softmax";
  bool keep = false;
  Saved<T, D> kept{};
  Shape infer(const Tensor<T, D>& x) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    softmax_fwd(D{}, y, x.contiguous());
    if (keep) kept = y;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    if (!dx) return;
    auto [g, accumulate] = dx.out();
    softmax_bwd(D{}, g, kept.get(), dy.contiguous(), accumulate);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    const Var<T, D> y = c.output(kept);
    if (c.wants(0)) c.give(0, y * (dy - sum(dy * y, {-1}, true)));
  }
};

template <class T, class D>
struct LogSoftmax {
  static constexpr const char* name = "log_softmax";
  bool keep = false;
  Saved<T, D> kept{};
  Shape infer(const Tensor<T, D>& x) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    log_softmax_fwd(D{}, y, x.contiguous());
    if (keep) kept = y;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    if (!dx) return;
    auto [g, accumulate] = dx.out();
    log_softmax_bwd(D{}, g, kept.get(), dy.contiguous(), accumulate);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, dy - exp(c.output(kept)) * sum(dy, {-1}, true));
  }
};

template <class T, class D>
struct LogSumExp {
  static constexpr const char* name = "logsumexp";
  bool keep = false;
  Saved<T, D> kept_x{}, kept_y{};
  Shape infer(const Tensor<T, D>& x) {
    Shape s = x.shape();
    s.erase(s.rank() - 1);
    return s;
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    const Tensor<T, D> dense = x.contiguous();
    logsumexp_fwd(D{}, y, dense);
    if (!keep) return;
    kept_x = dense;
    kept_y = y;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    if (!dx) return;
    auto [g, accumulate] = dx.out();
    logsumexp_bwd(D{}, g, kept_x.get(), kept_y.get(), dy.contiguous(), accumulate);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, unsqueeze(dy, -1) * exp(c.input(0, kept_x) - unsqueeze(c.output(kept_y), -1)));
  }
};

// Runs a row operation along any dimension: along another than the last on a transposed view.
template <class Op, Operand X>
X along(std::string_view name, const X& x, index_t dim, Site site) {
  const int d = normalize_dim(name, dim, x.rank());
  if (d == x.rank() - 1) return apply(site, Op{}, x);
  return transpose(apply(site, Op{}, transpose(x, d, -1, site)), d, -1, site);
}

}  // namespace detail

// Softmax of x along dim, of x's shape. -inf has probability 0; a row of -inf alone is NaN, as in PyTorch.
// Throws for a dim out of range, so for every scalar.
template <Operand X>
X softmax(const X& x, index_t dim = -1, Site site = Site::here()) {
  return detail::along<detail::Softmax<scalar_of<X>, device_of<X>>>("softmax", x, dim, site);
}

// log(softmax(x)), of x's shape, without under- or overflow. Throws as softmax().
template <Operand X>
X log_softmax(const X& x, index_t dim = -1, Site site = Site::here()) {
  return detail::along<detail::LogSoftmax<scalar_of<X>, device_of<X>>>("log_softmax", x, dim, site);
}

// log sum exp of x over dims (none given: all, where PyTorch wants them named), without under- or overflow;
// -inf over no elements. The shape is as sum()'s. Throws for dims out of range or repeated.
template <Operand X>
X logsumexp(const X& x, const Dims& dims = {}, bool keepdim = false, Site site = Site::here()) {
  using Op = detail::LogSumExp<scalar_of<X>, device_of<X>>;
  const auto flags = dim_flags("logsumexp", dims, x.rank());
  Dims order, kept, last;
  index_t length = 1;
  for (int d = 0; d < x.rank(); ++d) {
    if (flags[static_cast<std::size_t>(d)]) {
      last.push_back(d);
      length *= x.shape()[d];
    } else {
      order.push_back(d);
      kept.push_back(x.shape()[d]);
    }
  }
  for (index_t d : last) order.push_back(d);
  Shape rows = kept;
  if (last.rank() == 1 && last[0] == x.rank() - 1) {
    const X y = apply(site, Op{}, x);
    return keepdim ? unsqueeze(y, -1, site) : y;
  }
  rows.push_back(length);
  const X y = apply(site, Op{}, reshape(permute(x, order, site), rows, site));
  return keepdim ? reshape(y, reduced_shape(x.shape(), flags, true), site) : y;
}

}  // namespace limbic
