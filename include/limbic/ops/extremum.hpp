// The largest and smallest element over dimensions.
//
//   amax  y = max over dims of x        dx_i = dy / n where x_i = y, n being the number of such i, else 0
//   amin  y = min over dims of x        likewise
#pragma once

#include <limbic/ops/arithmetic.hpp>

namespace limbic {

namespace detail {

template <class T, class D, int Sign>
struct Extremum {
  static constexpr const char* name = Sign > 0 ? "amax" : "amin";
  Shape to;  // with the reduced dimensions kept
  bool keep = false;
  Saved<T, D> kept_x{}, kept_y{};

  Shape infer(const Tensor<T, D>& x) {
    if (x.numel() == 0 && numel(to) > 0) fail(name, "at least one element is needed; got ", x);
    return to;
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    reduce(D{}, folds::Extreme<T, Sign>{}, y, x);
    if (!keep) return;
    kept_x = x;
    kept_y = y;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    dx.write([&](Tensor<T, D>& g) {
      const Tensor<T, D> each = dy / ties();
      elementwise(
          D{}, [](auto d, auto x, auto y) { return math::choose(x == y, d, T(0)); }, g, each, kept_x.get(),
          kept_y.get());
    });
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (!c.wants(0)) return;
    Tensor<T, D> share = Tensor<T, D>::empty(kept_x.get().shape());
    elementwise(
        D{}, [](auto n, auto x, auto y) { return math::choose(x == y, T(1) / n, T(0)); }, share, ties(),
        kept_x.get(), kept_y.get());
    c.give(0, dy * share);
  }

 private:
  Tensor<T, D> ties() const {
    Tensor<T, D> n = Tensor<T, D>::empty(to);
    reduce(D{}, folds::CountEqual<T>{}, n, kept_x.get(), kept_y.get());
    return n;
  }
};

template <int Sign, Operand X>
X extremum(const X& x, const Dims& dims, bool keepdim, Site site) {
  using Op = Extremum<scalar_of<X>, device_of<X>, Sign>;
  const auto flags = dim_flags(Op::name, dims, x.rank());
  X y = apply(site, Op{.to = reduced_shape(x.shape(), flags, true)}, x);
  return keepdim ? y : reshape(y, reduced_shape(x.shape(), flags, false), site);
}

}  // namespace detail

// Largest or smallest element over `dims` (none given: all), NaN if there is one; the shape is as sum()'s.
// The gradient is shared equally among equal elements. Throw over no elements and for dims out of range or
// repeated.
template <Operand X>
X amax(const X& x, const Dims& dims = {}, bool keepdim = false, Site site = Site::here()) {
  return detail::extremum<1>(x, dims, keepdim, site);
}
template <Operand X>
X amin(const X& x, const Dims& dims = {}, bool keepdim = false, Site site = Site::here()) {
  return detail::extremum<-1>(x, dims, keepdim, site);
}
// Of all elements -> (). Along a dimension: amax() and argmax(); of two tensors: maximum(). Throw for no
// elements.
template <Operand X>
X max(const X& x, Site site = Site::here()) {
  return amax(x, {}, false, site);
}
template <Operand X>
X min(const X& x, Site site = Site::here()) {
  return amin(x, {}, false, site);
}

}  // namespace limbic
