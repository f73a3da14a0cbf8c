// Vectors of T for the matrix product, and the copying of matrix panels into the order in which the
// register tile reads them. Included once per instruction set by isa_foreach.hpp.
//
// A panel holds `lanes` rows of A (or columns of B) side by side: dst[k * dst_stride + lane].

template <class T>
struct GemmLanes {
  typedef T V __attribute__((vector_size(kVectorBytes)));
  static constexpr int kLanes = kVectorBytes / static_cast<int>(sizeof(T));

  static LIMBIC_INLINE V load(const T* p) {
    V v;
    __builtin_memcpy(&v, p, sizeof v);
    return v;
  }
  static LIMBIC_INLINE void store(T* p, const V& v) { __builtin_memcpy(p, &v, sizeof v); }

  // The first n (0 to kLanes) elements of p, then zeros; touches no memory past them.
  static LIMBIC_INLINE V load_n(const T* p, int n) {
    V v{};
#if defined(__x86_64__)
    const auto& memory = *reinterpret_cast<const char(*)[kVectorBytes]>(p);
    if constexpr (kVectorBytes == 64) {
      const unsigned short mask = static_cast<unsigned short>((1u << n) - 1u);
      if constexpr (sizeof(T) == 4) __asm__("vmovups %1, %0%{%2%}%{z%}" : "=v"(v) : "m"(memory), "Yk"(mask));
      else __asm__("vmovupd %1, %0%{%2%}%{z%}" : "=v"(v) : "m"(memory), "Yk"(mask));
      return v;
    } else if constexpr (kVectorBytes == 32) {
      const auto mask = first(n);
      if constexpr (sizeof(T) == 4) __asm__("vmaskmovps %1, %2, %0" : "=x"(v) : "m"(memory), "x"(mask));
      else __asm__("vmaskmovpd %1, %2, %0" : "=x"(v) : "m"(memory), "x"(mask));
      return v;
    }
#endif
    __builtin_memcpy(&v, p, static_cast<std::size_t>(n) * sizeof(T));
    return v;
  }

  // Writes the first n (0 to kLanes) elements only.
  static LIMBIC_INLINE void store_n(T* p, const V& v, int n) {
#if defined(__x86_64__)
    if constexpr (kVectorBytes == 64) {
      const unsigned short mask = static_cast<unsigned short>((1u << n) - 1u);
      if constexpr (sizeof(T) == 4)
        __asm__ volatile("vmovups %0, (%1)%{%2%}" : : "v"(v), "r"(p), "Yk"(mask) : "memory");
      else __asm__ volatile("vmovupd %0, (%1)%{%2%}" : : "v"(v), "r"(p), "Yk"(mask) : "memory");
      return;
    } else if constexpr (kVectorBytes == 32) {
      const auto mask = first(n);
      if constexpr (sizeof(T) == 4)
        __asm__ volatile("vmaskmovps %0, %2, (%1)" : : "x"(v), "r"(p), "x"(mask) : "memory");
      else __asm__ volatile("vmaskmovpd %0, %2, (%1)" : : "x"(v), "r"(p), "x"(mask) : "memory");
      return;
    }
#endif
    __builtin_memcpy(p, &v, static_cast<std::size_t>(n) * sizeof(T));
  }

  // The sum of the elements, by halves.
  static LIMBIC_INLINE T total(V v) { return total_of<kLanes / 2>(v, Order{}); }

  // Panels by whichever of the two strides is 1: a copy, a transposition, else one by one. Lanes past
  // `lanes` (up to the next multiple of kLanes) hold anything that is readable: they reach no result.
  static void pack(const T* src, index_t lane_stride, index_t k_stride, index_t lanes, index_t k, T* dst,
                   index_t dst_stride) {
    if (k == 0) return;  // there may be no memory
    for (index_t g = 0; g < lanes; g += kLanes, src += kLanes * lane_stride, dst += kLanes) {
      const int n = static_cast<int>(lanes - g < kLanes ? lanes - g : kLanes);
      if (lane_stride == 1 && n == kLanes) {
        for (index_t i = 0; i < k; ++i) store(dst + i * dst_stride, load(src + i * k_stride));
      } else if (lane_stride == 1) {
        for (index_t i = 0; i < k; ++i) store(dst + i * dst_stride, load_n(src + i * k_stride, n));
      } else if (k_stride == 1) {
        index_t i = 0;
        for (; i + kLanes <= k; i += kLanes)
          transpose_block<true>(src + i, lane_stride, n, kLanes, dst + i * dst_stride, dst_stride);
        if (i < k)
          transpose_block<false>(src + i, lane_stride, n, static_cast<int>(k - i), dst + i * dst_stride,
                                 dst_stride);
      } else {
        for (index_t i = 0; i < k; ++i)
          for (int lane = 0; lane < kLanes; ++lane)
            dst[i * dst_stride + lane] = lane < n ? src[i * k_stride + lane * lane_stride] : T(0);
      }
    }
  }

 private:
  static constexpr int kBlock = 16 / static_cast<int>(sizeof(T));  // elements of a 16-byte block
  static constexpr int kBlocks = kLanes / kBlock;
  using Order = std::make_integer_sequence<int, kLanes>;

  template <int distance, int... J>
  static LIMBIC_INLINE T total_of(const V& v, std::integer_sequence<int, J...> order) {
    if constexpr (distance == 0) return v[0];
    else return total_of<distance / 2>(v + __builtin_shufflevector(v, v, (J ^ distance)...), order);
  }

  static LIMBIC_INLINE auto first(int n) {
    using I = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
    typedef I Ints __attribute__((vector_size(kVectorBytes)));
    Ints index;
    LIMBIC_UNROLL for (int i = 0; i < kLanes; ++i) index[i] = i;
    return index < static_cast<I>(n);
  }

  // In every 16-byte block: units of `unit` elements of x and y in turn, from their lower or upper half.
  static constexpr int interleaved(int unit, int upper, int j) {
    const int u = j % kBlock / unit;
    return (u & 1) * kLanes + j / kBlock * kBlock + upper * (kBlock / 2) + u / 2 * unit + j % unit;
  }
  template <int unit, int upper, int... J>
  static LIMBIC_INLINE V interleave(const V& x, const V& y, std::integer_sequence<int, J...>) {
    return __builtin_shufflevector(x, y, interleaved(unit, upper, J)...);
  }
  // Every second 16-byte block of x, then of y, from the first or from the second.
  template <int odd, int... J>
  static LIMBIC_INLINE V alternate(const V& x, const V& y, std::integer_sequence<int, J...>) {
    return __builtin_shufflevector(x, y, ((2 * (J / kBlock) + odd) * kBlock + J % kBlock)...);
  }

  // Transposes in place: first within 16-byte blocks, then the blocks.
  static LIMBIC_INLINE void transpose(V (&r)[kLanes]) {
    V t[kLanes];
    LIMBIC_UNROLL for (int i = 0; i < kLanes; i += 2) {
      t[i] = interleave<1, 0>(r[i], r[i + 1], Order{});
      t[i + 1] = interleave<1, 1>(r[i], r[i + 1], Order{});
    }
    if constexpr (kBlock == 4) {
      LIMBIC_UNROLL for (int i = 0; i < kLanes; i += 4) {
        r[i] = interleave<2, 0>(t[i], t[i + 2], Order{});
        r[i + 1] = interleave<2, 1>(t[i], t[i + 2], Order{});
        r[i + 2] = interleave<2, 0>(t[i + 1], t[i + 3], Order{});
        r[i + 3] = interleave<2, 1>(t[i + 1], t[i + 3], Order{});
      }
    } else {
      LIMBIC_UNROLL for (int i = 0; i < kLanes; ++i) r[i] = t[i];
    }
    if constexpr (kBlocks == 2) {
      LIMBIC_UNROLL for (int e = 0; e < kBlock; ++e) {
        const V x = r[e], y = r[kBlock + e];
        r[e] = alternate<0>(x, y, Order{});
        r[kBlock + e] = alternate<1>(x, y, Order{});
      }
    } else if constexpr (kBlocks == 4) {
      LIMBIC_UNROLL for (int e = 0; e < kBlock; ++e) {
        const V x = r[e], y = r[kBlock + e], z = r[2 * kBlock + e], w = r[3 * kBlock + e];
        const V xy0 = alternate<0>(x, y, Order{}), xy1 = alternate<1>(x, y, Order{});
        const V zw0 = alternate<0>(z, w, Order{}), zw1 = alternate<1>(z, w, Order{});
        r[e] = alternate<0>(xy0, zw0, Order{});
        r[kBlock + e] = alternate<0>(xy1, zw1, Order{});
        r[2 * kBlock + e] = alternate<1>(xy0, zw0, Order{});
        r[3 * kBlock + e] = alternate<1>(xy1, zw1, Order{});
      }
    }
  }

  // `k` (all kLanes of them if `full`) elements of each of `n` lanes. The last lane stands for those
  // that are not there.
  template <bool full>
  static void transpose_block(const T* src, index_t lane_stride, int n, int k, T* dst, index_t dst_stride) {
    V r[kLanes];
    LIMBIC_UNROLL for (int i = 0; i < kLanes; ++i) {
      r[i] = full ? load(src) : load_n(src, k);
      if (i + 1 < n) src += lane_stride;
    }
    transpose(r);
    LIMBIC_UNROLL for (int i = 0; i < kLanes; ++i) if (full || i < k) store(dst + i * dst_stride, r[i]);
  }
};
