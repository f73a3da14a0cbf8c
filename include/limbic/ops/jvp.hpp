// Directional derivatives.
#pragma once

#include <limbic/ops/arithmetic.hpp>

namespace limbic {

// What jvp() gives.
template <class T, class D>
struct Jvp {
  Tensor<T, D> value;       // f(x)
  Tensor<T, D> derivative;  // J v, of the same shape
};

// f(x) and the directional derivative sum_i df/dx_i v_i, for f from std::vector<Var> to Var. Throws unless
// there is a v_i of the shape of x_i for each i, and where an operation in f has no gradient of its gradient.
//
// A product with the Jacobian is the derivative, with respect to the cotangent u, of the product
// v . (J' u), which is linear in u: two reverse passes, exact, for every operation that has a gradient of its
// gradient (J. Townsend, "A new trick for calculating Jacobian vector products", 2017).
template <class F, class T, class D>
Jvp<T, D> jvp(F&& f, const std::vector<Tensor<T, D>>& x, const std::vector<Tensor<T, D>>& v) {
  check(x.size() == v.size(), "jvp", "one direction for each input is needed; got ", v.size(), " for ",
        x.size());
  EnableGrad on;
  std::vector<Var<T, D>> leaves;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(x[i].shape() == v[i].shape()))
      fail("jvp", "a direction must have its input's shape; got ", v[i].shape(), " for ", x[i].shape());
    leaves.push_back(Var<T, D>::leaf(x[i]));
  }
  const Var<T, D> y = f(leaves);
  const Tensor<T, D> zero = Tensor<T, D>::zeros(y.shape());
  if (!y.requires_grad()) return {y.value(), zero};
  const Var<T, D> u = Var<T, D>::leaf(zero);
  const auto g = grad(y, leaves, u, true);
  Var<T, D> product(Tensor<T, D>::scalar(T(0)));
  for (std::size_t i = 0; i < g.size(); ++i) product = product + sum(g[i] * v[i]);
  if (!product.requires_grad()) return {y.value(), zero};
  return {y.value(), grad(product, {u})[0].value()};
}

// The same of lists: jvp(f, {x, y}, {v, w}).
template <class F, class T, class D>
Jvp<T, D> jvp(F&& f, std::initializer_list<Tensor<T, D>> x, std::initializer_list<Tensor<T, D>> v) {
  return jvp(std::forward<F>(f), std::vector<Tensor<T, D>>(x), std::vector<Tensor<T, D>>(v));
}

}  // namespace limbic
