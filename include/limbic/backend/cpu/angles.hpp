// How far the angles between a batch's points are from a teacher's, from squared distances alone.
//
//   cos_ijk = (D_ij + D_ik - D_jk) / (2 sqrt(D_ij D_ik))     at i, between j and k; 0 where D_ij or D_ik is 0
//   y = sum_ijk w_i w_j w_k h(cos_ijk - cos^t_ijk)           h(u) = u^2 / 2 where |u| < 1, else |u| - 1/2
//
// D, T (n, n), symmetric; w (n), 1 / n if undefined. O(n^3) work, O(n^2) memory: the angles are never stored.
#pragma once

#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/core/tensor.hpp>

#include <algorithm>
#include <cmath>

namespace limbic {

// y () = the value; fills the gradient (n, n) with respect to D if it is defined.
template <class T>
void angle_distance(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& distances, const Tensor<T, Cpu>& teacher,
                    const Tensor<T, Cpu>& weights, Tensor<T, Cpu>& gradient) {
  constexpr index_t kPieces = 8;  // of the points i, each with sums of its own
  const index_t n = distances.size(0), grain = (n + kPieces - 1) / kPieces, area = n * n;
  const T *d = distances.data(), *t = teacher.data(), *w = weights.defined() ? weights.data() : nullptr;
  const bool wanted = gradient.defined();
  Tensor<T, Cpu> partial = Tensor<T, Cpu>::zeros({wanted ? kPieces : 0, n, n});
  T* const parts = partial.mutable_data();
  double values[kPieces] = {};
  // h counts each pair j < k twice; that of j = k is 0 for both or differs only where a point is doubled.
  parallel_for(n, std::max(index_t{1}, grain), [&](index_t begin, index_t end) {
    const index_t piece = begin / grain;
    double sum = 0;
    for (index_t i = begin; i < end; ++i) {
      const T *di = d + i * n, *ti = t + i * n;
      for (index_t j = 0; j < n; ++j) {
        for (index_t k = j; k < n; ++k) {
          const T a = di[j], b = di[k], c = d[j * n + k], length = std::sqrt(a * b);
          const T t_length = std::sqrt(ti[j] * ti[k]);
          const T cosine = length > T(0) ? (a + b - c) / (T(2) * length) : T(0);
          const T wanted_cosine = t_length > T(0) ? (ti[j] + ti[k] - t[j * n + k]) / (T(2) * t_length) : T(0);
          const T u = cosine - wanted_cosine,
                  count = (j == k ? T(1) : T(2)) * (w ? w[i] * w[j] * w[k] : T(1));
          sum += static_cast<double>(count) *
                 static_cast<double>(std::fabs(u) < T(1) ? T(0.5) * u * u : std::fabs(u) - T(0.5));
          if (!wanted || !(length > T(0))) continue;
          const T slope = count * std::max(T(-1), std::min(T(1), u));
          T* const g = parts + piece * area;
          g[i * n + j] += slope * (T(0.5) / length - T(0.5) * cosine / a);
          g[i * n + k] += slope * (T(0.5) / length - T(0.5) * cosine / b);
          g[j * n + k] -= slope * T(0.5) / length;
        }
      }
    }
    values[piece] += sum;
  });
  double value = 0;
  for (double v : values) value += v;
  const double scale = w ? 1 : 1 / (static_cast<double>(n) * static_cast<double>(area));
  if (wanted) {
    T* const g = gradient.mutable_data();
    for (index_t e = 0; e < area; ++e) {
      T sum = T(0);
      for (index_t piece = 0; piece < kPieces; ++piece) sum += parts[piece * area + e];
      g[e] = sum * static_cast<T>(scale);
    }
  }
  y.fill(static_cast<T>(value * scale));
}

}  // namespace limbic
