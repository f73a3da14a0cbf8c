// Random numbers on the CPU: what core/random.hpp draws, in pieces on all threads.
//
// Bitwise the same for any number of threads and any instruction set.
#pragma once

#include <limbic/backend/cpu/isa.hpp>
#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/core/random.hpp>

#include <cmath>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/random.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

namespace cpu::detail {

// Calls k.values(...) for pieces of whole chunks.
template <class T, class Make>
void random_values(T* out, index_t n, PhiloxKey draw, const Make& make) {
  constexpr index_t kGrain = 16384;  // a multiple of every chunk
  parallel_for(n, kGrain, [&](index_t begin, index_t end) {
    on_isa<portable::RandomRows, avx2::RandomRows, avx512::RandomRows>(
        [&](auto k) { decltype(k)::values(out, begin, end, draw, make); });
  });
}

template <class T>
struct MakeUniform {
  static constexpr int kWords = sizeof(T) / 4;
  T low, width, last;
  LIMBIC_INLINE void operator()(const std::uint32_t* w, T* out, index_t n) const {
    for (index_t i = 0; i < n; ++i) {
      T u;
      if constexpr (kWords == 1) u = __builtin_fmaf(unit_float(w[i]), width, low);
      else u = __builtin_fma(unit_double((std::uint64_t{w[2 * i + 1]} << 32) | w[2 * i]), width, low);
      out[i] = u < last ? u : last;
    }
  }
};

template <class T>
struct MakeNormal {
  static constexpr int kWords = sizeof(T) / 4;
  double mean, std;
  LIMBIC_INLINE void operator()(const std::uint32_t* w, T* out, index_t n) const {
    for (index_t i = 0; i < n / 2; ++i) {
      NormalPair z;
      if constexpr (kWords == 1) {
        z = normal_pair(w[2 * i], w[2 * i + 1]);
      } else {
        z = normal_pair((std::uint64_t{w[4 * i + 1]} << 32) | w[4 * i],
                        (std::uint64_t{w[4 * i + 3]} << 32) | w[4 * i + 2]);
      }
      out[2 * i] = static_cast<T>(__builtin_fma(std, z.first, mean));
      out[2 * i + 1] = static_cast<T>(__builtin_fma(std, z.second, mean));
    }
  }
};

template <class T>
struct MakeEvents {
  static constexpr int kWords = 1;
  std::uint32_t last;  // the highest word of an event; there is one
  LIMBIC_INLINE void operator()(const std::uint32_t* w, T* out, index_t n) const {
    for (index_t i = 0; i < n; ++i) out[i] = static_cast<T>(w[i] <= last);
  }
};

struct MakeIntegers {
  static constexpr int kWords = 2;
  std::uint64_t low, range;
  LIMBIC_INLINE void operator()(const std::uint32_t* w, index_t* out, index_t n) const {
    for (index_t i = 0; i < n; ++i)
      out[i] =
          static_cast<index_t>(low + philox_below((std::uint64_t{w[2 * i + 1]} << 32) | w[2 * i], range));
  }
};

}  // namespace cpu::detail

// low + u_i (high - low), i < n, kept below high.
template <class T>
void uniform_values(Cpu, T* out, index_t n, PhiloxKey draw, T low, T high) {
  // The largest number below high, whatever the sign; low where there is none between.
  const T last = high > low ? std::nextafter(high, low) : low;
  cpu::detail::random_values(out, n, draw, cpu::detail::MakeUniform<T>{low, high - low, last});
}
// mean + std z_i, i < n, rounded once.
template <class T>
void normal_values(Cpu, T* out, index_t n, PhiloxKey draw, T mean, T std) {
  cpu::detail::random_values(out, n, draw,
                             cpu::detail::MakeNormal<T>{static_cast<double>(mean), static_cast<double>(std)});
}
// Whether word i, i < n, is below the threshold (philox_threshold()), as T.
template <class T>
void bernoulli_values(Cpu, T* out, index_t n, PhiloxKey draw, std::uint64_t threshold) {
  if (threshold == 0) std::fill_n(out, n, T(0));
  else
    cpu::detail::random_values(out, n, draw,
                               cpu::detail::MakeEvents<T>{static_cast<std::uint32_t>(threshold - 1)});
}
// Uniform in low .. high - 1, low < high, from words 2i and 2i + 1.
inline void integer_values(Cpu, index_t* out, index_t n, PhiloxKey draw, index_t low, index_t high) {
  const auto from = static_cast<std::uint64_t>(low);
  cpu::detail::random_values(out, n, draw,
                             cpu::detail::MakeIntegers{from, static_cast<std::uint64_t>(high) - from});
}

}  // namespace limbic
