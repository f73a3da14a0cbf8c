// Indexing by tensors of indices, one for each leading dimension, and by masks.
//
//   index_get   y = x[i, j, ...]                        dx[i, j, ...] += dy
//   index_put   y = x, then y[i, j, ...] = v            dx = dy, 0 where written   dv = dy[i, j, ...]
//   index_fill  y = x, then y[..., index, ...] = value  dx = dy, 0 where written
#pragma once

#include <limbic/ops/index_select.hpp>
#include <limbic/ops/sum.hpp>

namespace limbic {

namespace detail {

template <class T, class D>
struct FillRows {
  static constexpr const char* name = "index_fill";
  int dim = 0;
  Saved<index_t, D> index{};  // dense, in range
  T value = T(0);
  Shape infer(const Tensor<T, D>& x) { return x.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& x) {
    y.copy_from(x);
    fill_rows(D{}, y, dim, index.get(), value);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, apply(Site::here(), FillRows{.dim = dim, .index = index}, dy));
  }
};

// Where indices for the leading dimensions of a shape lead.
template <class D>
struct IndexedRows {
  Tensor<index_t, D> rows;  // in x's leading dimensions as one
  Shape flat;               // x with those dimensions as one
  Shape result;             // the indices' shape, then x's other dimensions

  IndexedRows(const char* op, const Shape& x, std::span<const Tensor<index_t, D>> indices) {
    const int k = static_cast<int>(indices.size());
    if (k == 0 || k > x.rank()) fail(op, "indices for 1 to all dimensions are needed; got ", k, " for ", x);
    for (const auto& i : indices) result = broadcast_shapes(op, result, i.shape());
    rows = ravel_indices(D{}, op, indices, result, x);
    flat.push_back(1);
    for (int d = 0; d < x.rank(); ++d) {
      if (d < k) {
        flat[0] *= x[d];
      } else {
        flat.push_back(x[d]);
        result.push_back(x[d]);
      }
    }
  }
};

}  // namespace detail

// x with `value` in the parts numbered by index (N) along dim; a new tensor. Throws when dim is out of range
// or a number is not in [0, size), and for an index of another rank.
template <Operand X>
X index_fill(const X& x, index_t dim, const Tensor<index_t, device_of<X>>& index, scalar_of<X> value,
             Site site = Site::here()) {
  const auto map = detail::rows_map("index_fill", x.shape(), dim, index);
  return apply(
      site, detail::FillRows<scalar_of<X>, device_of<X>>{.dim = map.dim, .index = map.index, .value = value},
      x);
}

// x[indices[0], indices[1], ...]: indices, which broadcast to one shape, for the leading dimensions; the
// other dimensions follow in the result. Negative indices count from the back. Throws when one is out of
// range, they do not broadcast, or there are none or more than dimensions. (advanced indexing of NumPy)
template <Operand X>
X index_get(const X& x, const std::vector<Tensor<index_t, device_of<X>>>& indices, Site site = Site::here()) {
  using D = device_of<X>;
  const detail::IndexedRows<D> at("index_get", x.shape(), indices);
  return detail::pick(site, detail::RowsMap<D>{.dim = 0, .index = at.rows}, reshape(x, at.flat, site));
}

// x with x[indices...] = values, or += with `accumulate`; indices as for index_get(). values broadcast to
// index_get()'s shape. Where an element is written several times the last one stays, and alone has a
// gradient. A new tensor; x stays as it is. Throws as index_get(), and where values do not broadcast.
// (torch.index_put)
template <Operand X, Operand V>
result_of<X, V> index_put(const X& x, const std::vector<Tensor<index_t, device_of<X>>>& indices,
                          const V& values, bool accumulate = false, Site site = Site::here()) {
  using D = device_of<X>;
  const detail::IndexedRows<D> at("index_put", x.shape(), indices);
  if (!expandable(values.shape(), at.result))
    fail("index_put", "values must broadcast to the indexed part; got values ", values.shape(), " for ",
         at.result);
  detail::RowsMap<D> map{
      .dim = 0, .index = accumulate ? at.rows : last_writes(D{}, at.rows, at.flat[0]), .transposed = true};
  const V placed = detail::place(site, map, at.flat, expand(values, at.result, site));
  X base = reshape(x, at.flat, site);
  if (!accumulate) base = apply(site, detail::FillRows<scalar_of<X>, D>{.dim = 0, .index = at.rows}, base);
  return reshape(add(base, placed, site), x.shape(), site);
}

// The elements of x where mask, which broadcasts to x's shape, is true, in row-major order -> (N). Throws
// where it does not broadcast.
template <Operand X>
X masked_select(const X& x, const Tensor<bool, device_of<X>>& mask, Site site = Site::here()) {
  using D = device_of<X>;
  if (!expandable(mask.shape(), x.shape()))
    fail("masked_select", "mask must broadcast to x; got x ", x.shape(), ", mask ", mask.shape());
  const detail::RowsMap<D> map{.dim = 0, .index = true_positions(D{}, mask.expand(x.shape()))};
  return detail::pick(site, map, reshape(x, {x.numel()}, site));
}

}  // namespace limbic
