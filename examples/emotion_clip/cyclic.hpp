// Convolution of small maps as products in the frequencies of a cyclic transform.
//
//   y_i = sum over |d| <= k/2 of w_d x_(i+d), on a g x g map with zeros around it, k x k weights, k odd
//
// A cyclic convolution of side N = g + floor(k/2) gives the same: x is zero from g to N - 1, which is where
// the offsets of valid positions reach by wrapping around. With X, Y, V the discrete Fourier transforms of x,
// y and of w with its axis turned around, Y = X V for every frequency. Of real maps half of the frequencies
// say all; a complex product is three real ones (Gauss):
//   X = a + ib, V = c + id:   p = (a + b) c,  q = a (d - c),  r = b (c + d);   X V = (p - r) + i (p + q)
// So y = C [(B w) * (A x)] with constant matrices A (P, g^2), B (P, k^2), C (g^2, P), "*" multiplying plane
// by plane; with channels each of the P products is one of matrices. For g = 4: P = 37 for k = 3 and 52 for
// k = 5, where taps that do not fall on padding are 100 and 196, and all taps 144 and 400. The first
// frequency is 0, whose plane carries what is added to all of y. Rounding stays that of the direct way, as
// the transform's matrices are orthogonal up to a scale.
#pragma once

#include <limbic/core/tensor.hpp>

#include <cmath>
#include <numbers>
#include <vector>

namespace limbic::emotion_clip {

template <class T, class D = Cpu>
struct CyclicMatrices {
  Tensor<T, D> input, weight, output;  // A (P, g^2), B (P, k^2), C (g^2, P)
  T constant{};                        // what plane 0 must be given for 1 to be added to all of y

  index_t planes() const { return input.size(0); }
  // The same on another device.
  template <class E>
  CyclicMatrices<T, E> on() const {
    return {input.template on<E>(), weight.template on<E>(), output.template on<E>(), constant};
  }
};

// Throws unless grid > 0 and kernel is odd and positive.
template <class T>
CyclicMatrices<T> cyclic_matrices(index_t grid, index_t kernel) {
  check(grid > 0 && kernel > 0 && kernel % 2 == 1, "cyclic_matrices",
        "a grid and an odd kernel are needed; got ", grid, " and ", kernel);
  const index_t side = grid + kernel / 2, half = kernel / 2;
  const double step = 2 * std::numbers::pi / static_cast<double>(side);
  const double scale = 1 / static_cast<double>(side * side);
  std::vector<T> input, weight;
  std::vector<std::vector<T>> output;  // columns
  // Cosines and sines of frequency (u, v) over the places of a square, as f(cosine, sine).
  auto over = [&](index_t u, index_t v, index_t size, index_t origin, auto&& f) {
    for (index_t i = 0; i < size; ++i)
      for (index_t j = 0; j < size; ++j) {
        const double angle = step * static_cast<double>(u * (i - origin) + v * (j - origin));
        f(std::cos(angle), std::sin(angle));
      }
  };
  // One real product, of forms that are m cosine + n sine each.
  struct Form {
    double cosine, sine;
  };
  auto product = [&](index_t u, index_t v, Form x, Form w, Form y) {
    over(u, v, grid, 0,
         [&](double c, double s) { input.push_back(static_cast<T>(x.cosine * c + x.sine * s)); });
    over(u, v, kernel, half,
         [&](double c, double s) { weight.push_back(static_cast<T>(w.cosine * c + w.sine * s)); });
    std::vector<T>& column = output.emplace_back();
    over(u, v, grid, 0,
         [&](double c, double s) { column.push_back(static_cast<T>(y.cosine * c + y.sine * s)); });
  };
  for (index_t u = 0; u < side; ++u)
    for (index_t v = 0; v < side; ++v) {
      const index_t other_u = (side - u) % side, other_v = (side - v) % side;
      if (u * side + v > other_u * side + other_v) continue;  // the conjugate of one that was done
      // a = sum x cos, b = -sum x sin;  c = sum w cos, d = sum w sin;  y = 2 (Re Y cos - Im Y sin) / N^2
      if (u == other_u && v == other_v) {
        product(u, v, {1, 0}, {1, 0}, {scale, 0});
      } else {
        product(u, v, {1, -1}, {1, 0}, {2 * scale, -2 * scale});  // p: in the real and the imaginary part
        product(u, v, {1, 0}, {-1, 1}, {0, -2 * scale});          // q: in the imaginary part
        product(u, v, {0, -1}, {1, 1}, {-2 * scale, 0});          // r: in the real part
      }
    }
  const auto planes = static_cast<index_t>(output.size());
  std::vector<T> rows;
  for (index_t i = 0; i < grid * grid; ++i)
    for (const auto& column : output) rows.push_back(column[static_cast<std::size_t>(i)]);
  return {Tensor<T>::from({planes, grid * grid}, input), Tensor<T>::from({planes, kernel * kernel}, weight),
          Tensor<T>::from({grid * grid, planes}, rows), static_cast<T>(side * side)};
}

}  // namespace limbic::emotion_clip
