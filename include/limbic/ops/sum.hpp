// Sums over dimensions, and their transpose: expansion.
//
//   sum      y = sum over dims of x        dx = dy expanded to x's shape
//   expand   y = x repeated                dx = dy summed to x's shape
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/backend/cpu/reduce.hpp>

namespace limbic {

// Shape left by a reduction over the flagged dimensions; `keepdim` keeps them with size 1.
inline Shape reduced_shape(const Shape& shape, const std::array<bool, kMaxRank>& reduced, bool keepdim) {
  Shape out;
  for (int d = 0; d < shape.rank(); ++d) {
    if (!reduced[static_cast<std::size_t>(d)]) out.push_back(shape[d]);
    else if (keepdim) out.push_back(1);
  }
  return out;
}

template <Operand X>
X sum_to(const X& x, const Shape& shape, Site site = Site::here());
template <Operand X>
X expand(const X& x, const Shape& shape, Site site = Site::here());
template <Operand X>
X reshape(const X& x, const Shape& shape, Site site = Site::here());

namespace detail {

template <class T, class D>
struct SumTo {
  static constexpr const char* name = "sum_to";
  Shape to, from{};
  Shape infer(const Tensor<T, D>& x) {
    if (!expandable(to, x.shape()))
      fail(name, "the shape must broadcast to the tensor's; got ", x.shape(), " to ", to);
    from = x.shape();
    return to;
  }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) { reduce_sum(D{}, y, x); }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, expand(dy, from));
  }
};

template <class T, class D>
struct Expand {
  static constexpr const char* name = "expand";
  Shape to, from{};
  Tensor<T, D> evaluate(const Tensor<T, D>& x) {
    from = x.shape();
    return x.expand(to);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, sum_to(dy, from));
  }
};

template <class T, class D>
struct Reshape {
  static constexpr const char* name = "reshape";
  Shape to, from{};
  Tensor<T, D> evaluate(const Tensor<T, D>& x) {
    from = x.shape();
    return x.reshape(to);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, reshape(dy, from));
  }
};

}  // namespace detail

// Sums x over the dimensions in which `shape`, which must broadcast to x's, is smaller -> `shape`: the
// transpose of broadcasting. Throws unless it does.
template <Operand X>
X sum_to(const X& x, const Shape& shape, Site site) {
  if (x.shape() == shape) return x;
  return apply(site, detail::SumTo<scalar_of<X>, device_of<X>>{.to = shape}, x);
}

// A view in which dimensions of size 1, and new leading ones, are repeated. Throws if x does not
// broadcast to `shape`, which has no -1 for a size that stays.
template <Operand X>
X expand(const X& x, const Shape& shape, Site site) {
  if (x.shape() == shape) return x;
  return apply(site, detail::Expand<scalar_of<X>, device_of<X>>{.to = shape}, x);
}

// The same elements in row-major order as another shape; one size may be -1. A view where strides allow,
// else a copy. Throws when the number of elements is another.
template <Operand X>
X reshape(const X& x, const Shape& shape, Site site) {
  return apply(site, detail::Reshape<scalar_of<X>, device_of<X>>{.to = shape}, x);
}

// Sum over `dims` (none given: all): x's shape without them, or with 1 in their places (`keepdim`). Negative
// dims count from the back; throws when out of range or repeated. An empty sum is 0.
template <Operand X>
X sum(const X& x, const Dims& dims = {}, bool keepdim = false, Site site = Site::here()) {
  const auto flags = dim_flags("sum", dims, x.rank());
  X y = sum_to(x, reduced_shape(x.shape(), flags, true), site);
  return keepdim ? y : reshape(y, reduced_shape(x.shape(), flags, false), site);
}

// Mean over `dims`, as sum(). Throws over no elements.
template <Operand X>
X mean(const X& x, const Dims& dims = {}, bool keepdim = false, Site site = Site::here()) {
  const auto flags = dim_flags("mean", dims, x.rank());
  index_t n = 1;
  for (int d = 0; d < x.rank(); ++d)
    if (flags[static_cast<std::size_t>(d)]) n *= x.shape()[d];
  if (n == 0) fail("mean", "at least one element is needed; got ", x.shape());
  const X s = sum(x, dims, keepdim, site);
  return s * (scalar_of<X>(1) / static_cast<scalar_of<X>>(n));
}

}  // namespace limbic
