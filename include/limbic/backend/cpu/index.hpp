// Kernels of indexing: rows picked and added by number, elements gathered and scattered along a dimension.
//
// Every sum is in the order of the indices, whatever the number of threads.
#pragma once

#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

namespace cpu::detail {

inline constexpr index_t kIndexGrain = 32768;  // elements for a thread to be worth its while

// A shape cut at one dimension: (outer, size, inner).
struct AtDim {
  index_t outer = 1, size = 1, inner = 1;
  AtDim(const Shape& shape, int dim) : size(shape[dim]) {
    for (int d = 0; d < dim; ++d) outer *= shape[d];
    for (int d = dim + 1; d < shape.rank(); ++d) inner *= shape[d];
  }
};

}  // namespace cpu::detail

// Throws unless all indices are in [0, size).
inline void check_indices(Cpu, std::string_view op, const Tensor<index_t, Cpu>& index, index_t size) {
  const Tensor<index_t, Cpu> dense = index.contiguous();
  const index_t* p = dense.data();
  for (index_t i = 0; i < dense.numel(); ++i)
    if (p[i] < 0 || p[i] >= size) [[unlikely]]
      fail(op, "indices must be in [0, ", size - 1, "]; got ", p[i], " at position ", i, " of index ",
           index.shape());
}

// y[o, j, :] = x[o, index[j], :], where : are the dimensions of x behind dim and o those before it; 0 where
// index[j] is `skip` or negative. y, x and index are dense.
template <class T>
void take_rows(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, int dim, const Tensor<index_t, Cpu>& index,
               index_t skip) {
  const cpu::detail::AtDim at(x.shape(), dim);
  const index_t count = index.numel(), inner = at.inner;
  if (count == 0 || inner == 0) return;
  T* const to = y.mutable_data();
  const T* const from = x.data();
  const index_t* const rows = index.data();
  parallel_for(at.outer * count, std::max<index_t>(1, cpu::detail::kIndexGrain / inner),
               [&](index_t begin, index_t end) {
                 index_t o = begin / count, j = begin % count;
                 for (index_t i = begin; i < end; ++i) {
                   const index_t row = rows[j];
                   T* const out = to + i * inner;
                   if (row < 0 || row == skip) std::fill_n(out, inner, T(0));
                   else if (inner == 1) *out = from[o * at.size + row];
                   else std::copy_n(from + (o * at.size + row) * inner, inner, out);
                   if (++j == count) {
                     j = 0;
                     ++o;
                   }
                 }
               });
}

// y[o, index[j], :] += x[o, j, :] for j in order, but where index[j] is `skip` or negative. y, x and index
// are dense.
template <class T>
void add_rows(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, int dim, const Tensor<index_t, Cpu>& index,
              index_t skip) {
  const cpu::detail::AtDim at(y.shape(), dim);
  const index_t count = index.numel(), inner = at.inner;
  if (count == 0 || inner == 0) return;
  T* const to = y.mutable_data();
  const T* const from = x.data();
  const index_t* const rows = index.data();
  // Adds to rows [first, last) of one outer index.
  const auto add = [&](index_t o, index_t first, index_t last) {
    const T* in = from + o * count * inner;
    for (index_t j = 0; j < count; ++j, in += inner) {
      const index_t row = rows[j];
      if (row < first || row >= last || row == skip) continue;
      T* const out = to + (o * at.size + row) * inner;
      for (index_t i = 0; i < inner; ++i) out[i] += in[i];
    }
  };
  const index_t work = count * inner;
  if (at.outer > 1 || work < 2 * cpu::detail::kIndexGrain) {
    parallel_for(at.outer, std::max<index_t>(1, cpu::detail::kIndexGrain / work),
                 [&](index_t begin, index_t end) {
                   for (index_t o = begin; o < end; ++o) add(o, 0, at.size);
                 });
  } else {
    // Each thread looks at all indices and has a range of y's rows to itself.
    const index_t pieces = std::min<index_t>(16, work / cpu::detail::kIndexGrain);
    parallel_for(at.size, (at.size + pieces - 1) / pieces,
                 [&](index_t begin, index_t end) { add(0, begin, end); });
  }
}

namespace cpu::detail {

// Strides of a tensor without those of one dimension, which the index replaces.
inline Strides without(Strides strides, int dim) {
  strides[dim] = 0;
  return strides;
}
inline Dims moved_last(Dims d, int dim) {
  const index_t v = d[dim];
  d.erase(dim);
  d.push_back(v);
  return d;
}

}  // namespace cpu::detail

// y[i, j, k] = x[i, index[i, j, k], k] (for dim 1 of three). y has index's shape and is dense; x and index
// have any strides.
template <class T>
void gather_along(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, int dim,
                  const Tensor<index_t, Cpu>& index) {
  if (y.numel() == 0) return;
  const Strides xs = cpu::detail::without(x.strides(), dim);
  const Loops<3> loops(index.shape(), {&y.strides(), &xs, &index.strides()});
  const index_t n = loops.row_length(), ys = loops.inner_stride(0), x_step = loops.inner_stride(1),
                is = loops.inner_stride(2);
  const index_t along = x.strides()[dim];
  T* const to = y.mutable_data();
  parallel_for(loops.rows(), std::max<index_t>(1, cpu::detail::kIndexGrain / n),
               [&](index_t begin, index_t end) {
                 loops.for_rows(begin, end, [&](const index_t(&at)[3]) {
                   T* const out = to + at[0];
                   const T* const in = x.data() + at[1];
                   const index_t* const which = index.data() + at[2];
                   for (index_t i = 0; i < n; ++i) out[i * ys] = in[i * x_step + which[i * is] * along];
                 });
               });
}

// y[i, index[i, j, k], k] += x[i, j, k] for j in order (for dim 1 of three), over index's shape, which x may
// exceed. y is dense; x and index have any strides.
template <class T>
void add_along(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, int dim, const Tensor<index_t, Cpu>& index) {
  if (index.numel() == 0) return;
  using cpu::detail::moved_last;
  // The dimension is innermost, so that rows never meet in one element.
  const Strides ys = moved_last(cpu::detail::without(y.strides(), dim), dim),
                xs = moved_last(x.strides(), dim), is = moved_last(index.strides(), dim);
  const Loops<3> loops(moved_last(index.shape(), dim), {&ys, &xs, &is});
  const index_t n = loops.row_length(), y_step = loops.inner_stride(0), x_step = loops.inner_stride(1),
                i_step = loops.inner_stride(2);
  const index_t along = y.strides()[dim];
  T* const to = y.mutable_data();
  parallel_for(loops.rows(), std::max<index_t>(1, cpu::detail::kIndexGrain / n),
               [&](index_t begin, index_t end) {
                 loops.for_rows(begin, end, [&](const index_t(&at)[3]) {
                   T* const out = to + at[0];
                   const T* const in = x.data() + at[1];
                   const index_t* const which = index.data() + at[2];
                   for (index_t i = 0; i < n; ++i)
                     out[i * y_step + which[i * i_step] * along] += in[i * x_step];
                 });
               });
}

// y[o, index[j], :] = value, the indices in [0, size). y and index are dense.
template <class T>
void fill_rows(Cpu, Tensor<T, Cpu>& y, int dim, const Tensor<index_t, Cpu>& index, T value) {
  const cpu::detail::AtDim at(y.shape(), dim);
  T* const to = y.mutable_data();
  for (index_t o = 0; o < at.outer; ++o)
    for (index_t j = 0; j < index.numel(); ++j)
      std::fill_n(to + (o * at.size + index.data()[j]) * at.inner, at.inner, value);
}

// Row-major position in the first dimensions of `shape` of each tuple of indices, which broadcast to
// `result`; negative indices count from the back. Throws when one is out of range.
inline Tensor<index_t, Cpu> ravel_indices(Cpu, std::string_view op,
                                          std::span<const Tensor<index_t, Cpu>> indices, const Shape& result,
                                          const Shape& shape) {
  Tensor<index_t, Cpu> flat = Tensor<index_t, Cpu>::zeros(result);
  index_t* const out = flat.mutable_data();
  for (std::size_t k = 0; k < indices.size(); ++k) {
    const index_t size = shape[static_cast<int>(k)];
    const Tensor<index_t, Cpu> dense = indices[k].expand(result).contiguous();
    for (index_t i = 0; i < flat.numel(); ++i) {
      const index_t v = dense.data()[i];
      if (v < -size || v >= size) [[unlikely]]
        fail(op, "indices must be in [", -size, ", ", size - 1, "]; got ", v, " for dim ", k, " of ", shape);
      out[i] = out[i] * size + (v < 0 ? v + size : v);
    }
  }
  return flat;
}

// The indices, all in [0, size), but for -1 in place of those that occur again further back.
inline Tensor<index_t, Cpu> last_writes(Cpu, const Tensor<index_t, Cpu>& index, index_t size) {
  Tensor<index_t, Cpu> seen = Tensor<index_t, Cpu>::zeros({size}), last = index.clone();
  index_t* const at = seen.mutable_data();
  index_t* const out = last.mutable_data();
  for (index_t i = index.numel(); i-- > 0;)
    if (at[out[i]]++ != 0) out[i] = -1;
  return last;
}

// y[j, index[j]] = 1 and 0 elsewhere, for y (index..., classes), dense, and indices in [0, classes).
template <class T>
void set_ones(Cpu, Tensor<T, Cpu>& y, const Tensor<index_t, Cpu>& index) {
  const Tensor<index_t, Cpu> dense = index.contiguous();
  y.fill(T(0));
  T* out = y.mutable_data();
  for (index_t i = 0; i < dense.numel(); ++i, out += y.shape().back()) out[dense.data()[i]] = T(1);
}

// Positions (count) of the true elements, in row-major order.
inline Tensor<index_t, Cpu> true_positions(Cpu, const Tensor<bool, Cpu>& mask) {
  const Tensor<bool, Cpu> dense = mask.contiguous();
  index_t count = 0;
  for (index_t i = 0; i < dense.numel(); ++i) count += dense.data()[i];
  Tensor<index_t, Cpu> positions = Tensor<index_t, Cpu>::empty({count});
  index_t* out = positions.mutable_data();
  for (index_t i = 0; i < dense.numel(); ++i)
    if (dense.data()[i]) *out++ = i;
  return positions;
}

// y = x where the column number minus the row number is at most k (`lower`) or at least k, else 0; over the
// last two dimensions. Both dense.
template <class T>
void keep_triangle(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, index_t k, bool lower) {
  const index_t cols = x.shape().back(), rows = x.shape()[x.rank() - 2];
  if (x.numel() == 0) return;
  T* const to = y.mutable_data();
  const T* const from = x.data();
  parallel_for(x.numel() / cols, std::max<index_t>(1, cpu::detail::kIndexGrain / cols),
               [&](index_t begin, index_t end) {
                 for (index_t r = begin; r < end; ++r) {
                   // Columns [0, cut) are left of the diagonal's next one (lower), or of the diagonal
                   // (upper).
                   const index_t cut = std::clamp<index_t>(r % rows + k + (lower ? 1 : 0), 0, cols);
                   const T* const in = from + r * cols;
                   T* const out = to + r * cols;
                   std::fill(lower ? out + cut : out, lower ? out + cols : out + cut, T(0));
                   if (lower) std::copy(in, in + cut, out);
                   else std::copy(in + cut, in + cols, out + cut);
                 }
               });
}

}  // namespace limbic
