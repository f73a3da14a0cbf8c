// Included once for each instruction set, after vec.inl; see isa.hpp.
struct DropoutRows {
  using VecW = unsigned long long __attribute__((vector_size(kVectorBytes)));
  using HalfF = unsigned short __attribute__((vector_size(kVectorBytes / 2)));
  using HalfD = unsigned short __attribute__((vector_size(kVectorBytes / 4)));
  static constexpr int kBlocks = kVectorBytes / 8;  // Philox blocks a vector: one for each 64-bit lane
  static constexpr int kStep = 8 * kBlocks;         // elements they decide over

  // y_i = half i % 2 of word i / 2 of the draw < threshold ? 0 : scale x_i, i in [begin, end); begin is a
  // multiple of kStep.
  template <class T>
  static void run(const T* LIMBIC_RESTRICT x, T* LIMBIC_RESTRICT y, index_t begin, index_t end,
                  PhiloxKey draw, std::uint32_t threshold, T scale) {
    // Lanes of 16 bits, one an element, as lanes of T's size.
    constexpr int n = kLanes<T>;
    using Narrow = std::conditional_t<sizeof(T) == 4, HalfF, HalfD>;
    using Mask = typename VecOf<T>::Mask;
    const Keys keys = keys_of(draw);
    alignas(64) unsigned short half[kStep];
    for (index_t i = begin; i < end; i += kStep) {
      words(keys, draw.position + static_cast<std::uint64_t>(i / 8), half);
      if (i + kStep > end) {
        for (index_t j = 0; i + j < end; ++j) y[i + j] = half[j] < threshold ? T(0) : x[i + j] * scale;
        return;
      }
      for (int j = 0; j < kStep; j += n) {
        Narrow h;
        __builtin_memcpy(&h, half + j, sizeof h);
        const Mask dropped = (Mask)(__builtin_convertvector(h, Mask) < static_cast<int>(threshold));
        const Vec<T> v = load(x + i + j) * scale, zero{};
        store(y + i + j, dropped ? zero : v);
      }
    }
  }

  // kept_j = whether word first + j of the draw is not below `threshold`, j in [0, n).
  static void keep(PhiloxKey draw, std::uint64_t first, index_t n, std::uint64_t threshold,
                   std::uint8_t* kept) {
    const Keys keys = keys_of(draw);
    alignas(64) unsigned short half[kStep];
    index_t skip = static_cast<index_t>(first % 4);
    for (std::uint64_t block = first / 4; n > 0; block += kBlocks, skip = 0) {
      words(keys, draw.position + block, half);
      const index_t count = std::min<index_t>(n, 4 * kBlocks - skip);
      for (index_t j = 0; j < count; ++j) {
        std::uint32_t word;
        __builtin_memcpy(&word, half + 2 * (skip + j), sizeof word);
        kept[j] = word >= threshold;
      }
      kept += count;
      n -= count;
    }
  }

 private:
  struct Keys {
    std::uint64_t k0[10], k1[10];
  };
  static LIMBIC_INLINE Keys keys_of(PhiloxKey draw) {
    Keys keys;
    for (int r = 0; r < 10; ++r) {
      keys.k0[r] = static_cast<std::uint32_t>(draw.key) + static_cast<std::uint32_t>(r) * 0x9e3779b9u;
      keys.k1[r] = static_cast<std::uint32_t>(draw.key >> 32) + static_cast<std::uint32_t>(r) * 0xbb67ae85u;
    }
    return keys;
  }

  // Products of the low halves of the lanes.
  template <class V, class I = VecI, class L = VecL>
  static LIMBIC_INLINE V multiply(V a, V b) {
#if defined(__x86_64__) && !defined(__clang__)
    if constexpr (sizeof(V) == 64) return (V)__builtin_ia32_pmuludq512_mask((I)a, (I)b, (L)a, 0xff);
    else if constexpr (sizeof(V) == 32) return (V)__builtin_ia32_pmuludq256((I)a, (I)b);
    else return (V)__builtin_ia32_pmuludq128((I)a, (I)b);
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
  }

  // The words of blocks block ... block + kBlocks - 1, in order. A 64-bit lane is one block; only its low
  // half counts, which is all that products look at. (The rounds of core/philox.hpp, written for vectors:
  // that is twice as fast as what compilers make of them.)
  static LIMBIC_INLINE void words(const Keys& keys, std::uint64_t block, unsigned short* out) {
    VecW c0 = lanes(std::make_index_sequence<kBlocks>{}) + block, c1 = c0 >> 32, c2{}, c3{};
    const VecW m0 = VecW{} + 0xd2511f53u, m1 = VecW{} + 0xcd9e8d57u;
#pragma GCC unroll 10
    for (int r = 0; r < 10; ++r) {
      const VecW p0 = multiply<VecW>(c0, m0), p1 = multiply<VecW>(c2, m1);
      c0 = (p1 >> 32) ^ c1 ^ keys.k0[r];
      c2 = (p0 >> 32) ^ c3 ^ keys.k1[r];
      c1 = p1;
      c3 = p0;
    }
    const VecW first = (c0 & 0xffffffffu) | (c1 << 32), second = (c2 & 0xffffffffu) | (c3 << 32);
    interleave(first, second, out, std::make_index_sequence<kBlocks>{});
  }
  template <std::size_t... l>
  static LIMBIC_INLINE VecW lanes(std::index_sequence<l...>) {
    return VecW{l...};
  }
  // a0 b0 a1 b1 ...
  template <std::size_t... l>
  static LIMBIC_INLINE void interleave(VecW a, VecW b, unsigned short* out, std::index_sequence<l...>) {
    constexpr int n = kBlocks;
    const VecW low = __builtin_shufflevector(a, b, (static_cast<int>(l) / 2 + (l % 2 ? n : 0))...);
    const VecW high = __builtin_shufflevector(a, b, (n / 2 + static_cast<int>(l) / 2 + (l % 2 ? n : 0))...);
    __builtin_memcpy(out, &low, sizeof low);
    __builtin_memcpy(out + 4 * kBlocks, &high, sizeof high);
  }
};
