// Product over dimensions.
//
//   y = prod over dims of x       dx_i = dy prod_(j != i) x_j
//
// With p the product of what is not 0: the product without x_i is p / x_i where nothing is 0; where one
// element is, p there and 0 elsewhere; else 0.
#pragma once

#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/view.hpp>

namespace limbic {

namespace detail {

template <class T, class D>
struct Prod {
  static constexpr const char* name = "prod";
  Shape to;  // with the reduced dimensions kept
  bool keep = false;
  Saved<T, D> kept{};

  Shape infer(const Tensor<T, D>&) { return to; }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    reduce(D{}, folds::Product<T>{}, y, x);
    if (keep) kept = x;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    dx.write([&](Tensor<T, D>& g) {
      Tensor<T, D> p = Tensor<T, D>::empty(to), zeros = Tensor<T, D>::empty(to);
      reduce(D{}, folds::ProductOfNonzero<T>{}, p, kept.get());
      reduce(D{}, folds::CountEqual<T>{}, zeros, kept.get(), Tensor<T, D>::zeros(to));
      elementwise(
          D{},
          [](auto d, auto v, auto product, auto n) {
            const auto at_zero = math::choose(n == T(1) && v == T(0), d * product, T(0));
            return math::choose(n == T(0), d * (product / v), at_zero);
          },
          g, dy, kept.get(), p, zeros);
    });
  }
  const Saved<T, D>& saved_input(int) const { return kept; }
  // Halves multiplied with one another until one element is left.
  Var<T, D> reference(const Var<T, D>& x) const {
    Var<T, D> y = x, odd;
    for (int d = 0; d < x.rank(); ++d) {
      if (to[d] == x.shape()[d]) continue;
      if (y.shape()[d] == 0) return expand(Var<T, D>(Tensor<T, D>::ones({})), to);
      for (index_t n = y.shape()[d]; n > 1; n /= 2) {
        const Var<T, D> halves = slice(y, d, 0, n / 2) * slice(y, d, n / 2, n / 2 * 2);
        if (n % 2) {
          const Var<T, D> last = slice(y, d, n - 1);
          odd = odd.defined() ? odd * last : last;
        }
        y = halves;
      }
      if (odd.defined()) y = y * odd;
      odd = {};
    }
    return y;
  }
};

}  // namespace detail

// Product over `dims` (none given: all); of no elements 1. The shape is as sum()'s. Throws for dims out of
// range or repeated.
template <Operand X>
X prod(const X& x, const Dims& dims = {}, bool keepdim = false, Site site = Site::here()) {
  const auto flags = dim_flags("prod", dims, x.rank());
  X y = apply(site, detail::Prod<scalar_of<X>, device_of<X>>{.to = reduced_shape(x.shape(), flags, true)}, x);
  return keepdim ? y : reshape(y, reduced_shape(x.shape(), flags, false), site);
}

}  // namespace limbic
