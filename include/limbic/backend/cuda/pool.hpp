// Pooling on the device, over planes (H, W) of x (..., H, W); see kernels/pool.cuh, and for the arguments
// backend/cpu/pool.hpp.
#pragma once

#include <limbic/backend/cuda/launch/pool.hpp>
#include <limbic/backend/cuda/memory.hpp>
#include <limbic/core/pool_windows.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

namespace cuda::detail {
inline PoolAxis pool_axis(const PoolWindows& w) {
  return {w.size, w.count, w.kernel, w.stride, w.padding, w.count_padding, w.adaptive};
}
// `outputs`: of all planes.
inline PoolPlanes pool_planes(index_t outputs, const PoolWindows& rows, const PoolWindows& cols) {
  const index_t out = rows.count * cols.count;
  return {out ? outputs / out : 0, pool_axis(rows), pool_axis(cols)};
}
}  // namespace cuda::detail

// y = the largest of each window (rows x cols) of the planes, index = where in the plane it is: of equal ones
// the first; NaN counts as largest. No window is empty. All dense.
template <class T>
void max_pool_fwd(Cuda, Tensor<T, Cuda>& y, Tensor<index_t, Cuda>& index, const Tensor<T, Cuda>& x, index_t,
                  index_t, const PoolWindows& rows, const PoolWindows& cols) {
  cuda::max_pool(cuda::detail::pool_planes(y.numel(), rows, cols), y.mutable_data(), index.mutable_data(),
                 x.data());
}

// y (..., outputs) = the element of x's plane that `index` names, plane by plane. All dense.
template <class T>
void plane_gather(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, const Tensor<index_t, Cuda>& index,
                  index_t plane, index_t out) {
  // Windows do not matter here: planes of one row.
  const PoolWindows rows, cols{.size = plane, .count = out};
  cuda::plane_gather(cuda::detail::pool_planes(y.numel(), rows, cols), y.mutable_data(), x.data(),
                     index.data());
}

// dx = sum of dy where `index` says, plane by plane: the transpose of plane_gather(). An index lies inside
// its output's window. All dense.
template <class T>
void plane_scatter(Cuda, Tensor<T, Cuda>& dx, const Tensor<T, Cuda>& dy, const Tensor<index_t, Cuda>& index,
                   index_t, index_t, const PoolWindows& rows, const PoolWindows& cols) {
  cuda::plane_scatter(cuda::detail::pool_planes(dy.numel(), rows, cols), dx.mutable_data(), dy.data(),
                      index.data());
}

// y = the mean of each window over the places it counts. All dense.
template <class T>
void avg_pool_fwd(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x, index_t, index_t,
                  const PoolWindows& rows, const PoolWindows& cols) {
  cuda::avg_pool(cuda::detail::pool_planes(y.numel(), rows, cols), y.mutable_data(), x.data());
}

// dx = the transpose of avg_pool_fwd(), of dy. All dense.
template <class T>
void avg_pool_bwd(Cuda, Tensor<T, Cuda>& dx, const Tensor<T, Cuda>& dy, index_t, index_t,
                  const PoolWindows& rows, const PoolWindows& cols) {
  cuda::avg_unpool(cuda::detail::pool_planes(dy.numel(), rows, cols), dx.mutable_data(), dy.data());
}

}  // namespace limbic
