// Sums over all pairs of points of kernels of their distance, with their gradient, in O(N d) memory.
//
//   y      = sum_ij w_ij prod_l k_l(D^l_ij),  D^l_ij = |x^l_i - x^l_j|^2      x^l (N, d_l), w symmetric
//   dx^l_i = 4 sum_j W^l_ij (x^l_i - x^l_j),  W^l_ij = w_ij k_l'(D^l_ij) prod_{m != l} k_m(D^m_ij)
//
// Plan: tiles of 64 x 256 pairs. D of a tile is |x_i|^2 + |x_j|^2 - 2 x_i . x_j by a matrix product of the
// centred points; entries that cancellation left with few digits (points much closer to each other than to
// the mean) are computed again by differences, and so is their part of the gradient. The rest of the
// gradient is the product of the tile W with the points. Value and gradient come from one pass: backward
// is then a scaling. The tiles of 64 rows are the pieces of work, so results do not depend on threads.
#pragma once

#include <limbic/backend/cpu/gemm.hpp>
#include <limbic/backend/cpu/scratch.hpp>
#include <limbic/backend/cpu/vec.hpp>
#include <limbic/core/math.hpp>
#include <limbic/core/radial_kernel.hpp>
#include <limbic/core/tensor.hpp>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/pairwise.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

// Points of one layer: dense, centred (see centre_rows), and where the gradient goes (undefined: nowhere).
template <class T, class D>
struct PairLayer {
  Tensor<T, D> points, norms;  // (N, d), (N)
  RadialKernel kernel;
  Tensor<T, D> gradient{};     // (N, d)
};

// w_ij = sum_r left_ir right_jr, symmetric; without the pairs i = i unless `diagonal`.
template <class T, class D>
struct PairWeights {
  Tensor<T, D> left, right;  // (N, rank), dense
  bool diagonal = true;
};

namespace cpu::detail {

inline constexpr index_t kPairRows = 64, kPairCols = 256;

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

// The rows [begin, end) of pair_form; returns their part of the value.
template <class K, class T>
double pair_rows(K kernels, std::span<PairLayer<T, Cpu>> layers, index_t n, const PairWeights<T, Cpu>& weights,
                 index_t begin, index_t end, std::span<T* const> gradients) {
  struct Tiles;
  struct Nearby;
  const index_t rows = end - begin, width = std::min(n, kPairCols), rank = weights.left.size(1);
  const index_t count = static_cast<index_t>(layers.size()), area = kPairRows * width;
  const T *left = weights.left.data(), *right = weights.right.data();
  T* const tiles = cpu::scratch<Tiles, T>((count + 1) * area + (count + 1) * width + count * kPairRows);
  T *const omegas = tiles + count * area, *const k = omegas + area, *const totals = k + (count + 1) * width;
  index_t* const nearby = cpu::scratch<Nearby, index_t>(count * (area + kPairRows));
  std::fill(totals, totals + count * kPairRows, T(0));
  for (index_t l = 0; l < count; ++l) {
    const index_t d = layers[static_cast<std::size_t>(l)].points.size(1);
    if (T* g = gradients[static_cast<std::size_t>(l)]) std::fill(g + begin * d, g + end * d, T(0));
  }
  double value = 0;
  for (index_t j0 = 0; j0 < n; j0 += width) {
    const index_t cols = std::min(width, n - j0), self = begin - j0;
    index_t* const found = nearby + count * area;  // how many of each layer and row
    std::fill(found, found + count * kPairRows, index_t{0});
    for (index_t l = 0; l < count; ++l) {
      const auto& layer = layers[static_cast<std::size_t>(l)];
      const index_t d = layer.points.size(1);
      const T *x = layer.points.data(), *norms = layer.norms.data();
      distance_tile(kernels, rows, cols, d, x + begin * d, norms + begin, x + j0 * d, norms + j0, tiles + l * area,
                    width, self, [&](index_t r, index_t j) {
                      nearby[l * area + r * width + found[l * kPairRows + r]++] = j;
                    });
    }
    if (rank != 1) gemm<T>(rows, cols, rank, {left + begin * rank, rank, 1}, {right + j0 * rank, 1, rank}, omegas, width);
    for (index_t r = 0; r < rows; ++r) {
      const T* omega = rank == 1 ? right + j0 : omegas + r * width;
      const bool own = self + r >= 0 && self + r < cols;
      for (index_t l = 0; l < count; ++l) {
        T* w = tiles + l * area + r * width;
        kernels.radial(layers[static_cast<std::size_t>(l)].kernel, w, k + l * width, cols);
        if (own) w[self + r] = T(0);
      }
      T* product = k;
      if (count > 1) {
        product = k + count * width;
        std::fill(product, product + cols, T(1));
        for (index_t l = 0; l < count; ++l) {
          kernels.multiply(product, k + l * width, cols);
          for (index_t other = 0; other < count; ++other)
            if (other != l) kernels.multiply(tiles + l * area + r * width, k + other * width, cols);
        }
      }
      if (own && !weights.diagonal) product[self + r] = T(0);
      const T factor = rank == 1 ? left[begin + r] : T(1);
      value += static_cast<double>(factor) * static_cast<double>(kernels.dot(product, omega, cols));
      for (index_t l = 0; l < count; ++l) {
        T* const g = gradients[static_cast<std::size_t>(l)];
        if (!g) continue;
        T* w = tiles + l * area + r * width;
        const auto& layer = layers[static_cast<std::size_t>(l)];
        const index_t d = layer.points.size(1), i = begin + r;
        const T* x = layer.points.data();
        for (index_t f = 0; f < found[l * kPairRows + r]; ++f) {
          const index_t j = nearby[l * area + r * width + f];
          kernels.add_difference(g + i * d, -omega[j] * w[j], x + i * d, x + (j0 + j) * d, d);
          w[j] = T(0);
        }
        totals[l * kPairRows + r] += kernels.weigh(w, omega, cols);
      }
    }
    for (index_t l = 0; l < count; ++l) {
      T* const g = gradients[static_cast<std::size_t>(l)];
      if (!g) continue;
      const auto& layer = layers[static_cast<std::size_t>(l)];
      const index_t d = layer.points.size(1);
      gemm<T>(rows, d, cols, {tiles + l * area, width, 1}, {layer.points.data() + j0 * d, d, 1}, g + begin * d, d,
              {.accumulate = true});
    }
  }
  for (index_t l = 0; l < count; ++l) {
    T* const g = gradients[static_cast<std::size_t>(l)];
    const auto& layer = layers[static_cast<std::size_t>(l)];
    const index_t d = layer.points.size(1);
    for (index_t r = 0; g && r < rows; ++r) {
      const index_t i = begin + r;
      kernels.finish(g + i * d, T(4) * (rank == 1 ? left[i] : T(1)), totals[l * kPairRows + r],
                     layer.points.data() + i * d, d);
    }
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
    total = kernels.centre(x.data(), x.size(0), y.data(), y.size(0), d, points.mutable_data(), norms.mutable_data(), mean);
  });
  return total;
}

// The value of the form above; fills the layers' gradients where they are defined.
template <class T>
double pair_form(Cpu, std::span<PairLayer<T, Cpu>> layers, const PairWeights<T, Cpu>& weights) {
  using namespace cpu::detail;
  struct Sums;
  struct Pointers;
  const index_t n = weights.left.size(0), pieces = (n + kPairRows - 1) / kPairRows;
  double* const sums = cpu::scratch<Sums, double>(pieces);
  T** const gradients = cpu::scratch<Pointers, T*>(static_cast<index_t>(layers.size()));
  for (std::size_t l = 0; l < layers.size(); ++l)
    gradients[l] = layers[l].gradient.defined() ? layers[l].gradient.mutable_data() : nullptr;
  on_pairwise([&](auto kernels) {
    parallel_for(pieces, 1, [&](index_t piece, index_t) {
      const index_t begin = piece * kPairRows;
      sums[piece] = pair_rows(kernels, layers, n, weights, begin, std::min(n, begin + kPairRows),
                              std::span<T* const>(gradients, layers.size()));
    });
  });
  double value = 0;
  for (index_t piece = 0; piece < pieces; ++piece) value += sums[piece];
  return value;
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
      distance_tile(kernels, std::min(kPairRows, n - i), m, d, a + i * d, a_norms + i, b, b_norms, to + i * m, m,
                    std::numeric_limits<index_t>::min(), [](index_t, index_t) {});
    });
  });
}

}  // namespace limbic
