// Symmetric eigenvalues, the matrix logarithm and its derivatives of any order; in double throughout.
//
//   A = V diag(e) V',  log A = V diag(log e) V'
//   derivative in the directions E_1 ... E_p, with F_q = V' E_q V, in the eigenbasis:
//     R_ij = sum over the orders of 1..p, sum over k_1 ... k_{p-1} of
//            log[e_i, e_k1, ..., e_j] F_1(i, k1) F_2(k1, k2) ... F_p(k_{p-1}, j)
//
// with divided differences of log (Daleckii and Krein; Higham, "Functions of Matrices", 2008, 3.2 and 3.6).
// They are smooth where eigenvalues meet, unlike derivatives of eigenvectors. Of matrices that are not
// symmetric the symmetric part counts.
#pragma once

#include <limbic/core/tensor.hpp>

#include <Eigen/Core>
// Of Eigen 3 only the symmetric solver: the whole module would be a tenth of the umbrella header's time.
#if EIGEN_VERSION_AT_LEAST(3, 4, 90)
#include <Eigen/Eigenvalues>
#else
#include <Eigen/Householder>
#include <Eigen/Jacobi>

#include <Eigen/src/Core/util/DisableStupidWarnings.h>

#include <Eigen/src/Eigenvalues/SelfAdjointEigenSolver.h>

#include <Eigen/src/Core/util/ReenableStupidWarnings.h>
#endif

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace limbic {

namespace cpu::detail {

// double, as a type that depends on T: what is made of it costs compile time only where it is used.
template <class T>
struct DoubleFor {
  using type = double;
};
template <class T>
using EigenRows = Eigen::Matrix<typename DoubleFor<T>::type, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

template <class T>
EigenRows<T> symmetric_part(const Tensor<T, Cpu>& a) {
  using Rows = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Tensor<T, Cpu> dense = a.contiguous();
  const EigenRows<T> m = Eigen::Map<const Rows>(dense.data(), a.size(0), a.size(0)).template cast<double>();
  return (m + m.transpose()) * 0.5;
}
template <class T, class Rows>
void store_rows(Tensor<T, Cpu>& y, const Rows& m) {
  static_assert(Rows::IsRowMajor);
  T* to = y.mutable_data();
  for (index_t i = 0; i < y.numel(); ++i) to[i] = static_cast<T>(m.data()[i]);
}

// log[x_0, ..., x_p], x positive; sorts x.
inline double log_divided_difference(double* x, int count) {
  std::sort(x, x + count);
  const double low = x[0], high = x[count - 1];
  if (count == 1) return std::log(low);
  if (high - low <= 0.1 * (high + low)) {
    // The series of log about the middle c: c^-p sum_m (-1)^(p+m-1) / (p+m) h_m(x / c - 1), h_m the sum of
    // all products of m of them.
    constexpr int kTerms = 26;
    const double c = 0.5 * (low + high);
    const int p = count - 1;
    double h[kTerms] = {1};
    for (int i = 0; i < count; ++i)
      for (int m = 1; m < kTerms; ++m) h[m] += (x[i] / c - 1) * h[m - 1];
    double sum = 0;
    for (int m = kTerms - 1; m >= 0; --m) sum += ((p + m) % 2 ? h[m] : -h[m]) / (p + m);
    return sum / std::pow(c, p);
  }
  if (count == 2) return 2 * std::atanh((high - low) / (high + low)) / (high - low);
  std::vector<double> part(x + 1, x + count);
  const double upper = log_divided_difference(part.data(), count - 1);
  part.assign(x, x + count - 1);
  return (upper - log_divided_difference(part.data(), count - 1)) / (high - low);
}

// Sum over all chains from `at` to `to` through the directions in `left`, in every order.
template <class Rows>
double log_chains(const std::vector<Rows>& f, const double* values, unsigned left, index_t at, index_t to,
                  std::vector<double>& points) {
  double sum = 0;
  for (std::size_t q = 0; q < f.size(); ++q) {
    const unsigned rest = left & ~(1u << q);
    if (rest == left) continue;
    if (rest == 0) {
      std::vector<double> x = points;
      x.push_back(values[to]);
      return f[q](at, to) * log_divided_difference(x.data(), static_cast<int>(x.size()));
    }
    for (index_t k = 0; k < f[q].rows(); ++k) {
      points.push_back(values[k]);
      sum += f[q](at, k) * log_chains(f, values, rest, k, to, points);
      points.pop_back();
    }
  }
  return sum;
}

}  // namespace cpu::detail

// values (d), ascending, and vectors (d, d), as columns, of the symmetric part of a (d, d). False when a is
// not finite, or the iteration does not converge.
template <class T>
bool eigh(Cpu, const Tensor<T, Cpu>& a, Tensor<double, Cpu>& values, Tensor<double, Cpu>& vectors) {
  using namespace cpu::detail;
  if (a.numel() == 0) return true;
  const EigenRows<T> m = symmetric_part(a);
  if (!m.allFinite()) return false;
  const Eigen::SelfAdjointEigenSolver<
      Eigen::Matrix<typename DoubleFor<T>::type, Eigen::Dynamic, Eigen::Dynamic>>
      solver(m);
  if (solver.info() != Eigen::Success) return false;
  std::copy_n(solver.eigenvalues().data(), m.rows(), values.mutable_data());
  store_rows(vectors, EigenRows<T>(solver.eigenvectors()));
  return true;
}

// y (d, d) = V diag(g(e)) V' for eigenvalues e and vectors V.
template <class T, class G>
void spectral_function(Cpu, Tensor<T, Cpu>& y, const Tensor<double, Cpu>& values,
                       const Tensor<double, Cpu>& vectors, G&& g) {
  using namespace cpu::detail;
  const index_t d = values.numel();
  const Eigen::Map<const EigenRows<T>> v(vectors.data(), d, d);
  Eigen::Matrix<typename DoubleFor<T>::type, Eigen::Dynamic, 1> e(d);
  for (index_t i = 0; i < d; ++i) e(i) = g(values.data()[i]);
  store_rows(y, EigenRows<T>(v * e.asDiagonal() * v.transpose()));
}

// y (d, d) = the derivative of the logarithm in the given directions (d, d), at least one.
template <class T>
void log_derivative(Cpu, Tensor<T, Cpu>& y, const Tensor<double, Cpu>& values,
                    const Tensor<double, Cpu>& vectors, std::span<const Tensor<T, Cpu>> directions) {
  using namespace cpu::detail;
  const index_t d = values.numel();
  const Eigen::Map<const EigenRows<T>> v(vectors.data(), d, d);
  std::vector<EigenRows<T>> f;
  for (const auto& e : directions) f.push_back(v.transpose() * symmetric_part(e) * v);
  EigenRows<T> r(d, d);
  std::vector<double> points;
  for (index_t i = 0; i < d; ++i)
    for (index_t j = i; j < d; ++j) {
      points.assign(1, values.data()[i]);
      r(i, j) = r(j, i) = log_chains(f, values.data(), (1u << f.size()) - 1, i, j, points);
    }
  store_rows(y, EigenRows<T>(v * r * v.transpose()));
}

}  // namespace limbic
