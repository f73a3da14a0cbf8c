#include <doctest/doctest.h>

#include <limbic/backend/cpu/isa.hpp>

#include <array>

#define LIMBIC_ISA_FILE <backend/cpu/isa_probe.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace cpu = limbic::cpu;
using cpu::Isa;

namespace {

struct KeepIsa {
  ~KeepIsa() { cpu::set_isa(before); }
  Isa before = cpu::isa();
};

template <class F>
auto on_probe(F f) {
  return cpu::on_isa<cpu::portable::IsaProbe, cpu::avx2::IsaProbe, cpu::avx512::IsaProbe>(f);
}

}  // namespace

TEST_CASE("the best instruction set is chosen at first") { CHECK(cpu::isa() == cpu::detected_isa()); }

TEST_CASE("set_isa lowers what is chosen, never above what the processor has") {
  KeepIsa keep;
  for (Isa wanted : {Isa::portable, Isa::avx2, Isa::avx512}) {
    cpu::set_isa(wanted);
    CHECK(cpu::isa() == (wanted < cpu::detected_isa() ? wanted : cpu::detected_isa()));
  }
}

TEST_CASE("on_isa picks the struct compiled for the chosen set") {
  KeepIsa keep;
  for (Isa wanted : {Isa::portable, Isa::avx2, Isa::avx512}) {
    cpu::set_isa(wanted);
    const Isa got = on_probe([](auto kernel) { return decltype(kernel)::compiled_for; });
#if defined(__x86_64__)
    CHECK(got == cpu::isa());
#else
    CHECK(got == Isa::portable);
#endif
  }
}

TEST_CASE("each set computes with its own vectors") {
  KeepIsa keep;
  alignas(64) std::array<float, 64> x{}, y{};
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i);
    y[i] = static_cast<float>(i % 3);
  }
  float expected = 0;
  for (std::size_t i = 0; i < x.size(); ++i) expected += x[i] * y[i];
  for (Isa wanted : {Isa::portable, Isa::avx2, Isa::avx512}) {
    cpu::set_isa(wanted);
    // Whole numbers: exact in any order.
    CHECK(on_probe([&](auto kernel) { return decltype(kernel)::dot(x.data(), y.data(), 64); }) == expected);
  }
#if defined(__x86_64__)
  CHECK(cpu::portable::IsaProbe::vector_bytes == 16);
  CHECK(cpu::avx2::IsaProbe::vector_bytes == 32);
  CHECK(cpu::avx512::IsaProbe::vector_bytes == 64);
#endif
}
