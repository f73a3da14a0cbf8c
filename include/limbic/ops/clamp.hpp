// Limits, elementwise.
//
//   clamp     y = min(max(x, low), high)   dx = dy where low <= x <= high
//   hardtanh  the same                     dx = dy where low < x < high
//   maximum   y = max(a, b)                da = dy where a > b, dy / 2 where a = b, else 0; db likewise
//   minimum   y = min(a, b)
#pragma once

#include <limbic/ops/slope.hpp>

namespace limbic {

namespace detail {

template <class T>
struct ClampF {
  static constexpr const char* name = "clamp";
  static constexpr bool kSlopeOfOutput = false;
  T low, high;
  LIMBIC_INLINE auto value(auto x) const {
    const auto v = choose(x < low, low, x);
    return choose(v > high, high, v);
  }
  LIMBIC_INLINE auto slope(const auto& x) const {
    return flat(x, [a = low, b = high](auto v) { return decltype(v)(v >= a) * decltype(v)(v <= b); });
  }
};
template <class T>
struct HardtanhF : ClampF<T> {
  static constexpr const char* name = "hardtanh";
  LIMBIC_INLINE auto slope(const auto& x) const {
    return flat(x,
                [a = this->low, b = this->high](auto v) { return decltype(v)(v > a) * decltype(v)(v < b); });
  }
};

// Sign > 0: the larger, Sign < 0: the smaller; NaN if either is.
template <int Sign>
struct LargerF {
  static constexpr const char* name = Sign > 0 ? "maximum" : "minimum";
  template <class T>
  LIMBIC_INLINE T value(T a, T b) const {
    return Sign > 0 ? math::max(a, b) : math::min(a, b);
  }
  template <class X>
  LIMBIC_INLINE X slope_a(const X& a, const X& b) const {
    return share(a, b);
  }
  template <class X>
  LIMBIC_INLINE X slope_b(const X& a, const X& b) const {
    return share(b, a);
  }

 private:
  template <class T>
  static LIMBIC_INLINE T part(T u, T v) {
    return T(0.5) * (T(Sign > 0 ? u > v : u < v) + T(Sign > 0 ? u >= v : u <= v));
  }
  template <class X>
  static LIMBIC_INLINE X share(const X& u, const X& v) {
    if constexpr (Operand<X>) {
      using T = scalar_of<X>;
      using D = device_of<X>;
      Tensor<T, D> y = Tensor<T, D>::empty(broadcast_shapes(name, u.shape(), v.shape()));
      elementwise(
          D{}, [](auto p, auto q) { return part(p, q); }, y, value_of(u), value_of(v));
      return X(std::move(y));
    } else {
      return part(u, v);
    }
  }
};

}  // namespace detail

// x limited to [low, high]; {} is no bound: clamp(x, {}, 1.0f). All `high` if low > high; NaN stays.
template <Operand X>
X clamp(const X& x, std::optional<std::type_identity_t<scalar_of<X>>> low,
        std::optional<std::type_identity_t<scalar_of<X>>> high = {}, Site site = Site::here()) {
  using T = scalar_of<X>;
  constexpr T kInf = std::numeric_limits<T>::infinity();
  return unary(site, detail::ClampF<T>{.low = low.value_or(-kInf), .high = high.value_or(kInf)}, x);
}
// x limited to [low, high], with gradient 0 on the bounds. Throws unless low < high.
template <Operand X>
X hardtanh(const X& x, std::type_identity_t<scalar_of<X>> low = -1,
           std::type_identity_t<scalar_of<X>> high = 1, Site site = Site::here()) {
  using T = scalar_of<X>;
  if (!(low < high)) fail("hardtanh", "low must be below high; got ", low, " and ", high);
  return unary(site, detail::HardtanhF<T>{{.low = low, .high = high}}, x);
}
// min(max(x, 0), 6), with gradient 0 at 0 and 6.
template <Operand X>
X relu6(const X& x, Site site = Site::here()) {
  return hardtanh(x, scalar_of<X>(0), scalar_of<X>(6), site);
}

// The larger or smaller of a and b elementwise, which broadcast; NaN if either is. Throw if the shapes do not
// broadcast.
template <Operand A, Operand B>
auto maximum(const A& a, const B& b, Site site = Site::here()) {
  return binary(site, detail::LargerF<1>{}, a, b);
}
template <Operand A, Operand B>
auto minimum(const A& a, const B& b, Site site = Site::here()) {
  return binary(site, detail::LargerF<-1>{}, a, b);
}

}  // namespace limbic
