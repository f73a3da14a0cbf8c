// What all elementwise operations share: a function is one small struct with its value and its slope,
// and Unary and Binary make an operation of it.
//
//   struct Tanh {
//     static constexpr const char* name = "tanh";
//     static constexpr bool kSlopeOfOutput = true;   slope() gets y (else x)
//     template <class T> T value(T x) const;
//     template <class X> X slope(const X& y) const;  dy/dx, for a scalar or a Var
//   };
//
// slope() is generic: on scalars it is the inner loop of backward, on Vars it is the graph of the
// gradient, so derivatives of any order come from one line. value() must be generic too and choose with
// math::choose in place of ?: and if, for a device may record what it does (backend/cuda/trace.hpp).
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/core/math.hpp>
#include <limbic/ops/sum.hpp>

namespace limbic {

namespace detail {
template <class X>
struct ElementOf {
  using type = X;
};
template <Operand X>
struct ElementOf<X> {
  using type = scalar_of<X>;
};
}  // namespace detail

// The scalar type of a scalar, Tensor or Var: for constants in generic code, element_of<X>(0.5) * x.
template <class X>
using element_of = typename detail::ElementOf<std::remove_cvref_t<X>>::type;

// y = f(x) elementwise: the operation. Its members are what apply() asks for.
template <class F, class T, class D>
struct Unary {
  static constexpr const char* name = F::name;
  F f;
  bool keep = false;
  Saved<T, D> kept{};

  Shape infer(const Tensor<T, D>& x) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    elementwise(
        D{}, [f = f](auto v) { return f.value(v); }, y, x);
    if (keep) kept = F::kSlopeOfOutput ? y : x;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    dx.write([&](Tensor<T, D>& g) {
      elementwise(
          D{}, [f = f](auto d, auto v) { return d * f.slope(v); }, g, dy, kept.get());
    });
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, dy * f.slope(F::kSlopeOfOutput ? c.output(kept) : c.input(0, kept)));
  }
};

// f of each element of x, of x's shape; `f` is a struct as at the head of this file.
template <class F, Operand X>
auto unary(Site site, F f, const X& x) {
  return apply(site, Unary<F, scalar_of<X>, device_of<X>>{.f = f}, x);
}

// y = f(a, b) elementwise, with broadcasting; f has slope_a(a, b) and slope_b(a, b). As Unary.
template <class F, class T, class D>
struct Binary {
  static constexpr const char* name = F::name;
  F f;
  bool keep = false;
  Saved<T, D> kept_a{}, kept_b{};

  Shape infer(const Tensor<T, D>& a, const Tensor<T, D>& b) {
    return broadcast_shapes(name, a.shape(), b.shape());
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& a, const Tensor<T, D>& b) {
    elementwise(
        D{}, [f = f](auto u, auto v) { return f.value(u, v); }, y, a, b);
    if (!keep) return;
    kept_a = a;
    kept_b = b;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& da, Grad<T, D>& db) {
    hand_on(dy, da, [f = f](auto d, auto u, auto v) { return d * f.slope_a(u, v); });
    hand_on(dy, db, [f = f](auto d, auto u, auto v) { return d * f.slope_b(u, v); });
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    const Var<T, D> a = c.input(0, kept_a), b = c.input(1, kept_b);
    if (c.wants(0)) c.give(0, sum_to(dy * f.slope_a(a, b), a.shape()));
    if (c.wants(1)) c.give(1, sum_to(dy * f.slope_b(a, b), b.shape()));
  }

 private:
  template <class G>
  void hand_on(const Tensor<T, D>& dy, Grad<T, D>& dx, G g) {
    if (!dx) return;
    Tensor<T, D> whole = Tensor<T, D>::empty(dy.shape());
    elementwise(D{}, g, whole, dy, kept_a.get(), kept_b.get());
    dx.give(sum_to(whole, dx.shape()));
  }
};

// f of each pair of elements. Throws if the shapes do not broadcast.
template <class F, Operand A, Operand B>
auto binary(Site site, F f, const A& a, const B& b) {
  return apply(site, Binary<F, scalar_of<A>, device_of<A>>{.f = f}, a, b);
}

}  // namespace limbic
