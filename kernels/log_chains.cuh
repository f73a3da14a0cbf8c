// Derivatives of the matrix logarithm in the eigenbasis, of order p.
//
//   R_ij = sum over the orders of 1..p, sum over k_1 ... k_{p-1} of
//          log[e_i, e_k1, ..., e_j] F_1(i, k1) F_2(k1, k2) ... F_p(k_{p-1}, j)
//
//   plan     a thread an element on or above the diagonal; all orders and chains one after the other
//   launch   1-D blocks of kChainThreads; no shared memory
//   work     d^2 / 2 divided differences of 2 points for p = 1 (a training step), p! d^(p + 1) / 2 of p + 1 points
//   repeats  bit for bit
//   source   Daleckii and Krein; Higham, "Functions of Matrices", 2008, 3.2 and 3.6
#pragma once

#include <limbic/backend/cuda/launch/eigh.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kChainThreads = 128;

// The series of log[x_0, ..., x_p] about the middle c of points that are close: c^-p sum_m (-1)^(p+m-1) /
// (p+m) h_m(x / c - 1), h_m the sum of all products of m of them.
__device__ inline double log_series(const double* x, int count, double c) {
  constexpr int kTerms = 26;
  double h[kTerms] = {1};
  for (int i = 0; i < count; ++i)
    for (int m = 1; m < kTerms; ++m) h[m] = math::fma(x[i] / c - 1, h[m - 1], h[m]);
  const int p = count - 1;
  double sum = 0, power = 1;
  for (int m = kTerms - 1; m >= 0; --m) sum += ((p + m) % 2 ? h[m] : -h[m]) / (p + m);
  for (int i = 0; i < p; ++i) power *= c;
  return sum / power;
}

// log[x_0, ..., x_(count - 1)], x positive; sorts x.
__device__ inline double log_divided_difference(double* x, int count) {
  double part[LogChainsCall::kMaxDirections + 1];
  for (int i = 1; i < count; ++i) {
    const double v = x[i];
    int at = i;
    for (; at > 0 && x[at - 1] > v; --at) x[at] = x[at - 1];
    x[at] = v;
  }
  for (int i = 0; i < count; ++i) part[i] = math::log(x[i]);
  for (int length = 2; length <= count; ++length)
    for (int a = 0; a + length <= count; ++a) {
      const double low = x[a], high = x[a + length - 1];
      if (high - low <= 0.1 * (high + low)) part[a] = log_series(x + a, length, 0.5 * (low + high));
      else if (length == 2) part[a] = 2 * ::atanh((high - low) / (high + low)) / (high - low);
      else part[a] = (part[a + 1] - part[a]) / (high - low);
    }
  return part[0];
}

__global__ void __launch_bounds__(kChainThreads, 2) log_chains(const __grid_constant__ LogChainsCall call) {
  const std::int64_t d = call.d, e = grid_index(), i = e / d, j = e - i * d;
  if (e >= d * d || i > j) return;
  const int p = call.count;
  int orders = 1;
  for (int q = 2; q <= p; ++q) orders *= q;
  double sum = 0;
  for (int order = 0; order < orders; ++order) {
    // The order's number written with the digits p, p - 1, ...: which of the directions left comes next.
    int which[LogChainsCall::kMaxDirections];
    unsigned used = 0;
    for (int q = 0, rest = order; q < p; ++q) {
      int skip = rest % (p - q);
      rest /= p - q;
      int f = 0;
      for (;; ++f) {
        if (used >> f & 1u) continue;
        if (skip-- == 0) break;
      }
      which[q] = f;
      used |= 1u << f;
    }
    std::int64_t via[LogChainsCall::kMaxDirections + 1] = {i};
    via[p] = j;
    for (;;) {
      double product = 1, x[LogChainsCall::kMaxDirections + 1];
      for (int q = 0; q < p; ++q) product *= call.directions[which[q]][via[q] * d + via[q + 1]];
      for (int q = 0; q <= p; ++q) x[q] = call.values[via[q]];
      sum = math::fma(product, log_divided_difference(x, p + 1), sum);
      int at = p - 1;  // the next chain
      while (at > 0 && ++via[at] == d) via[at--] = 0;
      if (at == 0) break;
    }
  }
  call.r[i * d + j] = call.r[j * d + i] = sum;
}

}  // namespace limbic::cuda::device
