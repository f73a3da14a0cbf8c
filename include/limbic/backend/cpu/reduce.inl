// Included once for each instruction set; see isa.hpp.
struct Reduce {
  // Sum of a dense row: 64 running sums, then their fixed tree. The order depends on n only.
  template <class T>
  static T sum_row(const T* LIMBIC_RESTRICT x, index_t n) {
    constexpr index_t kLanes = 64;
    T lane[kLanes] = {};
    index_t i = 0;
    for (; i + kLanes <= n; i += kLanes)
      for (index_t j = 0; j < kLanes; ++j) lane[j] += x[i + j];
    for (index_t j = 0; i + j < n; ++j) lane[j] += x[i + j];
    for (index_t w = kLanes / 2; w > 0; w /= 2)
      for (index_t j = 0; j < w; ++j) lane[j] += lane[j + w];
    return lane[0];
  }

  // y_i += x_i over a dense row.
  template <class T>
  static void add_row(T* LIMBIC_RESTRICT y, const T* LIMBIC_RESTRICT x, index_t n) {
    constexpr index_t kBlock = 64;
    index_t i = 0;
    for (; i + kBlock <= n; i += kBlock)
      for (index_t j = i; j < i + kBlock; ++j) y[j] += x[j];
    for (; i < n; ++i) y[i] += x[i];
  }
};
