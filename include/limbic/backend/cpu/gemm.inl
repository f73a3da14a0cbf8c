// The matrix product's register tile, and the loops around it that one thread runs. Included once per
// instruction set by isa_foreach.hpp, after gemm_pack.inl.
//
// The tile keeps kRows x kCols of C in registers and adds one outer product of a column of A and a row
// of B for each k (Goto & van de Geijn, "Anatomy of high-performance matrix multiplication", 2008; Van
// Zee & van de Geijn, BLIS, 2015). Unlike there, A and B are packed only where that pays: the tile
// reads any strides of A, and rows of B at any distance.

template <class T>
struct Gemm {
  using Lanes = GemmLanes<T>;
  using V = typename Lanes::V;
  using Problem = cpu::detail::GemmProblem<T>;
  static constexpr int kLanes = Lanes::kLanes;
  static constexpr int kCols = 2 * kLanes;
  // AVX-512: 14 x 2 sums, two vectors of B and a broadcast of A fill 31 of 32 registers; AVX2: 6 x 2
  // sums fill 15 of 16. The last rows take the lowest tile that covers them.
  static constexpr int kRows = kVectorBytes == 64 ? 14 : 6;
  static constexpr int kLevels = 7;
  static constexpr int kHeights[kLevels] = {
      kRows, kVectorBytes == 64 ? 12 : 6, kVectorBytes == 64 ? 10 : 6, kVectorBytes == 64 ? 8 : 4, 4, 2, 1};
  static constexpr int kPackedRows = (kRows + kLanes - 1) / kLanes * kLanes;
  // Length of the sums that registers hold.
  static constexpr index_t kDepth = 512;

  // B as the tiles find it: columns from `packed_from` on lie in panels of kCols columns, made from
  // rows [k_begin, k_end).
  struct PackedB {
    const T* panels;
    index_t packed_from, k_begin, k_end;
  };

  static void pack_b(const Problem& p, index_t k_begin, index_t k_end, index_t col, index_t cols, T* dst) {
    Lanes::pack(p.b.data + k_begin * p.b.row_stride + col * p.b.col_stride, p.b.col_stride, p.b.row_stride,
                cols, k_end - k_begin, dst, kCols);
  }

  // Rows [row, row_end) and columns [col, col_end) of C, from the k of `pb`. `col` is a multiple of
  // kCols. `accumulate`: to what C holds; `finish`: bias and activation follow.
  static void block(const Problem& p, const PackedB& pb, index_t row, index_t row_end, index_t col,
                    index_t col_end, bool pack_a, bool accumulate, bool finish) {
    Tile t;
    t.ldc = p.ldc;
    index_t k = pb.k_begin;
    do {
      const index_t depth = pb.k_end - k < kDepth ? pb.k_end - k : kDepth;
      const bool last = k + depth == pb.k_end;
      t.k = depth;
      t.accumulate = accumulate || k > pb.k_begin;
      t.relu = finish && last && p.options.activation == Activation::relu;
      const T* bias = finish && last ? p.options.bias : nullptr;
      const T* a = p.a.data + k * p.a.col_stride;
      T* packed_a = nullptr;
      if (pack_a) {
        packed_a =
            cpu::scratch<cpu::detail::PackedA, T>(((row_end - row) / kRows + 2) * kPackedRows * kDepth);
        T* to = packed_a;
        for (index_t i = row; i < row_end; to += kPackedRows * kDepth) {
          const Strip s = strip(i, row_end);
          Lanes::pack(a + s.start * p.a.row_stride, p.a.row_stride, p.a.col_stride, s.height, depth, to,
                      kPackedRows);
          i = s.start + s.height;
        }
      }
      for (index_t j = col; j < col_end; j += kCols) {
        t.cols = static_cast<int>(col_end - j < kCols ? col_end - j : kCols);
        t.bias = bias ? bias + j : nullptr;
        if (j >= pb.packed_from) {
          t.b = pb.panels + (j - pb.packed_from) * (pb.k_end - pb.k_begin) + (k - pb.k_begin) * kCols;
          t.b_row = kCols;
        } else {
          t.b = p.b.data + k * p.b.row_stride + j;
          t.b_row = p.b.row_stride;
        }
        index_t packed = 0;
        for (index_t i = row; i < row_end;) {
          const Strip s = strip(i, row_end);
          // All the tallest strips in one call.
          const index_t left = row_end - i;
          t.count = left % kRows == 0 ? left / kRows : left >= 2 * kRows ? left / kRows - 1 : 1;
          t.a_next = pack_a ? kPackedRows * kDepth : kRows * p.a.row_stride;
          t.a = pack_a ? packed_a + packed : a + s.start * p.a.row_stride;
          t.a_row = pack_a ? 1 : p.a.row_stride;
          t.a_col = pack_a ? kPackedRows : p.a.col_stride;
          t.c = p.c + s.start * p.ldc + j;
          t.first = static_cast<int>(i - s.start);
          run(s.level, t);
          i = s.start + s.height * t.count;
          packed += kPackedRows * kDepth * t.count;
        }
      }
      k += depth;
    } while (k < pb.k_end);
  }

  // C += the partial results, in their order, rows of `row` (a multiple of kLanes) elements; then bias
  // and activation.
  static void add_parts(const Problem& p, const T* partial, index_t parts, index_t row) {
    for (index_t i = 0; i < p.m; ++i, partial += row) {
      for (index_t j = 0; j < p.n; j += kLanes) {
        const int n = static_cast<int>(p.n - j < kLanes ? p.n - j : kLanes);
        V sum = Lanes::load_n(p.c + i * p.ldc + j, n);
        for (index_t part = 0; part < parts; ++part) sum += Lanes::load(partial + part * p.m * row + j);
        if (p.options.bias) sum += Lanes::load_n(p.options.bias + j, n);
        if (p.options.activation == Activation::relu) sum = rectified(sum);
        Lanes::store_n(p.c + i * p.ldc + j, sum, n);
      }
    }
  }

  // y_n = act([y_n +] sum_k x_k w(n, k) [+ bias_n]): a product with one row (or, with A and B
  // exchanged, one column). Needs w_k == 1, or w_n == 1 and y_stride == 1.
  static void vector(index_t n, index_t k, const T* x, index_t x_stride, const T* w, index_t w_n, index_t w_k,
                     T* y, index_t y_stride, bool accumulate, const T* bias, index_t bias_stride, bool relu) {
    const Row r{k, x, x_stride, w, w_n, w_k, y, y_stride, bias, bias_stride, accumulate, relu};
    index_t j = 0;
    if (w_n == 1 && y_stride == 1) {
      for (; j + 4 * kLanes <= n; j += 4 * kLanes) columns<4, 2, true>(r, j, kLanes);
      for (; j + kLanes <= n; j += kLanes) columns<1, 4, true>(r, j, kLanes);
      if (j < n) columns<1, 4, false>(r, j, static_cast<int>(n - j));
    } else {
      for (; j < n; j += kDots) dots(r, j, static_cast<int>(n - j < kDots ? n - j : kDots));
    }
  }

 private:
  struct Tile {
    index_t k;
    const T* a;
    index_t a_row, a_col;
    const T* b;
    index_t b_row;
    T* c;
    index_t ldc;
    index_t count, a_next;  // strips of the tallest tile, one below the other; from one's A to the next's
    const T* bias;
    int first;  // rows before it are another tile's
    int cols;
    bool accumulate, relu;
  };

  struct Strip {
    index_t start;
    int level, height;
  };

  // The lowest tile of at least `rows` (at most kRows) rows.
  static int level_for(index_t rows) {
    int level = kLevels - 1;
    while (kHeights[level] < rows) --level;
    return level;
  }

  // The tile for the rows from `row` on. The last two share what is left; the last starts earlier than
  // asked, over rows that it will not write, rather than to read rows that are not there.
  static Strip strip(index_t row, index_t row_end) {
    const index_t left = row_end - row;
    if (left >= 2 * kRows) return {row, 0, kRows};
    int level = level_for(left > kRows ? (left + 1) / 2 : left);
    if (row_end < kHeights[level])
      while (kHeights[level] > left) ++level;
    const int height = kHeights[level];
    return {height < left ? row : row_end - height, level, height};
  }

  static void run(int level, const Tile& t) {
    using Function = void (*)(const Tile&);
    static constexpr Function functions[kLevels][2] = {
        {tile<kHeights[0], 1>, tile<kHeights[0], 2>}, {tile<kHeights[1], 1>, tile<kHeights[1], 2>},
        {tile<kHeights[2], 1>, tile<kHeights[2], 2>}, {tile<kHeights[3], 1>, tile<kHeights[3], 2>},
        {tile<kHeights[4], 1>, tile<kHeights[4], 2>}, {tile<kHeights[5], 1>, tile<kHeights[5], 2>},
        {tile<kHeights[6], 1>, tile<kHeights[6], 2>}};
    functions[level][t.cols > kLanes](t);
  }

  template <int rows, int vectors>
  static void tile(const Tile& t) {
    // Low tiles keep several sums of each element, over every second (fourth) k, to hide the latency of
    // the additions.
    constexpr int kSums = (kVectorBytes == 64 ? 16 : 8) / (rows * vectors);
    constexpr int kWays = kSums < 1 ? 1 : kSums > 4 ? 4 : kSums;
    // Rows are addressed in groups of five from a pointer each, by 0, 1, 2, 3, 4 times the stride:
    // more pointers would not fit in the general registers.
    constexpr int kGroups = (rows + kGroup - 1) / kGroup;
    const index_t row_bytes = t.a_row * static_cast<index_t>(sizeof(T));
    const index_t col_bytes = t.a_col * static_cast<index_t>(sizeof(T));
    const T* strip_a = t.a;
    T* strip_c = t.c;
    for (index_t left = rows == kRows ? t.count : 1; left > 0; --left) {
      V sum[kWays][rows][vectors];
      LIMBIC_UNROLL for (int u = 0; u < kWays; ++u) LIMBIC_UNROLL for (int i = 0; i < rows; ++i)
          LIMBIC_UNROLL for (int v = 0; v < vectors; ++v) sum[u][i][v] = V{};
      const char* a[kGroups];
      LIMBIC_UNROLL for (int g = 0; g < kGroups; ++g) a[g] =
          reinterpret_cast<const char*>(strip_a) + g * kGroup * row_bytes;
      const T* b = t.b;
      index_t k = t.k;
      for (; k >= kWays; k -= kWays) LIMBIC_UNROLL for (int u = 0; u < kWays; ++u) {
          add_outer<rows, vectors>(sum[u], a, row_bytes, col_bytes, b);
          b += t.b_row;
        }
      if constexpr (kWays > 1) {
        for (; k > 0; --k) {
          add_outer<rows, vectors>(sum[0], a, row_bytes, col_bytes, b);
          b += t.b_row;
        }
        LIMBIC_UNROLL for (int u = 1; u < kWays; ++u) LIMBIC_UNROLL for (int i = 0; i < rows; ++i)
            LIMBIC_UNROLL for (int v = 0; v < vectors; ++v) sum[0][i][v] += sum[u][i][v];
      }
      finish<rows, vectors>(t, strip_c, sum[0]);
      strip_a += t.a_next;
      strip_c += rows * t.ldc;
    }
  }

  static constexpr int kGroup = 5;

  // sum += (column of A) (row of B), and A's pointers to its next column.
  template <int rows, int vectors>
  static LIMBIC_INLINE void add_outer(V (&sum)[rows][vectors], const char* (&a)[(rows + kGroup - 1) / kGroup],
                                      index_t row_bytes, index_t col_bytes, const T* b) {
    V bv[vectors];
    LIMBIC_UNROLL for (int v = 0; v < vectors; ++v) bv[v] = Lanes::load(b + v * kLanes);
    LIMBIC_UNROLL for (int i = 0; i < rows; ++i) {
      T x;
      __builtin_memcpy(&x, a[i / kGroup] + i % kGroup * row_bytes, sizeof x);
      LIMBIC_UNROLL for (int v = 0; v < vectors; ++v) sum[i][v] += x * bv[v];
    }
    LIMBIC_UNROLL for (int g = 0; g < (rows + kGroup - 1) / kGroup; ++g) {
      a[g] += col_bytes;
      __asm__("" : "+r"(a[g]));  // keeps the pointers apart: one pointer plus offsets needs more registers
    }
  }

  template <int rows, int vectors>
  static LIMBIC_INLINE void finish(const Tile& t, T* strip_c, V (&sum)[rows][vectors]) {
    const int tail = t.cols - (vectors - 1) * kLanes;  // columns of the last vector
    if (t.accumulate) {
      LIMBIC_UNROLL for (int i = 0; i < rows; ++i) {
        if (i < t.first) continue;
        const T* c = strip_c + i * t.ldc;
        LIMBIC_UNROLL for (int v = 0; v < vectors; ++v) sum[i][v] +=
            v + 1 < vectors || tail == kLanes ? Lanes::load(c + v * kLanes)
                                              : Lanes::load_n(c + v * kLanes, tail);
      }
    }
    if (t.bias) {
      LIMBIC_UNROLL for (int v = 0; v < vectors; ++v) {
        const V bias = Lanes::load_n(t.bias + v * kLanes, v + 1 < vectors ? kLanes : tail);
        LIMBIC_UNROLL for (int i = 0; i < rows; ++i) sum[i][v] += bias;
      }
    }
    if (t.relu) {
      LIMBIC_UNROLL for (int i = 0; i < rows; ++i) LIMBIC_UNROLL for (int v = 0; v < vectors; ++v) sum[i][v] =
          rectified(sum[i][v]);
    }
    LIMBIC_UNROLL for (int i = 0; i < rows; ++i) {
      if (i < t.first) continue;
      T* c = strip_c + i * t.ldc;
      if constexpr (vectors == 2) Lanes::store(c, sum[i][0]);
      if (tail == kLanes) Lanes::store(c + (vectors - 1) * kLanes, sum[i][vectors - 1]);
      else Lanes::store_n(c + (vectors - 1) * kLanes, sum[i][vectors - 1], tail);
    }
  }

  static LIMBIC_INLINE V rectified(const V& v) { return v < V{} ? V{} : v; }

  struct Row {
    index_t k;
    const T* x;
    index_t x_stride;
    const T* w;
    index_t w_n, w_k;
    T* y;
    index_t y_stride;
    const T* bias;
    index_t bias_stride;
    bool accumulate, relu;
  };

  // `vectors` vectors of y from y_j on (if not `full`: one, `tail` long); `ways` sums each, to hide the
  // latency of the additions.
  template <int vectors, int ways, bool full>
  static void columns(const Row& r, index_t j, int tail) {
    V sum[ways][vectors];
    LIMBIC_UNROLL for (int u = 0; u < ways; ++u) LIMBIC_UNROLL for (int v = 0; v < vectors; ++v) sum[u][v] =
        V{};
    const T* w = r.w + j;
    const T* x = r.x;
    index_t k = 0;
    for (; k + ways <= r.k; k += ways) {
      LIMBIC_UNROLL for (int u = 0; u < ways; ++u, w += r.w_k, x += r.x_stride)
          LIMBIC_UNROLL for (int v = 0; v < vectors; ++v) sum[u][v] +=
          *x * (full ? Lanes::load(w + v * kLanes) : Lanes::load_n(w, tail));
    }
    for (; k < r.k; ++k, w += r.w_k, x += r.x_stride)
      LIMBIC_UNROLL for (int v = 0; v < vectors; ++v) sum[0][v] +=
          *x * (full ? Lanes::load(w + v * kLanes) : Lanes::load_n(w, tail));
    LIMBIC_UNROLL for (int v = 0; v < vectors; ++v) {
      V y = sum[0][v];
      LIMBIC_UNROLL for (int u = 1; u < ways; ++u) y += sum[u][v];
      T* to = r.y + j + v * kLanes;
      if (r.accumulate) y += full ? Lanes::load(to) : Lanes::load_n(to, tail);
      if (r.bias) y += r.bias_stride ? Lanes::load_n(r.bias + j + v * kLanes, tail) : V{} + *r.bias;
      if (r.relu) y = rectified(y);
      if (full) Lanes::store(to, y);
      else Lanes::store_n(to, y, tail);
    }
  }

  static constexpr int kDots = 8;

  // `count` (1 to kDots) values of y from y_j on, each a sum along contiguous k.
  static void dots(const Row& r, index_t j, int count) {
    V sum[kDots];
    const T* w[kDots];
    LIMBIC_UNROLL for (int i = 0; i < kDots; ++i) {
      sum[i] = V{};
      w[i] = r.w + (j + (i < count ? i : count - 1)) * r.w_n;
    }
    index_t k = 0;
    for (; k + kLanes <= r.k; k += kLanes) {
      const V x = Lanes::load(r.x + k);
      LIMBIC_UNROLL for (int i = 0; i < kDots; ++i) sum[i] += x * Lanes::load(w[i] + k);
    }
    if (k < r.k) {
      const int tail = static_cast<int>(r.k - k);
      const V x = Lanes::load_n(r.x + k, tail);
      LIMBIC_UNROLL for (int i = 0; i < kDots; ++i) sum[i] += x * Lanes::load_n(w[i] + k, tail);
    }
    T total[kDots];
    LIMBIC_UNROLL for (int i = 0; i < kDots; ++i) total[i] = Lanes::total(sum[i]);
    for (int i = 0; i < count; ++i) {
      T y = total[i];
      T* to = r.y + (j + i) * r.y_stride;
      if (r.accumulate) y += *to;
      if (r.bias) y += r.bias[(j + i) * r.bias_stride];
      *to = r.relu && y < T(0) ? T(0) : y;
    }
  }
};
