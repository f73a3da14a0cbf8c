// What one core of this machine reaches in multiply-adds: the yardstick of the products' speed.
#pragma once

#include <limbic/backend/cpu/isa.hpp>

#include <algorithm>
#include <chrono>

#define LIMBIC_ISA_FILE <peak_flops.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic::bench {

// Floating point operations per second of one thread; the best of some milliseconds of trying.
template <class T>
double peak_flops() {
  using Clock = std::chrono::steady_clock;
  return cpu::on_isa<cpu::portable::PeakFlops<T>, cpu::avx2::PeakFlops<T>, cpu::avx512::PeakFlops<T>>([](auto k) {
    double best = 0;
    for (int i = 0; i < 100; ++i) {
      const auto start = Clock::now();
      const double flops = k.run(20000);
      best = std::max(best, flops / std::chrono::duration<double>(Clock::now() - start).count());
    }
    return best;
  });
}

}  // namespace limbic::bench
