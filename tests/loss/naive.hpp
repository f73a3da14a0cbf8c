// Losses from their definitions, by plain loops: what the tests compare with.
#pragma once

#include <limbic/core/tensor.hpp>

#include <cmath>
#include <vector>

namespace limbic::test {

// A matrix by value.
template <class T>
struct Rows {
  std::vector<T> v;
  index_t n, d;
  explicit Rows(const Tensor<T>& t) : v(t.to_vector()), n(t.size(0)), d(t.size(1)) {}
  T operator()(index_t i, index_t c) const { return v[static_cast<std::size_t>(i * d + c)]; }
  // |row i - row j of b|^2.
  T distance(index_t i, const Rows& b, index_t j) const {
    T s = 0;
    for (index_t c = 0; c < d; ++c) s += ((*this)(i, c) - b(j, c)) * ((*this)(i, c) - b(j, c));
    return s;
  }
  std::vector<T> softmax(index_t i, T temperature = T(1)) const {
    std::vector<T> p;
    T top = (*this)(i, 0), total = 0;
    for (index_t c = 0; c < d; ++c) top = std::max(top, (*this)(i, c));
    for (index_t c = 0; c < d; ++c)
      p.push_back(std::exp(((*this)(i, c) - top) / temperature)), total += p.back();
    for (T& x : p) x /= total;
    return p;
  }
};

// sum exp(-(D + eps) / b_i).
struct NaiveGaussian {
  double b = 2, mul = 2, eps = 1e-5;
  int num = 5;
  template <class T>
  T operator()(T distance) const {
    T s = 0;
    for (int i = 0; i < num; ++i)
      s += std::exp(-(distance + static_cast<T>(eps)) / static_cast<T>(b * std::pow(mul, i - num / 2)));
    return s;
  }
};

// Mean of k over all pairs of rows of a and b; of different rows only if `distinct` (0 if there are none).
template <class T, class K>
T mean_kernel(const Rows<T>& a, const Rows<T>& b, const K& k, bool distinct = false) {
  T s = 0;
  index_t count = 0;
  for (index_t i = 0; i < a.n; ++i)
    for (index_t j = 0; j < b.n; ++j) {
      if (distinct && i == j) continue;
      s += k(a.distance(i, b, j));
      ++count;
    }
  return count ? s / static_cast<T>(count) : T(0);
}

template <class T, class K>
T naive_mmd(const Tensor<T>& source, const Tensor<T>& target, const K& k, bool unbiased = false) {
  const Rows<T> s(source), t(target);
  return mean_kernel(s, s, k, unbiased) + mean_kernel(t, t, k, unbiased) - 2 * mean_kernel(s, t, k);
}

template <class T, class K>
T naive_linear_mmd(const Tensor<T>& source, const Tensor<T>& target, const K& k) {
  const Rows<T> s(source), t(target);
  T sum = 0;
  for (index_t i = 0; i < s.n; ++i) {
    const index_t j = (i + 1) % s.n;
    sum += k(s.distance(i, s, j)) + k(t.distance(i, t, j)) - k(s.distance(i, t, j)) - k(s.distance(j, t, i));
  }
  return sum / static_cast<T>(s.n);
}

}  // namespace limbic::test
