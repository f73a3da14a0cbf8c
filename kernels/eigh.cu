// Launchers of symmetric eigenvalues and derivatives of the matrix logarithm.
#include "eigh.cuh"

#include <limbic/backend/cuda/launch/runtime.hpp>

#include <cmath>

#include "log_chains.cuh"

namespace limbic::cuda {

using device::kEighThreads;

namespace {
unsigned warps_for(std::int64_t n) {
  return static_cast<unsigned>((n * 32 + kEighThreads - 1) / kEighThreads);
}
}  // namespace

template <class T>
void eigh(const GuardText& about, const T* a, std::int64_t d, double* values, double* vectors) {
  if (d == 0) return;
  const Stream stream = current_stream();
  const auto area = static_cast<std::size_t>(d * d);
  auto* const part =
      static_cast<double*>(allocate((2 * area + static_cast<std::size_t>(d)) * sizeof(double)));
  double *const u = part + area, *const unsorted = u + area;
  auto* const rotated = static_cast<int*>(allocate(device::kSweeps * sizeof(int)));
  launch("eigh_start", device::eigh_start<T>, dim3(1), dim3(kEighThreads), 0, stream, about, report_box(), a,
         d, part, u, rotated);
  const double tolerance = 1e-15 * std::sqrt(static_cast<double>(d));
  const std::int64_t players = d + d % 2;
  if (d <= 128) {
    const std::int64_t warps = players / 2 < 32 ? players / 2 : 32;
    launch("eigh_sweeps", device::eigh_sweeps, dim3(1), dim3(static_cast<unsigned>(32 * warps)), 0, stream, u,
           d, tolerance);
  } else {
    for (int sweep = 0; sweep < device::kSweeps; ++sweep)
      for (std::int64_t round = 0; round < players - 1; ++round)
        launch("eigh_round", device::eigh_round, dim3(warps_for(players / 2)), dim3(kEighThreads), 0, stream,
               u, d, round, sweep, tolerance, rotated);
  }
  launch("eigh_values", device::eigh_values, dim3(warps_for(d)), dim3(kEighThreads), 0, stream, u,
         static_cast<const double*>(part), d, unsorted);
  launch("eigh_sort", device::eigh_sort, dim3(warps_for(d)), dim3(kEighThreads), 0, stream,
         static_cast<const double*>(u), static_cast<const double*>(unsorted), d, values, vectors);
  deallocate(rotated);
  deallocate(part);
}

template <class T>
void symmetric_part(const T* a, std::int64_t d, double* to) {
  launch("symmetric_part", device::symmetric_part<T>, blocks_for(d * d, kEighThreads), dim3(kEighThreads), 0,
         current_stream(), a, d, to);
}
void transpose_square(const double* a, std::int64_t d, double* to) {
  launch("transpose_square", device::transpose_square, blocks_for(d * d, kEighThreads), dim3(kEighThreads), 0,
         current_stream(), a, d, to);
}

void log_chains(const LogChainsCall& call) {
  const auto blocks =
      static_cast<unsigned>((call.d * call.d + device::kChainThreads - 1) / device::kChainThreads);
  launch("log_chains", device::log_chains, dim3(blocks), dim3(device::kChainThreads), 0, current_stream(),
         call);
}

template void eigh(const GuardText&, const float*, std::int64_t, double*, double*);
template void eigh(const GuardText&, const double*, std::int64_t, double*, double*);
template void symmetric_part(const float*, std::int64_t, double*);
template void symmetric_part(const double*, std::int64_t, double*);

}  // namespace limbic::cuda
