// Included once for each instruction set; see isa.hpp.
struct Optim {
  template <class T>
  static void sgd(T* p, const T* g, index_t n, T lr, T decay, T sign) {
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA {
      const Vec<T> w = at.load(p + i);
      at.store(p + i, w - lr * (sign * at.load(g + i) + decay * w));
    });
  }
  template <bool kFirst, bool kNesterov, class T>
  static void sgd_momentum(T* p, T* velocity, const T* g, index_t n, T lr, T momentum, T decay, T sign) {
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA {
      const Vec<T> w = at.load(p + i), d = sign * at.load(g + i) + decay * w;
      Vec<T> v = d;
      if constexpr (!kFirst) v += momentum * at.load(velocity + i);
      at.store(velocity + i, v);
      if constexpr (kNesterov) v = d + momentum * v;
      at.store(p + i, w - lr * v);
    });
  }

  // `l2` is added to the gradient (Adam), `shrink` multiplies the parameter (AdamW).
  template <class T>
  static void adam(T* p, T* m, T* v, const T* g, index_t n, T step, T beta1, T beta2, T eps,
                   T root_correction, T l2, T shrink) {
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA {
      const Vec<T> w = at.load(p + i), d = at.load(g + i) + l2 * w;
      const Vec<T> mi = beta1 * at.load(m + i) + (T(1) - beta1) * d;
      const Vec<T> vi = beta2 * at.load(v + i) + (T(1) - beta2) * d * d;
      at.store(m + i, mi);
      at.store(v + i, vi);
      at.store(p + i, w * shrink - step * mi / (root<T>(vi) * root_correction + eps));
    });
  }

  // y += weight (x - y).
  template <class T>
  static void lerp(T* y, const T* x, index_t n, T weight) {
    for_vectors<T>(n, [&](index_t i, auto at) LIMBIC_LAMBDA {
      const Vec<T> old = at.load(y + i);
      at.store(y + i, old + weight * (at.load(x + i) - old));
    });
  }

  // Sum of x^2 in double: the same 32 partial sums on every instruction set.
  template <class T>
  static double square_sum(const T* x, index_t n) {
    constexpr index_t kSums = 32;
    double sum[kSums] = {}, total = 0;
    index_t i = 0;
    for (; i + kSums <= n; i += kSums) {
      for (index_t j = 0; j < kSums; ++j) {
        const double v = static_cast<double>(x[i + j]);
        sum[j] += v * v;
      }
    }
    for (; i < n; ++i) total += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    for (double s : sum) total += s;
    return total;
  }

 private:
  // std::sqrt sets errno for negative numbers, which keeps compilers from vectorising it.
  template <class T>
  static LIMBIC_INLINE Vec<T> root(Vec<T> x) {
#if defined(__x86_64__)
    if constexpr (kIsa != Isa::portable) {
      if constexpr (sizeof(T) == 4) asm("vsqrtps %1, %0" : "=v"(x) : "v"(x));
      else asm("vsqrtpd %1, %0" : "=v"(x) : "v"(x));
      return x;
    }
#endif
    for (int l = 0; l < kLanes<T>; ++l) x[l] = std::sqrt(x[l]);
    return x;
  }
};
