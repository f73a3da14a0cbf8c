// Magnitude, sign and rounding, elementwise.
//
//   abs                        dx = dy sign(x)    (0 at 0)
//   sign floor ceil round trunc   dx = 0
#pragma once

#include <limbic/ops/slope.hpp>

namespace limbic {

namespace detail {

struct AbsF : OfInput {
  static constexpr const char* name = "abs";
  LIMBIC_INLINE auto value(auto x) const { return math::abs(x); }
  LIMBIC_INLINE auto slope(const auto& x) const {
    return flat(x, [](auto v) { return math::sign(v); });
  }
};

// A function that is constant piece by piece.
template <class F, class T, class D>
struct Flat {
  static constexpr const char* name = F::name;
  Shape infer(const Tensor<T, D>& x) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    elementwise(
        D{}, [](auto v) { return F::value(v); }, y, x);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, Var<T, D>(Tensor<T, D>::zeros(dy.shape())));
  }
};
template <class F, Operand X>
X flat_unary(Site site, const X& x) {
  return apply(site, Flat<F, scalar_of<X>, device_of<X>>{}, x);
}

struct SignF {
  static constexpr const char* name = "sign";
  static LIMBIC_INLINE auto value(auto x) { return math::sign(x); }
};
struct FloorF {
  static constexpr const char* name = "floor";
  static LIMBIC_INLINE auto value(auto x) { return math::floor(x); }
};
struct CeilF {
  static constexpr const char* name = "ceil";
  static LIMBIC_INLINE auto value(auto x) { return math::ceil(x); }
};
struct RoundF {
  static constexpr const char* name = "round";
  static LIMBIC_INLINE auto value(auto x) { return math::round(x); }
};
struct TruncF {
  static constexpr const char* name = "trunc";
  static LIMBIC_INLINE auto value(auto x) { return math::trunc(x); }
};

}  // namespace detail

// |x|.
template <Operand X>
X abs(const X& x, Site site = Site::here()) {
  return unary(site, detail::AbsF{}, x);
}
// -1, 0 or 1; NaN of NaN.
template <Operand X>
X sign(const X& x, Site site = Site::here()) {
  return detail::flat_unary<detail::SignF>(site, x);
}
// To the next whole number: downwards, upwards, to the nearest (halves to the even one), towards 0.
template <Operand X>
X floor(const X& x, Site site = Site::here()) {
  return detail::flat_unary<detail::FloorF>(site, x);
}
template <Operand X>
X ceil(const X& x, Site site = Site::here()) {
  return detail::flat_unary<detail::CeilF>(site, x);
}
template <Operand X>
X round(const X& x, Site site = Site::here()) {
  return detail::flat_unary<detail::RoundF>(site, x);
}
template <Operand X>
X trunc(const X& x, Site site = Site::here()) {
  return detail::flat_unary<detail::TruncF>(site, x);
}

}  // namespace limbic
