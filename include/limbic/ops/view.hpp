// Views: results that share x's memory. reshape() and expand() are in sum.hpp.
//
//   slice, select   dx = dy among zeros
//   permute         dx = dy permuted back
//   squeeze, unsqueeze, flatten: reshapes
#pragma once

#include <limbic/ops/pick.hpp>
#include <limbic/ops/sum.hpp>

#include <vector>

namespace limbic {

template <Operand X>
X permute(const X& x, const Dims& order, Site site = Site::here());

namespace detail {

struct SliceMap {
  static constexpr const char* name = "slice";
  static constexpr const char* place_name = "place_slice";
  index_t dim = 0, start = 0, stop = 0, step = 1;
  template <class T, class D>
  Tensor<T, D> view(const Tensor<T, D>& x) const {
    return x.slice(dim, start, stop, step);
  }
};

struct SelectMap {
  static constexpr const char* name = "select";
  static constexpr const char* place_name = "place_selected";
  index_t dim = 0, index = 0;
  template <class T, class D>
  Tensor<T, D> view(const Tensor<T, D>& x) const {
    return x.select(dim, index);
  }
};

template <class T, class D>
struct Permute {
  static constexpr const char* name = "permute";
  Dims order{};
  Tensor<T, D> evaluate(const Tensor<T, D>& x) { return x.permute(order); }
  void backward(const Tensor<T, D>& dy, Grad<T, D>& dx) {
    if (dx) dx.give(dy.permute(inverse()));
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, permute(dy, inverse()));
  }

 private:
  Dims inverse() const {
    Dims back = order;
    for (int i = 0; i < order.rank(); ++i) back[normalize_dim(name, order[i], order.rank())] = i;
    return back;
  }
};

}  // namespace detail

// Elements start, start + step, ... before stop along dim, as a view. Negative start and stop count from the
// back; both are clamped as in Python. Throws unless step is positive and dim in range.
template <Operand X>
X slice(const X& x, index_t dim, index_t start, index_t stop = std::numeric_limits<index_t>::max(),
        index_t step = 1, Site site = Site::here()) {
  return detail::pick(site, detail::SliceMap{dim, start, stop, step}, x);
}

// The part at `index` along dim, without that dimension, as a view. Negative indices count from the back;
// throws when one or dim is out of range.
template <Operand X>
X select(const X& x, index_t dim, index_t index, Site site = Site::here()) {
  return detail::pick(site, detail::SelectMap{dim, index}, x);
}

// Dimensions in a new order, as a view. Throws unless every dimension is named once.
template <Operand X>
X permute(const X& x, const Dims& order, Site site) {
  return apply(site, detail::Permute<scalar_of<X>, device_of<X>>{.order = order}, x);
}

// Two dimensions exchanged, as a view; the last two if none are named (NumPy's reverses all: permute()).
// Throws when one is out of range.
template <Operand X>
X transpose(const X& x, index_t dim0 = -2, index_t dim1 = -1, Site site = Site::here()) {
  const int a = normalize_dim("transpose", dim0, x.rank()), b = normalize_dim("transpose", dim1, x.rank());
  Dims order = x.shape();
  for (int d = 0; d < order.rank(); ++d) order[d] = d;
  std::swap(order[a], order[b]);
  return permute(x, order, site);
}
// NumPy's name of transpose(); the dims must be named.
template <Operand X>
X swapaxes(const X& x, index_t dim0, index_t dim1, Site site = Site::here()) {
  return transpose(x, dim0, dim1, site);
}

// Dimension `from` moved to place `to`, the others in their order, as a view. Throws when one is out of
// range.
template <Operand X>
X movedim(const X& x, index_t from, index_t to, Site site = Site::here()) {
  const int a = normalize_dim("movedim", from, x.rank()), b = normalize_dim("movedim", to, x.rank());
  Dims order = x.shape();
  for (int d = 0; d < order.rank(); ++d) order[d] = d;
  order.erase(a);
  order.insert(b, a);
  return permute(x, order, site);
}

// A new dimension of size 1, which is dim of the result, as a view. Throws for a dim out of range.
template <Operand X>
X unsqueeze(const X& x, index_t dim, Site site = Site::here()) {
  Shape shape = x.shape();
  shape.insert(normalize_dim("unsqueeze", dim, x.rank() + 1), 1);
  return reshape(x, shape, site);
}

// x without dimension dim, as a view. Throws unless its size is 1 (PyTorch's leaves x as it is).
template <Operand X>
X squeeze(const X& x, index_t dim, Site site = Site::here()) {
  const int d = normalize_dim("squeeze", dim, x.rank());
  check(x.shape()[d] == 1, "squeeze", "the dimension must be of size 1; got dim ", d, " of ", x.shape());
  Shape shape = x.shape();
  shape.erase(d);
  return reshape(x, shape, site);
}
// x without its dimensions of size 1, as a view.
template <Operand X>
X squeeze(const X& x, Site site = Site::here()) {
  Shape shape;
  for (index_t n : x.shape())
    if (n != 1) shape.push_back(n);
  return reshape(x, shape, site);
}

// Dimensions first..last as one; a scalar becomes (1). A view where strides allow. Throws for dims out of
// range, and where first comes after last.
template <Operand X>
X flatten(const X& x, index_t first = 0, index_t last = -1, Site site = Site::here()) {
  if (x.rank() == 0) return reshape(x, {1}, site);
  const int a = normalize_dim("flatten", first, x.rank()), b = normalize_dim("flatten", last, x.rank());
  check(a <= b, "flatten", "first must not come after last; got ", first, " and ", last);
  Shape shape;
  index_t n = 1;
  for (int d = 0; d < x.rank(); ++d) {
    if (d < a || d > b) shape.push_back(x.shape()[d]);
    else if (n *= x.shape()[d]; d == b) shape.push_back(n);
  }
  return reshape(x, shape, site);
}

// NumPy's name of expand(), with its errors.
template <Operand X>
X broadcast_to(const X& x, const Shape& shape, Site site = Site::here()) {
  return expand(x, shape, site);
}

// Every input (n_k) expanded along the others' dimensions -> (n_0, n_1, ...) each, as views: the k-th result
// holds x_k's elements along dimension k. As with indexing "ij", not NumPy's default. Throws unless all
// inputs are of rank 1, and for more than 8.
template <Operand X>
std::vector<X> meshgrid(const std::vector<X>& x, Site site = Site::here()) {
  Shape grid;
  for (const X& v : x) {
    check(v.rank() == 1, "meshgrid", "inputs must be of rank 1; got ", v.shape());
    grid.push_back(v.shape()[0]);
  }
  std::vector<X> out;
  for (std::size_t k = 0; k < x.size(); ++k) {
    Shape along = Dims::filled(grid.rank(), 1);
    along[static_cast<int>(k)] = grid[static_cast<int>(k)];
    out.push_back(expand(reshape(x[k], along, site), grid, site));
  }
  return out;
}

}  // namespace limbic
