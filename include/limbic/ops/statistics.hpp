// Variance, standard deviation and norms over dimensions. n elements each, m their mean, c the correction.
//
//   var     y = sum (x - m)^2 / (n - c)         dx = 2 (x - m) dy / (n - c)
//   stddev  y = sqrt(var)                       0 where y = 0
//   norm    y = (sum |x|^p)^(1/p)               p = 2: dx = x dy / y, 0 where y = 0
#pragma once

#include <limbic/ops/compare.hpp>
#include <limbic/ops/extremum.hpp>
#include <limbic/ops/power.hpp>
#include <limbic/ops/rounding.hpp>

namespace limbic {

namespace detail {

template <class T, class D>
struct Variance {
  static constexpr const char* name = "var";
  Shape to;  // with the reduced dimensions kept
  index_t correction;
  bool keep = false;
  Saved<T, D> kept{};

  Shape infer(const Tensor<T, D>& x) {
    if (x.numel() == 0 && numel(to) > 0) fail(name, "at least one element is needed; got ", x);
    return to;
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    reduce(D{}, folds::SumOfSquaredDifferences<T>{}, y, x, mean_of(x));
    elementwise_update(
        D{}, [s = scale(x)](auto v) { return v * s; }, y);
    if (keep) kept = x;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    dx.write([&](Tensor<T, D>& g) {
      const Tensor<T, D>& x = kept.get();
      elementwise(
          D{}, [s = 2 * scale(x)](auto d, auto v, auto m) { return d * s * (v - m); }, g, dy, x, mean_of(x));
    });
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (!c.wants(0)) return;
    const Var<T, D> x = c.input(0, kept);
    const Var<T, D> m = sum_to(x, to) * (T(1) / static_cast<T>(count(x.value())));
    c.give(0, (x - m) * (dy * (2 * scale(x.value()))));
  }

 private:
  index_t count(const Tensor<T, D>& x) const { return numel(to) ? x.numel() / numel(to) : 0; }
  // 1 / (n - c), infinite when there are not more elements than the correction: y is NaN or infinite then.
  T scale(const Tensor<T, D>& x) const {
    return T(1) / static_cast<T>(std::max<index_t>(0, count(x) - correction));
  }
  Tensor<T, D> mean_of(const Tensor<T, D>& x) const {
    Tensor<T, D> m = Tensor<T, D>::empty(to);
    reduce_sum(D{}, m, x);
    elementwise_update(
        D{}, [s = T(1) / static_cast<T>(count(x))](auto v) { return v * s; }, m);
    return m;
  }
};

// Square root of a variance or of a sum of squares, flat at 0.
struct RootF : OfOutput {
  static constexpr const char* name = "stddev";
  LIMBIC_INLINE auto value(auto x) const { return math::sqrt(x); }
  template <class X>
  LIMBIC_INLINE X slope(const X& y) const {
    const auto zero = mask_of([](auto v) { return v == 0; }, y);
    return choose(zero, like(y, 0), like(y, 0.5) / choose(zero, like(y, 1), y));
  }
};

// The Euclidean norm in one pass.
template <class T, class D>
struct Norm2 {
  static constexpr const char* name = "norm";
  Shape to;
  bool keep = false;
  Saved<T, D> kept_x{}, kept_y{};

  Shape infer(const Tensor<T, D>&) { return to; }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    reduce(D{}, folds::SumOfSquares<T>{}, y, x);
    elementwise_update(
        D{}, [](auto v) { return math::sqrt(v); }, y);
    if (!keep) return;
    kept_x = x;
    kept_y = y;
  }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    dx.write([&](Tensor<T, D>& g) {
      Tensor<T, D> scaled = Tensor<T, D>::empty(dy.shape());
      elementwise(
          D{}, [](auto d, auto v) { return math::choose(v == T(0), T(0), d / v); }, scaled, dy, kept_y.get());
      elementwise(
          D{}, [](auto s, auto v) { return s * v; }, g, scaled, kept_x.get());
    });
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (!c.wants(0)) return;
    const Var<T, D> y = c.output(kept_y);
    const auto zero = eq(y, 0);
    c.give(0, c.input(0, kept_x) * where(zero, 0, dy / where(zero, 1, y)));
  }
};

struct NonzeroF {
  static constexpr const char* name = "norm";
  static LIMBIC_INLINE auto value(auto x) { return decltype(x)(x != 0); }
};
// |x|^p with slope 0 at 0, whatever p.
template <class T>
struct AbsPowF {
  static constexpr const char* name = "norm";
  static constexpr bool kSlopeOfOutput = false;
  T p;
  LIMBIC_INLINE auto value(auto x) const { return math::pow(math::abs(x), decltype(x)(p)); }
  template <class X>
  LIMBIC_INLINE X slope(const X& x) const {
    using math::abs;
    using math::pow;
    const auto zero = mask_of([](auto v) { return v == T(0); }, x);
    const X safe = choose(zero, T(1), x);
    return choose(zero, T(0),
                  p * (flat(safe, [](auto v) { return math::sign(v); }) * pow(abs(safe), p - T(1))));
  }
};
// x^(1/p) with slope 0 at 0.
template <class T>
struct RootPF {
  static constexpr const char* name = "norm";
  static constexpr bool kSlopeOfOutput = false;
  T p;
  LIMBIC_INLINE auto value(auto x) const { return math::pow(x, decltype(x)(T(1) / p)); }
  template <class X>
  LIMBIC_INLINE X slope(const X& x) const {
    using math::pow;
    const auto zero = mask_of([](auto v) { return v == T(0); }, x);
    return choose(zero, T(0), (T(1) / p) * pow(choose(zero, T(1), x), T(1) / p - T(1)));
  }
};

}  // namespace detail

// Variance over `dims` (none given: all), sum (x - mean)^2 / (n - correction): 1 for the unbiased estimate,
// as in PyTorch, 0 for the mean square, NumPy's default. A division by 0 when n is not above the correction:
// NaN, or infinite where elements differ. The shape is as sum()'s. Throws over no elements and for dims out
// of range or repeated.
template <Operand X>
X var(const X& x, const Dims& dims = {}, bool keepdim = false, index_t correction = 1,
      Site site = Site::here()) {
  const auto flags = dim_flags("var", dims, x.rank());
  const Shape to = reduced_shape(x.shape(), flags, true);
  X y = apply(site, detail::Variance<scalar_of<X>, device_of<X>>{.to = to, .correction = correction}, x);
  return keepdim ? y : reshape(y, reduced_shape(x.shape(), flags, false), site);
}

// Square root of var(), the standard deviation; its gradient is 0 where it is 0. Otherwise as var().
template <Operand X>
X stddev(const X& x, const Dims& dims = {}, bool keepdim = false, index_t correction = 1,
         Site site = Site::here()) {
  return unary(site, detail::RootF{}, var(x, dims, keepdim, correction, site));
}

// Norm (sum |x|^p)^(1/p) over `dims` (none given: all): p > 0, infinity for the largest magnitude, 0 for the
// number of elements that are not 0. Its gradient is 0 where it is 0. The dims come first and p last, unlike
// torch.norm's, and it is never a matrix norm. The shape is as sum()'s. Throws for a negative p, dims out of
// range or repeated, and p = infinity over no elements.
template <Operand X>
X norm(const X& x, const Dims& dims = {}, bool keepdim = false, double p = 2, Site site = Site::here()) {
  using T = scalar_of<X>;
  check(p >= 0, "norm", "p must not be negative; got ", p);
  if (p == 2) {
    const auto flags = dim_flags("norm", dims, x.rank());
    X y = apply(site, detail::Norm2<T, device_of<X>>{.to = reduced_shape(x.shape(), flags, true)}, x);
    return keepdim ? y : reshape(y, reduced_shape(x.shape(), flags, false), site);
  }
  if (p == 0) return sum(detail::flat_unary<detail::NonzeroF>(site, x), dims, keepdim, site);
  if (p == 1) return sum(abs(x, site), dims, keepdim, site);
  if (p > std::numeric_limits<double>::max()) return amax(abs(x, site), dims, keepdim, site);
  const X powers = sum(unary(site, detail::AbsPowF<T>{.p = static_cast<T>(p)}, x), dims, keepdim, site);
  return unary(site, detail::RootPF<T>{.p = static_cast<T>(p)}, powers);
}

}  // namespace limbic
