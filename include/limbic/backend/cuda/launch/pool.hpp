// Launchers of pooling over the planes of dense x (planes, H, W) and y (planes, YH, YW), T = float or double.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// The windows of core/pool_windows.hpp, for device code.
struct PoolAxis {
  std::int64_t size = 1, count = 1, kernel = 1, stride = 1, padding = 0;
  bool count_padding = false, adaptive = false;
};
struct PoolPlanes {
  std::int64_t planes = 0;
  PoolAxis rows, cols;
};

// All throw for planes of 2^30 elements and more.
// y = the largest of each window, index = where in its plane; of equal ones the first; NaN counts as largest.
template <class T>
void max_pool(const PoolPlanes& p, T* y, std::int64_t* index, const T* x);
// y = what index names.
template <class T>
void plane_gather(const PoolPlanes& p, T* y, const T* x, const std::int64_t* index);
// dx = sum of dy where index names it; an index lies inside its output's window.
template <class T>
void plane_scatter(const PoolPlanes& p, T* dx, const T* dy, const std::int64_t* index);
// y = the mean of each window over the places that it counts.
template <class T>
void avg_pool(const PoolPlanes& p, T* y, const T* x);
// dx = its transpose, of dy.
template <class T>
void avg_unpool(const PoolPlanes& p, T* dx, const T* dy);

}  // namespace limbic::cuda
