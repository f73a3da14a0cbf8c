// Included once for each instruction set; see isa.hpp. F is a fold (reduce.hpp), s nothing or one side value.
struct Reduce {
  // All of a dense row folded together, the order depending on n only: running results side by side, then
  // their tree. Short rows have few, or none, so that setting them up does not cost more than the row.
  template <class F, class R, class T, class... S>
  [[gnu::flatten]] static R fold_row(const F& f, const T* x, index_t n, S... s) {
    if (n < 16) {
      R total = f.identity();
      for (index_t i = 0; i < n; ++i) total = f.combine(total, f.map(x[i], s...));
      return total;
    }
    return n < 64 ? fold_lanes<8, R>(f, x, n, s...) : fold_lanes<64, R>(f, x, n, s...);
  }

  // The same of a row whose elements are `step` apart.
  template <class F, class R, class T, class... S>
  [[gnu::flatten]] static R fold_strided(const F& f, const T* x, index_t step, index_t n, S... s) {
    R total = f.identity();
    for (index_t i = 0; i < n; ++i) total = f.combine(total, f.map(x[i * step], s...));
    return total;
  }

  // y_j = y_j and all x_ij folded together: `count` dense rows of n, `step` apart.
  template <class F, class R, class T, class... S>
  [[gnu::flatten]] static void fold_columns(const F& f, R* LIMBIC_RESTRICT y, const T* LIMBIC_RESTRICT x,
                                            index_t step, index_t count, index_t n,
                                            const S* LIMBIC_RESTRICT... s) {
    index_t j = 0;
    for (; j + 64 <= n; j += 64) fold_block<64>(f, y + j, x + j, step, count, s + j...);
    for (; j + 16 <= n; j += 16) fold_block<16>(f, y + j, x + j, step, count, s + j...);
    for (; j + 4 <= n; j += 4) fold_block<4>(f, y + j, x + j, step, count, s + j...);
    for (; j < n; ++j) fold_block<1>(f, y + j, x + j, step, count, s + j...);
  }

 private:
  template <index_t Block, class F, class R, class T, class... S>
  static LIMBIC_INLINE void fold_block(const F& f, R* LIMBIC_RESTRICT y, const T* LIMBIC_RESTRICT x,
                                       index_t step, index_t count, const S* LIMBIC_RESTRICT... s) {
    constexpr index_t kChunk = 256;  // added up apart, or rounding errors would grow with the number of rows
    R total[Block];
    for (index_t k = 0; k < Block; ++k) total[k] = y[k];
    for (index_t first = 0; first < count; first += kChunk) {
      const index_t last = first + kChunk < count ? first + kChunk : count;
      R part[Block];
      for (index_t k = 0; k < Block; ++k) part[k] = f.map(x[first * step + k], s[k]...);
      for (index_t i = first + 1; i < last; ++i)
        for (index_t k = 0; k < Block; ++k) part[k] = f.combine(part[k], f.map(x[i * step + k], s[k]...));
      for (index_t k = 0; k < Block; ++k) total[k] = f.combine(total[k], part[k]);
    }
    for (index_t k = 0; k < Block; ++k) y[k] = total[k];
  }

  template <index_t Lanes, class R, class F, class T, class... S>
  static LIMBIC_INLINE R fold_lanes(const F& f, const T* LIMBIC_RESTRICT x, index_t n, S... s) {
    R lane[Lanes];
    for (index_t j = 0; j < Lanes; ++j) lane[j] = f.map(x[j], s...);
    index_t i = Lanes;
    for (; i + Lanes <= n; i += Lanes)
      for (index_t j = 0; j < Lanes; ++j) lane[j] = f.combine(lane[j], f.map(x[i + j], s...));
    for (index_t j = 0; i + j < n; ++j) lane[j] = f.combine(lane[j], f.map(x[i + j], s...));
    return fold_tree<Lanes / 2>(f, lane);
  }

  // Steps of constant width, which vectorise.
  template <index_t Width, class F, class R>
  static LIMBIC_INLINE R fold_tree(const F& f, R* lane) {
    for (index_t j = 0; j < Width; ++j) lane[j] = f.combine(lane[j], lane[j + Width]);
    if constexpr (Width > 1) return fold_tree<Width / 2>(f, lane);
    else return lane[0];
  }
};
