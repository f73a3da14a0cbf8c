// Kernels of rows.hpp over `rows` consecutive rows, for one instruction set.
struct Rows {
  // How many rows go through a pass together: what fits well into the first-level cache.
  template <class T>
  static LIMBIC_INLINE index_t together(index_t cols) {
    const index_t n = 2048 / (cols > 0 ? cols : 1);
    return n < 1 ? 1 : (n < kLanes<T> ? n : kLanes<T>);
  }

  // How far ahead to prefetch at `row`: to the next group, where there is one. Memory would else rest while
  // a group is worked on.
  static LIMBIC_INLINE index_t ahead(index_t row, index_t rows, index_t cols, index_t group) {
    return row + 2 * group <= rows ? group * cols : 0;
  }

  // f(first row, rows, top) for groups of rows, top the vector of their maxima.
  template <class T, class F>
  static LIMBIC_INLINE void for_groups(const T* x, index_t rows, index_t cols, F&& f) {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    const index_t group = together<T>(cols);
    for (index_t row = 0; row < rows; row += group) {
      const index_t n = rows - row < group ? rows - row : group;
      alignas(64) T top[kLanes<T>] = {};
      reduce_rows<true>(n, top, [&](index_t r) LIMBIC_LAMBDA {
        const T* from = x + (row + r) * cols;
        return fold<true, T>(cols, splat(-kInf),
                             [&](index_t i, auto at) LIMBIC_LAMBDA { return at.load(from + i, -kInf); });
      });
      f(row, static_cast<int>(n), top);
    }
  }

  // As for_groups, f(first row, rows, top, log_sum) with log_sum = log sum e^(x - top). top = 0 where it
  // would be infinite: rows without a finite number then have log_sum = -inf or inf rather than NaN.
  template <class T, class F>
  static LIMBIC_INLINE void for_log_sums(const T* x, index_t rows, index_t cols, F&& f) {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    for_groups(x, rows, cols, [&](index_t row, int n, T* top) LIMBIC_LAMBDA {
      const Vec<T> m = load(top);
      store<T>(top, m - m == T(0) ? m : Vec<T>{});
      const index_t next = ahead(row, rows, cols, together<T>(cols));
      alignas(64) T log_sum[kLanes<T>] = {};
      reduce_rows<false>(n, log_sum, [&](index_t r) LIMBIC_LAMBDA {
        const T* from = x + (row + r) * cols;
        const T shift = top[r];
        const bool infinite = m[static_cast<int>(r)] == kInf;
        return sum_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
          __builtin_prefetch(from + next + i);
          const Vec<T> d = at.load(from + i, -kInf) - shift;
          return infinite ? vexp<T>(d) : vexp_negative<T>(d);
        });
      });
      store<T>(log_sum, vlog<T>(load(log_sum)));
      f(row, n, top, log_sum);
    });
  }

  template <class T>
  static void softmax_fwd(const T* x, T* y, index_t rows, index_t cols) {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    for_groups(x, rows, cols, [&](index_t row, int n, const T* top) LIMBIC_LAMBDA {
      const index_t next = ahead(row, rows, cols, together<T>(cols));
      alignas(64) T factor[kLanes<T>] = {};
      reduce_rows<false>(n, factor, [&](index_t r) LIMBIC_LAMBDA {
        const T* from = x + (row + r) * cols;
        T* to = y + (row + r) * cols;
        const T shift = top[r];
        return sum_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
          __builtin_prefetch(from + next + i);
          const Vec<T> e = vexp_negative<T>(at.load(from + i, -kInf) - shift);
          at.store(to + i, e);
          return e;
        });
      });
      store<T>(factor, T(1) / load(factor));
      for (int r = 0; r < n; ++r) {
        T* to = y + (row + r) * cols;
        const T f = factor[r];
        for_vectors<T>(cols,
                       [&](index_t i, auto at) LIMBIC_LAMBDA { at.store(to + i, at.load(to + i) * f); });
      }
    });
  }

  // f(first row, rows, sums) for groups of rows, sums of what term(offset into the matrix, at) gives.
  template <class T, class Term, class F>
  static LIMBIC_INLINE void for_sums(index_t rows, index_t cols, Term&& term, F&& f) {
    const index_t group = together<T>(cols);
    for (index_t row = 0; row < rows; row += group) {
      const index_t n = rows - row < group ? rows - row : group;
      alignas(64) T sums[kLanes<T>] = {};
      reduce_rows<false>(n, sums, [&](index_t r) LIMBIC_LAMBDA {
        return sum_vectors<T>(
            cols, [&](index_t i, auto at) LIMBIC_LAMBDA { return term((row + r) * cols + i, at); });
      });
      for (index_t r = 0; r < n; ++r) f(row + r, sums[r]);
    }
  }

  template <class T>
  static void softmax_bwd(const T* y, const T* dy, T* dx, index_t rows, index_t cols, bool accumulate) {
    for_sums<T>(
        rows, cols, [&](index_t i, auto at) LIMBIC_LAMBDA { return at.load(y + i) * at.load(dy + i); },
        [&](index_t row, T s) LIMBIC_LAMBDA {
          const index_t first = row * cols;
          for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
            Vec<T> d = at.load(y + first + i) * (at.load(dy + first + i) - s);
            if (accumulate) d += at.load(dx + first + i);
            at.store(dx + first + i, d);
          });
        });
  }

  template <class T>
  static void log_softmax_fwd(const T* x, T* y, index_t rows, index_t cols) {
    for_log_sums(x, rows, cols, [&](index_t row, int n, const T* top, const T* log_sum) LIMBIC_LAMBDA {
      for (int r = 0; r < n; ++r) {
        const T *from = x + (row + r) * cols, m = top[r], s = log_sum[r];
        T* to = y + (row + r) * cols;
        for_vectors<T>(
            cols, [&](index_t i, auto at) LIMBIC_LAMBDA { at.store(to + i, (at.load(from + i) - m) - s); });
      }
    });
  }

  template <class T>
  static void log_softmax_bwd(const T* y, const T* dy, T* dx, index_t rows, index_t cols, bool accumulate) {
    for_sums<T>(
        rows, cols, [&](index_t i, auto at) LIMBIC_LAMBDA { return at.load(dy + i); },
        [&](index_t row, T s) LIMBIC_LAMBDA {
          const index_t first = row * cols;
          for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
            Vec<T> d = at.load(dy + first + i) - vexp_negative<T>(at.load(y + first + i)) * s;
            if (accumulate) d += at.load(dx + first + i);
            at.store(dx + first + i, d);
          });
        });
  }

  template <class T>
  static void logsumexp_fwd(const T* x, T* lse, index_t rows, index_t cols) {
    for_log_sums(x, rows, cols, [&](index_t row, int n, const T* top, const T* log_sum) LIMBIC_LAMBDA {
      store_part(lse + row, n, load(top) + load(log_sum));
    });
  }

  template <class T>
  static void logsumexp_bwd(const T* x, const T* lse, const T* dlse, T* dx, index_t rows, index_t cols,
                            bool accumulate) {
    for (index_t row = 0; row < rows; ++row, x += cols, dx += cols) {
      const T shift = lse[row], g = dlse[row];
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        Vec<T> d = vexp_negative<T>(at.load(x + i) - shift) * g;
        if (accumulate) d += at.load(dx + i);
        at.store(dx + i, d);
      });
    }
  }

  // loss = hard w_l (lse - x_l) + soft sum_c w_c (lse - x_c), with hard = 1 - smoothing, soft = smoothing /
  // K.
  template <class T>
  static void cross_entropy_fwd(const T* x, const index_t* labels, const T* weights, T hard, T soft,
                                index_t ignored, T* loss, T* lse, index_t rows, index_t cols) {
    for_log_sums(x, rows, cols, [&](index_t row, int n, const T* top, const T* log_sum) LIMBIC_LAMBDA {
      store_part(lse + row, n, load(top) + load(log_sum));
      for (int r = 0; r < n; ++r) {
        const T *from = x + (row + r) * cols, m = top[r], log_s = log_sum[r];
        const index_t l = labels[row + r];
        T total = l == ignored ? T(0) : hard * ((m - from[l]) + log_s) * (weights ? weights[l] : T(1));
        if (soft != T(0) && l != ignored) {
          Vec<T> sum{};
          for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
            const Vec<T> v = (m - at.load(from + i)) + log_s;
            sum += weights ? v * at.load(weights + i) : at.keep(v);
          });
          total += soft * hsum<T>(sum);
        }
        loss[row + r] = total;
      }
    });
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
        Vec<T> d = vexp_negative<T>(at.load(x + i) - shift) * total;
        if (each != T(0)) d -= weights ? at.load(weights + i) * each : splat(each);
        if (accumulate) d += at.load(dx + i);
        at.store(dx + i, d);
      });
      dx[l] -= g * own;
    }
  }
};
