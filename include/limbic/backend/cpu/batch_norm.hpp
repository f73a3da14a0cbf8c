// Batch norm on the CPU: moments and sums over all but dimension 1 of x (B, C, ...), read as (B, C, L).
//
// Where L is long, a piece of work is a row of one channel; where it is short, a block of rows of C L
// columns. Each piece gives partial results that are put together in double, in the order of the pieces, so
// nothing depends on the number of threads. Moments are taken in two passes within a piece, while it is in
// the cache: memory is read once, and no digits are lost where the mean is large (Chan, Golub and LeVeque,
// "Algorithms for computing the sample variance", 1983).
#pragma once

#include <limbic/backend/cpu/isa.hpp>
#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/backend/cpu/vec.hpp>
#include <limbic/core/tensor.hpp>

#include <cmath>

#define LIMBIC_ISA_FILE <limbic/backend/cpu/batch_norm.inl>
#include <limbic/backend/cpu/isa_foreach.hpp>

namespace limbic {

namespace cpu::detail {

template <class F>
void with_batch_norm(F&& f) {
  on_isa<portable::BatchNormRows, avx2::BatchNormRows, avx512::BatchNormRows>(f);
}

// How x (B, C, ...) is cut.
struct BatchNormPlan {
  static constexpr index_t kRow = 4096, kBlockRows = 64, kBlockCols = 1024, kGrain = 32768;
  index_t batch, channels, length;  // B, C, L
  bool columns;                     // blocks of rows of C L columns; else rows of L
  index_t pieces;                   // pieces that a channel's row (or a column) is cut into

  explicit BatchNormPlan(const Shape& x) : batch(x[0]), channels(x[1]), length(1) {
    for (int d = 2; d < x.rank(); ++d) length *= x[d];
    columns = length < 64;
    pieces = columns ? (batch + kBlockRows - 1) / kBlockRows : (length + kRow - 1) / kRow;
  }
  index_t count() const { return batch * length; }
  index_t width() const { return channels * length; }
  // Partial results: of each column in each piece, or of each piece of each row.
  index_t parts() const { return columns ? pieces * width() : batch * channels * pieces; }

  // Calls row(part, offset, n, channel) for each piece of a row, or block(part, offset, rows, cols, column)
  // for each block, on all threads.
  template <class Row, class Block>
  void for_pieces(const Row& row, const Block& block) const {
    if (columns) {
      const index_t across = (width() + kBlockCols - 1) / kBlockCols;
      parallel_for(pieces * across,
                   std::max<index_t>(1, kGrain / (kBlockRows * std::clamp<index_t>(width(), 1, kBlockCols))),
                   [&](index_t begin, index_t end) {
                     for (index_t i = begin; i < end; ++i) {
                       const index_t r = i / across * kBlockRows, c = i % across * kBlockCols;
                       block(i / across * width() + c, r * width() + c, std::min(kBlockRows, batch - r),
                             std::min(kBlockCols, width() - c), c);
                     }
                   });
      return;
    }
    parallel_for(batch * channels * pieces, std::max<index_t>(1, kGrain / std::min(length, kRow)),
                 [&](index_t begin, index_t end) {
                   for (index_t i = begin; i < end; ++i) {
                     const index_t r = i / pieces, at = i % pieces * kRow;
                     row(i, r * length + at, std::min(kRow, length - at), r % channels);
                   }
                 });
  }

  // Calls f(part, how many elements it is of) for the parts of a channel, in order.
  template <class F>
  void for_parts(index_t channel, const F& f) const {
    if (columns) {
      for (index_t p = 0; p < pieces; ++p)
        for (index_t j = 0; j < length; ++j)
          f(p * width() + channel * length + j, std::min(kBlockRows, batch - p * kBlockRows));
      return;
    }
    for (index_t b = 0; b < batch; ++b)
      for (index_t p = 0; p < pieces; ++p)
        f((b * channels + channel) * pieces + p, std::min(kRow, length - p * kRow));
  }

  // Calls f(channel) for all channels, on all threads.
  template <class F>
  void for_channels(const F& f) const {
    parallel_for(channels, std::max<index_t>(1, 4096 * channels / std::max<index_t>(1, parts())),
                 [&](index_t begin, index_t end) {
                   for (index_t c = begin; c < end; ++c) f(c);
                 });
  }

  // Calls row(offset, n, channel) for runs of one channel, or rows(offset, rows) for whole rows of C L
  // columns.
  template <class Row, class Rows>
  void for_all(const Row& row, const Rows& rows) const {
    if (columns) {
      parallel_for(batch, std::max<index_t>(1, kGrain / std::max<index_t>(1, width())),
                   [&](index_t begin, index_t end) { rows(begin * width(), end - begin); });
      return;
    }
    for_pieces([&](index_t, index_t offset, index_t n, index_t channel) { row(offset, n, channel); },
               [](index_t, index_t, index_t, index_t, index_t) {});
  }

  // A value of each channel, for each column.
  template <class T>
  Tensor<T, Cpu> spread(const Tensor<T, Cpu>& v) const {
    return v.reshape({channels, 1}).expand({channels, length}).clone();
  }
};

}  // namespace cpu::detail

// Mean and biased variance (C) of x; dense. There is at least one element of each channel.
template <class T>
void batch_norm_moments(Cpu, Tensor<T, Cpu>& mean, Tensor<T, Cpu>& variance, const Tensor<T, Cpu>& x) {
  using namespace cpu::detail;
  const BatchNormPlan plan(x.shape());
  Tensor<T, Cpu> part_mean = Tensor<T, Cpu>::empty({plan.parts()}),
                 part_squares = Tensor<T, Cpu>::empty({plan.parts()});
  T *const pm = part_mean.mutable_data(), *const ps = part_squares.mutable_data();
  const T* const from = x.data();
  plan.for_pieces(
      [&](index_t part, index_t offset, index_t n, index_t) {
        with_batch_norm([&](auto k) { k.moments(from + offset, n, pm[part], ps[part]); });
      },
      [&](index_t part, index_t offset, index_t rows, index_t cols, index_t) {
        with_batch_norm(
            [&](auto k) { k.column_moments(from + offset, rows, cols, plan.width(), pm + part, ps + part); });
      });
  T *const to_mean = mean.mutable_data(), *const to_variance = variance.mutable_data();
  const double count = static_cast<double>(plan.count());
  plan.for_channels([&](index_t c) {
    double sum = 0, squares = 0;
    plan.for_parts(
        c, [&](index_t part, index_t n) { sum += static_cast<double>(pm[part]) * static_cast<double>(n); });
    const double mu = sum / count;
    plan.for_parts(c, [&](index_t part, index_t n) {
      const double d = static_cast<double>(pm[part]) - mu;
      squares += static_cast<double>(ps[part]) + d * d * static_cast<double>(n);
    });
    to_mean[c] = static_cast<T>(mu);
    to_variance[c] = static_cast<T>(squares / count);
  });
}

// running = (1 - momentum) running + momentum scale batch, elementwise over (C).
template <class T>
void batch_norm_follow(Cpu, Tensor<T, Cpu>& running, const Tensor<T, Cpu>& batch, double momentum,
                       double scale, Site site) {
  T* const to = running.mutable_data(site);
  const index_t stride = running.strides()[0];
  for (index_t c = 0; c < batch.numel(); ++c) {
    T& r = to[c * stride];
    r = static_cast<T>((1 - momentum) * static_cast<double>(r) +
                       momentum * scale * static_cast<double>(batch.data()[c]));
  }
}

// rstd = 1 / sqrt(variance + eps), elementwise over (C).
template <class T>
void batch_norm_rstd(Cpu, Tensor<T, Cpu>& rstd, const Tensor<T, Cpu>& variance, double eps) {
  T* const to = rstd.mutable_data();
  const Tensor<T, Cpu> dense = variance.contiguous();
  for (index_t c = 0; c < dense.numel(); ++c)
    to[c] = static_cast<T>(1 / std::sqrt(static_cast<double>(dense.data()[c]) + eps));
}

// y = (x - mean) scale + shift by channel; x (B, C, ...) and y dense, the others (C), dense.
template <class T>
void batch_norm_apply(Cpu, Tensor<T, Cpu>& y, const Tensor<T, Cpu>& x, const Tensor<T, Cpu>& mean,
                      const Tensor<T, Cpu>& scale, const Tensor<T, Cpu>& shift) {
  using namespace cpu::detail;
  if (x.numel() == 0) return;
  const BatchNormPlan plan(x.shape());
  T* const to = y.mutable_data();
  const bool wide = plan.columns;
  const Tensor<T, Cpu> m = wide ? plan.spread(mean) : mean, a = wide ? plan.spread(scale) : scale,
                       b = wide ? plan.spread(shift) : shift;
  plan.for_all(
      [&](index_t at, index_t n, index_t c) {
        with_batch_norm(
            [&](auto k) { k.apply(x.data() + at, to + at, n, m.data()[c], a.data()[c], b.data()[c]); });
      },
      [&](index_t at, index_t rows) {
        with_batch_norm([&](auto k) {
          k.column_apply(x.data() + at, to + at, rows, plan.width(), m.data(), a.data(), b.data());
        });
      });
}

// sum dy and sum dy (x - mean) (C) of x and dy (B, C, ...) and mean (C); all dense.
template <class T>
void batch_norm_sums(Cpu, Tensor<T, Cpu>& sum, Tensor<T, Cpu>& dot, const Tensor<T, Cpu>& x,
                     const Tensor<T, Cpu>& dy, const Tensor<T, Cpu>& mean) {
  using namespace cpu::detail;
  const BatchNormPlan plan(x.shape());
  Tensor<T, Cpu> part_sum = Tensor<T, Cpu>::empty({plan.parts()}),
                 part_dot = Tensor<T, Cpu>::empty({plan.parts()});
  T *const ps = part_sum.mutable_data(), *const pd = part_dot.mutable_data();
  const Tensor<T, Cpu> m = plan.columns ? plan.spread(mean) : mean;
  plan.for_pieces(
      [&](index_t part, index_t at, index_t n, index_t c) {
        with_batch_norm(
            [&](auto k) { k.sums(x.data() + at, dy.data() + at, n, m.data()[c], ps[part], pd[part]); });
      },
      [&](index_t part, index_t at, index_t rows, index_t cols, index_t column) {
        with_batch_norm([&](auto k) {
          k.column_sums(x.data() + at, dy.data() + at, rows, cols, plan.width(), m.data() + column, ps + part,
                        pd + part);
        });
      });
  T *const to_sum = sum.mutable_data(), *const to_dot = dot.mutable_data();
  plan.for_channels([&](index_t c) {
    double s = 0, d = 0;
    plan.for_parts(c, [&](index_t part, index_t) {
      s += static_cast<double>(ps[part]);
      d += static_cast<double>(pd[part]);
    });
    to_sum[c] = static_cast<T>(s);
    to_dot[c] = static_cast<T>(d);
  });
}

// dx = (dy - sum / n - (x - mean) rstd^2 dot / n) scale by channel, n = B L; sum and dot are
// those of batch_norm_sums(). All dense.
template <class T>
void batch_norm_gradient(Cpu, Tensor<T, Cpu>& dx, const Tensor<T, Cpu>& x, const Tensor<T, Cpu>& dy,
                         const Tensor<T, Cpu>& mean, const Tensor<T, Cpu>& rstd, const Tensor<T, Cpu>& scale,
                         const Tensor<T, Cpu>& sum, const Tensor<T, Cpu>& dot) {
  using namespace cpu::detail;
  if (x.numel() == 0) return;
  const BatchNormPlan plan(x.shape());
  Tensor<T, Cpu> slope = Tensor<T, Cpu>::empty({plan.channels}),
                 level = Tensor<T, Cpu>::empty({plan.channels});
  const double inverse = 1 / static_cast<double>(plan.count());
  for (index_t c = 0; c < plan.channels; ++c) {
    const double r = static_cast<double>(rstd.data()[c]);
    slope.mutable_data()[c] = static_cast<T>(r * r * static_cast<double>(dot.data()[c]) * inverse);
    level.mutable_data()[c] = static_cast<T>(static_cast<double>(sum.data()[c]) * inverse);
  }
  T* const to = dx.mutable_data();
  const bool wide = plan.columns;
  const Tensor<T, Cpu> m = wide ? plan.spread(mean) : mean, a = wide ? plan.spread(scale) : scale,
                       b = wide ? plan.spread(slope) : slope, l = wide ? plan.spread(level) : level;
  plan.for_all(
      [&](index_t at, index_t n, index_t c) {
        with_batch_norm([&](auto k) {
          k.gradient(x.data() + at, dy.data() + at, to + at, n, m.data()[c], a.data()[c], b.data()[c],
                     l.data()[c]);
        });
      },
      [&](index_t at, index_t rows) {
        with_batch_norm([&](auto k) {
          k.column_gradient(x.data() + at, dy.data() + at, to + at, rows, plan.width(), m.data(), a.data(),
                            b.data(), l.data());
        });
      });
}

}  // namespace limbic
