#include <app/embedding.hpp>

#include <limbic/backend/cpu/eigh.hpp>
#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/concat.hpp>
#include <limbic/ops/map.hpp>
#include <limbic/ops/matmul.hpp>
#include <limbic/ops/statistics.hpp>
#include <limbic/ops/sum.hpp>
#include <limbic/ops/view.hpp>

#include <algorithm>
#include <cmath>

namespace limbic::app {

namespace {

constexpr index_t kRows = 32;  // of the matrices (N, N) at a time

void check_points(const char* op, const Tensor<float>& x, index_t least) {
  if (x.rank() != 2 || x.size(0) < least || x.size(1) < 1)
    fail(op, "points (N, C), N at least ", least, ", are needed; got ", x.shape());
  for (float v : x.to_vector())
    if (!std::isfinite(v)) fail(op, "points must be finite; got ", static_cast<double>(v));
}

// P (N, N) of the high-dimensional points: conditional Gaussians of the wanted perplexity, made symmetric,
// sum 1.
Tensor<float> affinities(const Tensor<double>& x, double perplexity) {
  const index_t n = x.size(0);
  const Tensor<double> gram = matmul(x, x.transpose(0, 1));
  const double* g = gram.data();
  const auto count = static_cast<std::size_t>(n);
  std::vector<double> p(count * count, 0.0), d(count), row(count);
  const double wanted = std::log(perplexity);
  for (index_t i = 0; i < n; ++i) {
    double nearest = HUGE_VAL;
    for (index_t j = 0; j < n; ++j) {
      d[static_cast<std::size_t>(j)] = std::max(0.0, g[i * n + i] + g[j * n + j] - 2 * g[i * n + j]);
      if (j != i) nearest = std::min(nearest, d[static_cast<std::size_t>(j)]);
    }
    double beta = 1, low = 0, high = HUGE_VAL, sum = 0;
    // Scale of the first guess: that of the distances.
    double mean = 0;
    for (double v : d) mean += v - (v > 0 ? nearest : 0);
    if (mean > 0) beta = static_cast<double>(n) / mean;
    for (int step = 0; step < 100; ++step) {
      double weighted = 0;
      sum = 0;
      for (std::size_t j = 0; j < count; ++j) {
        const double away = d[j] - nearest;
        row[j] = j == static_cast<std::size_t>(i) ? 0 : std::exp(-beta * away);
        sum += row[j];
        weighted += row[j] * away;
      }
      const double entropy = std::log(sum) + beta * weighted / sum;
      if (std::abs(entropy - wanted) < 1e-6) break;
      (entropy > wanted ? low : high) = beta;
      beta = high == HUGE_VAL ? 2 * beta : 0.5 * (low + high);
      if (!std::isfinite(beta)) break;  // all neighbours equally far: no width gives another entropy
    }
    for (std::size_t j = 0; j < count; ++j) p[static_cast<std::size_t>(i) * count + j] = row[j] / sum;
  }
  Tensor<float> out = Tensor<float>::empty({n, n});
  float* to = out.mutable_data();
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < count; ++j)
      to[i * count + j] =
          static_cast<float>((p[i * count + j] + p[j * count + i]) / (2 * static_cast<double>(n)));
  return out;
}

}  // namespace

PcaResult pca(const Tensor<float>& x, index_t k) {
  check_points("pca", x, 2);
  const index_t n = x.size(0), c = x.size(1);
  check(k >= 1 && k <= c, "pca", "the number of components must be in [1, ", c, "]; got ", k);
  const Tensor<double> centred = x.to<double>() - mean(x.to<double>(), {0}, true);
  // Of the two matrices with the same eigenvalues, X'X (C, C) and XX' (N, N), the smaller.
  const bool wide = c > n;
  const Tensor<double> turned = transpose(centred);
  const Tensor<double> products = wide ? matmul(centred, turned) : matmul(turned, centred);
  const index_t size = products.size(0);
  Tensor<double> values = Tensor<double>::empty({size}), vectors = Tensor<double>::empty({size, size});
  if (!eigh(Cpu{}, products, values, vectors))
    fail("pca", "points must be small enough to square; got infinities");

  PcaResult out{Tensor<float>::zeros({n, k}), Tensor<float>::zeros({k, c}), Tensor<double>::zeros({k})};
  double total = 0;
  for (double v : values.to_vector()) total += std::max(v, 0.0);
  Tensor<double> directions = Tensor<double>::zeros({k, c});
  for (index_t i = 0; i < std::min(k, size); ++i) {
    const double value = std::max(values.at(size - 1 - i), 0.0);
    out.explained.set({i}, total > 0 ? value / total : 0);
    Tensor<double> direction = vectors.select(1, size - 1 - i).contiguous().reshape({size, 1});
    if (wide) direction = matmul(turned, direction) * (value > 0 ? 1 / std::sqrt(value) : 0.0);
    const auto v = direction.to_vector();
    const auto largest = std::ranges::max_element(v, {}, [](double e) { return std::abs(e); });
    directions.select(0, i).copy_from((*largest < 0 ? direction * -1.0 : direction).reshape({c}));
  }
  out.directions = directions.to<float>();
  out.points = matmul(centred, transpose(directions)).to<float>();
  return out;
}

Tensor<float> tsne(const Tensor<float>& x, const TsneOptions& options) {
  check_points("tsne", x, 5);
  check(options.perplexity > 1 && options.iterations >= 0 && options.exaggeration >= 1, "tsne",
        "a perplexity above 1, an exaggeration of at least 1 and a number of iterations are needed; got ",
        options.perplexity, ", ", options.exaggeration, ", ", options.iterations);
  const index_t n = x.size(0);
  const auto count = static_cast<float>(n);
  // Nearly all of the distances lies in the first components, and 50 of them are quick to compare.
  const Tensor<float> reduced = x.size(1) > 50 ? pca(x, 50).points : x;
  const Tensor<float> p = affinities(reduced.to<double>() - mean(reduced.to<double>(), {0}, true),
                                     std::min(options.perplexity, (count - 1) / 3.0));

  // The plane of the first two components, shrunk to where all gradients are alive (Kobak and Berens 2019).
  Tensor<float> y = Tensor<float>::zeros({n, 2});
  const PcaResult plane = pca(x, std::min<index_t>(2, x.size(1)));
  for (index_t k = 0; k < plane.points.size(1); ++k) {
    const Tensor<float> column = plane.points.select(1, k);
    double squares = 0;
    for (float v : column.to_vector()) squares += static_cast<double>(v) * static_cast<double>(v);
    if (squares > 0) y.select(1, k).copy_from(column * static_cast<float>(1e-4 / std::sqrt(squares / count)));
  }
  Tensor<float> velocity = Tensor<float>::zeros({n, 2}), gain = Tensor<float>::ones({n, 2});
  const Tensor<float> ones = Tensor<float>::ones({n, 1});
  const float rate = std::max(count / static_cast<float>(options.exaggeration), 50.0f);
  for (index_t step = 0; step < options.iterations; ++step) {
    const bool early = step < options.early;
    const float more = early ? static_cast<float>(options.exaggeration) : 1.0f;
    const Tensor<float> a = y.slice(1, 0, 1).contiguous(), b = y.slice(1, 1, 2).contiguous();
    const Tensor<float> wide_a = transpose(a), wide_b = transpose(b), with_ones = concat({y, ones}, 1);
    // sum_j w_ij (y_i - y_j) for the attracting weights, p k, and the repelling ones, k^2, which are divided
    // by the sum of all k once it is known. Some rows at a time, so that what is in between stays in the
    // cache.
    std::vector<Tensor<float>> attracting, repelling;
    double total = -static_cast<double>(n);  // without the diagonal, where k is 1
    for (index_t row = 0; row < n; row += kRows) {
      const index_t end = std::min(row + kRows, n);
      const Tensor<float> k =
          map([](auto ai, auto aj, auto bi,
                 auto bj) { return 1.0f / (1.0f + (ai - aj) * (ai - aj) + (bi - bj) * (bi - bj)); },
              a.slice(0, row, end), wide_a, b.slice(0, row, end), wide_b);
      total += static_cast<double>(sum(k).item());
      const Tensor<float> part = y.slice(0, row, end);
      const auto forces = [&](const Tensor<float>& weights) {
        const Tensor<float> pulled = matmul(weights, with_ones);
        return pulled.slice(1, 2, 3) * part - pulled.slice(1, 0, 2);
      };
      attracting.push_back(forces(p.slice(0, row, end) * k));
      repelling.push_back(forces(k * k));
    }
    const Tensor<float> gradient = concat(attracting, 0) * (4 * more) -
                                   concat(repelling, 0) * static_cast<float>(4 / std::max(total, 1e-12));
    gain = map(
        [](auto g, auto v, auto d) {
          const auto next = (d > 0) != (v > 0) ? g + 0.2f : g * 0.8f;
          return next < 0.01f ? 0.01f : next;
        },
        gain, velocity, gradient);
    const float momentum = early ? 0.5f : 0.8f;
    velocity = map([momentum, rate](auto v, auto g, auto d) { return momentum * v - rate * g * d; }, velocity,
                   gain, gradient);
    y = y + velocity;
    y = y - mean(y, {0}, true);
  }
  return y;
}

}  // namespace limbic::app
