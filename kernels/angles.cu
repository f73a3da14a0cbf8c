// Launcher of the distance of angles.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "angles.cuh"
#include "sum_values.cuh"

namespace limbic::cuda {

template <class T>
void angle_distance(const T* distances, const T* teacher, const T* weights, std::int64_t n, T* gradient,
                    T* value) {
  using device::kAngleThreads;
  const std::int64_t blocks = n * ((n + kAngleThreads - 1) / kAngleThreads);
  auto* const values = static_cast<double*>(allocate(sizeof(double) * static_cast<std::size_t>(blocks)));
  const double size = static_cast<double>(n), scale = weights ? 1 : 1 / (size * size * size);
  launch("angle_terms", device::angle_terms<T>, dim3(static_cast<unsigned>(blocks)), dim3(kAngleThreads), 0,
         current_stream(), distances, teacher, weights, n, static_cast<T>(scale), gradient, values);
  launch("sum_values", device::sum_values<double, T>, dim3(1), dim3(device::kSumThreads), 0, current_stream(),
         static_cast<const double*>(values), blocks, 1.0, 0.0, value);
  deallocate(values);
}

template void angle_distance(const float*, const float*, const float*, std::int64_t, float*, float*);
template void angle_distance(const double*, const double*, const double*, std::int64_t, double*, double*);

}  // namespace limbic::cuda
