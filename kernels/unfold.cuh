// Columns of a convolution, and their transpose, plane by plane.
//
//   unfold   y[plane, tap, i] = x[plane, where i and the tap meet], 0 outside
//   fold     x[plane, j] = sum over taps of y[plane, tap, the output that meets it at j], in the order of the
//   taps
//
//   plan     one thread a number that is written; neighbours write neighbours
//   launch   1-D blocks of kUnfoldThreads, grid-stride; fewer than 2^31 numbers
//   bytes    y once, x once (its repeats come from cache)
//   repeats  bit for bit
#pragma once

#include <limbic/backend/cuda/launch/unfold.hpp>

#include "conv_axis.cuh"

namespace limbic::cuda {

struct UnfoldCall {
  ConvAxis h, w;
  device::Divisor by_columns, by_positions, by_out_w, by_kernel_w;  // taps times positions, positions, YW, KW
  device::Divisor by_pixels, by_width;
  int columns, pixels;  // in all planes
};

namespace device {

constexpr int kUnfoldThreads = 256;

template <class T>
__global__ void __launch_bounds__(kUnfoldThreads)
    unfold(const __grid_constant__ UnfoldCall call, T* __restrict__ y, const T* __restrict__ x) {
  for (long long n = grid_index(); n < call.columns; n += grid_stride()) {
    const int plane = call.by_columns.quotient(static_cast<int>(n)),
              rest = static_cast<int>(n) - plane * call.by_columns.d;
    const int tap = call.by_positions.quotient(rest), position = rest - tap * call.by_positions.d;
    const int kh = call.by_kernel_w.quotient(tap), i = call.by_out_w.quotient(position);
    const int row = place<false>(call.h, meeting<false>(call.h, i, kh));
    const int col =
        place<false>(call.w, meeting<false>(call.w, position - i * call.w.out, tap - kh * call.w.kernel));
    y[n] = row >= 0 && col >= 0 ? x[plane * call.by_pixels.d + row * call.w.size + col] : T(0);
  }
}

template <class T>
__global__ void __launch_bounds__(kUnfoldThreads)
    fold(const __grid_constant__ UnfoldCall call, T* __restrict__ x, const T* __restrict__ y) {
  for (long long n = grid_index(); n < call.pixels; n += grid_stride()) {
    const int plane = call.by_pixels.quotient(static_cast<int>(n)),
              pixel = static_cast<int>(n) - plane * call.by_pixels.d;
    const int row = call.by_width.quotient(pixel), col = pixel - row * call.w.size;
    const Range rows = taps_of<true>(call.h, row, row), cols = taps_of<true>(call.w, col, col);
    T sum = T(0);
    for (int kh = rows.begin; kh < rows.end; ++kh) {
      const int i = place<true>(call.h, meeting<true>(call.h, row, kh));
      for (int kw = cols.begin; i >= 0 && kw < cols.end; ++kw) {
        const int j = place<true>(call.w, meeting<true>(call.w, col, kw)), tap = kh * call.w.kernel + kw;
        if (j >= 0) sum += y[plane * call.by_columns.d + tap * call.by_positions.d + i * call.w.out + j];
      }
    }
    x[n] = sum;
  }
}

}  // namespace device
}  // namespace limbic::cuda
