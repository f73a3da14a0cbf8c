// Symmetric eigenvalues, functions of symmetric matrices and derivatives of the logarithm on the device, in
// double (kernels/eigh.cuh, kernels/log_chains.cuh).
#pragma once

#include <limbic/backend/cuda/guard.hpp>
#include <limbic/backend/cuda/launch/eigh.hpp>
#include <limbic/backend/cuda/launch/pairwise.hpp>

#include <span>

namespace limbic {

namespace cuda::detail {

// a b', of matrices (d, d).
inline Tensor<double, Cuda> times_transposed(const Tensor<double, Cuda>& a, const Tensor<double, Cuda>& b) {
  const index_t d = a.size(0);
  Tensor<double, Cuda> y = Tensor<double, Cuda>::empty({d, d});
  if (d > 0) row_products(y.mutable_data(), a.data(), d, b.data(), d, d);
  return y;
}
template <class T>
void store(Tensor<T, Cuda>& y, const Tensor<double, Cuda>& x) {
  copy_strided(Cuda{}, y.shape(), y.mutable_data(), y.strides(), x.data(), x.strides());
}

}  // namespace cuda::detail

// values (d), ascending, and vectors (d, d), as columns, of the symmetric part of a (d, d). True: that a is
// not finite is told later.
template <class T>
bool eigh(Cuda, const Tensor<T, Cuda>& a, Tensor<double, Cuda>& values, Tensor<double, Cuda>& vectors) {
  const Tensor<T, Cuda> dense = a.contiguous();
  cuda::eigh(cuda::guard_text("eigh", "the matrix must be finite"), dense.data(), a.size(0),
             values.mutable_data(), vectors.mutable_data());
  return true;
}

// y (d, d) = V diag(g(e)) V' for eigenvalues e and vectors V; g is generic, see trace.hpp.
template <class T, class G>
void spectral_function(Cuda, Tensor<T, Cuda>& y, const Tensor<double, Cuda>& values,
                       const Tensor<double, Cuda>& vectors, G&& g) {
  Tensor<double, Cuda> scaled = Tensor<double, Cuda>::empty(vectors.shape());
  elementwise(
      Cuda{}, [&](auto v, auto e) { return v * g(e); }, scaled, vectors, values);
  cuda::detail::store(y, cuda::detail::times_transposed(scaled, vectors));
}

// y (d, d) = the derivative of the logarithm in the given directions (d, d), one to five. Throws for more.
template <class T>
void log_derivative(Cuda, Tensor<T, Cuda>& y, const Tensor<double, Cuda>& values,
                    const Tensor<double, Cuda>& vectors, std::span<const Tensor<T, Cuda>> directions) {
  using namespace cuda::detail;
  const index_t d = values.numel();
  if (directions.size() > static_cast<std::size_t>(cuda::LogChainsCall::kMaxDirections))
    fail("log_derivative", "derivatives of at most order ", cuda::LogChainsCall::kMaxDirections,
         " are taken on this device; got ", directions.size());
  if (d == 0) return;
  const Tensor<double, Cuda> v = vectors.contiguous();
  Tensor<double, Cuda> rows = Tensor<double, Cuda>::empty({d, d}), part = Tensor<double, Cuda>::empty({d, d});
  cuda::transpose_square(v.data(), d, rows.mutable_data());
  cuda::LogChainsCall call{.count = static_cast<int>(directions.size()), .values = values.data(), .d = d};
  std::vector<Tensor<double, Cuda>> f;  // V' E V
  for (const auto& e : directions) {
    const Tensor<T, Cuda> dense = e.contiguous();
    cuda::symmetric_part(dense.data(), d, part.mutable_data());
    f.push_back(times_transposed(times_transposed(rows, part), rows));
    call.directions[f.size() - 1] = f.back().data();
  }
  Tensor<double, Cuda> r = Tensor<double, Cuda>::empty({d, d});
  call.r = r.mutable_data();
  cuda::log_chains(call);
  store(y, times_transposed(times_transposed(v, r), v));
}

}  // namespace limbic
