// Sums over all pairs of points of kernels of their distance, with their gradient, in O(N d) memory.
//
//   y      = sum_ij w_ij prod_l k_l(D^l_ij),  D^l_ij = |x^l_i - x^l_j|^2      x^l (N, d_l), w symmetric
//   dx^l_i = 4 sum_j W^l_ij (x^l_i - x^l_j),  W^l_ij = w_ij k_l'(D^l_ij) prod_{m != l} k_m(D^m_ij)
//
// Plan: square tiles of pairs on and above the diagonal; those above serve their mirror image too. D of a
// tile is |x_i|^2 + |x_j|^2 - 2 x_i . x_j by a matrix product of the centred points; entries that
// cancellation left with few digits (points much closer to each other than to the mean) are computed again by
// differences, and so is their part of the gradient. The rest of the gradient is the products of the tile W
// and its transpose with the points. Value and gradient come from one pass: backward is then a scaling. The
// order of all sums depends on N alone, so results do not depend on threads.
#pragma once

#include <limbic/backend/cpu/gemm.hpp>
#include <limbic/backend/cpu/scratch.hpp>
#include <limbic/backend/cpu/vec.hpp>
#include <limbic/core/math.hpp>
#include <limbic/core/pair_layer.hpp>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/pairwise.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

namespace cpu::detail {

inline constexpr index_t kPairRows = 64, kPairCols = 256;  // of a tile of distances alone
inline constexpr index_t kSerialPairs = index_t{1} << 21;  // multiply-adds that one thread does alone

template <class F>
void on_pairwise(F&& f) {
  on_isa<portable::Pairwise, avx2::Pairwise, avx512::Pairwise>(f);
}

// p (rows, cols; `stride` apart) = squared distances of points a and b; near(r, j) is called for those that
// were computed again. `self`: row r is the same point as column self + r.
template <class K, class T, class Near>
void distance_tile(K kernels, index_t rows, index_t cols, index_t d, const T* a, const T* a_norms, const T* b,
                   const T* b_norms, T* p, index_t stride, index_t self, Near&& near) {
  gemm<T>(rows, cols, d, {a, d, 1}, {b, 1, d}, p, stride);
  for (index_t r = 0; r < rows; ++r) {
    T* row = p + r * stride;
    const index_t own = self + r;
    const bool there = own >= 0 && own < cols;
    if (there) row[own] = -a_norms[r];  // a large distance, for the check
    const bool again = kernels.distances(row, b_norms, a_norms[r], cols);
    if (there) row[own] = T(0);
    if (!again) continue;
    for (index_t j = 0; j < cols; ++j) {
      if ((there && j == own) || row[j] * T(64) >= a_norms[r] + b_norms[j]) continue;
      row[j] = kernels.distance(a + r * d, b + j * d, d);
      near(r, j);
    }
  }
}

// What the tiles of pair_form share.
template <class T>
struct PairSums {
  std::span<PairLayer<T, Cpu>> layers;
  const PairWeights<T, Cpu>& weights;
  T* const* gradients;  // of each layer: sum_j W_ij x_j (N, d), or null
  T* const* totals;     // of each layer: sum_j W_ij (N)
};

// Where a tile of pairs lies: rows [row, row + rows), columns [col, col + cols). A tile beside the diagonal
// stands for its mirror image too.
struct PairTile {
  index_t row, rows, col, cols;
  bool mirrored() const { return row != col; }
};

// Adds one tile of pairs to the sums; returns its part of the value. Only rows of the tile's two ranges are
// written.
template <class K, class T>
double add_pair_tile(K kernels, const PairSums<T>& sums, const PairTile& tile) {
  struct Tiles;
  struct Nearby;
  const auto& weights = sums.weights;
  const index_t rows = tile.rows, cols = tile.cols, rank = weights.left.size(1), area = rows * cols;
  const index_t count = static_cast<index_t>(sums.layers.size()), self = tile.row - tile.col;
  const T *left = weights.left.data() + tile.row * rank, *right = weights.right.data() + tile.col * rank;
  T* const tiles = cpu::scratch<Tiles, T>((count + 1) * area + (count + 1) * cols);
  T *const omegas = tiles + count * area, *const k = omegas + area;
  std::uint32_t* const nearby = cpu::scratch<Nearby, std::uint32_t>(count * area + count);
  std::uint32_t* const found = nearby + count * area;
  for (index_t l = 0; l < count; ++l) {
    const auto& layer = sums.layers[static_cast<std::size_t>(l)];
    const index_t d = layer.points.size(1);
    const T *x = layer.points.data(), *norms = layer.norms.data();
    std::uint32_t many = 0;
    distance_tile(
        kernels, rows, cols, d, x + tile.row * d, norms + tile.row, x + tile.col * d, norms + tile.col,
        tiles + l * area, cols, tile.mirrored() ? -rows - cols : self,
        [&](index_t r, index_t j) { nearby[l * area + many++] = static_cast<std::uint32_t>(r * cols + j); });
    found[l] = many;
  }
  if (rank != 1) gemm<T>(rows, cols, rank, {left, rank, 1}, {right, 1, rank}, omegas, cols);
  double value = 0;
  for (index_t r = 0; r < rows; ++r) {
    const T* omega = rank == 1 ? right : omegas + r * cols;
    const T factor = rank == 1 ? left[r] : T(1);
    const bool own = !tile.mirrored();
    for (index_t l = 0; l < count; ++l) {
      T* w = tiles + l * area + r * cols;
      kernels.radial(sums.layers[static_cast<std::size_t>(l)].kernel.form, w, k + l * cols, cols);
      if (own) w[r] = T(0);
    }
    T* product = k;
    if (count > 1) {
      product = k + count * cols;
      std::fill(product, product + cols, T(1));
      for (index_t l = 0; l < count; ++l) {
        kernels.multiply(product, k + l * cols, cols);
        for (index_t other = 0; other < count; ++other)
          if (other != l) kernels.multiply(tiles + l * area + r * cols, k + other * cols, cols);
      }
    }
    if (own && !weights.diagonal) product[r] = T(0);
    value += static_cast<double>(factor) * static_cast<double>(kernels.dot(product, omega, cols));
    for (index_t l = 0; l < count; ++l)
      if (sums.gradients[l]) kernels.weigh(tiles + l * area + r * cols, omega, factor, cols);
  }
  for (index_t l = 0; l < count; ++l) {
    T* const g = sums.gradients[l];
    if (!g) continue;
    const auto& layer = sums.layers[static_cast<std::size_t>(l)];
    const index_t d = layer.points.size(1);
    const T* x = layer.points.data();
    T* const w = tiles + l * area;
    for (std::uint32_t f = 0; f < found[l]; ++f) {
      const index_t at = nearby[l * area + f], i = tile.row + at / cols, j = tile.col + at % cols;
      kernels.add_difference(g + i * d, -w[at], x + i * d, x + j * d, d);
      if (tile.mirrored()) kernels.add_difference(g + j * d, -w[at], x + j * d, x + i * d, d);
      w[at] = T(0);
    }
    T* const totals = sums.totals[l];
    for (index_t r = 0; r < rows; ++r) {
      if (tile.mirrored()) totals[tile.row + r] += kernels.add_up(totals + tile.col, w + r * cols, cols);
      else totals[tile.row + r] += kernels.sum(w + r * cols, cols);
    }
    gemm<T>(rows, d, cols, {w, cols, 1}, {x + tile.col * d, d, 1}, g + tile.row * d, d, {.accumulate = true});
    if (tile.mirrored())
      gemm<T>(cols, d, rows, {w, 1, cols}, {x + tile.row * d, d, 1}, g + tile.col * d, d,
              {.accumulate = true});
  }
  return tile.mirrored() ? 2 * value : value;
}

// Rows a side of a tile, and tiles a side of what one thread does at a time; by the number of points alone.
struct PairPlan {
  index_t side, group;
};
inline PairPlan pair_plan(index_t n) {
  if (n <= 512) return {64, 1};
  if (n <= 2048) return {128, 1};
  return {256, n <= 16384 ? 2 : 4};
}

// The tiles of two groups of points, the rows of which begin at a and b: back and forth, so that neighbours
// share points that are still in the cache. a = b: those on and above the diagonal.
template <class K, class T>
double add_pair_group(K kernels, const PairSums<T>& sums, index_t n, const PairPlan& plan, index_t a,
                      index_t b) {
  double value = 0;
  const index_t last = plan.group - 1;
  for (index_t i = 0; i <= last; ++i)
    for (index_t step = 0; step <= last; ++step) {
      const index_t j = i % 2 == 0 ? step : last - step;
      const index_t row = a + i * plan.side, col = b + j * plan.side;
      if (col < row || row >= n || col >= n) continue;
      value += add_pair_tile(kernels, sums,
                             {row, std::min(plan.side, n - row), col, std::min(plan.side, n - col)});
    }
  return value;
}

}  // namespace cpu::detail

// points (n + m, d) = the rows of x and y (dense) minus their common mean, norms (n + m) their squared
// lengths. Returns the sum of the norms: N times it is the sum of squared distances over i < j.
template <class T>
double centre_rows(Cpu, Tensor<T, Cpu>& points, Tensor<T, Cpu>& norms, const Tensor<T, Cpu>& x,
                   const Tensor<T, Cpu>& y) {
  struct Mean;
  const index_t d = x.size(1);
  T* mean = cpu::scratch<Mean, T>(d);
  double total = 0;
  cpu::detail::on_pairwise([&](auto kernels) {
    total = kernels.centre(x.data(), x.size(0), y.data(), y.size(0), d, points.mutable_data(),
                           norms.mutable_data(), mean);
  });
  return total;
}

// y () = offset + the form above; fills the layers' gradients where they are defined.
template <class T>
void pair_form(Cpu, Tensor<T, Cpu>& y, std::span<PairLayer<T, Cpu>> layers,
               const PairWeights<T, Cpu>& weights, double offset = 0) {
  using namespace cpu::detail;
  struct Values;
  struct Totals;
  struct Pointers;
  const index_t n = weights.left.size(0), count = static_cast<index_t>(layers.size());
  const PairPlan plan = pair_plan(n);
  const index_t side = plan.side * plan.group, groups = (n + side - 1) / side, even = groups + groups % 2;
  double* const values = cpu::scratch<Values, double>(groups);
  T** const pointers = cpu::scratch<Pointers, T*>(2 * count);
  T* const totals = cpu::scratch<Totals, T>(count * n);
  std::fill(totals, totals + count * n, T(0));
  index_t width = 0;
  bool wanted = false;
  for (index_t l = 0; l < count; ++l) {
    auto& layer = layers[static_cast<std::size_t>(l)];
    if (layer.gradient.defined()) layer.gradient.fill(T(0)), wanted = true;
    pointers[l] = layer.gradient.defined() ? layer.gradient.mutable_data() : nullptr;
    pointers[count + l] = totals + l * n;
    width += layer.points.size(1);
  }
  const bool small = n * n * width < kSerialPairs;  // not worth a second thread
  const PairSums<T> sums{layers, weights, pointers, pointers + count};
  double value = 0;
  on_pairwise([&](auto kernels) {
    // Each round is a perfect matching of the groups (the circle method): its tasks write to different rows,
    // and every row is added to in the order of the rounds.
    const auto run = [&](index_t many, auto&& pair) {
      parallel_for(many, small ? many : 1, [&](index_t begin, index_t end) {
        for (index_t task = begin; task < end; ++task) {
          const auto [a, b] = pair(task);
          values[task] = add_pair_group(kernels, sums, n, plan, std::min(a, b) * side, std::max(a, b) * side);
        }
      });
      for (index_t task = 0; task < many; ++task) value += values[task];
    };
    run(groups, [](index_t task) { return std::pair(task, task); });
    const index_t turns = even - 1;
    for (index_t round = 0; groups > 1 && round < turns; ++round)
      run(even / 2, [&](index_t task) {
        return task == 0 ? std::pair(turns, round)
                         : std::pair((round + task) % turns, (round + turns - task) % turns);
      });
    if (!wanted) return;
    parallel_for(n, std::max(index_t{1}, kSerialPairs / 16 / std::max(width, index_t{1})),
                 [&](index_t begin, index_t end) {
                   for (index_t l = 0; l < count; ++l) {
                     T* const g = pointers[l];
                     const auto& layer = layers[static_cast<std::size_t>(l)];
                     const index_t d = layer.points.size(1);
                     for (index_t i = begin; g && i < end; ++i)
                       kernels.finish(g + i * d, T(4), totals[l * n + i], layer.points.data() + i * d, d);
                   }
                 });
  });
  y.fill(static_cast<T>(value + offset));
}

// y (n, m) = squared distances of the rows of a (n, d) and b (m, d), given centred together: `points` is a
// then b.
template <class T>
void squared_distances(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& points, const Tensor<T, Cpu>& norms) {
  using namespace cpu::detail;
  const index_t n = y.size(0), m = y.size(1), d = points.size(1);
  const T *a = points.data(), *b = a + n * d, *a_norms = norms.data(), *b_norms = a_norms + n;
  T* const to = y.mutable_data();
  on_pairwise([&](auto kernels) {
    parallel_for((n + kPairRows - 1) / kPairRows, 1, [&](index_t piece, index_t) {
      const index_t i = piece * kPairRows;
      distance_tile(kernels, std::min(kPairRows, n - i), m, d, a + i * d, a_norms + i, b, b_norms, to + i * m,
                    m, std::numeric_limits<index_t>::min(), [](index_t, index_t) {});
    });
  });
}

}  // namespace limbic
