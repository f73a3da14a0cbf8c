// Convolution of small images with much padding: for each output position a matrix product over the taps that
// are inside the image, with the images as rows.
//
//   forward   Y[:, i, :] += X[:, taps of i, :] w[taps, :, :]      (n, C taps) (C taps, O)
//   input     DX[:, taps of i, :] += DY[:, i, :] w[taps, :, :]'
//   weight    DW[taps, :, :] += X[:, taps of i, :]' DY[:, i, :]
//
// X (n, H W, C) and Y (n, positions, O) are copies of n images with the channels last, so that neighbouring
// taps of a row lie behind one another. On 4x4 images a 5x5 filter sees padding half of the time.
#pragma once

#include <limbic/backend/cpu/conv_parts.hpp>

namespace limbic::cpu::detail {

// Whether less than this part of the products would be with numbers of the image, and the rest is worth its
// copies.
inline bool conv_skips_padding(const ConvShape& s) {
  if (s.groups != 1 || s.batch < 8 || s.positions() > 64 || s.channels < 8 || s.filters < 8) return false;
  index_t rows = 0, cols = 0;
  for (index_t k = 0; k < s.kernel_h; ++k)
    rows += inside(s.out_h, s.stride_h, k * s.dilation_h - s.pad_h, s.height).size();
  for (index_t k = 0; k < s.kernel_w; ++k)
    cols += inside(s.out_w, s.stride_w, k * s.dilation_w - s.pad_w, s.width).size();
  return rows * cols * 20 < s.positions() * s.taps() * 17;
}

// Images that are worked on together.
inline index_t conv_images(const ConvShape& s) { return std::clamp<index_t>(s.batch / 8, 8, 64); }

// Calls f(position, pixel, tap, n, first) for runs of n neighbouring taps that see as many neighbouring
// pixels; of each position at least once, with n = 0 if it sees padding only.
template <class F>
void for_taps(const ConvShape& s, const F& f) {
  for (index_t i = 0; i < s.out_h; ++i)
    for (index_t j = 0; j < s.out_w; ++j) {
      const IndexRange rows = inside(s.kernel_h, s.dilation_h, i * s.stride_h - s.pad_h, s.height);
      const IndexRange cols = inside(s.kernel_w, s.dilation_w, j * s.stride_w - s.pad_w, s.width);
      const index_t position = i * s.out_w + j;
      if (rows.size() == 0 || cols.size() == 0) {
        f(position, index_t{0}, index_t{0}, index_t{0}, true);
        continue;
      }
      for (index_t k = rows.begin; k < rows.end; ++k) {
        const index_t y = i * s.stride_h - s.pad_h + k * s.dilation_h,
                      step = s.dilation_w == 1 ? cols.size() : 1;
        for (index_t l = cols.begin; l < cols.end; l += step)
          f(position, y * s.width + j * s.stride_w - s.pad_w + l * s.dilation_w, k * s.kernel_w + l, step,
            k == rows.begin && l == cols.begin);
      }
    }
}

// (n, a, b) -> (n, b, a)
template <class T>
void swap_last(const T* in, index_t n, index_t a, index_t b, T* out) {
  for (index_t i = 0; i < n; ++i) transpose(in + i * a * b, a, b, b, out + i * a * b, a);
}

// w (O, C, taps) as (taps, C, O), for which `memory` is made.
template <class T>
const T* taps_first(const ConvShape& s, const T* w, Tensor<T, Cpu>& memory) {
  memory = Tensor<T, Cpu>::empty({s.taps(), s.channels, s.filters});
  const index_t k = s.group_taps();
  T* const to = memory.mutable_data();
  parallel_for(s.channels, 8, [&](index_t begin, index_t end) {
    for (index_t c = begin; c < end; ++c)
      transpose(w + c * s.taps(), s.filters, s.taps(), k, to + c * s.filters, s.channels * s.filters);
  });
  return to;
}

template <class T>
void conv_fwd_positions(const ConvShape& s, const T* x, const T* w, const T* bias, T* y) {
  struct Input;
  struct Output;
  const index_t c = s.channels, o = s.filters, pixels = s.pixels(), p = s.positions();
  Tensor<T, Cpu> memory;
  const T* const wt = taps_first(s, w, memory);
  parallel_for(s.batch, conv_images(s), [&](index_t begin, index_t end) {
    const index_t n = end - begin;
    T* const xt = scratch<Input, T>(n * pixels * c);
    T* const yt = scratch<Output, T>(n * p * o);
    swap_last(x + begin * c * pixels, n, c, pixels, xt);
    for_taps(s, [&](index_t position, index_t pixel, index_t tap, index_t taps, bool first) {
      gemm<T>(n, o, taps * c, {xt + pixel * c, pixels * c, 1}, {wt + tap * c * o, o, 1}, yt + position * o,
              p * o, {.accumulate = !first, .bias = first ? bias : nullptr});
    });
    swap_last(yt, n, p, o, y + begin * o * p);
  });
}

template <class T>
void conv_bwd_input_positions(const ConvShape& s, const T* w, const T* dy, T* dx) {
  struct Input;
  struct Output;
  const index_t c = s.channels, o = s.filters, pixels = s.pixels(), p = s.positions();
  // (O, taps, C)
  Tensor<T, Cpu> memory = Tensor<T, Cpu>::empty({o, s.taps(), c});
  T* const wt = memory.mutable_data();
  swap_last(w, o, c, s.taps(), wt);
  parallel_for(s.batch, conv_images(s), [&](index_t begin, index_t end) {
    const index_t n = end - begin;
    T* const xt = scratch<Input, T>(n * pixels * c);
    T* const yt = scratch<Output, T>(n * p * o);
    swap_last(dy + begin * o * p, n, o, p, yt);
    std::fill_n(xt, n * pixels * c, T(0));
    for_taps(s, [&](index_t position, index_t pixel, index_t tap, index_t taps, bool) {
      gemm<T>(n, taps * c, o, {yt + position * o, p * o, 1}, {wt + tap * c, s.taps() * c, 1}, xt + pixel * c,
              pixels * c, {.accumulate = true});
    });
    swap_last(xt, n, pixels, c, dx + begin * c * pixels);
  });
}

template <class T>
void conv_bwd_weight_positions(const ConvShape& s, const T* x, const T* dy, T* dw) {
  struct Input;
  struct Output;
  const index_t c = s.channels, o = s.filters, pixels = s.pixels(), p = s.positions();
  const index_t images = 2 * conv_images(s);
  Tensor<T, Cpu> sum = Tensor<T, Cpu>::empty({s.taps(), c, o});
  sum_of_parts<T>((s.batch + images - 1) / images, sum.numel(), sum.mutable_data(), [&](index_t i, T* part) {
    const index_t begin = i * images, n = std::min(images, s.batch - begin);
    T* const xt = scratch<Input, T>(n * pixels * c);
    T* const yt = scratch<Output, T>(n * p * o);
    swap_last(x + begin * c * pixels, n, c, pixels, xt);
    swap_last(dy + begin * o * p, n, o, p, yt);
    for_taps(s, [&](index_t position, index_t pixel, index_t tap, index_t taps, bool) {
      gemm<T>(taps * c, o, n, {xt + pixel * c, 1, pixels * c}, {yt + position * o, p * o, 1},
              part + tap * c * o, o, {.accumulate = true});
    });
  });
  const T* const from = sum.data();
  parallel_for(o, 16, [&](index_t begin, index_t end) {
    with_im2col([&](auto k) {
      for (index_t f = begin; f < end; ++f)
        for (index_t j = 0; j < c; ++j)
          k.pick(from + j * o + f, c * o, dw + (f * c + j) * s.taps(), s.taps());
    });
  });
}

}  // namespace limbic::cpu::detail
