// Included once for each instruction set, after vec.inl and transpose.inl; see isa.hpp. Columns of a
// convolution: a matrix (K, n) with K = C / groups KH KW, of n output positions, rows `ld` apart.
struct Im2Col {
  // Positions [begin, end) of one image, of which x holds the channels of one group.
  template <class T>
  static void gather(const ConvShape& s, const T* x, index_t begin, index_t end, T* cols, index_t ld) {
    if (s.pointwise()) {
      for (index_t c = 0; c < s.group_channels(); ++c)
        copy(x + c * s.pixels() + begin, cols + c * ld, end - begin);
    } else if (s.partition() && s.kernel_w == 2) {
      for_pairs(s, begin, end, [&](index_t row, index_t at, index_t n, index_t from) {
        split(x + from, cols + row * ld + at, cols + (row + 1) * ld + at, n);
      });
    } else if (s.partition() && s.kernel_w == 4 && kLanes<T> % 4 == 0) {
      if constexpr (kLanes<T> % 4 == 0) gather_patches<T, 4>(s, x, begin, end, cols, ld);
    } else if (s.partition() && s.kernel_w == 8 && kLanes<T> % 8 == 0) {
      if constexpr (kLanes<T> % 8 == 0) gather_patches<T, 8>(s, x, begin, end, cols, ld);
    } else {
      for_rows(s, begin, end, [&](index_t row, index_t at, IndexRange r, index_t n, index_t from) {
        T* to = cols + row * ld + at;
        for (index_t i = 0; i < r.begin; ++i) to[i] = T(0);
        if (r.size() > 0) pick(x + from, s.stride_w, to + r.begin, r.size());
        for (index_t i = r.end; i < n; ++i) to[i] = T(0);
      });
    }
  }

  // x += the columns, each number at the place that gather() takes it from; where these places are all
  // different (pointwise or partition), x = the columns.
  template <class T>
  static void scatter(const ConvShape& s, const T* cols, index_t ld, index_t begin, index_t end, T* x) {
    if (s.pointwise()) {
      for (index_t c = 0; c < s.group_channels(); ++c)
        copy(cols + c * ld, x + c * s.pixels() + begin, end - begin);
    } else if (s.partition() && s.kernel_w == 2) {
      for_pairs(s, begin, end, [&](index_t row, index_t at, index_t n, index_t to) {
        join(cols + row * ld + at, cols + (row + 1) * ld + at, x + to, n);
      });
    } else if (s.partition() && s.kernel_w == 4 && kLanes<T> % 4 == 0) {
      if constexpr (kLanes<T> % 4 == 0) scatter_patches<T, 4>(s, cols, ld, begin, end, x);
    } else if (s.partition() && s.kernel_w == 8 && kLanes<T> % 8 == 0) {
      if constexpr (kLanes<T> % 8 == 0) scatter_patches<T, 8>(s, cols, ld, begin, end, x);
    } else {
      const bool assign = s.partition();
      for_rows(s, begin, end, [&](index_t row, index_t at, IndexRange r, index_t, index_t from) {
        const T* in = cols + row * ld + at + r.begin;
        if (assign)
          for (index_t i = 0; i < r.size(); ++i) x[from + i * s.stride_w] = in[i];
        else if (s.stride_w == 1) add(in, x + from, r.size());
        else
          for (index_t i = 0; i < r.size(); ++i) x[from + i * s.stride_w] += in[i];
      });
    }
  }

  // y = x, y += x, y = x + c
  template <class T>
  static void copy(const T* x, T* y, index_t n) {
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA { at.store(y + i, at.load(x + i)); });
  }
  template <class T>
  static void add(const T* x, T* y, index_t n) {
    for_vectors<T>(
        n, [&](index_t i, auto at) LIMBIC_LAMBDA { at.store(y + i, at.load(y + i) + at.load(x + i)); });
  }
  template <class T>
  static void add_constant(const T* x, T c, T* y, index_t n) {
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA { at.store(y + i, at.load(x + i) + c); });
  }
  template <class T>
  static T row_sum(const T* x, index_t n) {
    Vec<T> sum{};
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA { sum += at.load(x + i); });
    return hsum<T>(sum);
  }

  // to_i = from_(i stride)
  template <class T>
  static void pick(const T* from, index_t stride, T* to, index_t n) {
    if (stride == 1) return copy(from, to, n);
    index_t i = 0;
    if (stride == 2)
      for (; i + kLanes<T> <= n; i += kLanes<T>)
        store(to + i, even<T>(from + 2 * i, std::make_index_sequence<kLanes<T>>{}));
    for (; i < n; ++i) to[i] = from[i * stride];
  }

 private:
  // Calls f(row, at, r, n, from) for each row of the matrix and each output row's piece of it: n columns from
  // `at` on, of which those in r are inside x, from x[from] on.
  template <class F>
  static LIMBIC_INLINE void for_rows(const ConvShape& s, index_t begin, index_t end, const F& f) {
    index_t row = 0;
    for (index_t c = 0; c < s.group_channels(); ++c)
      for (index_t kh = 0; kh < s.kernel_h; ++kh)
        for (index_t kw = 0; kw < s.kernel_w; ++kw, ++row) {
          const index_t shift = kw * s.dilation_w - s.pad_w;
          const IndexRange valid = inside(s.out_w, s.stride_w, shift, s.width);
          index_t oh = begin / s.out_w, ow = begin % s.out_w;
          for (index_t p = begin; p < end; ++oh, ow = 0) {
            const index_t n = s.out_w - ow < end - p ? s.out_w - ow : end - p;
            const index_t ih = oh * s.stride_h - s.pad_h + kh * s.dilation_h;
            IndexRange r{valid.begin - ow, valid.end - ow};
            r.begin = r.begin < 0 ? 0 : r.begin > n ? n : r.begin;
            r.end = r.end < r.begin ? r.begin : r.end > n ? n : r.end;
            if (ih < 0 || ih >= s.height) r = {n, n};
            const index_t iw = (ow + r.begin) * s.stride_w + shift;
            f(row, p - begin, r, n, (c * s.height + ih) * s.width + iw);
            p += n;
          }
        }
  }

  // from_0, from_2, ...; nothing behind the last is read.
  template <class T, std::size_t... l>
  static LIMBIC_INLINE Vec<T> even(const T* from, std::index_sequence<l...>) {
    constexpr int n = kLanes<T>;
    return __builtin_shufflevector(
        load(from), load(from + n - 1),
        (static_cast<int>(l) < n / 2 ? 2 * static_cast<int>(l) : 2 * static_cast<int>(l) + 1)...);
  }

  // ---- patches of width 2: two rows of the matrix are a row of x, taken apart ----

  // Calls f(row, at, n, from): rows `row` and `row + 1` from column `at` on are the 2 n numbers x[from], ...
  template <class F>
  static LIMBIC_INLINE void for_pairs(const ConvShape& s, index_t begin, index_t end, const F& f) {
    for (index_t c = 0, row = 0; c < s.group_channels(); ++c)
      for (index_t kh = 0; kh < s.kernel_h; ++kh, row += 2) {
        index_t oh = begin / s.out_w, ow = begin % s.out_w;
        for (index_t p = begin; p < end; ++oh, ow = 0) {
          const index_t n = s.out_w - ow < end - p ? s.out_w - ow : end - p;
          f(row, p - begin, n, (c * s.height + oh * s.kernel_h + kh) * s.width + 2 * ow);
          p += n;
        }
      }
  }
  template <class T>
  static LIMBIC_INLINE void split(const T* x, T* even_ones, T* odd_ones, index_t n) {
    index_t i = 0;
    for (; i + kLanes<T> <= n; i += kLanes<T>) {
      const Vec<T> a = load(x + 2 * i), b = load(x + 2 * i + kLanes<T>);
      store(even_ones + i, every_other<T, 0>(a, b, std::make_index_sequence<kLanes<T>>{}));
      store(odd_ones + i, every_other<T, 1>(a, b, std::make_index_sequence<kLanes<T>>{}));
    }
    for (; i < n; ++i) {
      even_ones[i] = x[2 * i];
      odd_ones[i] = x[2 * i + 1];
    }
  }
  template <class T>
  static LIMBIC_INLINE void join(const T* even_ones, const T* odd_ones, T* x, index_t n) {
    index_t i = 0;
    for (; i + kLanes<T> <= n; i += kLanes<T>) {
      const Vec<T> a = load(even_ones + i), b = load(odd_ones + i);
      store(x + 2 * i, zip<T, 0>(a, b, std::make_index_sequence<kLanes<T>>{}));
      store(x + 2 * i + kLanes<T>, zip<T, kLanes<T> / 2>(a, b, std::make_index_sequence<kLanes<T>>{}));
    }
    for (; i < n; ++i) {
      x[2 * i] = even_ones[i];
      x[2 * i + 1] = odd_ones[i];
    }
  }
  template <class T, int first, std::size_t... l>
  static LIMBIC_INLINE Vec<T> every_other(Vec<T> a, Vec<T> b, std::index_sequence<l...>) {
    return __builtin_shufflevector(a, b, (2 * static_cast<int>(l) + first)...);
  }
  template <class T, int first, std::size_t... l>
  static LIMBIC_INLINE Vec<T> zip(Vec<T> a, Vec<T> b, std::index_sequence<l...>) {
    return __builtin_shufflevector(a, b, (static_cast<int>(l) / 2 + first + (l % 2 ? kLanes<T> : 0))...);
  }

  // ---- patches of width kw, which divides the lanes: blocks of as many positions as rows, transposed ----

  // Calls f(row, at, n, corner) for blocks of rows [row, row + lanes), the last of which may be shorter, and
  // n positions from column `at` on, whose patches begin at x[corner[i]].
  template <class T, int kw, class F>
  static LIMBIC_INLINE void for_blocks(const ConvShape& s, index_t begin, index_t end, const F& f) {
    constexpr int lanes = kLanes<T>;
    index_t corner[lanes];
    for (index_t p = begin; p < end; p += lanes) {
      const int n = end - p < lanes ? static_cast<int>(end - p) : lanes;
      for (int i = 0; i < n; ++i)
        corner[i] = (p + i) / s.out_w * s.kernel_h * s.width + (p + i) % s.out_w * kw;
      for (index_t row = 0; row < s.group_taps(); row += lanes) f(row, p - begin, n, corner);
    }
  }
  // Where the kw numbers of rows row, row + 1, ... are, from the patch's corner.
  template <int kw>
  static LIMBIC_INLINE index_t line(const ConvShape& s, index_t row) {
    const index_t i = row / kw;
    return (i / s.kernel_h * s.height + i % s.kernel_h) * s.width;
  }
  static LIMBIC_INLINE int fewer(index_t n, int lanes) { return n < lanes ? static_cast<int>(n) : lanes; }

  template <class T, int kw>
  static void gather_patches(const ConvShape& s, const T* x, index_t begin, index_t end, T* cols,
                             index_t ld) {
    constexpr int lanes = kLanes<T>;
    for_blocks<T, kw>(s, begin, end, [&](index_t row, index_t at, int n, const index_t* corner) {
      alignas(64) T block[lanes * lanes];
      const int rows = fewer(s.group_taps() - row, lanes);
      for (int j = 0; j < rows; j += kw) {
        const T* from = x + line<kw>(s, row + j);
        for (int i = 0; i < n; ++i) __builtin_memcpy(block + i * lanes + j, from + corner[i], kw * sizeof(T));
      }
      Transpose::run(static_cast<const T*>(block), n, rows, lanes, cols + row * ld + at, ld);
    });
  }
  template <class T, int kw>
  static void scatter_patches(const ConvShape& s, const T* cols, index_t ld, index_t begin, index_t end,
                              T* x) {
    constexpr int lanes = kLanes<T>;
    for_blocks<T, kw>(s, begin, end, [&](index_t row, index_t at, int n, const index_t* corner) {
      alignas(64) T block[lanes * lanes];
      const int rows = fewer(s.group_taps() - row, lanes);
      Transpose::run(cols + row * ld + at, rows, n, ld, static_cast<T*>(block), lanes);
      for (int j = 0; j < rows; j += kw) {
        T* to = x + line<kw>(s, row + j);
        for (int i = 0; i < n; ++i) __builtin_memcpy(to + corner[i], block + i * lanes + j, kw * sizeof(T));
      }
    });
  }
};
