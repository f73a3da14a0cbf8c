// Included once for each instruction set; see isa.hpp.
struct Elementwise {
  // y_i = f(x_i...) or, with Update, y_i = f(y_i, x_i...); dense rows. The functor is scalar code that is
  // inlined here, and so compiled with this namespace's instructions. The inner loop has a constant
  // count: that is what lets compilers vectorise it at -O2 too.
  template <bool Update, class F, class R, class... A>
  [[gnu::flatten]] static void row(const F& f, R* LIMBIC_RESTRICT y, index_t n, const A* LIMBIC_RESTRICT... x) {
    constexpr index_t kBlock = 64;
    index_t i = 0;
    for (; i + kBlock <= n; i += kBlock) {
      for (index_t j = i; j < i + kBlock; ++j) {
        if constexpr (Update) y[j] = f(y[j], x[j]...);
        else y[j] = f(x[j]...);
      }
    }
    for (; i < n; ++i) {
      if constexpr (Update) y[i] = f(y[i], x[i]...);
      else y[i] = f(x[i]...);
    }
  }
};
