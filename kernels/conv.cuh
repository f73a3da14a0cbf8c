// Convolutions as matrix products whose operands are gathered where they lie (implicit GEMM): no matrix of
// columns is ever in memory. Cho and Brand 2017; Chetlur et al., arXiv:1410.0759.
//
//   gather   C[m, n] = sum_k W[m, k] X[k, n]      columns n: (image, position)
//     forward         m: filter, k: (channel, tap), X: x where the position and the tap meet
//     input           m: channel, k: (filter, tap), X: dy; columns are x's pixels
//     input, patches  (kernel = stride, no padding) m: (channel, tap), k: filter; C goes where the patch lies
//   weight   C[m, n] = sum_k DY[m, k] X[n, k]     m: filter, n: (tap, channel), k: (image, position)
//
//   plan     256 threads make a tile of C, kRows x kCols each in registers, over slices of 8 k in shared
//   memory;
//            the next slice is on its way in registers while this one is multiplied. gridDim: tiles along n,
//            tiles along m, groups (times parts of k: weight).
//   skipping a tile looks only at taps (weight: at positions) that some of its columns see. With
//   `by_position`
//            columns run over images first and memory has the images last, (channel, pixel, image): a tile is
//            then of one position mostly, and what that sees of padding costs nothing. On 4x4 images these
//            are half of a 5x5 kernel's products.
//   launch   kConvThreads threads, static shared memory
//   bytes    a tile reads its rows and columns once: k (kM + kN) numbers; 2 k kM kN operations
//   repeats  bit for bit: parts of k are written apart and added in order
#pragma once

#include "conv_axis.cuh"

namespace limbic::cuda {

template <class T>
struct ConvTask {
  const T *weight, *from, *bias;
  T* to;
  int rows, channels, columns;  // m; channels behind k; n
  int inner;  // columns that follow one another: of one image, or (by_position) of one position
  bool by_position, vectors;  // vectors: 4 neighbouring columns lie so in `to`, aligned
  int grid_w, from_w;         // widths of the planes that columns are of and that are read
  ConvAxis h, w;
  int patch_h, patch_w, to_w;  // of patches; 0: there are none
  std::int64_t weight_row, weight_channel, weight_tap, weight_group;
  std::int64_t from_image, from_channel, from_pixel, from_group, to_image, to_row, to_pixel, to_group;
};

template <class T>
struct ConvWeightTask {
  const T *x, *dy;
  T* dw;  // parts of k lie `part` apart
  int filters, channels, images;
  bool by_position;
  ConvAxis h, w;
  int splits;
  std::int64_t part, x_image, x_channel, x_pixel, x_group, dy_image, dy_filter, dy_pixel, dy_group;
};

namespace device {

constexpr int kConvThreads = 256;
constexpr int kConvDepth = 8;  // k in a slice

// A kM x kN tile of C.
template <class T, int kM, int kN, int kRows, int kCols>
struct ConvTile {
  static constexpr int kPad =
      16 / sizeof(T);  // keeps rows aligned, and what is written along k out of one bank
  static constexpr int kAcross = kN / kCols;  // threads along n
  static constexpr int kALoads = (kM * kConvDepth + kConvThreads - 1) / kConvThreads;
  static constexpr int kStep = kConvThreads / kConvDepth;  // rows of C loaded at a time
  static_assert(kM / kRows * kAcross == kConvThreads && kRows % 4 == 0 && kCols % 4 == 0);

  struct alignas(16) Shared {
    T a[2][kConvDepth][kM + kPad], b[2][kConvDepth][kN + kPad];
  };

  T sum[kRows][kCols] = {};

  // Rows and columns of a thread: fours, spread over the tile.
  static __device__ int row(int r) {
    return r / 4 * (kM * 4 / kRows) + static_cast<int>(threadIdx.x) / kAcross * 4 + r % 4;
  }
  static __device__ int col(int c) {
    return c / 4 * (kN * 4 / kCols) + static_cast<int>(threadIdx.x) % kAcross * 4 + c % 4;
  }

  __device__ __forceinline__ void multiply(const Shared& s, int half) {
#pragma unroll
    for (int k = 0; k < kConvDepth; ++k) {
      Vec<T, 4> a[kRows / 4], b[kCols / 4];
#pragma unroll
      for (int i = 0; i < kRows / 4; ++i) a[i] = load<4>(&s.a[half][k][row(4 * i)]);
#pragma unroll
      for (int i = 0; i < kCols / 4; ++i) b[i] = load<4>(&s.b[half][k][col(4 * i)]);
#pragma unroll
      for (int r = 0; r < kRows; ++r)
#pragma unroll
        for (int c = 0; c < kCols; ++c) sum[r][c] = math::fma(a[r / 4][r % 4], b[c / 4][c % 4], sum[r][c]);
    }
  }

  // Sums over k in [begin, end): source.fetch(k) starts loading a slice, source.put() stores it.
  template <class Source>
  __device__ __forceinline__ void run(Shared& shared, Source& source, int begin, int end) {
    if (begin < end) {
      source.fetch(begin);
      source.put(shared, 0);
    }
    __syncthreads();
    int half = 0;
    for (int k = begin; k < end; k += kConvDepth) {
      const bool more = k + kConvDepth < end;
      if (more) source.fetch(k + kConvDepth);
      multiply(shared, half);
      half ^= 1;
      if (more) source.put(shared, half);
      __syncthreads();
    }
  }
};

__device__ inline int at_least_1(int n) { return n > 0 ? n : 1; }

// Whose column n is.
struct ConvColumn {
  int position, image;
  template <class T>
  __device__ ConvColumn(const ConvTask<T>& t, int n) {
    const int outer = n / t.inner, rest = n - outer * t.inner;
    position = t.by_position ? outer : rest;
    image = t.by_position ? rest : outer;
  }
};

// What a thread loads for a tile of `gather`: of W always the same k of a slice, of X always the same column.
template <class T, class Tile, int kM, int kN, bool kTransposed>
struct GatherSource {
  static constexpr int kBLoads = kN * kConvDepth / kConvThreads, kBStep = kConvThreads / kN;
  const ConvTask<T>& t;
  Divisor by_taps, by_width;
  int depth, m, h = kNoMeeting, w = 0;  // h, w: where the column and the first tap meet
  const T *weight, *from;
  T a[Tile::kALoads], b[kBLoads];

  static __device__ int k_of_a() { return static_cast<int>(threadIdx.x) % kConvDepth; }
  static __device__ int row_of_a() { return static_cast<int>(threadIdx.x) / kConvDepth; }
  static __device__ int k_of_b() { return static_cast<int>(threadIdx.x) / kN; }
  static __device__ int col_of_b() { return static_cast<int>(threadIdx.x) % kN; }

  __device__ GatherSource(const ConvTask<T>& task, Range taps_h, Range taps_w, int m0, int n0)
      : t(task),
        by_taps(at_least_1(taps_h.size() * taps_w.size())),
        by_width(at_least_1(taps_w.size())),
        depth(task.channels * taps_h.size() * taps_w.size()),
        m(m0 + row_of_a()),
        weight(task.weight + blockIdx.z * task.weight_group +
               (taps_h.begin * task.w.kernel + taps_w.begin) * task.weight_tap),
        from(task.from + blockIdx.z * task.from_group) {
    const int n = n0 + col_of_b();
    if (n >= t.columns) return;
    const ConvColumn at(t, n);
    const int i = at.position / t.grid_w, j = at.position - i * t.grid_w;
    h = meeting<kTransposed>(t.h, i, taps_h.begin);
    w = meeting<kTransposed>(t.w, j, taps_w.begin);
    from += at.image * t.from_image;
  }

  __device__ __forceinline__ void split(int k, int& channel, int& kh, int& kw) const {
    channel = by_taps.quotient(k);
    const int tap = k - channel * by_taps.d;
    kh = by_width.quotient(tap);
    kw = tap - kh * by_width.d;
  }

  __device__ __forceinline__ void fetch(int k0) {
    int channel, kh, kw;
    split(k0 + k_of_a(), channel, kh, kw);
    const T* const at = weight + channel * t.weight_channel + (kh * t.w.kernel + kw) * t.weight_tap;
#pragma unroll
    for (int l = 0; l < Tile::kALoads; ++l) {
      const int row = m + l * Tile::kStep;
      a[l] = k0 + k_of_a() < depth && row < t.rows ? at[row * t.weight_row] : T(0);
    }
    constexpr int kSign = kTransposed ? -1 : 1;
#pragma unroll
    for (int l = 0; l < kBLoads; ++l) {
      const int k = k0 + k_of_b() + l * kBStep;
      split(k, channel, kh, kw);
      const int r = place<kTransposed>(t.h, h + kSign * kh * t.h.dilation);
      const int c = place<kTransposed>(t.w, w + kSign * kw * t.w.dilation);
      b[l] = k < depth && r >= 0 && c >= 0
                 ? from[channel * t.from_channel + (r * t.from_w + c) * t.from_pixel]
                 : T(0);
    }
  }

  __device__ __forceinline__ void put(typename Tile::Shared& s, int half) const {
#pragma unroll
    for (int l = 0; l < Tile::kALoads; ++l)
      if (kM >= Tile::kStep || row_of_a() < kM) s.a[half][k_of_a()][row_of_a() + l * Tile::kStep] = a[l];
#pragma unroll
    for (int l = 0; l < kBLoads; ++l) s.b[half][k_of_b() + l * kBStep][col_of_b()] = b[l];
  }
};

template <class T, int kM, int kN, int kRows, int kCols, bool kTransposed>
__global__ void __launch_bounds__(kConvThreads, (kRows * kCols * sizeof(T) > 64 ? 2 : 3))
    conv_gather(const __grid_constant__ ConvTask<T> t) {
  using Tile = ConvTile<T, kM, kN, kRows, kCols>;
  __shared__ typename Tile::Shared shared;
  const int n0 = static_cast<int>(blockIdx.x) * kN, m0 = static_cast<int>(blockIdx.y) * kM;

  // The positions of the tile's columns, from the first to the last, and the taps that these see.
  const int last = (n0 + kN < t.columns ? n0 + kN : t.columns) - 1;
  const ConvColumn first_column(t, n0), last_column(t, last);
  const bool whole = !t.by_position && first_column.image != last_column.image;
  const int p = whole ? 0 : first_column.position, q = whole ? t.inner - 1 : last_column.position;
  const int i = p / t.grid_w, i_last = q / t.grid_w;
  const bool one_row = i == i_last;
  const Range taps_h = taps_of<kTransposed>(t.h, i, i_last);
  const Range taps_w =
      taps_of<kTransposed>(t.w, one_row ? p - i * t.grid_w : 0, one_row ? q - i * t.grid_w : t.grid_w - 1);

  Tile tile;
  GatherSource<T, Tile, kM, kN, kTransposed> source(t, taps_h, taps_w, m0, n0);
  tile.run(shared, source, 0, source.depth);

  T* const to = t.to + blockIdx.z * t.to_group;
  const T* const bias = t.bias ? t.bias + static_cast<std::int64_t>(blockIdx.z) * t.rows : nullptr;
  if (bias)
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const int m = m0 + Tile::row(r);
      const T more = m < t.rows ? bias[m] : T(0);
#pragma unroll
      for (int c = 0; c < kCols; ++c) tile.sum[r][c] += more;
    }
  // Calls f(row of the thread, where it goes).
  const auto for_rows = [&](T* column, auto&& f) {
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const int m = m0 + Tile::row(r);
      if (m < t.rows) f(r, column + m * t.to_row);
    }
  };
  if (t.vectors) {
#pragma unroll
    for (int c = 0; c < kCols; c += 4) {
      const int n = n0 + Tile::col(c);
      if (n >= t.columns) continue;
      const ConvColumn column(t, n);
      for_rows(to + column.image * t.to_image + column.position * t.to_pixel, [&](int r, T* at) {
        store(at, Vec<T, 4>{tile.sum[r][c], tile.sum[r][c + 1], tile.sum[r][c + 2], tile.sum[r][c + 3]});
      });
    }
    return;
  }
#pragma unroll
  for (int c = 0; c < kCols; ++c) {
    const int n = n0 + Tile::col(c);
    if (n >= t.columns) continue;
    const ConvColumn column(t, n);
    T* const at = to + column.image * t.to_image;
    if (!t.patch_w) {
      for_rows(at + column.position * t.to_pixel, [&](int r, T* element) { *element = tile.sum[r][c]; });
      continue;
    }
    const int y = column.position / t.grid_w;
    T* const patch =
        at + static_cast<std::int64_t>(y) * t.patch_h * t.to_w + (column.position - y * t.grid_w) * t.patch_w;
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const int m = m0 + Tile::row(r), channel = m / (t.patch_h * t.patch_w),
                tap = m - channel * t.patch_h * t.patch_w;
      if (m < t.rows) patch[channel * t.to_row + tap / t.patch_w * t.to_w + tap % t.patch_w] = tile.sum[r][c];
    }
  }
}

// What a thread loads for a tile of `weight`: always the same k of a slice, of several rows and columns.
template <class T, class Tile, int kN>
struct WeightSource {
  static constexpr int kBLoads = kN / Tile::kStep;
  const ConvWeightTask<T>& t;
  Range rows, cols;
  Divisor by_inner, by_cols;
  int end = 0, m;
  const T *x, *dy;
  std::int64_t channel[kBLoads];
  int tap_h[kBLoads], tap_w[kBLoads];
  T a[Tile::kALoads], b[kBLoads];

  static __device__ int k_of() { return static_cast<int>(threadIdx.x) % kConvDepth; }
  static __device__ int row_of() { return static_cast<int>(threadIdx.x) / kConvDepth; }

  __device__ WeightSource(const ConvWeightTask<T>& task, Range i, Range j, int group, int m0, int n0)
      : t(task),
        rows(i),
        cols(j),
        by_inner(at_least_1(task.by_position ? task.images : i.size() * j.size())),
        by_cols(at_least_1(j.size())),
        m(m0 + row_of()),
        x(task.x + group * task.x_group),
        dy(task.dy + group * task.dy_group) {
#pragma unroll
    for (int l = 0; l < kBLoads; ++l) {
      const int n = n0 + row_of() + l * Tile::kStep, tap = n / t.channels;
      const bool inside = tap < t.h.kernel * t.w.kernel;
      channel[l] = (n - tap * t.channels) * t.x_channel;
      // A column past the end sees nothing.
      tap_h[l] = inside ? tap / t.w.kernel * t.h.dilation - t.h.pad : kNoMeeting;
      tap_w[l] = tap % t.w.kernel * t.w.dilation - t.w.pad;
    }
  }

  __device__ __forceinline__ void fetch(int k0) {
    const int k = k0 + k_of(), outer = by_inner.quotient(k), rest = k - outer * by_inner.d;
    const int position = t.by_position ? outer : rest, image = t.by_position ? rest : outer;
    const int row = by_cols.quotient(position), i = rows.begin + row,
              j = cols.begin + position - row * by_cols.d;
    const T* const dy_at = dy + image * t.dy_image + (i * t.w.out + j) * t.dy_pixel;
    const T* const x_at = x + image * t.x_image;
#pragma unroll
    for (int l = 0; l < Tile::kALoads; ++l) {
      const int filter = m + l * Tile::kStep;
      a[l] = k < end && filter < t.filters ? dy_at[filter * t.dy_filter] : T(0);
    }
#pragma unroll
    for (int l = 0; l < kBLoads; ++l) {
      const int u = i * t.h.stride + tap_h[l], v = j * t.w.stride + tap_w[l];
      const bool inside = static_cast<unsigned>(u) < static_cast<unsigned>(t.h.size) &&
                          static_cast<unsigned>(v) < static_cast<unsigned>(t.w.size);
      b[l] = k < end && inside ? x_at[channel[l] + (u * t.w.size + v) * t.x_pixel] : T(0);
    }
  }

  __device__ __forceinline__ void put(typename Tile::Shared& s, int half) const {
#pragma unroll
    for (int l = 0; l < Tile::kALoads; ++l) s.a[half][k_of()][row_of() + l * Tile::kStep] = a[l];
#pragma unroll
    for (int l = 0; l < kBLoads; ++l) s.b[half][k_of()][row_of() + l * Tile::kStep] = b[l];
  }
};

template <class T, int kM, int kN, int kRows, int kCols>
__global__ void __launch_bounds__(kConvThreads, (kRows * kCols * sizeof(T) > 64 ? 2 : 3))
    conv_weight(const __grid_constant__ ConvWeightTask<T> t) {
  using Tile = ConvTile<T, kM, kN, kRows, kCols>;
  __shared__ typename Tile::Shared shared;
  const int n0 = static_cast<int>(blockIdx.x) * kN, m0 = static_cast<int>(blockIdx.y) * kM;
  const int group = static_cast<int>(blockIdx.z) / t.splits, part = static_cast<int>(blockIdx.z) % t.splits;
  const int columns = t.channels * t.h.kernel * t.w.kernel;

  // The tile's taps, and the positions at which some of them see x.
  const int p = n0 / t.channels, q = ((n0 + kN < columns ? n0 + kN : columns) - 1) / t.channels;
  const int k = p / t.w.kernel, k_last = q / t.w.kernel;
  const bool one_row = k == k_last;
  const Range rows = outputs_of(t.h, k, k_last);
  const Range cols =
      outputs_of(t.w, one_row ? p - k * t.w.kernel : 0, one_row ? q - k * t.w.kernel : t.w.kernel - 1);

  Tile tile;
  WeightSource<T, Tile, kN> source(t, rows, cols, group, m0, n0);
  const int depth = rows.size() * cols.size() * t.images;
  const int size = (depth / t.splits / kConvDepth + 1) * kConvDepth;
  const int begin = part < depth / size + 1 ? part * size : depth;
  source.end = depth - begin < size ? depth : begin + size;
  tile.run(shared, source, begin, source.end);

  T* const to = t.dw + part * t.part + static_cast<std::int64_t>(group) * t.filters * columns;
#pragma unroll
  for (int c = 0; c < kCols; ++c) {
    const int n = n0 + Tile::col(c);
    if (n >= columns) continue;
    const int tap = n / t.channels;
    T* const at = to + (n - tap * t.channels) * (t.h.kernel * t.w.kernel) + tap;
#pragma unroll
    for (int r = 0; r < kRows; ++r) {
      const int m = m0 + Tile::row(r);
      if (m < t.filters) at[static_cast<std::int64_t>(m) * columns] = tile.sum[r][c];
    }
  }
}

}  // namespace device
}  // namespace limbic::cuda
