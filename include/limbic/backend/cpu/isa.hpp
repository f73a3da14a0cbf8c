// Which instruction set the CPU kernels use, found at run time.
//
// Kernels that gain from wide vectors live in files "*.inl", which isa_foreach.hpp includes once for
// each instruction set, each time in another namespace (cpu::portable, cpu::avx2, cpu::avx512) and
// compiled for that set whatever flags the program is built with. Such a file defines one struct with
// static member functions; on_isa() picks the struct. It uses the compiler's own vector types
// (vector_size attributes), so no intrinsics header is needed and other processors work too.
#pragma once

#include <limbic/config.hpp>

#include <atomic>

namespace limbic::cpu {

// portable: whatever the compiler makes of vectors of 16 bytes; avx2 with fma; avx512 with f, bw, dq and vl.
enum class Isa { portable, avx2, avx512 };

// What this processor can do.
inline Isa detected_isa() {
#if defined(__x86_64__)
  static const Isa isa = [] {
    __builtin_cpu_init();
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
      return Isa::avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return Isa::avx2;
    return Isa::portable;
  }();
  return isa;
#else
  return Isa::portable;
#endif
}

namespace detail {
inline std::atomic<Isa>& chosen_isa() {
  static std::atomic<Isa> isa{detected_isa()};
  return isa;
}
}  // namespace detail

// What the kernels use: detected_isa() unless set_isa() said otherwise.
inline Isa isa() { return detail::chosen_isa().load(std::memory_order_relaxed); }

// Restricts the kernels to an instruction set (tests run all of them). Anything above what the
// processor has is lowered to what it has. Results differ between sets in the last bits.
inline void set_isa(Isa wanted) {
  detail::chosen_isa().store(wanted < detected_isa() ? wanted : detected_isa(), std::memory_order_relaxed);
}

// Calls f(K{}) with the struct of the chosen instruction set.
template <class Portable, class Avx2, class Avx512, class F>
auto on_isa(F&& f) {
  switch (isa()) {
    case Isa::avx512: return f(Avx512{});
    case Isa::avx2: return f(Avx2{});
    default: return f(Portable{});
  }
}

}  // namespace limbic::cpu

// What each namespace knows of itself.
namespace limbic::cpu::portable {
inline constexpr Isa kIsa = Isa::portable;
inline constexpr int kVectorBytes = 16;
}  // namespace limbic::cpu::portable
#if defined(__x86_64__)
namespace limbic::cpu::avx2 {
inline constexpr Isa kIsa = Isa::avx2;
inline constexpr int kVectorBytes = 32;
}  // namespace limbic::cpu::avx2
namespace limbic::cpu::avx512 {
inline constexpr Isa kIsa = Isa::avx512;
inline constexpr int kVectorBytes = 64;
}  // namespace limbic::cpu::avx512
#endif
