// Included once for each instruction set, after vec.inl; see isa.hpp. Transposes of dense matrices, by blocks
// in registers.
struct Transpose {
  // out (cols, rows) = in (rows, cols) transposed; rows lie in_ld and out_ld apart.
  template <class T>
  static void run(const T* in, index_t rows, index_t cols, index_t in_ld, T* out, index_t out_ld) {
    constexpr int n = kLanes<T>;
    for (index_t r = 0; r < rows; r += n)
      for (index_t c = 0; c < cols; c += n) {
        const int h = rows - r < n ? static_cast<int>(rows - r) : n,
                  w = cols - c < n ? static_cast<int>(cols - c) : n;
        const T* from = in + r * in_ld + c;
        Vec<T> v[n];
        if (h == n && w == n) {
#pragma GCC unroll 16
          for (int i = 0; i < n; ++i) v[i] = load(from + i * in_ld);
        } else {
          for (int i = 0; i < n; ++i) v[i] = i < h ? load_part(from + i * in_ld, w, Vec<T>{}) : Vec<T>{};
        }
        turn<T>(v);
        put<T>(v, out + c * out_ld + r, out_ld, w, h);
      }
  }

  // Rows i < rows of `out` = the first `n` lanes of v_i.
  template <class T>
  static LIMBIC_INLINE void put(Vec<T> (&v)[kLanes<T>], T* out, index_t ld, int rows, int n) {
    if (rows == kLanes<T> && n == kLanes<T>) {
#pragma GCC unroll 16
      for (int i = 0; i < kLanes<T>; ++i) store(out + i * ld, v[i]);
    } else {
      for (int i = 0; i < rows; ++i) store_part(out + i * ld, n, v[i]);
    }
  }

  // v as a matrix of rows, transposed: for s = half the lanes, ..., 2, 1 the off-diagonal blocks of size s
  // change places.
  template <class T, int s = kLanes<T> / 2>
  static LIMBIC_INLINE void turn(Vec<T> (&v)[kLanes<T>]) {
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i) {
      if (i & s) continue;
      const Vec<T> a = v[i], b = v[i + s];
      v[i] = upper<T, s>(a, b, std::make_index_sequence<kLanes<T>>{});
      v[i + s] = lower<T, s>(a, b, std::make_index_sequence<kLanes<T>>{});
    }
    if constexpr (s > 1) turn<T, s / 2>(v);
  }

 private:
  template <class T, int s, std::size_t... l>
  static LIMBIC_INLINE Vec<T> upper(Vec<T> a, Vec<T> b, std::index_sequence<l...>) {
    return __builtin_shufflevector(
        a, b, (static_cast<int>(l) & s ? kLanes<T> + static_cast<int>(l) - s : static_cast<int>(l))...);
  }
  template <class T, int s, std::size_t... l>
  static LIMBIC_INLINE Vec<T> lower(Vec<T> a, Vec<T> b, std::index_sequence<l...>) {
    return __builtin_shufflevector(
        a, b, (static_cast<int>(l) & s ? kLanes<T> + static_cast<int>(l) : static_cast<int>(l) + s)...);
  }
};
