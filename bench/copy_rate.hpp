// What memory-bound kernels are measured against.
#pragma once

#include <benchmark/benchmark.h>
#include <limbic/core/shape.hpp>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <map>
#include <vector>

namespace limbic::bench {

// Bytes read and written a second by the best of some copies of n floats, measured anew each time: what
// other programs leave of the memory changes.
inline double copy_rate(index_t n) {
  static std::map<index_t, std::pair<std::vector<float>, std::vector<float>>> arrays;
  auto& [from, to] = arrays[n];
  if (from.empty()) from.assign(static_cast<std::size_t>(n), 1.0f), to = from;
  const double bytes = 2.0 * sizeof(float) * static_cast<double>(n);
  const int inner = static_cast<int>(std::max(1.0, 4e6 / bytes));
  double rate = 0;
  for (int repeat = 0; repeat < 20; ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < inner; ++i) {
      std::memcpy(to.data(), from.data(), static_cast<std::size_t>(n) * sizeof(float));
      benchmark::DoNotOptimize(to.data());
      benchmark::ClobberMemory();
    }
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    rate = std::max(rate, bytes * inner / time.count());
  }
  return rate;
}

}  // namespace limbic::bench
