// Kernels of norms.hpp over `rows` consecutive rows, for one instruction set. kCentre: layer norm; else
// RMS norm, whose mean is 0 and where `mean` and `beta` are null.
struct Norms {
  // mean and variance in two passes: the difference of moments loses digits where |mean| is large.
  template <bool kCentre, class T>
  static void norm_fwd(const T* x, const T* gamma, const T* beta, T eps, T* y, T* mean, T* rstd, index_t rows,
                       index_t cols) {
    const T inverse = cols > 0 ? T(1) / static_cast<T>(cols) : T(0);
    for (index_t row = 0; row < rows; ++row, x += cols, y += cols) {
      T mu = T(0);
      if constexpr (kCentre) {
        Vec<T> sum{};
        for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA { sum += at.load(x + i); });
        mu = hsum<T>(sum) * inverse;
        mean[row] = mu;
      }
      Vec<T> squares{};
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        const Vec<T> d = at.load(x + i, mu) - mu;
        squares += d * d;
      });
      const T r = T(1) / std::sqrt(hsum<T>(squares) * inverse + eps);
      rstd[row] = r;
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        Vec<T> v = (at.load(x + i) - mu) * r;
        if (gamma) v *= at.load(gamma + i);
        if (beta) v += at.load(beta + i);
        at.store(y + i, v);
      });
    }
  }

  // dx = rstd (g - mean(g) - xhat mean(g xhat)), g = dy gamma, xhat = (x - mean) rstd (no mean(g) in RMS
  // norm). Adds dy xhat and dy of each row to dgamma and dbeta. dx, dgamma, dbeta may be null.
  template <bool kCentre, class T>
  static void norm_bwd(const T* x, const T* gamma, const T* mean, const T* rstd, const T* dy, T* dx, T* dgamma,
                       T* dbeta, index_t rows, index_t cols, bool accumulate) {
    const T inverse = cols > 0 ? T(1) / static_cast<T>(cols) : T(0);
    for (index_t row = 0; row < rows; ++row, x += cols, dy += cols) {
      const T mu = kCentre ? mean[row] : T(0), r = rstd[row];
      Vec<T> sum{}, dot{};
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        const Vec<T> d = at.load(dy + i), xhat = (at.load(x + i) - mu) * r, product = d * xhat;
        if (dgamma) at.store(dgamma + i, at.load(dgamma + i) + product);
        if (dbeta) at.store(dbeta + i, at.load(dbeta + i) + d);
        if (gamma) {
          const Vec<T> scale = at.load(gamma + i);
          sum += d * scale;
          dot += product * scale;
        } else {
          sum += d;
          dot += product;
        }
      });
      if (!dx) continue;
      const T a = kCentre ? hsum<T>(sum) * inverse : T(0), b = hsum<T>(dot) * inverse;
      for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
        Vec<T> g = at.load(dy + i);
        if (gamma) g *= at.load(gamma + i);
        const Vec<T> xhat = (at.load(x + i) - mu) * r;
        Vec<T> d = ((g - a) - xhat * b) * r;
        if (accumulate) d += at.load(dx + i);
        at.store(dx + i, d);
      });
      dx += cols;
    }
  }

  // out (+)= sum over p of parts[p * stride ...], in the order of p.
  template <class T>
  static void sum_parts(const T* parts, index_t count, index_t stride, T* out, index_t cols, bool accumulate) {
    for_vectors<T>(cols, [&](index_t i, auto at) LIMBIC_LAMBDA {
      Vec<T> sum{};
      for (index_t p = 0; p < count; ++p) sum += at.load(parts + p * stride + i);
      if (accumulate) sum += at.load(out + i);
      at.store(out + i, sum);
    });
  }
};
