// Kernels of pairwise.hpp for one instruction set.
struct Pairwise {
  // z = the n rows of x, then the m rows of y, minus their common mean; norms = their squared lengths.
  // Subtracting the first row first makes equal rows exactly zero. Returns the sum of the norms.
  template <class T>
  static double centre(const T* x, index_t n, const T* y, index_t m, index_t d, T* z, T* norms, T* mean) {
    for (index_t c = 0; c < d; ++c) mean[c] = T(0);
    for (index_t i = 0; i < n + m; ++i) {
      const T* row = i < n ? x + i * d : y + (i - n) * d;
      for_vectors<T>(d, [&](index_t c, auto at) LIMBIC_LAMBDA {
        const Vec<T> v = at.load(row + c) - at.load(x + c);
        at.store(z + i * d + c, v);
        at.store(mean + c, at.load(mean + c) + v);
      });
    }
    const T factor = T(1) / static_cast<T>(n + m);
    double total = 0;
    for (index_t i = 0; i < n + m; ++i) {
      Vec<T> sum{};
      for_vectors<T>(d, [&](index_t c, auto at) LIMBIC_LAMBDA {
        const Vec<T> v = at.load(z + i * d + c) - at.load(mean + c) * factor;
        at.store(z + i * d + c, v);
        sum += v * v;
      });
      norms[i] = hsum<T>(sum);
      total += static_cast<double>(norms[i]);
    }
    return total;
  }

  // p_j = x . y_j becomes |x - y_j|^2. True when cancellation cost some entry more than 6 bits.
  template <class T>
  static bool distances(T* p, const T* norms, T own, index_t n) {
    constexpr T kTrust = T(1) / T(64);
    Vec<T> worst{};
    for_vectors<T>(n, [&](index_t j, auto at) LIMBIC_LAMBDA {
      const Vec<T> s = at.load(norms + j) + own, v = s - at.load(p + j) * T(2), zero{};
      at.store(p + j, v < zero ? zero : v);
      const Vec<T> lost = at.keep(v - s * kTrust);
      worst = lost < worst ? lost : worst;
    });
    return hmax<T>(-worst) > T(0);
  }

  // |x - y|^2 by differences.
  template <class T>
  static T distance(const T* x, const T* y, index_t d) {
    Vec<T> sum{};
    for_vectors<T>(d, [&](index_t c, auto at) LIMBIC_LAMBDA {
      const Vec<T> v = at.load(x + c) - at.load(y + c);
      sum += v * v;
    });
    return hsum<T>(sum);
  }

  // k_j = k(d_j), then d_j = k'(d_j). Where a root's slope is infinite it is 0.
  template <class T>
  static void radial(const RadialKernel& kernel, T* d, T* k, index_t n) {
    using Kind = RadialKernel::Kind;
    T inverse[kMaxBandwidths];
    const int count = kernel.count;
    for (int i = 0; i < count; ++i) inverse[i] = static_cast<T>(kernel.inverse[i]);
    const T eps = static_cast<T>(kernel.eps);
    if (kernel.kind == Kind::gaussian && kernel.halving) {
      constexpr T kTiny = sizeof(T) == 4 ? T(1e-18) : T(1e-150);  // its square is not denormal
      for_vectors<T>(n, [&](index_t j, auto at) LIMBIC_LAMBDA {
        const Vec<T> tiny = splat(kTiny), zero{};
        Vec<T> e = vexp_negative<T>((at.load(d + j) + eps) * -inverse[count - 1]);
        Vec<T> sum = e, slope = e * inverse[count - 1];
        for (int i = count - 2; i >= 0; --i) {
          e = e < tiny ? zero : e;
          e *= e;
          sum += e;
          slope += e * inverse[i];
        }
        at.store(k + j, sum);
        at.store(d + j, -slope);
      });
    } else if (kernel.kind == Kind::gaussian) {
      for_vectors<T>(n, [&](index_t j, auto at) LIMBIC_LAMBDA {
        const Vec<T> x = at.load(d + j) + eps;
        Vec<T> sum{}, slope{};
        for (int i = 0; i < count; ++i) {
          const Vec<T> e = vexp<T>(x * -inverse[i]);
          sum += e;
          slope += e * inverse[i];
        }
        at.store(k + j, sum);
        at.store(d + j, -slope);
      });
    } else if (kernel.kind == Kind::laplacian) {
      for (index_t j = 0; j < n; ++j) {
        const T x = std::sqrt(d[j] + eps);
        T sum = T(0), slope = T(0);
        for (int i = 0; i < count; ++i) {
          const T root = std::sqrt(inverse[i]), e = math::exp(-x * root);
          sum += e;
          slope -= e * root;
        }
        k[j] = sum;
        d[j] = x > T(0) ? slope / (x * T(2)) : T(0);
      }
    } else if (kernel.kind == Kind::distance) {
      for (index_t j = 0; j < n; ++j) {
        const T x = std::sqrt(d[j]);
        k[j] = -x;
        d[j] = x > T(0) ? T(-0.5) / x : T(0);
      }
    } else {
      for (index_t j = 0; j < n; ++j) {
        k[j] = d[j] * T(-0.5);
        d[j] = T(-0.5);
      }
    }
  }

  // x_j *= y_j.
  template <class T>
  static void multiply(T* x, const T* y, index_t n) {
    for_vectors<T>(
        n, [&](index_t j, auto at) LIMBIC_LAMBDA { at.store(x + j, at.load(x + j) * at.load(y + j)); });
  }
  // Sum of x_j y_j.
  template <class T>
  static T dot(const T* x, const T* y, index_t n) {
    Vec<T> sum{};
    for_vectors<T>(n, [&](index_t j, auto at) LIMBIC_LAMBDA { sum += at.load(x + j) * at.load(y + j); });
    return hsum<T>(sum);
  }
  // w_j *= factor omega_j.
  template <class T>
  static void weigh(T* w, const T* omega, T factor, index_t n) {
    for_vectors<T>(n, [&](index_t j, auto at)
                          LIMBIC_LAMBDA { at.store(w + j, at.load(w + j) * (at.load(omega + j) * factor)); });
  }
  template <class T>
  static T sum(const T* w, index_t n) {
    Vec<T> sum{};
    for_vectors<T>(n, [&](index_t j, auto at) LIMBIC_LAMBDA { sum += at.load(w + j); });
    return hsum<T>(sum);
  }
  // to_j += w_j; returns the sum of w.
  template <class T>
  static T add_up(T* to, const T* w, index_t n) {
    Vec<T> sum{};
    for_vectors<T>(n, [&](index_t j, auto at) LIMBIC_LAMBDA {
      const Vec<T> v = at.load(w + j);
      at.store(to + j, at.load(to + j) + v);
      sum += v;
    });
    return hsum<T>(sum);
  }

  // g += factor (x - y).
  template <class T>
  static void add_difference(T* g, T factor, const T* x, const T* y, index_t d) {
    for_vectors<T>(d, [&](index_t c, auto at) LIMBIC_LAMBDA {
      at.store(g + c, at.load(g + c) + (at.load(x + c) - at.load(y + c)) * factor);
    });
  }
  // g = factor (total x - g).
  template <class T>
  static void finish(T* g, T factor, T total, const T* x, index_t d) {
    for_vectors<T>(d, [&](index_t c, auto at) LIMBIC_LAMBDA {
      at.store(g + c, (at.load(x + c) * total - at.load(g + c)) * factor);
    });
  }
};
