// Launchers of symmetric eigenvalues and derivatives of the matrix logarithm; in double, of matrices of T =
// float or double, dense and row-major.
#pragma once

#include <limbic/backend/cuda/launch/guard.hpp>

namespace limbic::cuda {

// values (d), ascending, and vectors (d, d), as columns, of the symmetric part of a (d, d). `about`: of an
// element that is not finite; the result is then that of the identity.
template <class T>
void eigh(const GuardText& about, const T* a, std::int64_t d, double* values, double* vectors);

// to (d, d) = the symmetric part of a; transposed (d, d) = a'.
template <class T>
void symmetric_part(const T* a, std::int64_t d, double* to);
void transpose_square(const double* a, std::int64_t d, double* to);

// r (d, d): the derivative of log in the eigenbasis with eigenvalues `values`, in `count` directions f (d,
// d), symmetric.
struct LogChainsCall {
  static constexpr int kMaxDirections = 5;
  int count = 0;
  const double* directions[kMaxDirections] = {};
  const double* values = nullptr;
  std::int64_t d = 0;
  double* r = nullptr;
};
void log_chains(const LogChainsCall& call);

}  // namespace limbic::cuda
