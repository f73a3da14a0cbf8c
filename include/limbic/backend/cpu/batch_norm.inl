// Included once for each instruction set, after vec.inl; see isa.hpp. Kernels of batch_norm.hpp over one row
// of one channel, and over blocks of rows whose columns have channels of their own.
struct BatchNormRows {
  static constexpr int kRows = 8;  // rows of columns taken at a time, in registers

  // Adds value(i, at) for i < n to several sums that do not wait for one another.
  template <class T, class Value>
  static LIMBIC_INLINE T sum_of(index_t n, Value&& value) {
    constexpr int k = kLanes<T>;
    Vec<T> s[4] = {};
    index_t i = 0;
    for (; i + 4 * k <= n; i += 4 * k) {
      s[0] += value(i, FullVector<T>{});
      s[1] += value(i + k, FullVector<T>{});
      s[2] += value(i + 2 * k, FullVector<T>{});
      s[3] += value(i + 3 * k, FullVector<T>{});
    }
    for (; i + k <= n; i += k) s[0] += value(i, FullVector<T>{});
    if (i < n) s[1] += value(i, PartVector<T>{static_cast<int>(n - i)});
    return hsum<T>((s[0] + s[1]) + (s[2] + s[3]));
  }

  // Mean of n > 0 numbers, and the sum of squares of what they differ from it by.
  template <class T>
  static void moments(const T* x, index_t n, T& mean, T& squares) {
    const T mu =
        sum_of<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA { return at.load(x + i); }) / static_cast<T>(n);
    squares = sum_of<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA {
      const Vec<T> d = at.load(x + i, mu) - mu;
      return d * d;
    });
    mean = mu;
  }
  // The same for each column of a block of rows, `stride` apart. kRows at a time: their own moments, added to
  // those of the rows before (Chan, Golub and LeVeque).
  template <class T>
  static void column_moments(const T* x, index_t rows, index_t cols, index_t stride, T* mean, T* squares) {
    clear(mean, cols);
    clear(squares, cols);
    index_t r = 0;
    for (; r + kRows <= rows; r += kRows)
      add_moments<T, kRows>(x + r * stride, r, cols, stride, mean, squares);
    for (; r < rows; ++r) add_moments<T, 1>(x + r * stride, r, cols, stride, mean, squares);
  }

  // sum dy, sum dy (x - mean)
  template <class T>
  static void sums(const T* x, const T* dy, index_t n, T mean, T& sum, T& dot) {
    constexpr int k = kLanes<T>;
    Vec<T> s[2] = {}, d[2] = {};
    index_t i = 0;
    for (; i + 2 * k <= n; i += 2 * k)
      for (int j = 0; j < 2; ++j) {
        const Vec<T> g = load(dy + i + j * k);
        s[j] += g;
        d[j] += g * (load(x + i + j * k) - mean);
      }
    for_vectors<T>(n - i, [&](index_t j, auto at) LIMBIC_LAMBDA {
      const Vec<T> g = at.load(dy + i + j);
      s[0] += g;
      d[0] += g * (at.load(x + i + j) - mean);
    });
    sum = hsum<T>(s[0] + s[1]);
    dot = hsum<T>(d[0] + d[1]);
  }
  template <class T>
  static void column_sums(const T* x, const T* dy, index_t rows, index_t cols, index_t stride, const T* mean,
                          T* sum, T* dot) {
    clear(sum, cols);
    clear(dot, cols);
    index_t r = 0;
    for (; r + kRows <= rows; r += kRows)
      add_sums<T, kRows>(x + r * stride, dy + r * stride, cols, stride, mean, sum, dot);
    for (; r < rows; ++r) add_sums<T, 1>(x + r * stride, dy + r * stride, cols, stride, mean, sum, dot);
  }

  // y = (x - mean) scale + shift
  template <class T>
  static void apply(const T* x, T* y, index_t n, T mean, T scale, T shift) {
    for_vectors<T>(n, [&](index_t i, auto at)
                          LIMBIC_LAMBDA { at.store(y + i, (at.load(x + i) - mean) * scale + shift); });
  }
  template <class T>
  static void column_apply(const T* x, T* y, index_t rows, index_t cols, const T* mean, const T* scale,
                           const T* shift) {
    for (index_t r = 0; r < rows; ++r)
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        const Vec<T> d = at.load(x + r * cols + i) - at.load(mean + i);
        at.store(y + r * cols + i, d * at.load(scale + i) + at.load(shift + i));
      });
  }

  // dx = (dy - c - (x - mean) b) a
  template <class T>
  static void gradient(const T* x, const T* dy, T* dx, index_t n, T mean, T a, T b, T c) {
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA {
      at.store(dx + i, ((at.load(dy + i) - c) - (at.load(x + i) - mean) * b) * a);
    });
  }
  template <class T>
  static void column_gradient(const T* x, const T* dy, T* dx, index_t rows, index_t cols, const T* mean,
                              const T* a, const T* b, const T* c) {
    for (index_t r = 0; r < rows; ++r)
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        const Vec<T> d = at.load(x + r * cols + i) - at.load(mean + i);
        at.store(dx + r * cols + i,
                 ((at.load(dy + r * cols + i) - at.load(c + i)) - d * at.load(b + i)) * at.load(a + i));
      });
  }

 private:
  template <class T>
  static void clear(T* x, index_t n) {
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA { at.store(x + i, Vec<T>{}); });
  }

  template <class T, int n>
  static void add_moments(const T* x, index_t before, index_t cols, index_t stride, T* mean, T* squares) {
    const T weight = static_cast<T>(n) / static_cast<T>(before + n);
    for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
      Vec<T> v[n], mu{}, square{};
#pragma GCC unroll 8
      for (int r = 0; r < n; ++r) {
        v[r] = at.load(x + r * stride + i);
        mu += v[r];
      }
      mu *= T(1) / T(n);
#pragma GCC unroll 8
      for (int r = 0; r < n; ++r) square += (v[r] - mu) * (v[r] - mu);
      const Vec<T> old = at.load(mean + i), step = (mu - old) * weight;
      at.store(mean + i, old + step);
      at.store(squares + i, at.load(squares + i) + (square + (mu - old) * step * static_cast<T>(before)));
    });
  }

  template <class T, int n>
  static void add_sums(const T* x, const T* dy, index_t cols, index_t stride, const T* mean, T* sum, T* dot) {
    for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
      const Vec<T> mu = at.load(mean + i);
      Vec<T> s{}, d{};
#pragma GCC unroll 8
      for (int r = 0; r < n; ++r) {
        const Vec<T> g = at.load(dy + r * stride + i);
        s += g;
        d += g * (at.load(x + r * stride + i) - mu);
      }
      at.store(sum + i, at.load(sum + i) + s);
      at.store(dot + i, at.load(dot + i) + d);
    });
  }
};
