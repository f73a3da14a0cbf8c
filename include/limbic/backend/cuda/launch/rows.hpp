// Launchers over the rows of dense (rows, cols) matrices, T = float or double: softmax and its family, layer
// norm and RMS norm. Outputs may be the input they replace.
#pragma once

#include <cstdint>

namespace limbic::cuda {

template <class T>
void softmax_fwd(T* y, const T* x, std::int64_t rows, std::int64_t cols);
template <class T>
void softmax_bwd(T* dx, const T* y, const T* dy, std::int64_t rows, std::int64_t cols, bool accumulate);
template <class T>
void log_softmax_fwd(T* y, const T* x, std::int64_t rows, std::int64_t cols);
template <class T>
void log_softmax_bwd(T* dx, const T* y, const T* dy, std::int64_t rows, std::int64_t cols, bool accumulate);
// y (rows).
template <class T>
void logsumexp_fwd(T* y, const T* x, std::int64_t rows, std::int64_t cols);
template <class T>
void logsumexp_bwd(T* dx, const T* x, const T* y, const T* dy, std::int64_t rows, std::int64_t cols,
                   bool accumulate);

// One norm of rows: centred is layer norm, else RMS norm. weight and bias (cols) may be null; mean (centred)
// and rstd (rows) are written by forward and read by backward.
template <class T>
struct NormCall {
  bool centred = true;
  const T *x = nullptr, *weight = nullptr, *bias = nullptr;
  T *mean = nullptr, *rstd = nullptr;
  std::int64_t rows = 0, cols = 0;
};
template <class T>
void norm_fwd(const NormCall<T>& call, T* y, T eps);
// dx (written or added to), dweight and dbias (written): null where not wanted.
template <class T>
void norm_bwd(const NormCall<T>& call, const T* dy, T* dx, bool accumulate, T* dweight, T* dbias);

}  // namespace limbic::cuda
