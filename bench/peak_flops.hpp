// What one core of this machine reaches in multiply-adds: the yardstick of the products' speed.
#pragma once

#include <limbic/backend/cpu/isa.hpp>

#include <algorithm>
#include <array>
#include <chrono>

#define LIMBIC_ISA_FILE <peak_flops.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic::bench {

// Floating point operations per second of one thread: the median of some milliseconds of trying, which
// neither a moment's higher clock nor other work on the machine moves.
template <class T>
double peak_flops() {
  using Clock = std::chrono::steady_clock;
  return cpu::on_isa<cpu::portable::PeakFlops<T>, cpu::avx2::PeakFlops<T>, cpu::avx512::PeakFlops<T>>(
      [](auto k) {
        std::array<double, 51> rates;
        for (double& rate : rates) {
          const auto start = Clock::now();
          const double flops = k.run(20000);
          rate = flops / std::chrono::duration<double>(Clock::now() - start).count();
        }
        std::nth_element(rates.begin(), rates.begin() + 25, rates.end());
        return rates[25];
      });
}

}  // namespace limbic::bench
