// Softmax and its family over the rows of contiguous (rows, cols) matrices; T = float or double.
//
// Outputs may be the input they replace (y = x, dx = dy) but must not overlap it otherwise. Backward:
// dx = gradient, or dx += gradient if `accumulate`. Empty matrices do nothing; the results do not depend
// on the number of threads. Where a row holds NaN its results are NaN; -inf has probability 0; a row of
// -inf alone has softmax and log_softmax NaN and logsumexp -inf (all as PyTorch).
#pragma once

#include <limbic/backend/cpu/isa.hpp>
#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/backend/cpu/vec.hpp>
#include <limbic/core/error.hpp>
#include <limbic/core/math.hpp>

#include <limits>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/rows.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic::cpu {

namespace detail {

// Rows of a piece of work: some ten microseconds' worth.
inline index_t rows_grain(index_t cols) {
  return std::max(index_t{1}, index_t{16384} / std::max(cols, index_t{1}));
}

// f(kernels, first row, number of rows) over all rows, in parallel.
template <class F>
void for_rows(index_t rows, index_t cols, F&& f) {
  on_isa<portable::Rows, avx2::Rows, avx512::Rows>([&](auto kernels) {
    parallel_for(rows, rows_grain(cols), [&](index_t begin, index_t end) { f(kernels, begin, end - begin); });
  });
}

}  // namespace detail

// y = e^x / sum e^x of each row.
template <class T>
void softmax_fwd(const T* x, T* y, index_t rows, index_t cols) {
  detail::for_rows(rows, cols,
                   [&](auto k, index_t r, index_t n) { k.softmax_fwd(x + r * cols, y + r * cols, n, cols); });
}
// dx = y (dy - sum dy y).
template <class T>
void softmax_bwd(const T* y, const T* dy, T* dx, index_t rows, index_t cols, bool accumulate) {
  detail::for_rows(rows, cols, [&](auto k, index_t r, index_t n) {
    k.softmax_bwd(y + r * cols, dy + r * cols, dx + r * cols, n, cols, accumulate);
  });
}

// y = x - log sum e^x of each row.
template <class T>
void log_softmax_fwd(const T* x, T* y, index_t rows, index_t cols) {
  detail::for_rows(rows, cols, [&](auto k, index_t r, index_t n) {
    k.log_softmax_fwd(x + r * cols, y + r * cols, n, cols);
  });
}
// dx = dy - e^y sum dy.
template <class T>
void log_softmax_bwd(const T* y, const T* dy, T* dx, index_t rows, index_t cols, bool accumulate) {
  detail::for_rows(rows, cols, [&](auto k, index_t r, index_t n) {
    k.log_softmax_bwd(y + r * cols, dy + r * cols, dx + r * cols, n, cols, accumulate);
  });
}

// lse (rows) = log sum e^x of each row; -inf for cols = 0.
template <class T>
void logsumexp_fwd(const T* x, T* lse, index_t rows, index_t cols) {
  detail::for_rows(rows, cols,
                   [&](auto k, index_t r, index_t n) { k.logsumexp_fwd(x + r * cols, lse + r, n, cols); });
}
// dx = dlse e^(x - lse); dlse (rows).
template <class T>
void logsumexp_bwd(const T* x, const T* lse, const T* dlse, T* dx, index_t rows, index_t cols,
                   bool accumulate) {
  detail::for_rows(rows, cols, [&](auto k, index_t r, index_t n) {
    k.logsumexp_bwd(x + r * cols, lse + r, dlse + r, dx + r * cols, n, cols, accumulate);
  });
}

// Options of the cross-entropy with integer labels, as torch.nn.CrossEntropyLoss.
template <class T>
struct CrossEntropyOptions {
  const T* weights = nullptr;  // (cols), of the classes; null: all 1
  T smoothing = T(0);          // of the labels, in [0, 1]
  index_t ignored = -100;      // rows with this label have loss and gradient 0
};

// Per row, with s = smoothing, w the weights, l the label, p = softmax(x):
//   loss = -(1 - s) w_l log p_l - s / cols sum_c w_c log p_c
// lse (rows) is what the backward needs. Throws Error for a label outside [0, cols) other than `ignored`.
template <class T>
void cross_entropy_fwd(const T* x, const index_t* labels, T* loss, T* lse, index_t rows, index_t cols,
                       const CrossEntropyOptions<T>& options = {}) {
  for (index_t r = 0; r < rows; ++r)
    if ((labels[r] < 0 || labels[r] >= cols) && labels[r] != options.ignored) [[unlikely]]
      fail("cross_entropy", "labels must lie in [0, classes); got label ", labels[r], " in row ", r, " with ",
           cols, " classes");
  const T hard = T(1) - options.smoothing, soft = cols > 0 ? options.smoothing / static_cast<T>(cols) : T(0);
  detail::for_rows(rows, cols, [&](auto k, index_t r, index_t n) {
    k.cross_entropy_fwd(x + r * cols, labels + r, options.weights, hard, soft, options.ignored, loss + r,
                        lse + r, n, cols);
  });
}
// dx from dloss (rows); labels, lse and options as in the forward.
template <class T>
void cross_entropy_bwd(const T* x, const index_t* labels, const T* lse, const T* dloss, T* dx, index_t rows,
                       index_t cols, bool accumulate, const CrossEntropyOptions<T>& options = {}) {
  const T hard = T(1) - options.smoothing, soft = cols > 0 ? options.smoothing / static_cast<T>(cols) : T(0);
  T sum_weights = static_cast<T>(cols);
  if (options.weights && soft != T(0)) {
    sum_weights = T(0);
    for (index_t c = 0; c < cols; ++c) sum_weights += options.weights[c];
  }
  detail::for_rows(rows, cols, [&](auto k, index_t r, index_t n) {
    k.cross_entropy_bwd(x + r * cols, labels + r, options.weights, sum_weights, hard, soft, options.ignored,
                        lse + r, dloss + r, dx + r * cols, n, cols, accumulate);
  });
}

}  // namespace limbic::cpu
