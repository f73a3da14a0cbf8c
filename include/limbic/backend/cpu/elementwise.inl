// Included once for each instruction set; see isa.hpp.
struct Elementwise {
  // y_i = f(x_i...) or, with Update, y_i = f(y_i, x_i...); dense rows. The functor is scalar code that is
  // inlined here, and so compiled with this namespace's instructions.
  template <bool Update, class F, class R, class... A>
  [[gnu::flatten]] static void row(const F& f, R* LIMBIC_RESTRICT y, index_t n,
                                   const A* LIMBIC_RESTRICT... x) {
    constexpr index_t kBlock = 64;
    const F g = f;  // a copy that y cannot overlap
    index_t i = 0;
    for (; i + kBlock <= n; i += kBlock) some<Update, kBlock>(g, y + i, x + i...);
    for (; i < n; ++i) some<Update, 1>(g, y + i, x + i...);
  }

 private:
  // The count is a constant: that is what lets compilers vectorise the loop at -O2 too.
  template <bool Update, index_t N, class F, class R, class... A>
  static LIMBIC_INLINE void some(const F& f, R* LIMBIC_RESTRICT y, const A* LIMBIC_RESTRICT... x) {
    for (index_t j = 0; j < N; ++j) {
      if constexpr (Update) y[j] = f(y[j], x[j]...);
      else y[j] = f(x[j]...);
    }
  }
};
