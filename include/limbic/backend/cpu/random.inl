// Included once for each instruction set; see isa.hpp.
struct RandomRows {
  static constexpr index_t kBlocks = 32;

  // The words of blocks [block, block + kBlocks). Constant counts let compilers vectorise at -O2 too.
  static void words(PhiloxKey draw, std::uint64_t block, std::uint32_t* LIMBIC_RESTRICT w) {
    std::uint32_t part[4][kBlocks];
    for (index_t b = 0; b < kBlocks; ++b) {
      const PhiloxBlock c = philox_block(draw, block + static_cast<std::uint64_t>(b));
      part[0][b] = c.word[0];
      part[1][b] = c.word[1];
      part[2][b] = c.word[2];
      part[3][b] = c.word[3];
    }
    for (index_t b = 0; b < kBlocks; ++b)
      for (index_t j = 0; j < 4; ++j) w[4 * b + j] = part[j][b];
  }

  // out[begin, end) of a draw by make(words, out, count), a chunk at a time; begin is a multiple of a chunk.
  template <class T, class Make>
  [[gnu::flatten]] static void values(T* out, index_t begin, index_t end, PhiloxKey draw, const Make& make) {
    constexpr index_t kChunk = 4 * kBlocks / Make::kWords;
    std::uint32_t w[4 * kBlocks];
    T chunk[kChunk];
    for (index_t i = begin; i < end; i += kChunk) {
      words(draw, static_cast<std::uint64_t>(i / kChunk * kBlocks), w);
      make(static_cast<const std::uint32_t*>(w), chunk, kChunk);
      const index_t n = end - i < kChunk ? end - i : kChunk;
      if (n == kChunk) __builtin_memcpy(out + i, chunk, sizeof chunk);
      else __builtin_memcpy(out + i, chunk, static_cast<std::size_t>(n) * sizeof(T));
    }
  }
};
