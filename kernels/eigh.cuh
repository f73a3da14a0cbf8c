// Symmetric eigenvalues and eigenvectors by one-sided Jacobi rotations, in double.
//
//   u = A + c I, c = 2 |A|_F (positive definite, condition at most 3); rotations of pairs of its columns until all are
//   orthogonal: u = V (E + c I), so v_k = u_k / |u_k|, e_k = v_k' A v_k
//
//   eigh_start    one block: checks A, writes its symmetric part to `part` and u, transposed (columns are
//                 rows)
//   eigh_rotate   a warp a pair: the three products of its columns, then the rotation. All pairs of a round
//                 are disjoint (the circle method); d - 1 rounds, or d, make a sweep. One block does whole
//                 sweeps (d <= 128); else each round is a launch, and launches after convergence return at
//                 once
//   eigh_values   a warp an eigenvalue                  eigh_sort   a warp a vector: its place is counted
//   launch   1-D blocks; static shared memory only
//   work     6 d^3 operations a sweep, 6 to 10 sweeps; bytes: u in and out once a round
//   repeats  bit for bit
//   source   Hestenes, J. SIAM 6, 1958; Demmel and Veselic, SIAM J. Matrix Anal. Appl. 13, 1992
#pragma once

#include "report.cuh"

#include <limbic/backend/cuda/launch/eigh.hpp>

namespace limbic::cuda::device {

constexpr int kEighThreads = 256, kSweeps = 24;

template <class T>
__global__ void __launch_bounds__(kEighThreads, 4)
    eigh_start(const __grid_constant__ GuardText about, Report* box, const T* __restrict__ a, std::int64_t d,
               double* __restrict__ part, double* __restrict__ u, int* __restrict__ rotated) {
  const std::int64_t area = d * d;
  double squares = 0, bad = static_cast<double>(area);
  for (std::int64_t e = threadIdx.x; e < area; e += kEighThreads) {
    const std::int64_t i = e / d, j = e - i * d;
    const double v = 0.5 * (static_cast<double>(a[e]) + static_cast<double>(a[j * d + i]));
    if (!math::is_finite(v) && static_cast<double>(e) < bad) bad = static_cast<double>(e);
    part[e] = v;
    squares = math::fma(v, v, squares);
  }
  squares = block_sum<kEighThreads>(squares);
  const auto first_bad = static_cast<std::int64_t>(block_min<kEighThreads>(bad));
  const bool good = first_bad == area;
  if (threadIdx.x == 0 && !good) report(box, about, static_cast<double>(a[first_bad]), first_bad);
  const double shift = good && squares > 0 ? 2 * math::sqrt(squares) : 1;
  // The thread reads what it has itself written.
  for (std::int64_t e = threadIdx.x; e < area; e += kEighThreads) {
    const double diagonal = e % (d + 1) == 0 ? 1 : 0;
    const double v = good ? part[e] : diagonal;
    part[e] = v;
    u[e] = v + shift * diagonal;
  }
  for (int s = static_cast<int>(threadIdx.x); s < kSweeps; s += kEighThreads) rotated[s] = 0;
}

// Rotates columns p and q of u to be orthogonal, by one warp; true if they were not.
__device__ inline bool rotate_pair(double* __restrict__ u, std::int64_t d, std::int64_t p, std::int64_t q,
                                   double tolerance) {
  double *const x = u + p * d, *const y = u + q * d;
  double xx = 0, yy = 0, xy = 0;
  for (std::int64_t i = lane_index(); i < d; i += 32) {
    const double a = x[i], b = y[i];
    xx = math::fma(a, a, xx);
    yy = math::fma(b, b, yy);
    xy = math::fma(a, b, xy);
  }
  xx = warp_sum(xx);
  yy = warp_sum(yy);
  xy = warp_sum(xy);
  if (!(math::abs(xy) > tolerance * math::sqrt(xx * yy))) return false;
  const double zeta = (yy - xx) / (2 * xy);
  const double t = math::copysign(1 / (math::abs(zeta) + math::sqrt(1 + zeta * zeta)), zeta);
  const double c = 1 / math::sqrt(1 + t * t), s = c * t;
  for (std::int64_t i = lane_index(); i < d; i += 32) {
    const double a = x[i], b = y[i];
    x[i] = c * a - s * b;
    y[i] = s * a + c * b;
  }
  return true;
}

// Pair number i of a round: two of `players`, an even number. The last one of an odd number of columns sits
// out.
__device__ inline bool rotate_in_round(double* __restrict__ u, std::int64_t d, std::int64_t players,
                                       std::int64_t round, std::int64_t i, double tolerance) {
  const std::int64_t turns = players - 1;
  const std::int64_t a = i == 0 ? turns : (round + i) % turns,
                     b = i == 0 ? round : (round + turns - i) % turns;
  const std::int64_t p = a < b ? a : b, q = a < b ? b : a;
  return q < d && rotate_pair(u, d, p, q, tolerance);
}

// Whole sweeps by one block.
__global__ void __launch_bounds__(1024)
    eigh_sweeps(double* __restrict__ u, std::int64_t d, double tolerance) {
  const std::int64_t players = d + d % 2, warps = blockDim.x / 32;
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    int rotated = 0;
    for (std::int64_t round = 0; round < players - 1; ++round) {
      for (std::int64_t i = warp_index(); i < players / 2; i += warps)
        rotated |= rotate_in_round(u, d, players, round, i, tolerance);
      __syncthreads();
    }
    if (!__syncthreads_or(rotated)) return;
  }
}

// One round of one sweep by many blocks. rotated (kSweeps): whether a sweep changed anything.
__global__ void __launch_bounds__(kEighThreads)
    eigh_round(double* __restrict__ u, std::int64_t d, std::int64_t round, int sweep, double tolerance,
               int* __restrict__ rotated) {
  if (sweep > 0 && rotated[sweep - 1] == 0) return;
  const std::int64_t players = d + d % 2,
                     i = static_cast<std::int64_t>(blockIdx.x) * (kEighThreads / 32) + warp_index();
  if (i >= players / 2) return;
  if (rotate_in_round(u, d, players, round, i, tolerance) && lane_index() == 0) atomicOr(rotated + sweep, 1);
}

// e_k = v_k' A v_k, and u_k becomes v_k.
__global__ void __launch_bounds__(kEighThreads)
    eigh_values(double* __restrict__ u, const double* __restrict__ part, std::int64_t d,
                double* __restrict__ unsorted) {
  const std::int64_t k = static_cast<std::int64_t>(blockIdx.x) * (kEighThreads / 32) + warp_index();
  if (k >= d) return;
  double* const v = u + k * d;
  double squares = 0;
  for (std::int64_t j = lane_index(); j < d; j += 32) squares = math::fma(v[j], v[j], squares);
  const double factor = 1 / math::sqrt(warp_sum(squares));
  for (std::int64_t j = lane_index(); j < d; j += 32) v[j] *= factor;
  __syncwarp();
  double value = 0;
  for (std::int64_t j = lane_index(); j < d; j += 32) {
    double product = 0;
    for (std::int64_t i = 0; i < d; ++i) product = math::fma(part[i * d + j], v[i], product);
    value = math::fma(product, v[j], value);
  }
  value = warp_sum(value);
  if (lane_index() == 0) unsorted[k] = value;
}

__global__ void __launch_bounds__(kEighThreads)
    eigh_sort(const double* __restrict__ u, const double* __restrict__ unsorted, std::int64_t d,
              double* __restrict__ values, double* __restrict__ vectors) {
  const std::int64_t k = static_cast<std::int64_t>(blockIdx.x) * (kEighThreads / 32) + warp_index();
  if (k >= d) return;
  const double own = unsorted[k];
  int smaller = 0;
  for (std::int64_t j = lane_index(); j < d; j += 32)
    smaller += unsorted[j] < own || (unsorted[j] == own && j < k);
  const std::int64_t place = warp_sum(smaller);
  if (lane_index() == 0) values[place] = own;
  for (std::int64_t i = lane_index(); i < d; i += 32) vectors[i * d + place] = u[k * d + i];
}

template <class T>
__global__ void __launch_bounds__(kEighThreads)
    symmetric_part(const T* __restrict__ a, std::int64_t d, double* __restrict__ to) {
  for (long long e = grid_index(); e < d * d; e += grid_stride())
    to[e] = 0.5 * (static_cast<double>(a[e]) + static_cast<double>(a[e % d * d + e / d]));
}
__global__ void __launch_bounds__(kEighThreads)
    transpose_square(const double* __restrict__ a, std::int64_t d, double* __restrict__ to) {
  for (long long e = grid_index(); e < d * d; e += grid_stride()) to[e] = a[e % d * d + e / d];
}

}  // namespace limbic::cuda::device
