// Pooling on the CPU, over planes (H, W) of x (..., H, W). Planes are worked on in parallel. `plane` is H W,
// `width` W, `out` the number of outputs of a plane; `rows` and `cols` are the windows along H and W.
#pragma once

#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/core/conv_shape.hpp>
#include <limbic/core/pool_windows.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

namespace cpu::detail {

// Calls f(in, out) with where a plane of the input and the output begins, for all planes.
template <class F>
void for_planes(index_t planes, index_t in, index_t out, const F& f) {
  const index_t grain = std::max<index_t>(1, 16384 / std::max<index_t>(1, in + out));
  parallel_for(planes, grain, [&](index_t begin, index_t end) {
    for (index_t p = begin; p < end; ++p) f(p * in, p * out);
  });
}

// Calls f(rows, columns, places) for every window of a plane, in order.
template <class F>
void for_windows(const PoolWindows& rows, const PoolWindows& cols, const F& f) {
  for (index_t i = 0; i < rows.count; ++i) {
    const IndexRange row{rows.begin(i), rows.end(i)};
    for (index_t j = 0; j < cols.count; ++j)
      f(row, IndexRange{cols.begin(j), cols.end(j)}, rows.places(i) * cols.places(j));
  }
}

}  // namespace cpu::detail

// y = the largest of each window (rows x cols) of the planes (width: their W), index = where in the plane it
// is: of equal ones the first; NaN counts as largest. No window is empty. All dense.
template <class T>
void max_pool_fwd(Cpu, Tensor<T, Cpu>& y, Tensor<index_t, Cpu>& index, const Tensor<T, Cpu>& x, index_t plane,
                  index_t width, const PoolWindows& rows, const PoolWindows& cols) {
  if (y.numel() == 0) return;
  T* const to = y.mutable_data();
  index_t* const where = index.mutable_data();
  const index_t out = rows.count * cols.count;
  cpu::detail::for_planes(y.numel() / out, plane, out, [&](index_t in, index_t at) {
    cpu::detail::for_windows(rows, cols, [&](const IndexRange& row, const IndexRange& col, index_t) {
      index_t best = row.begin * width + col.begin;
      T value = x.data()[in + best];
      for (index_t r = row.begin; r < row.end; ++r)
        for (index_t c = col.begin; c < col.end; ++c) {
          const T v = x.data()[in + r * width + c];
          if (v > value || (v != v && value == value)) {
            value = v;
            best = r * width + c;
          }
        }
      to[at] = value;
      where[at++] = best;
    });
  });
}

// y (..., outputs) = the element of x's plane that `index` names, plane by plane. All dense.
template <class T>
void plane_gather(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, const Tensor<index_t, Cpu>& index,
                  index_t plane, index_t out) {
  if (y.numel() == 0) return;
  T* const to = y.mutable_data();
  cpu::detail::for_planes(y.numel() / out, plane, out, [&](index_t in, index_t at) {
    for (index_t i = at; i < at + out; ++i) to[i] = x.data()[in + index.data()[i]];
  });
}

// dx = 0, then += dy where `index` says, plane by plane: the transpose of plane_gather(). An index lies
// inside its output's window, from which a device may find what goes where. All dense.
template <class T>
void plane_scatter(Cpu, Tensor<T, Cpu>& dx, const Tensor<T, Cpu>& dy, const Tensor<index_t, Cpu>& index,
                   index_t plane, index_t, const PoolWindows& rows, const PoolWindows& cols) {
  if (dx.numel() == 0) return;
  const index_t out = rows.count * cols.count;
  T* const to = dx.mutable_data();
  cpu::detail::for_planes(dx.numel() / plane, plane, out, [&](index_t in, index_t at) {
    std::fill_n(to + in, plane, T(0));
    for (index_t i = at; i < at + out; ++i) to[in + index.data()[i]] += dy.data()[i];
  });
}

// y = the mean of each window: its sum divided by the places it counts, rows' times columns'. All dense.
template <class T>
void avg_pool_fwd(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, index_t plane, index_t width,
                  const PoolWindows& rows, const PoolWindows& cols) {
  if (y.numel() == 0) return;
  T* const to = y.mutable_data();
  const index_t out = rows.count * cols.count;
  cpu::detail::for_planes(y.numel() / out, plane, out, [&](index_t in, index_t at) {
    cpu::detail::for_windows(rows, cols, [&](const IndexRange& row, const IndexRange& col, index_t places) {
      T sum = 0;
      for (index_t r = row.begin; r < row.end; ++r)
        for (index_t c = col.begin; c < col.end; ++c) sum += x.data()[in + r * width + c];
      to[at++] = sum / static_cast<T>(places);
    });
  });
}

// dx = the transpose of avg_pool_fwd(), of dy. All dense.
template <class T>
void avg_pool_bwd(Cpu, Tensor<T, Cpu>& dx, const Tensor<T, Cpu>& dy, index_t plane, index_t width,
                  const PoolWindows& rows, const PoolWindows& cols) {
  if (dx.numel() == 0) return;
  T* const to = dx.mutable_data();
  cpu::detail::for_planes(dx.numel() / plane, plane, rows.count * cols.count, [&](index_t in, index_t at) {
    std::fill_n(to + in, plane, T(0));
    cpu::detail::for_windows(rows, cols, [&](const IndexRange& row, const IndexRange& col, index_t places) {
      const T share = dy.data()[at++] / static_cast<T>(places);
      for (index_t r = row.begin; r < row.end; ++r)
        for (index_t c = col.begin; c < col.end; ++c) to[in + r * width + c] += share;
    });
  });
}

}  // namespace limbic
