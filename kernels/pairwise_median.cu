// Launcher of the median of distances.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "padded_rows.hpp"
#include "pairwise_median.cuh"

namespace limbic::cuda {

namespace {

template <class T, int kSide>
void run(double* median, const T* points, std::int64_t n, std::int64_t d) {
  using device::kDigits;
  const PaddedRows<T> rows(points, n, d);
  auto* const state = static_cast<device::MedianState*>(allocate(sizeof(device::MedianState)));
  const auto pairs = static_cast<unsigned long long>(n) * static_cast<unsigned long long>(n - 1) / 2;
  const Stream stream = current_stream();
  launch("median_start", device::median_start, dim3(1), dim3(kDigits), 0, stream, state, (pairs - 1) / 2);
  constexpr int kTop = 8 * static_cast<int>(sizeof(T)) - 8;
  for (int shift = kTop; shift >= 0; shift -= 8) {
    launch("median_counts", device::median_counts<T, kSide>,
           dim3(device::tile_pairs((n + kSide - 1) / kSide)), dim3(device::PairTile<T, kSide>::kThreads), 0,
           stream, state, rows.data, n, rows.width, shift, shift == kTop);
    launch("median_digit", device::median_digit<T>, dim3(1), dim3(kDigits), 0, stream, state, shift, median);
  }
  deallocate(state);
}

}  // namespace

template <class T>
void median_distance(double* median, const T* points, std::int64_t n, std::int64_t d) {
  if (n <= 512) run<T, 32>(median, points, n, d);
  else run<T, 64>(median, points, n, d);
}

template void median_distance(double*, const float*, std::int64_t, std::int64_t);
template void median_distance(double*, const double*, std::int64_t, std::int64_t);

}  // namespace limbic::cuda
