// Indexing on the device: rows picked and added by number, elements gathered and scattered along a dimension.
//
// Indices out of range read 0 and write nothing; the error comes with the next call that waits for the device
// (a value asked for, synchronize), because a check that waits would stop every training step.
#pragma once

#include <limbic/backend/cuda/guard.hpp>
#include <limbic/backend/cuda/launch/index.hpp>

namespace limbic {

namespace cuda::detail {

inline Cut cut_at(const Shape& shape, int dim) {
  Cut at;
  at.size = shape[dim];
  for (int d = 0; d < dim; ++d) at.outer *= shape[d];
  for (int d = dim + 1; d < shape.rank(); ++d) at.inner *= shape[d];
  return at;
}

// The loop over index's shape with `dim` apart. `indexed` is the operand whose place along dim comes from the
// index.
inline AlongCall along_call(const Shape& shape, int dim, Strides y, Strides x, Strides index) {
  AlongCall call;
  call.length = shape[dim];
  call.y_step = y[dim];
  call.x_step = x[dim];
  call.index_step = index[dim];
  Shape rest = shape;
  rest.erase(dim);
  for (Strides* s : {&y, &x, &index}) s->erase(dim);
  const Loops<3> loops(rest, {&y, &x, &index});
  call.rows = numel(rest);
  call.rank = loops.rank;
  for (int d = 0; d < loops.rank; ++d) {
    call.size[d] = loops.size[d];
    call.y_stride[d] = loops.stride[0][d];
    call.x_stride[d] = loops.stride[1][d];
    call.index_stride[d] = loops.stride[2][d];
  }
  return call;
}

// Reports `op` unless low <= index < high everywhere.
inline void guard_indices(std::string_view op, const Tensor<index_t, Cuda>& index, index_t low,
                          index_t high) {
  const Tensor<index_t, Cuda> dense = index.contiguous();
  guard_labels(guard_text(op, "indices must be in [", low, ", ", high - 1, "]"), dense.data(), dense.numel(),
               low, high, low);
}

}  // namespace cuda::detail

// Reports, in the name of `op`, the first index that is not in [0, size).
inline void check_indices(Cuda, std::string_view op, const Tensor<index_t, Cuda>& index, index_t size) {
  cuda::detail::guard_indices(op, index, 0, size);
}

// y[o, j, :] = x[o, index[j], :]; 0 where index[j] is `skip` or negative. y, x and index are dense.
template <class T>
void take_rows(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, int dim,
               const Tensor<index_t, Cuda>& index, index_t skip) {
  cuda::take_rows(y.mutable_data(), x.data(), index.data(), index.numel(),
                  cuda::detail::cut_at(x.shape(), dim), skip);
}
// y[o, index[j], :] += x[o, j, :] for j in order, but where index[j] is `skip` or negative. All dense.
template <class T>
void add_rows(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, int dim, const Tensor<index_t, Cuda>& index,
              index_t skip) {
  cuda::add_rows(y.mutable_data(), x.data(), index.data(), index.numel(),
                 cuda::detail::cut_at(y.shape(), dim), skip);
}
// y[o, index[j], :] = value. y and index are dense.
template <class T>
void fill_rows(Cuda, Tensor<T, Cuda>& y, int dim, const Tensor<index_t, Cuda>& index, T value) {
  cuda::fill_rows(y.mutable_data(), index.data(), index.numel(), cuda::detail::cut_at(y.shape(), dim), value);
}

// y[i, j, k] = x[i, index[i, j, k], k] (for dim 1 of three). y has index's shape and is dense.
template <class T>
void gather_along(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, int dim,
                  const Tensor<index_t, Cuda>& index) {
  if (y.numel() == 0) return;
  auto call = cuda::detail::along_call(index.shape(), dim, y.strides(), x.strides(), index.strides());
  call.along = x.strides()[dim];
  call.limit = x.shape()[dim];
  cuda::gather_along(y.mutable_data(), x.data(), index.data(), call);
}
// y[i, index[i, j, k], k] += x[i, j, k] for j in order (for dim 1 of three), over index's shape.
template <class T>
void add_along(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, int dim,
               const Tensor<index_t, Cuda>& index) {
  if (index.numel() == 0) return;
  auto call = cuda::detail::along_call(index.shape(), dim, y.strides(), x.strides(), index.strides());
  call.along = y.strides()[dim];
  call.limit = y.shape()[dim];
  cuda::add_along(y.mutable_data(), x.data(), index.data(), call);
}

// Row-major position in the first dimensions of `shape` of each tuple of indices, which broadcast to
// `result`; negative indices count from the back.
inline Tensor<index_t, Cuda> ravel_indices(Cuda, std::string_view op,
                                           std::span<const Tensor<index_t, Cuda>> indices,
                                           const Shape& result, const Shape& shape) {
  Tensor<index_t, Cuda> flat = Tensor<index_t, Cuda>::zeros(result);
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const index_t size = shape[static_cast<int>(k)];
    const Tensor<index_t, Cuda> dense = indices[k].contiguous();
    cuda::detail::guard_indices(op, dense, -size, size);
    elementwise_update(
        Cuda{}, [size](auto at, auto v) { return at * size + math::choose(v < index_t(0), v + size, v); },
        flat, dense);
  }
  return flat;
}

// The indices, all in [0, size), but for -1 in place of those that occur again further back.
inline Tensor<index_t, Cuda> last_writes(Cuda, const Tensor<index_t, Cuda>& index, index_t size) {
  const Tensor<index_t, Cuda> dense = index.contiguous();
  Tensor<index_t, Cuda> last = Tensor<index_t, Cuda>::empty(index.shape());
  cuda::last_writes(last.mutable_data(), dense.data(), dense.numel(), size);
  return last;
}

// y[j, index[j]] = 1 and 0 elsewhere, for y (index..., classes), dense.
template <class T>
void set_ones(Cuda, Tensor<T, Cuda>& y, const Tensor<index_t, Cuda>& index) {
  const Tensor<index_t, Cuda> dense = index.contiguous();
  cuda::set_ones(y.mutable_data(), dense.data(), dense.numel(), y.shape().back());
}

// Positions of the true elements, in row-major order. Waits for the device: the result's size is a value.
inline Tensor<index_t, Cuda> true_positions(Cuda, const Tensor<bool, Cuda>& mask) {
  const Tensor<bool, Cuda> dense = mask.contiguous();
  Tensor<index_t, Cuda> positions = Tensor<index_t, Cuda>::empty({dense.numel()}),
                        count = Tensor<index_t, Cuda>::empty({});
  cuda::true_positions(positions.mutable_data(), count.mutable_data(), dense.data(), dense.numel());
  return positions.slice(0, 0, count.item());
}

// y = x where the column number minus the row number is at most k (`lower`) or at least k, else 0; over the
// last two dimensions. Both dense.
template <class T>
void keep_triangle(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, index_t k, bool lower) {
  const index_t cols = x.shape().back(), rows = x.shape()[x.rank() - 2];
  if (x.numel())
    cuda::keep_triangle(y.mutable_data(), x.data(), x.numel() / (rows * cols), rows, cols, k, lower);
}

// ---- order, extremes, running sums: see their CPU counterparts for the definitions ----

template <class T>
void order_of(Cuda, Tensor<index_t, Cuda>& order, const Tensor<T, Cuda>& x, index_t outer, index_t n,
              index_t inner, index_t k, bool descending, bool) {
  cuda::order_of(order.mutable_data(), x.data(), {outer, n, inner}, k, descending);
}
template <int Sign, class T>
void arg_extreme(Cuda, Tensor<index_t, Cuda>& y, const Tensor<T, Cuda>& x, index_t outer, index_t n,
                 index_t inner) {
  cuda::arg_extreme(y.mutable_data(), x.data(), {outer, n, inner}, Sign > 0);
}
template <class T>
void cumsum_fwd(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, index_t outer, index_t n, index_t inner,
                bool reverse) {
  cuda::cumsum(y.mutable_data(), x.data(), {outer, n, inner}, reverse);
}
template <class T>
void cumprod_fwd(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, index_t outer, index_t n,
                 index_t inner) {
  cuda::cumprod_fwd(y.mutable_data(), x.data(), {outer, n, inner});
}
template <class T>
void cumprod_bwd(Cuda, Tensor<T, Cuda>& dx, const Tensor<T, Cuda>& dy, const Tensor<T, Cuda>& x,
                 const Tensor<T, Cuda>& y, index_t outer, index_t n, index_t inner) {
  cuda::cumprod_bwd(dx.mutable_data(), dy.data(), x.data(), y.data(), {outer, n, inner});
}

}  // namespace limbic
