// Running sums and products along one dimension of length n.
//
//   cumsum   y_i = x_1 + ... + x_i      dx_i = dy_i + ... + dy_n
//   cumprod  y_i = x_1 ... x_i          dx_i = y_(i-1) s_i,  s_i = dy_i + x_(i+1) s_(i+1)
#pragma once

#include <limbic/backend/cpu/scan.hpp>
#include <limbic/ops/along.hpp>
#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/concat.hpp>
#include <limbic/ops/view.hpp>

namespace limbic {

namespace detail {

template <class T, class D>
struct Cumsum {
  static constexpr const char* name = "cumsum";
  Along at;
  bool reverse = false;
  Shape infer(const Tensor<T, D>& x) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    cumsum_fwd(D{}, y, x.contiguous(), at.outer, at.n, at.inner, reverse);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), Cumsum{at, !reverse}, dy));
  }
};

template <class T, class D>
struct Cumprod {
  static constexpr const char* name = "cumprod";
  Along at;
  bool keep = false;
  Saved<T, D> kept_x{}, kept_y{};
  Shape infer(const Tensor<T, D>& x) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    cumprod_fwd(D{}, y, x.contiguous(), at.outer, at.n, at.inner);
    if (!keep) return;
    kept_x = x;
    kept_y = y;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    dx.write([&](Tensor<T, D>& g) {
      cumprod_bwd(D{}, g, dy.contiguous(), kept_x.get().contiguous(), kept_y.get(), at.outer, at.n, at.inner);
    });
  }
  const Saved<T, D>& saved_input(int) const { return kept_x; }
  // By doubling: after each step y_i is the product of twice as many elements up to x_i.
  Var<T, D> reference(const Var<T, D>& x) const {
    Var<T, D> y = x;
    for (index_t step = 1; step < at.n; step *= 2)
      y = concat({slice(y, at.dim, 0, step), slice(y, at.dim, step) * slice(y, at.dim, 0, at.n - step)},
                 at.dim);
    return y;
  }
};

}  // namespace detail

// Sum of the elements up to each one along `dim`, of x's shape; a scalar counts as (1). Throws for a dim out
// of range.
template <Operand X>
X cumsum(const X& x, index_t dim, Site site = Site::here()) {
  return apply(site, detail::Cumsum<scalar_of<X>, device_of<X>>{.at = {"cumsum", x.shape(), dim}}, x);
}
// Product of the elements up to each one along `dim`, otherwise as cumsum().
template <Operand X>
X cumprod(const X& x, index_t dim, Site site = Site::here()) {
  return apply(site, detail::Cumprod<scalar_of<X>, device_of<X>>{.at = {"cumprod", x.shape(), dim}}, x);
}

}  // namespace limbic
