// Included once for each instruction set; see isa.hpp.
struct ColumnSums {
  // y_j (+)= sum over rows of x(row, j), j < n; rows of x are `step` apart.
  template <class T>
  static void run(T* y, const T* x, index_t rows, index_t step, index_t n, bool accumulate) {
    constexpr index_t kWide = 4 * kLanes<T>;
    index_t j = 0;
    for (; j + kWide <= n; j += kWide) columns<4>(y + j, x + j, rows, step, accumulate, FullVector<T>{});
    for (; j + kLanes<T> <= n; j += kLanes<T>)
      columns<1>(y + j, x + j, rows, step, accumulate, FullVector<T>{});
    if (j < n) columns<1>(y + j, x + j, rows, step, accumulate, PartVector<T>{static_cast<int>(n - j)});
  }

 private:
  // Rows are added up in blocks, and the blocks in order: the error grows with the number of blocks only.
  template <int kVectors, class T, class At>
  static LIMBIC_INLINE void columns(T* y, const T* x, index_t rows, index_t step, bool accumulate,
                                    const At& at) {
    constexpr index_t kBlock = 128;
    Vec<T> total[kVectors];
    for (int v = 0; v < kVectors; ++v) total[v] = accumulate ? at.load(y + v * kLanes<T>) : Vec<T>{};
    for (index_t row = 0; row < rows;) {
      const index_t end = rows - row < kBlock ? rows : row + kBlock;
      Vec<T> sum[kVectors] = {};
      for (; row < end; ++row)
        for (int v = 0; v < kVectors; ++v) sum[v] += at.load(x + row * step + v * kLanes<T>);
      for (int v = 0; v < kVectors; ++v) total[v] += sum[v];
    }
    for (int v = 0; v < kVectors; ++v) at.store(y + v * kLanes<T>, total[v]);
  }
};
