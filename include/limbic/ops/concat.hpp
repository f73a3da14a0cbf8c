// Joining tensors along a dimension, and cutting one into parts.
//
//   concat   y = x_0, x_1, ... one after the other along dim    dx_i = its part of dy, as a view
//   stack    y = x_0, x_1, ... along a new dimension            dx_i = dy at i, as a view
//   split    parts of x along dim, as views                     dx = dy among zeros
#pragma once

#include <limbic/ops/view.hpp>

namespace limbic {

namespace detail {

template <class T, class D, bool Stack>
struct Join {
  static constexpr const char* name = Stack ? "stack" : "concat";
  index_t dim = 0;
  bool keep = false;
  std::vector<index_t> sizes{};  // of the parts along dim (stack: all 1)

  Shape infer(std::span<const Tensor<T, D>> x) {
    check(!x.empty(), name, "at least one tensor is needed");
    Shape shape = x[0].shape();
    dim = normalize_dim(name, dim, shape.rank() + (Stack ? 1 : 0));
    const int d = static_cast<int>(dim);
    for (std::size_t i = 1; i < x.size(); ++i) {
      bool same = x[i].rank() == x[0].rank();
      for (int k = 0; same && k < x[0].rank(); ++k)
        same = x[i].shape()[k] == x[0].shape()[k] || (!Stack && k == d);
      if (!same)
        fail(name, Stack ? "shapes must be equal" : "shapes must be equal but for dim ",
             Stack ? std::string() : to_text(d), "; got ", x[0].shape(), " and ", x[i].shape(), " as number ",
             i);
      if (!Stack) shape[d] += x[i].shape()[d];
    }
    if (Stack) shape.insert(d, static_cast<index_t>(x.size()));
    if (keep)
      for (const auto& v : x) sizes.push_back(Stack ? 1 : v.shape()[d]);
    return shape;
  }
  void forward(Tensor<T, D>& y, std::span<const Tensor<T, D>> x) {
    index_t at = 0;
    for (const auto& v : x) {
      const index_t n = Stack ? 1 : v.shape()[static_cast<int>(dim)];
      part(y, at, n).copy_from(v);
      at += n;
    }
  }
  void backward(const Tensor<T, D>& dy, std::span<Grad<T, D>> dx) {
    for_parts([&](std::size_t i, index_t at, index_t n) {
      if (dx[i]) dx[i].give(part(dy, at, n));
    });
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    for_parts([&](std::size_t i, index_t at, index_t n) {
      const int k = static_cast<int>(i);
      if (c.wants(k)) c.give(k, Stack ? select(dy, dim, at) : slice(dy, dim, at, at + n));
    });
  }

 private:
  Tensor<T, D> part(const Tensor<T, D>& y, index_t at, index_t n) const {
    return Stack ? y.select(dim, at) : y.slice(dim, at, at + n);
  }
  template <class F>
  void for_parts(F&& f) const {
    index_t at = 0;
    for (std::size_t i = 0; i < sizes.size(); at += sizes[i++]) f(i, at, sizes[i]);
  }
};

}  // namespace detail

// Tensors one after the other along dim (torch.cat, numpy.concatenate): concat({a, b}, 1), all of one type.
// Throws unless there is at least one, dim is in range, and shapes are equal but for dim.
template <Operand X>
X concat(std::span<const X> x, index_t dim = 0, Site site = Site::here()) {
  using Op = detail::Join<scalar_of<X>, device_of<X>, false>;
  return apply<Op, X>(site, Op{.dim = dim}, x);
}
template <Operand X>
X concat(const std::vector<X>& x, index_t dim = 0, Site site = Site::here()) {
  return concat(std::span<const X>(x), dim, site);
}
template <Operand X>
X concat(std::initializer_list<X> x, index_t dim = 0, Site site = Site::here()) {
  return concat(std::span<const X>(x.begin(), x.size()), dim, site);
}

// The same for integers and masks, of a std::vector only.
template <class T, class D>
requires(!Operand<Tensor<T, D>>) Tensor<T, D> concat(const std::vector<Tensor<T, D>>& x, index_t dim = 0) {
  detail::Join<T, D, false> join{.dim = dim};
  const std::span<const Tensor<T, D>> parts(x);
  Tensor<T, D> y = Tensor<T, D>::empty(join.infer(parts));
  join.forward(y, parts);
  return y;
}

// Tensors of one shape along a new dimension, which is dim of the result. Throws unless there is at least
// one, dim is in range, and shapes are equal.
template <Operand X>
X stack(std::span<const X> x, index_t dim = 0, Site site = Site::here()) {
  using Op = detail::Join<scalar_of<X>, device_of<X>, true>;
  return apply<Op, X>(site, Op{.dim = dim}, x);
}
template <Operand X>
X stack(const std::vector<X>& x, index_t dim = 0, Site site = Site::here()) {
  return stack(std::span<const X>(x), dim, site);
}
template <Operand X>
X stack(std::initializer_list<X> x, index_t dim = 0, Site site = Site::here()) {
  return stack(std::span<const X>(x.begin(), x.size()), dim, site);
}

// Consecutive parts of the given sizes along dim, as views. Throws unless the sizes add up to x's along dim,
// none is negative, and dim is in range.
template <Operand X>
std::vector<X> split(const X& x, std::span<const index_t> sizes, index_t dim = 0, Site site = Site::here()) {
  const int d = normalize_dim("split", dim, x.rank());
  index_t total = 0;
  for (index_t n : sizes) {
    check(n >= 0 && n <= x.shape()[d] - total, "split",
          "sizes must not be negative, nor add up to more than the ", "dimension's; got ", n, " after ",
          total, " for dim ", d, " of ", x.shape());
    total += n;
  }
  if (total != x.shape()[d])
    fail("split", "sizes must add up to the dimension's; got a sum of ", total, " for dim ", d, " of ",
         x.shape());
  std::vector<X> parts;
  parts.reserve(sizes.size());
  index_t at = 0;
  for (index_t n : sizes) {
    parts.push_back(slice(x, d, at, at + n, 1, site));
    at += n;
  }
  return parts;
}
template <Operand X>
std::vector<X> split(const X& x, std::initializer_list<index_t> sizes, index_t dim = 0,
                     Site site = Site::here()) {
  return split(x, std::span(sizes.begin(), sizes.size()), dim, site);
}
// Parts of one size (not: so many parts, as in NumPy) along dim, the last possibly smaller, as views. An
// empty dimension gives one part. Throws unless the size is positive and dim in range.
template <Operand X>
std::vector<X> split(const X& x, index_t size, index_t dim = 0, Site site = Site::here()) {
  const int d = normalize_dim("split", dim, x.rank());
  check(size > 0, "split", "the parts' size must be positive; got ", size);
  const index_t n = x.shape()[d];
  std::vector<X> parts;
  index_t at = 0;
  do {
    const index_t next = size < n - at ? at + size : n;
    parts.push_back(slice(x, d, at, next, 1, site));
    at = next;
  } while (at < n);
  return parts;
}
// At most `count` parts of equal size along dim (the last possibly smaller), as views. Throws unless the
// count is positive and dim in range.
template <Operand X>
std::vector<X> chunk(const X& x, index_t count, index_t dim = 0, Site site = Site::here()) {
  const int d = normalize_dim("chunk", dim, x.rank());
  check(count > 0, "chunk", "the number of parts must be positive; got ", count);
  const index_t n = x.shape()[d];
  return split(x, n / count + (n % count != 0 || n == 0 ? 1 : 0), d, site);
}

}  // namespace limbic
