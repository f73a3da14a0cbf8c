// Launchers of indexing, order and running sums. `at` cuts a dense shape at one dimension: (outer, size,
// inner).
//
// An index out of range reads 0 and writes nothing; that it was met is told at the next call that waits for
// the device (launch/guard.hpp), so that training never waits for a check.
#pragma once

#include <cstdint>

namespace limbic::cuda {

struct Cut {
  std::int64_t outer = 1, size = 1, inner = 1;
};

// y (outer, n, inner) = x (outer, size, inner) at index[j]; 0 where that is `skip` or not in [0, size).
template <class T>
void take_rows(T* y, const T* x, const std::int64_t* index, std::int64_t n, Cut at, std::int64_t skip);
// y (outer, size, inner) += x (outer, n, inner) at index[j], for j in order.
template <class T>
void add_rows(T* y, const T* x, const std::int64_t* index, std::int64_t n, Cut at, std::int64_t skip);
// y[o, index[j], :] = value.
template <class T>
void fill_rows(T* y, const std::int64_t* index, std::int64_t n, Cut at, T value);

// Loops over index's shape with each operand's strides, the dimension that is indexed last (its stride in
// `source`, where the index is used instead, is `along`).
struct AlongCall {
  int rank = 0;  // of the loop without that dimension
  std::int64_t rows = 1, length = 1, along = 0, limit = 0;
  std::int64_t size[8] = {}, y_stride[8] = {}, x_stride[8] = {}, index_stride[8] = {};
  std::int64_t y_step = 0, x_step = 0, index_step = 0;  // along the dimension
};
// y[., k] = x[., index[., k]]
template <class T>
void gather_along(T* y, const T* x, const std::int64_t* index, const AlongCall& call);
// y[., index[., k]] += x[., k], for k in order
template <class T>
void add_along(T* y, const T* x, const std::int64_t* index, const AlongCall& call);

// out[i] = index[i], or -1 where the same index comes again further back; all in [0, size).
void last_writes(std::int64_t* out, const std::int64_t* index, std::int64_t n, std::int64_t size);
// y (n, classes) = 1 at index[j], else 0.
template <class T>
void set_ones(T* y, const std::int64_t* index, std::int64_t n, std::int64_t classes);
// positions (n) = where the mask is true, in order, and count = how many there are.
void true_positions(std::int64_t* positions, std::int64_t* count, const bool* mask, std::int64_t n);
// y = x where column - row is at most k (`lower`) or at least k, else 0; over matrices (rows, cols).
template <class T>
void keep_triangle(T* y, const T* x, std::int64_t matrices, std::int64_t rows, std::int64_t cols,
                   std::int64_t k, bool lower);

// order (outer, k, inner): positions of the k first elements, in order; equal ones keep theirs, NaN is
// largest.
template <class T>
void order_of(std::int64_t* order, const T* x, Cut at, std::int64_t k, bool descending);
// y (outer, inner): position of the largest or smallest element, of equals the first, the first NaN if there
// is one.
template <class T>
void arg_extreme(std::int64_t* y, const T* x, Cut at, bool largest);

// Running sums and products along `size`, and the gradient of the latter (backend/cpu/scan.hpp).
template <class T>
void cumsum(T* y, const T* x, Cut at, bool reverse);
template <class T>
void cumprod_fwd(T* y, const T* x, Cut at);
template <class T>
void cumprod_bwd(T* dx, const T* dy, const T* x, const T* y, Cut at);

}  // namespace limbic::cuda
