// Choice by a mask.
//
//   where         y = mask ? a : b        da = mask ? dy : 0,  db = mask ? 0 : dy   (summed to the shapes)
//   masked_fill   y = mask ? value : x    dx = mask ? 0 : dy
//
// What is not chosen gets gradient 0 even if the other operand, or dy times a slope, would be NaN or Inf
// there.
#pragma once

#include <limbic/ops/arithmetic.hpp>

namespace limbic {

namespace detail {

using math::choose;

// y = value where the mask is `at`, else x.
template <class T, class D>
struct Fill {
  static constexpr const char* name = "masked_fill";
  Saved<bool, D> mask;
  bool at;
  T value;
  Shape from{};
  Shape infer(const Tensor<T, D>& x) {
    from = x.shape();
    return broadcast_shapes(name, from, mask.get().shape());
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    elementwise(
        D{}, [a = at, v = value](auto m, auto u) { return choose(m == a, v, u); }, y, mask.get(), x);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, sum_to(apply(Site::here(), Fill{mask, at, T(0)}, dy), from));
  }
};

template <class T, class D>
struct Where {
  static constexpr const char* name = "where";
  Saved<bool, D> mask;
  Shape a_shape{}, b_shape{};
  Shape infer(const Tensor<T, D>& a, const Tensor<T, D>& b) {
    a_shape = a.shape();
    b_shape = b.shape();
    return broadcast_shapes(name, mask.get().shape(), broadcast_shapes(name, a_shape, b_shape));
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& a, const Tensor<T, D>& b) {
    elementwise(
        D{}, [](auto m, auto u, auto v) { return choose(m, u, v); }, y, mask.get(), a, b);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    auto part = [&](bool zero_at) { return apply(Site::here(), Fill<T, D>{mask, zero_at, T(0)}, dy); };
    if (c.wants(0)) c.give(0, sum_to(part(false), a_shape));
    if (c.wants(1)) c.give(1, sum_to(part(true), b_shape));
  }
};

}  // namespace detail

// mask ? a : b elementwise; mask, a and b broadcast, and a or b may be a number. Throws if the shapes do not
// broadcast.
template <class D, Operand A, Operand B>
auto where(const Tensor<bool, D>& mask, const A& a, const B& b, Site site = Site::here()) {
  return apply(site, detail::Where<scalar_of<A>, D>{.mask = mask}, a, b);
}
template <class D, Operand X>
X where(const Tensor<bool, D>& mask, const X& a, std::type_identity_t<scalar_of<X>> b,
        Site site = Site::here()) {
  return apply(site, detail::Fill<scalar_of<X>, D>{mask, false, b}, a);
}
template <class D, Operand X>
X where(const Tensor<bool, D>& mask, std::type_identity_t<scalar_of<X>> a, const X& b,
        Site site = Site::here()) {
  return apply(site, detail::Fill<scalar_of<X>, D>{mask, true, a}, b);
}

// x with `value` where the mask, which broadcasts with it (so the result may be larger than x), is true.
// Throws if the shapes do not broadcast.
template <class D, Operand X>
X masked_fill(const X& x, const Tensor<bool, D>& mask, std::type_identity_t<scalar_of<X>> value,
              Site site = Site::here()) {
  return where(mask, value, x, site);
}

}  // namespace limbic
