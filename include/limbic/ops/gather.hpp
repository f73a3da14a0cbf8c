// Elements gathered along a dimension by an index of their own each, and the transpose.
//
//   gather        y[i, j, k] = x[i, index[i, j, k], k]    dx[i, index[i, j, k], k] += dy[i, j, k]   (dim 1 of 3)
//   scatter_add   y = x, then y[i, index[i, j, k], k] += src[i, j, k]       dx = dy, dsrc = dy gathered
//
// Sums are in the order of the index along dim.
#pragma once

#include <limbic/backend/cpu/index.hpp>
#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/view.hpp>

namespace limbic {

namespace detail {

template <class D>
struct GatherMap {
  static constexpr const char* name = "gather";
  static constexpr const char* place_name = "scatter_add";
  int dim = 0;
  Saved<index_t, D> index{};  // in range

  Shape shape(const Shape&) const { return index.get().shape(); }
  template <class T>
  void pick(Tensor<T, D>& y, const Tensor<T, D>& x) const {
    gather_along(D{}, y, x, dim, index.get());
  }
  template <class T>
  void add(Tensor<T, D>& y, const Tensor<T, D>& x) const {
    add_along(D{}, y, x, dim, index.get());
  }
};

template <class D>
GatherMap<D> gather_map(std::string_view op, const Shape& x, index_t dim, const Tensor<index_t, D>& index) {
  const int d = normalize_dim(op, dim, x.rank());
  bool fits = index.rank() == x.rank();
  for (int k = 0; fits && k < x.rank(); ++k) fits = k == d || index.shape()[k] <= x[k];
  if (!fits)
    fail(op, "index must have x's rank, and nowhere but along dim more than its size; got x ", x, ", index ",
         index.shape(), " for dim ", d);
  check_indices(D{}, op, index, x[d]);
  return {.dim = d, .index = index};
}

}  // namespace detail

// For each element of index, the element of x at the same place but for dim, where the index tells it. The
// result has index's shape. Throws when dim or an index is out of range (negative ones do not count from the
// back), or unless index has x's rank and is nowhere but along dim larger. (torch.gather)
template <Operand X>
X gather(const X& x, index_t dim, const Tensor<index_t, device_of<X>>& index, Site site = Site::here()) {
  return detail::pick(site, detail::gather_map("gather", x.shape(), dim, index), x);
}
// The same for integers and masks.
template <class T, class D>
requires(!Operand<Tensor<T, D>>) Tensor<T, D> gather(const Tensor<T, D>& x, index_t dim,
                                                     const Tensor<index_t, D>& index) {
  return detail::pick({}, detail::gather_map("gather", x.shape(), dim, index), x);
}

// NumPy's form of gather(): index broadcasts to x's shape in all dimensions but dim. Throws when dim or an
// index is out of range, and unless index has x's rank and broadcasts. (numpy.take_along_axis)
template <Operand X>
X take_along_dim(const X& x, const Tensor<index_t, device_of<X>>& index, index_t dim,
                 Site site = Site::here()) {
  const int d = normalize_dim("take_along_dim", dim, x.rank());
  check(index.rank() == x.rank(), "take_along_dim", "index must have x's rank; got x ", x.shape(), ", index ",
        index.shape());
  Shape shape = x.shape();
  shape[d] = index.shape()[d];
  return gather(x, d, index.expand(shape), site);
}

// x with src's elements added at the places that index tells along dim, the other indices being src's own.
// x stays as it is. Throws when dim or an index is out of range, unless all three have one rank, and where
// index is larger than src, or than x in another dimension. (torch.scatter_add)
template <Operand X, Operand S>
result_of<X, S> scatter_add(const X& x, index_t dim, const Tensor<index_t, device_of<X>>& index, const S& src,
                            Site site = Site::here()) {
  const auto map = detail::gather_map("scatter_add", x.shape(), dim, index);
  bool fits = src.rank() == index.rank();
  for (int d = 0; fits && d < index.rank(); ++d) fits = index.shape()[d] <= src.shape()[d];
  if (!fits)
    fail("scatter_add", "index must have src's rank and be nowhere larger; got index ", index.shape(),
         ", src ", src.shape());
  S part = src;
  for (int d = 0; d < index.rank(); ++d)
    if (index.shape()[d] < src.shape()[d]) part = slice(part, d, 0, index.shape()[d], 1, site);
  return add(x, detail::place(site, map, x.shape(), part), site);
}

}  // namespace limbic
