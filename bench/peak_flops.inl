// The fastest multiply-add loop of an instruction set: nothing but registers. See peak_flops.hpp.

template <class T>
struct PeakFlops {
  typedef T V __attribute__((vector_size(kVectorBytes)));
  static constexpr int kChains =
      12;  // independent sums: more than latency times throughput, within 16 registers

  // Does `rounds` rounds; returns their floating point operations.
  static double run(index_t rounds) {
    V s0{}, s1{}, s2{}, s3{}, s4{}, s5{}, s6{}, s7{}, s8{}, s9{}, s10{}, s11{};
    V x = V{} + T(0.5), y = V{} + T(0.25);
    // Hides that all sums are the same.
    __asm__ volatile("" : "+x"(x), "+x"(y), "+x"(s0), "+x"(s1), "+x"(s2), "+x"(s3), "+x"(s4), "+x"(s5));
    __asm__ volatile("" : "+x"(s6), "+x"(s7), "+x"(s8), "+x"(s9), "+x"(s10), "+x"(s11));
    for (index_t i = 0; i < rounds; ++i) {
      s0 = s0 * x + y, s1 = s1 * x + y, s2 = s2 * x + y, s3 = s3 * x + y;
      s4 = s4 * x + y, s5 = s5 * x + y, s6 = s6 * x + y, s7 = s7 * x + y;
      s8 = s8 * x + y, s9 = s9 * x + y, s10 = s10 * x + y, s11 = s11 * x + y;
    }
    s0 += s1 + s2 + s3 + s4 + s5 + s6 + s7 + s8 + s9 + s10 + s11;
    __asm__ volatile("" : : "x"(s0));
    return static_cast<double>(rounds) * kChains * 2 * (kVectorBytes / static_cast<int>(sizeof(T)));
  }
};
