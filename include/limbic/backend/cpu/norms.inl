// Kernels of norms.hpp over `rows` consecutive rows, for one instruction set. kCentre: layer norm; else
// RMS norm, whose mean is 0 and where `mean` and `beta` are null.
struct Norms {
  // mean and variance in two passes: the difference of moments loses digits where |mean| is large.
  template <bool kCentre, class T>
  static void norm_fwd(const T* x, const T* gamma, const T* beta, T eps, T* y, T* mean, T* rstd, index_t rows,
                       index_t cols) {
    const T inverse = cols > 0 ? T(1) / static_cast<T>(cols) : T(0);
    const index_t group = Rows::together<T>(cols);
    for (index_t row = 0; row < rows; row += group, x += group * cols, y += group * cols) {
      const int n = static_cast<int>(rows - row < group ? rows - row : group);
      const index_t next = Rows::ahead(row, rows, cols, group);
      alignas(64) T mu[kLanes<T>] = {}, r[kLanes<T>] = {};
      if constexpr (kCentre) {
        reduce_rows<false>(n, mu, [&](index_t k) LIMBIC_LAMBDA {
          return sum_vectors<T>(cols,
                                [&](index_t i, auto at) LIMBIC_LAMBDA { return at.load(x + k * cols + i); });
        });
        store<T>(mu, load(mu) * inverse);
        store_part(mean + row, n, load(mu));
      }
      reduce_rows<false>(n, r, [&](index_t k) LIMBIC_LAMBDA {
        const T m = mu[k];
        return sum_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
          __builtin_prefetch(x + next + k * cols + i);
          const Vec<T> d = at.load(x + k * cols + i, m) - m;
          return d * d;
        });
      });
      for (int k = 0; k < n; ++k) r[k] = std::sqrt(r[k] * inverse + eps);
      store<T>(r, T(1) / load(r));
      store_part(rstd + row, n, load(r));
      for (int k = 0; k < n; ++k) {
        const T m = mu[k], f = r[k];
        for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
          Vec<T> v = (at.load(x + k * cols + i) - m) * f;
          if (gamma) v *= at.load(gamma + i);
          if (beta) v += at.load(beta + i);
          at.store(y + k * cols + i, v);
        });
      }
    }
  }

  // dx = rstd (g - mean(g) - xhat mean(g xhat)), g = dy gamma, xhat = (x - mean) rstd (no mean(g) in RMS
  // norm). Adds dy xhat and dy of each row to dgamma and dbeta. dx, dgamma, dbeta may be null.
  template <bool kCentre, class T>
  static void norm_bwd(const T* x, const T* gamma, const T* mean, const T* rstd, const T* dy, T* dx,
                       T* dgamma, T* dbeta, index_t rows, index_t cols, bool accumulate) {
    const T inverse = cols > 0 ? T(1) / static_cast<T>(cols) : T(0);
    const index_t group = Rows::together<T>(cols);
    for (index_t row = 0; row < rows; row += group, x += group * cols, dy += group * cols) {
      const index_t n = rows - row < group ? rows - row : group;
      alignas(64) T sums[kLanes<T>] = {}, dots[kLanes<T>] = {};
      Vec<T> sum_of[kLanes<T>] = {};
      const index_t next = Rows::ahead(row, rows, cols, group);
      reduce_rows<false>(n, dots, [&](index_t k) LIMBIC_LAMBDA {
        const T mu = kCentre ? mean[row + k] : T(0), r = rstd[row + k];
        auto g = [&](index_t i, auto at) LIMBIC_LAMBDA {
          const Vec<T> d = at.load(dy + k * cols + i);
          return gamma ? d * at.load(gamma + i) : d;
        };
        if constexpr (kCentre) sum_of[k] = sum_vectors<T>(cols, g);
        return r * sum_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
                 return g(i, at) * (at.load(x + k * cols + i) - mu);
               });
      });
      // By columns, so that the sums stay in registers for the rows of the group.
      for_vectors<T>(dgamma || dbeta ? cols : 0, [&](index_t i, auto at) LIMBIC_LAMBDA {
        Vec<T> sum{}, dot{};
        for (index_t k = 0; k < n; ++k) {
          const T mu = kCentre ? mean[row + k] : T(0);
          const Vec<T> d = at.load(dy + k * cols + i);
          sum += d;
          dot += d * ((at.load(x + k * cols + i) - mu) * rstd[row + k]);
        }
        if (dgamma) at.store(dgamma + i, at.load(dgamma + i) + dot);
        if (dbeta) at.store(dbeta + i, at.load(dbeta + i) + sum);
      });
      if (!dx) continue;
      if constexpr (kCentre) store<T>(sums, reduce_lanes<false, T>(sum_of));
      for (index_t k = 0; k < n; ++k) {
        const T mu = kCentre ? mean[row + k] : T(0), r = rstd[row + k], a = sums[k] * inverse,
                b = dots[k] * inverse;
        for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
          __builtin_prefetch(x + next + k * cols + i);
          __builtin_prefetch(dy + next + k * cols + i);
          Vec<T> g = at.load(dy + k * cols + i);
          if (gamma) g *= at.load(gamma + i);
          Vec<T> d = ((g - a) - ((at.load(x + k * cols + i) - mu) * r) * b) * r;
          T* to = dx + (row + k) * cols + i;
          if (accumulate) d += at.load(to);
          at.store(to, d);
        });
      }
    }
  }

  // out (+)= sum over p of parts[p * stride ...], in the order of p.
  template <class T>
  static void sum_parts(const T* parts, index_t count, index_t stride, T* out, index_t cols,
                        bool accumulate) {
    for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
      Vec<T> sum{};
      for (index_t p = 0; p < count; ++p) sum += at.load(parts + p * stride + i);
      if (accumulate) sum += at.load(out + i);
      at.store(out + i, sum);
    });
  }
};
