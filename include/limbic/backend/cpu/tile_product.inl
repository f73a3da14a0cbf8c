// Products of small matrices that lie in the first-level cache, and the packing for them; one instruction
// set. Used by attention.inl. kLanes-wide columns: the right factor and the result have rows of `ld`
// numbers, a multiple of kLanes, whose padding is computed along.
struct Tile {
  template <class T>
  static LIMBIC_INLINE index_t padded(index_t n) {
    return (n + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  }

  // kRows rows and kVectors vectors of c in registers: c (+)= a b. Row r and depth k of a is
  // a[r * lda + k], or a[k * lda + r] if kTransposed.
  template <int kRows, int kVectors, bool kTransposed, class T>
  static LIMBIC_INLINE void block(index_t depth, const T* a, index_t lda, const T* b, index_t ldb, T* c,
                                  index_t ldc, bool accumulate) {
    Vec<T> sum[kRows][kVectors];
    unrolled<kRows>([&](auto r) LIMBIC_LAMBDA {
      unrolled<kVectors>([&](auto v) LIMBIC_LAMBDA {
        sum[r][v] = accumulate ? load(c + r * ldc + v * kLanes<T>) : Vec<T>{};
      });
    });
    for (index_t k = 0; k < depth; ++k) {
      Vec<T> right[kVectors];
      unrolled<kVectors>([&](auto v) LIMBIC_LAMBDA { right[v] = load(b + k * ldb + v * kLanes<T>); });
      unrolled<kRows>([&](auto r) LIMBIC_LAMBDA {
        const Vec<T> left = splat(kTransposed ? a[k * lda + r] : a[r * lda + k]);
        unrolled<kVectors>([&](auto v) LIMBIC_LAMBDA { sum[r][v] += left * right[v]; });
      });
    }
    unrolled<kRows>([&](auto r) LIMBIC_LAMBDA {
      unrolled<kVectors>([&](auto v) LIMBIC_LAMBDA { store<T>(c + r * ldc + v * kLanes<T>, sum[r][v]); });
    });
  }

  template <int kVectors, bool kTransposed, class T>
  static void columns(index_t rows, index_t depth, const T* a, index_t lda, const T* b, index_t ldb, T* c,
                      index_t ldc, bool accumulate) {
    constexpr int kRows = 6;  // 24 sums of 32 registers, or 12 of 16
    const index_t step = kTransposed ? 1 : lda;
    index_t r = 0;
    for (; r + kRows <= rows; r += kRows)
      block<kRows, kVectors, kTransposed>(depth, a + r * step, lda, b, ldb, c + r * ldc, ldc, accumulate);
    for (; r + 2 <= rows; r += 2)
      block<2, kVectors, kTransposed>(depth, a + r * step, lda, b, ldb, c + r * ldc, ldc, accumulate);
    if (r < rows)
      block<1, kVectors, kTransposed>(depth, a + r * step, lda, b, ldb, c + r * ldc, ldc, accumulate);
  }

  // c (rows, cols) (+)= a (rows, depth) b (depth, cols), or a' b with a (depth, rows) if kTransposed.
  template <bool kTransposed, class T>
  static void multiply(index_t rows, index_t cols, index_t depth, const T* a, index_t lda, const T* b,
                       index_t ldb, T* c, index_t ldc, bool accumulate) {
    constexpr int kMost = kIsa == Isa::avx512 ? 4 : 2;
    index_t vectors = padded<T>(cols) / kLanes<T>;
    while (vectors > 0) {
      // 5 = 3 + 2 rather than 4 + 1: few sums in flight leave the multipliers waiting.
      const index_t now = vectors == kMost + 1 && kMost > 2 ? 3 : (vectors < kMost ? vectors : kMost);
      if constexpr (kMost == 4) {
        if (now == 4) columns<4, kTransposed>(rows, depth, a, lda, b, ldb, c, ldc, accumulate);
        if (now == 3) columns<3, kTransposed>(rows, depth, a, lda, b, ldb, c, ldc, accumulate);
      }
      if (now == 2) columns<2, kTransposed>(rows, depth, a, lda, b, ldb, c, ldc, accumulate);
      if (now == 1) columns<1, kTransposed>(rows, depth, a, lda, b, ldb, c, ldc, accumulate);
      vectors -= now;
      b += now * kLanes<T>;
      c += now * kLanes<T>;
    }
  }

  // to[c * ld + r] = factor from[r * stride + c] for r < rows, c < cols; zeros for rows <= r < padded(rows).
  template <class T>
  static void pack_transposed(const T* from, index_t stride, index_t rows, index_t cols, T factor, T* to,
                              index_t ld) {
    constexpr int kWidth = kLanes<T>;
    for (index_t r = 0; r < rows; r += kWidth)
      for (index_t c = 0; c < cols; c += kWidth) {
        const T* source = from + r * stride + c;
        T* target = to + c * ld + r;
        Vec<T> v[kWidth];
        if (r + kWidth <= rows && c + kWidth <= cols) {
          unrolled<kWidth>([&](auto i) LIMBIC_LAMBDA { v[i] = load(source + i * stride); });
          transpose<T>(v);
          unrolled<kWidth>([&](auto i) LIMBIC_LAMBDA { store<T>(target + i * ld, v[i] * factor); });
        } else {
          const int width = static_cast<int>(std::min(index_t{kWidth}, cols - c));
          unrolled<kWidth>([&](auto i) LIMBIC_LAMBDA {
            v[i] = r + i < rows ? load_part(source + i * stride, width, Vec<T>{}) : Vec<T>{};
          });
          transpose<T>(v);
          unrolled<kWidth>([&](auto i) LIMBIC_LAMBDA {
            if (i < width) store<T>(target + i * ld, v[i] * factor);
          });
        }
      }
  }

  // Rows that can be the right factor: `from` itself where its rows fill whole vectors and are dense, else
  // a padded copy in `to`. Returns it and sets ld.
  template <class T>
  static const T* as_right(const T* from, index_t stride, index_t rows, index_t cols, T* to, index_t& ld) {
    ld = padded<T>(cols);
    if (ld == cols && stride == cols) return from;
    for (index_t r = 0; r < rows; ++r)
      for_vectors<T>(cols, [&](index_t c, auto at)
                               LIMBIC_LAMBDA { store<T>(to + r * ld + c, at.load(from + r * stride + c)); });
    return to;
  }

  // to (rows of `stride`) (+)= factor * from (rows of ld).
  template <class T>
  static void write(const T* from, index_t ld, index_t rows, index_t cols, T factor, T* to, index_t stride,
                    bool accumulate) {
    for (index_t r = 0; r < rows; ++r)
      for_vectors<T>(cols, [&](index_t c, auto at) LIMBIC_LAMBDA {
        Vec<T> v = load(from + r * ld + c) * factor;
        if (accumulate) v += at.load(to + r * stride + c);
        at.store(to + r * stride + c, v);
      });
  }
};
