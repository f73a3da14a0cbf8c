// Loops over strided host memory: what views need to be copied, filled and compared.
#pragma once

#include <limbic/core/device.hpp>
#include <limbic/core/shape.hpp>

#include <cstring>

namespace limbic {

// A nest of loops over N operands with dimensions of size 1 dropped and dimensions that are dense in
// every operand merged, so that the innermost loop is as long as can be. Rank 0 means one element.
template <int N>
struct Loops {
  int rank = 0;
  index_t size[kMaxRank] = {};
  index_t stride[N][kMaxRank] = {};

  // Each operand has strides for `shape`, in elements; 0 repeats.
  Loops(const Shape& shape, const Strides* const (&strides)[N]) {
    for (int d = 0; d < shape.rank(); ++d) {
      if (shape[d] == 1) continue;
      bool merge = rank > 0;
      for (int n = 0; merge && n < N; ++n) merge = stride[n][rank - 1] == (*strides[n])[d] * shape[d];
      if (!merge) ++rank;
      size[rank - 1] = merge ? size[rank - 1] * shape[d] : shape[d];
      for (int n = 0; n < N; ++n) stride[n][rank - 1] = (*strides[n])[d];
    }
  }

  // Number of rows (everything but the innermost loop) and their length.
  index_t rows() const {
    index_t n = 1;
    for (int d = 0; d + 1 < rank; ++d) n *= size[d];
    return n;
  }
  index_t row_length() const { return rank ? size[rank - 1] : 1; }
  index_t inner_stride(int n) const { return rank ? stride[n][rank - 1] : 0; }

  // Calls f(offsets) with each operand's offset, for rows [begin, end).
  template <class F>
  void for_rows(index_t begin, index_t end, F&& f) const {
    if (begin >= end) return;
    index_t at[kMaxRank] = {};
    index_t offset[N] = {};
    index_t rest = begin;
    for (int d = rank - 2; d >= 0; --d) {
      at[d] = rest % size[d];
      rest /= size[d];
      for (int n = 0; n < N; ++n) offset[n] += at[d] * stride[n][d];
    }
    for (index_t r = begin;;) {
      f(static_cast<const index_t(&)[N]>(offset));
      if (++r == end) return;
      for (int d = rank - 2; d >= 0; --d) {
        for (int n = 0; n < N; ++n) offset[n] += stride[n][d];
        if (++at[d] < size[d]) break;
        for (int n = 0; n < N; ++n) offset[n] -= stride[n][d] * size[d];
        at[d] = 0;
      }
    }
  }
};

namespace detail {
// A number of another type. A floating-point number that an integer type cannot hold is an error: the
// language leaves open what the conversion gives.
template <class T, class U>
T converted(U v) {
  if constexpr (std::is_floating_point_v<U> && std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    constexpr double kLow = static_cast<double>(std::numeric_limits<T>::min());
    constexpr double kHigh = -2.0 * static_cast<double>(std::numeric_limits<T>::min() / 2);
    const double x = static_cast<double>(v);
    constexpr bool kSigned = std::is_signed_v<T>;
    const bool fits = kSigned
                          ? x >= kLow && x < kHigh
                          : x > -1.0 && x < 2.0 * static_cast<double>(std::numeric_limits<T>::max() / 2 + 1);
    if (!fits) [[unlikely]]
      fail("to", "a value must be finite and fit the integer type; got ", x);
  }
  return static_cast<T>(v);
}
}  // namespace detail

// dst = src elementwise, converting the scalar (throws where a number does not fit an integer type); both
// strided over `shape`. They must not overlap unless they are the same.
template <class T, class U>
void copy_strided(Cpu, const Shape& shape, T* dst, const Strides& dst_strides, const U* src,
                  const Strides& src_strides) {
  if (numel(shape) == 0) return;
  const Loops<2> loops(shape, {&dst_strides, &src_strides});
  const index_t n = loops.row_length(), ds = loops.inner_stride(0), ss = loops.inner_stride(1);
  loops.for_rows(0, loops.rows(), [&](const index_t(&at)[2]) {
    T* d = dst + at[0];
    const U* s = src + at[1];
    if constexpr (std::is_same_v<T, U>) {
      if (n == 1 || (ds == 1 && ss == 1)) {
        std::memcpy(d, s, static_cast<std::size_t>(n) * sizeof(T));
        return;
      }
    }
    for (index_t i = 0; i < n; ++i) d[i * ds] = detail::converted<T>(s[i * ss]);
  });
}

// dst = value; dst strided over `shape`. Overloaded by each device, as copy_strided() is.
template <class T>
void fill_strided(Cpu, const Shape& shape, T* dst, const Strides& strides, T value) {
  if (numel(shape) == 0) return;
  const Loops<1> loops(shape, {&strides});
  const index_t n = loops.row_length(), s = loops.inner_stride(0);
  loops.for_rows(0, loops.rows(), [&](const index_t(&at)[1]) {
    T* d = dst + at[0];
    if (s == 1) std::fill_n(d, n, value);
    else
      for (index_t i = 0; i < n; ++i) d[i * s] = value;
  });
}

// to_i = start + i step; overloaded by each device.
template <class T>
void fill_sequence(Cpu, T* to, index_t n, T start, T step) {
  for (index_t i = 0; i < n; ++i) to[i] = static_cast<T>(start + static_cast<T>(i) * step);
}

}  // namespace limbic
