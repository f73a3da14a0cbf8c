// Addition, subtraction, multiplication and division with broadcasting, and their operators.
//
//   add  y = a + b    da = dy,        db = dy            (summed to the operands' shapes)
//   sub  y = a - b    da = dy,        db = -dy
//   mul  y = a b      da = dy b,      db = dy a
//   div  y = a / b    da = dy / b,    db = -dy a / b^2
//   affine  y = scale x + shift       dx = scale dy       (operations with a number)
#pragma once

#include <limbic/ops/elementwise.hpp>

namespace limbic {

namespace detail {

// y = a + Sign b: the gradients are dy itself, handed on without a copy.
template <class T, class D, int Sign>
struct AddSub {
  static constexpr const char* name = Sign > 0 ? "add" : "sub";
  Shape a_shape{}, b_shape{};
  Shape infer(const Tensor<T, D>& a, const Tensor<T, D>& b) {
    a_shape = a.shape();
    b_shape = b.shape();
    return broadcast_shapes(name, a_shape, b_shape);
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& a, const Tensor<T, D>& b) {
    elementwise(
        D{}, [](auto u, auto v) { return Sign > 0 ? u + v : u - v; }, y, a, b);
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& da, Grad<T, D>& db) {
    if (da) da.give(sum_to(dy, a_shape));
    if (db) db.give(Sign > 0 ? sum_to(dy, b_shape) : -sum_to(dy, b_shape));
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, sum_to(dy, a_shape));
    if (c.wants(1)) c.give(1, sum_to(Sign > 0 ? dy : -dy, b_shape));
  }
};

struct MulF {
  static constexpr const char* name = "mul";
  template <class T>
  LIMBIC_INLINE T value(T a, T b) const {
    return a * b;
  }
  template <class X>
  X slope_a(const X&, const X& b) const {
    return b;
  }
  template <class X>
  X slope_b(const X& a, const X&) const {
    return a;
  }
};

struct DivF {
  static constexpr const char* name = "div";
  template <class T>
  LIMBIC_INLINE T value(T a, T b) const {
    return a / b;
  }
  template <class X>
  X slope_a(const X&, const X& b) const {
    return element_of<X>(1) / b;
  }
  template <class X>
  X slope_b(const X& a, const X& b) const {
    return -a / (b * b);
  }
};

// scale / x, the one operation with a number that is not affine.
template <class T>
struct OverF {
  static constexpr const char* name = "div";
  static constexpr bool kSlopeOfOutput = false;
  T scale;
  auto value(auto x) const { return scale / x; }
  template <class X>
  X slope(const X& x) const {
    return -scale / (x * x);
  }
};

template <class T, class D>
struct Affine {
  static constexpr const char* name = "affine";
  T scale, shift;
  Shape infer(const Tensor<T, D>& x) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    elementwise(
        D{}, [a = scale, b = shift](auto v) { return a * v + b; }, y, x);
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    if (scale == T(1)) return dx.give(dy);
    dx.write([&](Tensor<T, D>& g) {
      elementwise(
          D{}, [a = scale](auto d) { return a * d; }, g, dy);
    });
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), Affine{scale, T(-0.0)}, dy));
  }
};

// x / divisor: not x times its reciprocal, which is rounded and may overflow.
template <class T, class D>
struct DivideBy {
  static constexpr const char* name = "div";
  T divisor;
  Shape infer(const Tensor<T, D>& x) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) { run(y, x); }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    dx.write([&](Tensor<T, D>& g) { run(g, dy); });
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), DivideBy{divisor}, dy));
  }

 private:
  void run(Tensor<T, D>& y, const Tensor<T, D>& x) const {
    elementwise(
        D{}, [c = divisor](auto v) { return v / c; }, y, x);
  }
};

}  // namespace detail

// a + b, a - b, a * b, a / b elementwise, of the shape that a and b broadcast to. Throw if they do not.
template <Operand A, Operand B>
auto add(const A& a, const B& b, Site site = Site::here()) {
  return apply(site, detail::AddSub<scalar_of<A>, device_of<A>, 1>{}, a, b);
}
template <Operand A, Operand B>
auto sub(const A& a, const B& b, Site site = Site::here()) {
  return apply(site, detail::AddSub<scalar_of<A>, device_of<A>, -1>{}, a, b);
}
template <Operand A, Operand B>
auto mul(const A& a, const B& b, Site site = Site::here()) {
  return binary(site, detail::MulF{}, a, b);
}
template <Operand A, Operand B>
auto div(const A& a, const B& b, Site site = Site::here()) {
  return binary(site, detail::DivF{}, a, b);
}
// scale * x + shift, rounded once or twice as the processor likes. (A shift of -0 leaves the sign of zeros,
// one of +0 does not.)
template <Operand X>
X affine(const X& x, scalar_of<X> scale, scalar_of<X> shift, Site site = Site::here()) {
  return apply(site, detail::Affine<scalar_of<X>, device_of<X>>{scale, shift}, x);
}
// -x.
template <Operand X>
X neg(const X& x, Site site = Site::here()) {
  return affine(x, scalar_of<X>(-1), scalar_of<X>(-0.0), site);
}

namespace detail {

// Operands of an operator, converted to at the call: that is how an operator learns its place.
template <class X>
struct Here {
  const X& x;
  Site site;
  Here(const X& value, Site at = Site::here()) : x(value), site(at) {}
};
template <class T>
struct Number {
  T x;
  Site site;
  template <class N>
  requires std::is_arithmetic_v<N> Number(N value, Site at = Site::here())
      : x(static_cast<T>(value)), site(at) {}
};

}  // namespace detail

// The operators + - * / between tensors, variables and numbers (which are converted to the scalar type), and
// -x. x / number multiplies by 1 / number: the last bit may differ from div()'s. There are no += and the
// like, no == and < (eq(), lt(): compare.hpp), and no arithmetic on integers and masks. Throw if shapes do
// not broadcast.
template <Operand A>
auto operator+(const A& a, std::type_identity_t<detail::Here<Tensor<scalar_of<A>, device_of<A>>>> b) {
  return add(a, b.x, b.site);
}
template <Operand A>
auto operator+(const A& a, std::type_identity_t<detail::Here<Var<scalar_of<A>, device_of<A>>>> b) {
  return add(a, b.x, b.site);
}
template <Operand A>
A operator+(const A& a, std::type_identity_t<detail::Number<scalar_of<A>>> b) {
  return affine(a, scalar_of<A>(1), b.x, b.site);
}
template <Operand A>
A operator+(std::type_identity_t<detail::Number<scalar_of<A>>> b, const A& a) {
  return affine(a, scalar_of<A>(1), b.x, b.site);
}
template <Operand A>
auto operator-(const A& a, std::type_identity_t<detail::Here<Tensor<scalar_of<A>, device_of<A>>>> b) {
  return sub(a, b.x, b.site);
}
template <Operand A>
auto operator-(const A& a, std::type_identity_t<detail::Here<Var<scalar_of<A>, device_of<A>>>> b) {
  return sub(a, b.x, b.site);
}
template <Operand A>
A operator-(const A& a, std::type_identity_t<detail::Number<scalar_of<A>>> b) {
  return affine(a, scalar_of<A>(1), -b.x, b.site);
}
template <Operand A>
A operator-(std::type_identity_t<detail::Number<scalar_of<A>>> b, const A& a) {
  return affine(a, scalar_of<A>(-1), b.x, b.site);
}
template <Operand A>
A operator-(const A& a) {
  return neg(a);
}
template <Operand A>
auto operator*(const A& a, std::type_identity_t<detail::Here<Tensor<scalar_of<A>, device_of<A>>>> b) {
  return mul(a, b.x, b.site);
}
template <Operand A>
auto operator*(const A& a, std::type_identity_t<detail::Here<Var<scalar_of<A>, device_of<A>>>> b) {
  return mul(a, b.x, b.site);
}
template <Operand A>
A operator*(const A& a, std::type_identity_t<detail::Number<scalar_of<A>>> b) {
  return affine(a, b.x, scalar_of<A>(-0.0), b.site);
}
template <Operand A>
A operator*(std::type_identity_t<detail::Number<scalar_of<A>>> b, const A& a) {
  return affine(a, b.x, scalar_of<A>(-0.0), b.site);
}
template <Operand A>
auto operator/(const A& a, std::type_identity_t<detail::Here<Tensor<scalar_of<A>, device_of<A>>>> b) {
  return div(a, b.x, b.site);
}
template <Operand A>
auto operator/(const A& a, std::type_identity_t<detail::Here<Var<scalar_of<A>, device_of<A>>>> b) {
  return div(a, b.x, b.site);
}
template <Operand A>
A operator/(const A& a, std::type_identity_t<detail::Number<scalar_of<A>>> b) {
  return apply(b.site, detail::DivideBy<scalar_of<A>, device_of<A>>{b.x}, a);
}
template <Operand A>
A operator/(std::type_identity_t<detail::Number<scalar_of<A>>> b, const A& a) {
  return unary(b.site, detail::OverF<scalar_of<A>>{b.x}, a);
}

}  // namespace limbic
