// Included once for each instruction set, after vec.inl; see isa.hpp. Columns of a convolution: matrix (K, n) with
// K = C / groups KH KW, of n output positions, rows `ld` apart.
struct Im2Col {
  // Positions [begin, end) of one image, of which x holds the channels of one group.
  template <class T>
  static void gather(const ConvShape& s, const T* x, index_t begin, index_t end, T* cols, index_t ld) {
    if (s.pointwise()) {
      for (index_t c = 0; c < s.group_channels(); ++c) copy<T>(x + c * s.pixels() + begin, 1, cols + c * ld, end - begin);
      return;
    }
    for_rows(s, begin, end, [&](index_t row, index_t at, IndexRange r, index_t n, index_t from) {
      T* to = cols + row * ld + at;
      for (index_t i = 0; i < r.begin; ++i) to[i] = T(0);
      if (r.size() > 0) copy<T>(x + from, s.stride_w, to + r.begin, r.size());
      for (index_t i = r.end; i < n; ++i) to[i] = T(0);
    });
  }

  // x += the columns, each number at the place that gather() takes it from.
  template <class T>
  static void scatter(const ConvShape& s, const T* cols, index_t ld, index_t begin, index_t end, T* x) {
    for_rows(s, begin, end, [&](index_t row, index_t at, IndexRange r, index_t, index_t from) {
      if (r.size() > 0) add<T>(cols + row * ld + at + r.begin, x + from, s.stride_w, r.size());
    });
  }

  // to_i = from_(i stride)
  template <class T>
  static void pick(const T* from, index_t stride, T* to, index_t n) {
    for (index_t i = 0; i < n; ++i) to[i] = from[i * stride];
  }

  // out (cols, rows) = in (rows, cols) transposed.
  template <class T>
  static void transpose(const T* in, index_t rows, index_t cols, index_t in_ld, T* out, index_t out_ld) {
    constexpr index_t kBlock = 16;
    for (index_t r = 0; r < rows; r += kBlock) {
      const index_t re = rows - r < kBlock ? rows : r + kBlock;
      for (index_t c = 0; c < cols; ++c)
        for (index_t i = r; i < re; ++i) out[c * out_ld + i] = in[i * in_ld + c];
    }
  }

  template <class T>
  static T row_sum(const T* x, index_t n) {
    Vec<T> sum{};
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA { sum += at.load(x + i); });
    return hsum<T>(sum);
  }
  // y = x + c
  template <class T>
  static void add_constant(const T* x, T c, T* y, index_t n) {
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA { at.store(y + i, at.load(x + i) + c); });
  }
  // y += x
  template <class T>
  static void add_row(const T* x, T* y, index_t n) {
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA { at.store(y + i, at.load(y + i) + at.load(x + i)); });
  }

 private:
  // Calls f(row, at, r, n, from) for each row of the matrix and each output row's piece of it: n columns from `at` on,
  // of which those in r are inside x, from x[from] on.
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

  // to_i = from_(i stride)
  template <class T>
  static LIMBIC_INLINE void copy(const T* from, index_t stride, T* to, index_t n) {
    index_t i = 0;
    if (stride == 1) {
      for_vectors<T>(n, [&](index_t j, auto at) LIMBIC_LAMBDA { at.store(to + j, at.load(from + j)); });
      return;
    }
    if (stride == 2)
      for (; i + kLanes<T> <= n; i += kLanes<T>) store(to + i, even<T>(from + 2 * i, std::make_index_sequence<kLanes<T>>{}));
    for (; i < n; ++i) to[i] = from[i * stride];
  }
  // from_0, from_2, ...; nothing behind the last is read.
  template <class T, std::size_t... l>
  static LIMBIC_INLINE Vec<T> even(const T* from, std::index_sequence<l...>) {
    constexpr int n = kLanes<T>;
    return __builtin_shufflevector(load(from), load(from + n - 1),
                                   (static_cast<int>(l) < n / 2 ? 2 * static_cast<int>(l) : 2 * static_cast<int>(l) + 1)...);
  }

  // to_(i stride) += from_i
  template <class T>
  static LIMBIC_INLINE void add(const T* from, T* to, index_t stride, index_t n) {
    if (stride == 1) add_row<T>(from, to, n);
    else
      for (index_t i = 0; i < n; ++i) to[i * stride] += from[i];
  }
};
