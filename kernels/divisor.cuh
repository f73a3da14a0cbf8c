// Division by a number that is divided by again and again, and without a call: what the compiler makes of
// divisions of 64 bits, and of doubles, is a function that costs registers.
#pragma once

#include "prelude.cuh"

namespace limbic::cuda::device {

// n / d for 0 <= n < 2^31 and 1 <= d < 2^31 by a multiplication (Granlund and Montgomery, PLDI 1994).
struct Divisor {
  int d;
  unsigned multiplier, shift = 0;
  __host__ __device__ explicit Divisor(int divisor) : d(divisor) {
    while ((1u << shift) < static_cast<unsigned>(d)) ++shift;
    const unsigned long long over = (1ull << shift) - static_cast<unsigned>(d);
    multiplier = static_cast<unsigned>((over << 32) / static_cast<unsigned>(d)) + 1u;
  }
  __device__ int quotient(int n) const {
    const auto u = static_cast<unsigned>(n);
    return static_cast<int>((__umulhi(u, multiplier) + u) >> shift);
  }
};

// The same for 0 <= n < 2^63, 1 <= d < 2^31.
struct WideDivisor {
  unsigned long long multiplier;
  unsigned shift = 0;
  __host__ __device__ explicit WideDivisor(int divisor) {
    const auto d = static_cast<unsigned long long>(divisor);
    while ((1ull << shift) < d) ++shift;
    // floor(2^64 (2^shift - d) / d) + 1, 32 bits at a time.
    const unsigned long long over = ((1ull << shift) - d) << 32, high = over / d;
    multiplier = (high << 32) + ((over - high * d) << 32) / d + 1;
  }
  __device__ long long quotient(long long n) const {
    const auto u = static_cast<unsigned long long>(n);
    return static_cast<long long>((__umul64hi(u, multiplier) + u) >> shift);
  }
};

// 1 / n for whole numbers from 1 to 2^31, to the last bits.
__device__ inline float reciprocal(float n) { return 1.0f / n; }
__device__ inline double reciprocal(double n) {
  double r = 1.0f / static_cast<float>(n);
  r *= math::fma(-n, r, 2.0);
  r *= math::fma(-n, r, 2.0);
  return r;
}

}  // namespace limbic::cuda::device
