// What a kernel file sees in the namespace of its instruction set (isa_test.cpp).
struct IsaProbe {
  static constexpr Isa compiled_for = kIsa;
  static constexpr int vector_bytes = kVectorBytes;

  // sum_i x_i y_i, n a multiple of the vector's length
  static float dot(const float* x, const float* y, index_t n) {
    using Vector [[gnu::vector_size(kVectorBytes), gnu::aligned(4), gnu::may_alias]] = float;
    constexpr index_t lanes = kVectorBytes / 4;
    Vector sum = {};
    for (index_t i = 0; i < n; i += lanes)
      sum += *reinterpret_cast<const Vector*>(x + i) * *reinterpret_cast<const Vector*>(y + i);
    float total = 0;
    for (int lane = 0; lane < lanes; ++lane) total += sum[lane];
    return total;
  }
};
