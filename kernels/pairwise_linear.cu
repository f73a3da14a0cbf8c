// Launcher of the linear-time two-sample form.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "pairwise_linear.cuh"
#include "sum_values.cuh"

namespace limbic::cuda {

template <class T>
void neighbour_form(const T* points, std::int64_t n, std::int64_t d, const RadialCall& kernel, T* gradient,
                    T* value) {
  using device::kNeighbourThreads;
  constexpr std::int64_t kWarps = kNeighbourThreads / 32;
  const auto blocks = static_cast<unsigned>((n + kWarps - 1) / kWarps);
  const auto count = static_cast<std::size_t>(n);
  auto* const values = static_cast<double*>(allocate(count * sizeof(double)));
  auto* const slopes = static_cast<T*>(allocate(4 * count * sizeof(T)));
  launch("neighbour_pairs", device::neighbour_pairs<T>, dim3(blocks), dim3(kNeighbourThreads), 0,
         current_stream(), points, n, d, kernel, values, slopes);
  launch("sum_values", device::sum_values<double, T>, dim3(1), dim3(device::kSumThreads), 0, current_stream(),
         static_cast<const double*>(values), n, 1 / static_cast<double>(n), 0.0, value);
  if (gradient)
    launch("neighbour_gradients", device::neighbour_gradients<T>, dim3(blocks), dim3(kNeighbourThreads), 0,
           current_stream(), gradient, points, n, d, static_cast<const T*>(slopes));
  deallocate(slopes);
  deallocate(values);
}

template void neighbour_form(const float*, std::int64_t, std::int64_t, const RadialCall&, float*, float*);
template void neighbour_form(const double*, std::int64_t, std::int64_t, const RadialCall&, double*, double*);

}  // namespace limbic::cuda
