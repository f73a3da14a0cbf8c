// Included once for each instruction set; see isa.hpp.
struct Optim {
  template <class T>
  static void sgd(T* LIMBIC_RESTRICT p, T* LIMBIC_RESTRICT velocity, const T* LIMBIC_RESTRICT g, index_t n, T lr,
                  T momentum, T decay, bool first, bool nesterov, T sign) {
    const T keep = first ? T(0) : momentum, mix = nesterov ? momentum : T(0);
    each(n, [&](index_t i) {
      const T d = sign * g[i] + decay * p[i];
      const T v = (first ? T(0) : keep * velocity[i]) + d;
      velocity[i] = v;
      p[i] -= lr * (nesterov ? d + mix * v : v);
    });
  }
  template <class T>
  static void sgd_plain(T* LIMBIC_RESTRICT p, const T* LIMBIC_RESTRICT g, index_t n, T lr, T decay, T sign) {
    each(n, [&](index_t i) { p[i] -= lr * (sign * g[i] + decay * p[i]); });
  }

  // `l2` is added to the gradient (Adam), `shrink` multiplies the parameter (AdamW).
  template <class T>
  static void adam(T* LIMBIC_RESTRICT p, T* LIMBIC_RESTRICT m, T* LIMBIC_RESTRICT v, const T* LIMBIC_RESTRICT g,
                   index_t n, T step, T beta1, T beta2, T eps, T root_correction, T l2, T shrink) {
    each(n, [&](index_t i) {
      const T w = p[i] * shrink;
      const T d = g[i] + l2 * p[i];
      const T mi = beta1 * m[i] + (T(1) - beta1) * d;
      const T vi = beta2 * v[i] + (T(1) - beta2) * d * d;
      m[i] = mi;
      v[i] = vi;
      p[i] = w - step * mi / (math::sqrt(vi) * root_correction + eps);
    });
  }

  template <class T>
  static void lerp(T* LIMBIC_RESTRICT y, const T* LIMBIC_RESTRICT x, index_t n, T weight) {
    each(n, [&](index_t i) { y[i] += weight * (x[i] - y[i]); });
  }

 private:
  template <class F>
  [[gnu::always_inline]] static inline void each(index_t n, F&& f) {
    constexpr index_t kBlock = 64;
    index_t i = 0;
    for (; i + kBlock <= n; i += kBlock)
      for (index_t j = i; j < i + kBlock; ++j) f(j);
    for (; i < n; ++i) f(i);
  }
};
