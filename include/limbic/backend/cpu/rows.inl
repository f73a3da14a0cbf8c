// Kernels of rows.hpp over `rows` consecutive rows, for one instruction set.
struct Rows {
  // m = max x, s = sum e^(x - m), in one pass for m and one for s. m = 0 where it would be infinite, so
  // that rows without a finite number give log(s) = -inf or inf rather than NaN.
  template <class T>
  static LIMBIC_INLINE void max_and_sum(const T* x, index_t cols, T& m, T& s) {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    Vec<T> top = splat(-kInf);
    for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA { top = vmax<T>(top, at.load(x + i, -kInf)); });
    m = hmax<T>(top);
    if (m - m != T(0)) m = T(0);
    Vec<T> sum{};
    for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA { sum += vexp<T>(at.load(x + i, -kInf) - m); });
    s = hsum<T>(sum);
  }

  template <class T>
  static void softmax_fwd(const T* x, T* y, index_t rows, index_t cols) {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    for (index_t row = 0; row < rows; ++row, x += cols, y += cols) {
      Vec<T> top = splat(-kInf), sum{};
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA { top = vmax<T>(top, at.load(x + i, -kInf)); });
      const T m = hmax<T>(top);
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        const Vec<T> e = vexp<T>(at.load(x + i, -kInf) - m);
        sum += e;
        at.store(y + i, e);
      });
      const T factor = T(1) / hsum<T>(sum);
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA { at.store(y + i, at.load(y + i) * factor); });
    }
  }

  template <class T>
  static void softmax_bwd(const T* y, const T* dy, T* dx, index_t rows, index_t cols, bool accumulate) {
    for (index_t row = 0; row < rows; ++row, y += cols, dy += cols, dx += cols) {
      Vec<T> sum{};
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA { sum += at.load(y + i) * at.load(dy + i); });
      const T s = hsum<T>(sum);
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        Vec<T> d = at.load(y + i) * (at.load(dy + i) - s);
        if (accumulate) d += at.load(dx + i);
        at.store(dx + i, d);
      });
    }
  }

  template <class T>
  static void log_softmax_fwd(const T* x, T* y, index_t rows, index_t cols) {
    for (index_t row = 0; row < rows; ++row, x += cols, y += cols) {
      T m, s;
      max_and_sum(x, cols, m, s);
      const T log_s = math::log(s);
      for_vectors<T>(cols,
                     [&](index_t i, auto at) LIMBIC_LAMBDA { at.store(y + i, (at.load(x + i) - m) - log_s); });
    }
  }

  template <class T>
  static void log_softmax_bwd(const T* y, const T* dy, T* dx, index_t rows, index_t cols, bool accumulate) {
    for (index_t row = 0; row < rows; ++row, y += cols, dy += cols, dx += cols) {
      Vec<T> sum{};
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA { sum += at.load(dy + i); });
      const T s = hsum<T>(sum);
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        Vec<T> d = at.load(dy + i) - vexp<T>(at.load(y + i)) * s;
        if (accumulate) d += at.load(dx + i);
        at.store(dx + i, d);
      });
    }
  }

  template <class T>
  static void logsumexp_fwd(const T* x, T* lse, index_t rows, index_t cols) {
    for (index_t row = 0; row < rows; ++row, x += cols) {
      T m, s;
      max_and_sum(x, cols, m, s);
      lse[row] = m + math::log(s);
    }
  }

  template <class T>
  static void logsumexp_bwd(const T* x, const T* lse, const T* dlse, T* dx, index_t rows, index_t cols,
                            bool accumulate) {
    for (index_t row = 0; row < rows; ++row, x += cols, dx += cols) {
      const T shift = lse[row], g = dlse[row];
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        Vec<T> d = vexp<T>(at.load(x + i) - shift) * g;
        if (accumulate) d += at.load(dx + i);
        at.store(dx + i, d);
      });
    }
  }

  // loss = hard w_l (lse - x_l) + soft sum_c w_c (lse - x_c), with hard = 1 - smoothing, soft = smoothing / K.
  template <class T>
  static void cross_entropy_fwd(const T* x, const index_t* labels, const T* weights, T hard, T soft,
                                index_t ignored, T* loss, T* lse, index_t rows, index_t cols) {
    for (index_t row = 0; row < rows; ++row, x += cols) {
      T m, s;
      max_and_sum(x, cols, m, s);
      const T log_s = math::log(s);
      lse[row] = m + log_s;
      const index_t l = labels[row];
      if (l == ignored) {
        loss[row] = T(0);
        continue;
      }
      T total = hard * ((m - x[l]) + log_s) * (weights ? weights[l] : T(1));
      if (soft != T(0)) {
        Vec<T> sum{};
        for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
          const Vec<T> v = (m - at.load(x + i)) + log_s;
          sum += weights ? v * at.load(weights + i) : at.keep(v);
        });
        total += soft * hsum<T>(sum);
      }
      loss[row] = total;
    }
  }

  // dx_c = dloss (total e^(x_c - lse) - soft w_c - [c = l] hard w_l), total = hard w_l + soft sum_c w_c.
  template <class T>
  static void cross_entropy_bwd(const T* x, const index_t* labels, const T* weights, T sum_weights, T hard,
                                T soft, index_t ignored, const T* lse, const T* dloss, T* dx, index_t rows,
                                index_t cols, bool accumulate) {
    for (index_t row = 0; row < rows; ++row, x += cols, dx += cols) {
      const index_t l = labels[row];
      if (l == ignored) {
        for (index_t i = 0; i < cols && !accumulate; ++i) dx[i] = T(0);
        continue;
      }
      const T own = hard * (weights ? weights[l] : T(1)), shift = lse[row], g = dloss[row];
      const T total = g * (own + soft * sum_weights), each = g * soft;
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        Vec<T> d = vexp<T>(at.load(x + i) - shift) * total;
        if (each != T(0)) d -= weights ? at.load(weights + i) * each : splat(each);
        if (accumulate) d += at.load(dx + i);
        at.store(dx + i, d);
      });
      dx[l] -= g * own;
    }
  }
};
