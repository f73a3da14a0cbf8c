// The matrix product over the packed register tiles of gemm.inl: what is packed, and how the work is
// cut for several threads. Every cut depends on the shape only, never on the number of threads.
#pragma once

#include <limbic/backend/cpu/gemm_problem.hpp>
#include <limbic/backend/cpu/isa.hpp>
#include <limbic/backend/cpu/parallel.hpp>

#include <algorithm>
#include <cstddef>
#include <type_traits>
#include <utility>

#if defined(__clang__)
#define LIMBIC_UNROLL _Pragma("clang loop unroll(full)")
#else
#define LIMBIC_UNROLL _Pragma("GCC unroll 16")
#endif
#define LIMBIC_ISA_FILE <limbic/backend/cpu/gemm_pack.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>
#define LIMBIC_ISA_FILE <limbic/backend/cpu/gemm.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>
#undef LIMBIC_UNROLL

namespace limbic::cpu::detail {

// K is the Gemm<T> of an instruction set.
template <class K, class T>
struct BlockedGemm {
  using Problem = GemmProblem<T>;

  static void run(const Problem& p) {
    if (vector_like(p)) return;
    const index_t parts = k_parts(p);
    if (parts == 1) blocked(p, p.m * p.n * p.k <= kSerialWork);
    else split_k(p, parts);
  }

 private:
  static constexpr index_t kCols = K::kCols, kRows = K::kRows, kLanes = K::kLanes;

  static constexpr index_t kPackedLimit = index_t{1} << 20;  // elements of B packed at a time
  static constexpr index_t kSerialWork = index_t{1} << 21;   // multiply-adds that one thread does alone
  static constexpr index_t kStripsAPiece = 4, kPieces = 12;  // of larger products

  static index_t pieces(index_t n, index_t size) { return (n + size - 1) / size; }

  // A few rows, or one column: no tile, nothing is packed. False when the strides do not suit.
  static bool vector_like(const Problem& p) {
    const bool relu = p.options.activation == Activation::relu;
    const bool rows_of_b = p.b.col_stride == 1, cols_of_b = p.b.row_stride == 1;
    if (p.m <= 3 && (rows_of_b || cols_of_b)) {
      for (index_t i = 0; i < p.m; ++i) {
        T* y = p.c + i * p.ldc;
        const T* x = p.a.data + i * p.a.row_stride;
        vector(p.n, p.k, x, p.a.col_stride, p.b.data, p.b.col_stride, p.b.row_stride, y, 1,
               p.options.accumulate, p.options.bias, 1, relu);
      }
      return true;
    }
    if (p.n == 1 && (p.a.col_stride == 1 || (p.a.row_stride == 1 && p.ldc == 1))) {
      vector(p.m, p.k, p.b.data, p.b.row_stride, p.a.data, p.a.row_stride, p.a.col_stride, p.c, p.ldc,
             p.options.accumulate, p.options.bias, 0, relu);
      return true;
    }
    return false;
  }

  static void vector(index_t n, index_t k, const T* x, index_t x_stride, const T* w, index_t w_n, index_t w_k,
                     T* y, index_t y_stride, bool accumulate, const T* bias, index_t bias_stride, bool relu) {
    const bool along_n = w_n == 1 && y_stride == 1;
    if (!along_n && x_stride != 1) {
      T* copy = scratch<DenseVector, T>(k);
      for (index_t i = 0; i < k; ++i) copy[i] = x[i * x_stride];
      x = copy;
      x_stride = 1;
    }
    const auto part = [&](index_t begin, index_t end) {
      K::vector(end - begin, k, x, x_stride, w + begin * w_n, w_n, w_k, y + begin * y_stride, y_stride,
                accumulate, bias ? bias + begin * bias_stride : nullptr, bias_stride, relu);
    };
    if (n * k < kSerialWork / 8) part(0, n);
    else parallel_for(n, std::max<index_t>(4 * kLanes, n / 16 / (4 * kLanes) * (4 * kLanes)), part);
  }

  // In how many parts K is cut where C is too small to occupy several threads.
  static index_t k_parts(const Problem& p) {
    if (p.m * p.n > 64 * 64 || p.k < 1024) return 1;
    index_t parts = 1;
    while (parts < 8 && 2 * p.m * p.n * p.k > 3 * parts * kSerialWork) parts *= 2;
    return parts;
  }

  // C = sum over parts of A(:, part) B(part, :), added in the order of the parts.
  static void split_k(const Problem& p, index_t parts) {
    const index_t length = pieces(p.k, parts), row = pieces(p.n, kLanes) * kLanes, size = p.m * row;
    T* partial = scratch<PartialC, T>((parts - 1) * size);
    parallel_for(parts, 1, [&](index_t part, index_t) {
      Problem q = p;
      const index_t begin = std::min(p.k, part * length);
      q.k = std::min(p.k, begin + length) - begin;
      q.a.data += begin * p.a.col_stride;
      q.b.data += begin * p.b.row_stride;
      q.options = {part == 0 && p.options.accumulate, nullptr, Activation::none};
      if (part > 0) {
        q.c = partial + (part - 1) * size;
        q.ldc = row;
      }
      blocked(q, true);
    });
    K::add_parts(p, partial, parts - 1, row);
  }

  static void blocked(const Problem& p, bool serial) {
    typename K::PackedB pb{nullptr, first_packed(p), 0, 0};
    const index_t packed_cols = pieces(p.n - pb.packed_from, kCols) * kCols;
    const index_t depth =
        packed_cols > 0 ? std::max<index_t>(1, kPackedLimit / packed_cols / K::kDepth) * K::kDepth : p.k;
    const bool pack_a = packs_a(p);
    do {
      pb.k_begin = pb.k_end;
      pb.k_end = std::min(p.k, pb.k_begin + depth);
      const index_t length = pb.k_end - pb.k_begin;
      if (packed_cols > 0) {
        T* panels = scratch<PackedB, T>(packed_cols * length);
        const auto pack = [&](index_t begin, index_t end) {
          for (index_t panel = begin; panel < end; ++panel) {
            const index_t col = pb.packed_from + panel * kCols;
            K::pack_b(p, pb.k_begin, pb.k_end, col, std::min(kCols, p.n - col),
                      panels + panel * length * kCols);
          }
        };
        const index_t count = packed_cols / kCols;
        if (serial) pack(0, count);
        else parallel_for(count, std::max<index_t>(1, kPackedLimit / 16 / (length * kCols)), pack);
        pb.panels = panels;
      }
      const bool accumulate = p.options.accumulate || pb.k_begin > 0, finish = pb.k_end == p.k;
      if (serial) {
        K::block(p, pb, 0, p.m, 0, p.n, pack_a, accumulate, finish);
      } else {
        const index_t strips = pieces(p.m, kRows), panels = pieces(p.n, kCols);
        const index_t row_pieces = pieces(strips, kStripsAPiece), rows = pieces(strips, row_pieces) * kRows;
        const index_t cols = pieces(panels, std::min(panels, pieces(kPieces, row_pieces))) * kCols;
        const index_t grid = row_pieces * pieces(p.n, cols);
        parallel_for(grid, 1, [&](index_t piece, index_t) {
          const index_t row = piece % row_pieces * rows, col = piece / row_pieces * cols;
          K::block(p, pb, row, std::min(p.m, row + rows), col, std::min(p.n, col + cols), pack_a, accumulate,
                   finish);
        });
      }
    } while (pb.k_end < p.k);
  }

  // The first column of B that is packed; p.n if none. The tile loads whole vectors of B, so a part of
  // a vector at the right edge is always packed.
  static index_t first_packed(const Problem& p) {
    if (p.b.col_stride != 1) return 0;
    if (p.m >= 8 * kRows && p.k * p.n > kPackedLimit) return 0;  // else the caches hold its rows well enough
    return p.n % kLanes == 0 ? p.n : p.n / kCols * kCols;
  }

  static bool packs_a(const Problem& p) { return p.n >= 1024; }
};

}  // namespace limbic::cpu::detail
