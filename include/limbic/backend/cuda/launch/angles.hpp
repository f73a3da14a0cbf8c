// Launcher of the distance of two batches' angles; see backend/cpu/angles.hpp. T = float or double.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// distances, teacher (n, n), symmetric; weights (n) or null: 1 / n each. *value, and the gradient (n, n) with
// respect to the distances unless null.
template <class T>
void angle_distance(const T* distances, const T* teacher, const T* weights, std::int64_t n, T* gradient,
                    T* value);

}  // namespace limbic::cuda
