// Included once for each instruction set, after random.inl; see isa.hpp.
struct DropoutRows {
  static constexpr index_t kChunk = 4 * RandomRows::kBlocks;

  // y_i = word i of the draw < threshold ? 0 : scale x_i, i in [begin, end); begin is a multiple of kChunk.
  // 0 < threshold < 2^32.
  template <class T>
  [[gnu::flatten]] static void run(const T* LIMBIC_RESTRICT x, T* LIMBIC_RESTRICT y, index_t begin, index_t end,
                                   PhiloxKey draw, std::uint32_t threshold, T scale) {
    std::uint32_t w[kChunk];
    index_t i = begin;
    for (; i + kChunk <= end; i += kChunk) {
      RandomRows::words(draw, static_cast<std::uint64_t>(i / 4), w);
      for (index_t j = 0; j < kChunk; ++j) {
        const T v = x[i + j] * scale;
        y[i + j] = w[j] < threshold ? T(0) : v;
      }
    }
    if (i == end) return;
    RandomRows::words(draw, static_cast<std::uint64_t>(i / 4), w);
    for (index_t j = 0; i + j < end; ++j) y[i + j] = w[j] < threshold ? T(0) : x[i + j] * scale;
  }
};
