// Comparisons, logic and tests of elements: they make masks, Tensor<bool>, without gradient.
#pragma once

#include <limbic/ops/elementwise.hpp>

namespace limbic {

namespace detail {

template <class X>
struct MaskTraits {
  static constexpr bool kIs = false;
};
template <class T, class D>
struct MaskTraits<Tensor<T, D>> {
  static constexpr bool kIs = true;
};
template <class T, class D>
struct MaskTraits<Var<T, D>> {
  static constexpr bool kIs = true;
};

template <class F, class A, class B>
Tensor<bool, device_of<A>> compare(const char* name, F f, const A& a, const B& b) {
  static_assert(std::is_same_v<scalar_of<A>, scalar_of<B>>, "what is compared must have one scalar type");
  using D = device_of<A>;
  Tensor<bool, D> y = Tensor<bool, D>::empty(broadcast_shapes(name, a.shape(), b.shape()));
  elementwise(D{}, f, y, value_of(a), value_of(b));
  return y;
}
template <class F, class X>
Tensor<bool, device_of<X>> test(F f, const X& x) {
  using D = device_of<X>;
  Tensor<bool, D> y = Tensor<bool, D>::empty(x.shape());
  elementwise(D{}, f, y, value_of(x));
  return y;
}

}  // namespace detail

// A Tensor of any scalar, or a Var.
template <class X>
concept AnyTensor = detail::MaskTraits<std::remove_cvref_t<X>>::kIs;

// Equal, not equal, less, less or equal, greater, greater or equal: a with b, which broadcast, or with a
// number; masks of that shape. NaN is unequal to everything and neither less nor greater. Throw if the shapes
// do not broadcast. Names, not operators: == of tensors does not exist.
template <AnyTensor A, AnyTensor B>
auto eq(const A& a, const B& b) {
  return detail::compare(
      "eq", [](auto u, auto v) { return u == v; }, a, b);
}
template <AnyTensor A, AnyTensor B>
auto ne(const A& a, const B& b) {
  return detail::compare(
      "ne", [](auto u, auto v) { return u != v; }, a, b);
}
template <AnyTensor A, AnyTensor B>
auto lt(const A& a, const B& b) {
  return detail::compare(
      "lt", [](auto u, auto v) { return u < v; }, a, b);
}
template <AnyTensor A, AnyTensor B>
auto le(const A& a, const B& b) {
  return detail::compare(
      "le", [](auto u, auto v) { return u <= v; }, a, b);
}
template <AnyTensor A, AnyTensor B>
auto gt(const A& a, const B& b) {
  return detail::compare(
      "gt", [](auto u, auto v) { return u > v; }, a, b);
}
template <AnyTensor A, AnyTensor B>
auto ge(const A& a, const B& b) {
  return detail::compare(
      "ge", [](auto u, auto v) { return u >= v; }, a, b);
}
template <AnyTensor A>
auto eq(const A& a, std::type_identity_t<scalar_of<A>> b) {
  return detail::test([b](auto u) { return u == b; }, a);
}
template <AnyTensor A>
auto ne(const A& a, std::type_identity_t<scalar_of<A>> b) {
  return detail::test([b](auto u) { return u != b; }, a);
}
template <AnyTensor A>
auto lt(const A& a, std::type_identity_t<scalar_of<A>> b) {
  return detail::test([b](auto u) { return u < b; }, a);
}
template <AnyTensor A>
auto le(const A& a, std::type_identity_t<scalar_of<A>> b) {
  return detail::test([b](auto u) { return u <= b; }, a);
}
template <AnyTensor A>
auto gt(const A& a, std::type_identity_t<scalar_of<A>> b) {
  return detail::test([b](auto u) { return u > b; }, a);
}
template <AnyTensor A>
auto ge(const A& a, std::type_identity_t<scalar_of<A>> b) {
  return detail::test([b](auto u) { return u >= b; }, a);
}

// Logic of masks, which broadcast. Throw if the shapes do not.
template <class D>
Tensor<bool, D> logical_and(const Tensor<bool, D>& a, const Tensor<bool, D>& b) {
  return detail::compare(
      "logical_and", [](auto u, auto v) { return u && v; }, a, b);
}
template <class D>
Tensor<bool, D> logical_or(const Tensor<bool, D>& a, const Tensor<bool, D>& b) {
  return detail::compare(
      "logical_or", [](auto u, auto v) { return u || v; }, a, b);
}
template <class D>
Tensor<bool, D> logical_xor(const Tensor<bool, D>& a, const Tensor<bool, D>& b) {
  return detail::compare(
      "logical_xor", [](auto u, auto v) { return u != v; }, a, b);
}
template <class D>
Tensor<bool, D> logical_not(const Tensor<bool, D>& x) {
  return detail::test([](auto u) { return !u; }, x);
}

// Whether each element is NaN, is infinite, is neither: masks of x's shape.
template <AnyTensor X>
auto isnan(const X& x) {
  return detail::test([](auto u) { return math::isnan(u); }, x);
}
template <AnyTensor X>
auto isinf(const X& x) {
  return detail::test([](auto u) { return !math::isfinite(u) && !math::isnan(u); }, x);
}
template <AnyTensor X>
auto isfinite(const X& x) {
  return detail::test([](auto u) { return math::isfinite(u); }, x);
}

}  // namespace limbic
