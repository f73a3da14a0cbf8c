// Convolution on the CPU by columns: the numbers behind some output positions become columns of a matrix, and
// the rest is a matrix product (Chellapilla, Puri and Simard, 2006).
//
//   forward   y = w cols            (O, K) (K, n)
//   input     dcols = w' dy         (K, O) (O, n), added to dx where the columns came from
//   weight    dw = dy cols'         (O, n) (n, K)
//
// The matrix is made for a tile of n positions at a time: a part of an image, or some small images. Tiles are
// worked on in parallel. Where much of what a small image's filters see is padding, conv_positions.hpp does
// less work. Nothing depends on the number of threads.
#pragma once

#include <limbic/backend/cpu/conv_positions.hpp>

namespace limbic {

namespace cpu::detail {

// How positions are cut into tiles of about `columns`.
struct ConvTiles {
  const ConvShape& s;
  index_t images, columns;  // of a tile: some whole images, or positions of one

  explicit ConvTiles(const ConvShape& shape) : s(shape) {
    constexpr index_t kMatrix = 131072;  // numbers in a matrix of columns, so that it stays in the L2 cache
    const index_t p = s.positions();
    columns = std::clamp<index_t>(kMatrix / std::max<index_t>(1, s.group_taps()) / 32 * 32, 64, 2048);
    images = p > 0 ? std::clamp<index_t>(columns / p, 1, std::max<index_t>(1, s.batch)) : 1;
    columns = p > columns ? columns : images * p;
  }
  index_t count() const { return (s.batch + images - 1) / images; }

  // Calls f(first image, number of images, first position, number of columns) for tile i of images.
  template <class F>
  void run(index_t i, const F& f) const {
    const index_t b = i * images, n = std::min(images, s.batch - b), p = s.positions();
    if (n > 1) return f(b, n, index_t{0}, n * p);
    for (index_t at = 0; at < p; at += columns) f(b, n, at, std::min(columns, p - at));
  }
};

// The columns of a tile for group g; x itself where it is that matrix.
template <class T>
MatrixRef<T> conv_columns(const ConvShape& s, const T* x, index_t g, index_t b, index_t n, index_t at,
                          index_t columns) {
  struct Purpose;
  const T* from = x + (b * s.channels + g * s.group_channels()) * s.pixels();
  if (s.pointwise() && n == 1) return {from + at, s.pixels(), 1};
  T* const cols = scratch<Purpose, T>(s.group_taps() * columns);
  with_im2col([&](auto k) {
    if (n == 1) k.gather(s, from, at, at + columns, cols, columns);
    else
      for (index_t i = 0; i < n; ++i)
        k.gather(s, from + i * s.channels * s.pixels(), 0, s.positions(), cols + i * s.positions(), columns);
  });
  return {cols, columns, 1};
}

// A tile of dy (or y) for group g, as (O / groups, columns).
template <class T>
MatrixRef<T> conv_outputs(const ConvShape& s, const T* dy, index_t g, index_t b, index_t n, index_t at,
                          index_t columns) {
  struct Purpose;
  const index_t p = s.positions();
  const T* from = dy + (b * s.filters + g * s.group_filters()) * p;
  if (n == 1) return {from + at, p, 1};
  T* const to = scratch<Purpose, T>(s.group_filters() * columns);
  with_im2col([&](auto k) {
    for (index_t i = 0; i < n; ++i)
      for (index_t o = 0; o < s.group_filters(); ++o)
        k.copy(from + (i * s.filters + o) * p, to + o * columns + i * p, p);
  });
  return {to, columns, 1};
}

template <class T>
void conv_fwd_columns(const ConvShape& s, const T* x, const T* w, const T* bias, T* y) {
  struct Purpose;
  const ConvTiles tiles(s);
  const index_t p = s.positions(), k = s.group_taps(), f = s.group_filters();
  parallel_for(tiles.count(), 1, [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i)
      for (index_t g = 0; g < s.groups; ++g)
        tiles.run(i, [&](index_t b, index_t n, index_t at, index_t columns) {
          const MatrixRef<T> cols = conv_columns(s, x, g, b, n, at, columns);
          const MatrixRef<T> weight{w + g * f * k, k, 1};
          T* const to = y + (b * s.filters + g * f) * p;
          const T* c = bias ? bias + g * f : nullptr;
          if (n == 1) {
            for (index_t o = 0; c && o < f; ++o) std::fill_n(to + o * p + at, columns, c[o]);
            gemm<T>(f, columns, k, weight, cols, to + at, p, {.accumulate = c != nullptr});
            return;
          }
          T* const part = scratch<Purpose, T>(f * columns);
          gemm<T>(f, columns, k, weight, cols, part, columns);
          with_im2col([&](auto kernels) {
            for (index_t image = 0; image < n; ++image)
              for (index_t o = 0; o < f; ++o)
                kernels.add_constant(part + o * columns + image * p, c ? c[o] : T(0),
                                     to + (image * s.filters + o) * p, p);
          });
        });
  });
}

template <class T>
void conv_bwd_input_columns(const ConvShape& s, const T* w, const T* dy, T* dx) {
  struct Purpose;
  const ConvTiles tiles(s);
  const index_t k = s.group_taps(), f = s.group_filters(), image = s.channels * s.pixels();
  parallel_for(tiles.count(), 1, [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) {
      const index_t first = i * tiles.images, last = std::min(s.batch, first + tiles.images);
      const bool direct = s.pointwise() && last - first == 1;
      if (!s.pointwise() && !s.partition()) std::fill(dx + first * image, dx + last * image, T(0));
      for (index_t g = 0; g < s.groups; ++g)
        tiles.run(i, [&](index_t b, index_t n, index_t at, index_t columns) {
          const MatrixRef<T> d = conv_outputs(s, dy, g, b, n, at, columns);
          const MatrixRef<T> weight{w + g * f * k, 1, k};
          T* const to = dx + b * image + g * s.group_channels() * s.pixels();
          if (direct) {
            gemm<T>(k, columns, f, weight, d, to + at, s.pixels());
            return;
          }
          T* const cols = scratch<Purpose, T>(k * columns);
          gemm<T>(k, columns, f, weight, d, cols, columns);
          with_im2col([&](auto kernels) {
            if (n == 1) kernels.scatter(s, cols, columns, at, at + columns, to);
            else
              for (index_t j = 0; j < n; ++j)
                kernels.scatter(s, cols + j * s.positions(), columns, 0, s.positions(), to + j * image);
          });
        });
    }
  });
}

template <class T>
void conv_bwd_weight_columns(const ConvShape& s, const T* x, const T* dy, T* dw) {
  const ConvTiles tiles(s);
  const index_t k = s.group_taps(), f = s.group_filters();
  sum_of_parts<T>(tiles.count(), s.filters * k, dw, [&](index_t i, T* part) {
    for (index_t g = 0; g < s.groups; ++g)
      tiles.run(i, [&](index_t b, index_t n, index_t at, index_t columns) {
        const MatrixRef<T> cols = conv_columns(s, x, g, b, n, at, columns);
        const MatrixRef<T> d = conv_outputs(s, dy, g, b, n, at, columns);
        gemm<T>(f, k, columns, d, cols.transposed(), part + g * f * k, k, {.accumulate = true});
      });
  });
}

}  // namespace cpu::detail

// y = conv(x, w) + bias (O), which may be undefined; shapes as core/conv_shape.hpp has them. All dense.
template <class T>
void conv_fwd(Cpu, const ConvShape& s, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, const Tensor<T, Cpu>& w,
              const Tensor<T, Cpu>& bias) {
  if (y.numel() == 0) return;
  const T* c = bias.defined() ? bias.data() : nullptr;
  if (cpu::detail::conv_skips_padding(s))
    cpu::detail::conv_fwd_positions(s, x.data(), w.data(), c, y.mutable_data());
  else cpu::detail::conv_fwd_columns(s, x.data(), w.data(), c, y.mutable_data());
}

// dx = the transpose of the convolution, of dy. All dense.
template <class T>
void conv_bwd_input(Cpu, const ConvShape& s, Tensor<T, Cpu>& dx, const Tensor<T, Cpu>& w,
                    const Tensor<T, Cpu>& dy) {
  if (dx.numel() == 0) return;
  if (cpu::detail::conv_skips_padding(s))
    cpu::detail::conv_bwd_input_positions(s, w.data(), dy.data(), dx.mutable_data());
  else cpu::detail::conv_bwd_input_columns(s, w.data(), dy.data(), dx.mutable_data());
}

// dw = gradient of the weight from x and dy. All dense.
template <class T>
void conv_bwd_weight(Cpu, const ConvShape& s, Tensor<T, Cpu>& dw, const Tensor<T, Cpu>& x,
                     const Tensor<T, Cpu>& dy) {
  if (dw.numel() == 0) return;
  if (cpu::detail::conv_skips_padding(s))
    cpu::detail::conv_bwd_weight_positions(s, x.data(), dy.data(), dw.mutable_data());
  else cpu::detail::conv_bwd_weight_columns(s, x.data(), dy.data(), dw.mutable_data());
}

// dbias (O) = dy summed over all but the filters. Dense.
template <class T>
void conv_bwd_bias(Cpu, const ConvShape& s, Tensor<T, Cpu>& dbias, const Tensor<T, Cpu>& dy) {
  if (dbias.numel() == 0) return;
  const index_t p = s.positions();
  const index_t images = std::max<index_t>(1, 32768 / std::max<index_t>(1, s.filters * p));
  cpu::detail::sum_of_parts<T>((s.batch + images - 1) / images, s.filters, dbias.mutable_data(),
                               [&](index_t i, T* part) {
                                 cpu::detail::with_im2col([&](auto k) {
                                   for (index_t b = i * images; b < std::min(s.batch, (i + 1) * images); ++b)
                                     for (index_t o = 0; o < s.filters; ++o)
                                       part[o] += k.row_sum(dy.data() + (b * s.filters + o) * p, p);
                                 });
                               });
}

}  // namespace limbic
