// Shapes and strides: up to eight numbers held inline, and the rules that combine them.
//
// Dimension letters used throughout limbic: B batch, L length, C features, H heads, E head size,
// K classes, N rows.
#pragma once

#include <limbic/core/error.hpp>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <limits>
#include <span>
#include <string>

namespace limbic {

// The most dimensions that a tensor has; more are an error.
inline constexpr int kMaxRank = 8;

// A short list of numbers, one for each dimension: a shape, strides, or a list of dimensions. Written {2, 3};
// {} is the shape of a scalar, and as a list of dimensions to reduce it means all of them. Values are not
// looked at here; where a list gets longer than kMaxRank it throws.
class Dims {
 public:
  constexpr Dims() = default;
  Dims(std::initializer_list<index_t> values) : Dims(std::span(values.begin(), values.size())) {}
  explicit Dims(std::span<const index_t> values) {
    check(values.size() <= kMaxRank, "shape", "a tensor has at most 8 dimensions; got ", values.size());
    for (index_t v : values) values_[rank_++] = v;
  }
  // `rank` times `value`.
  static Dims filled(int rank, index_t value) {
    check(rank >= 0 && rank <= kMaxRank, "shape", "a tensor has at most 8 dimensions; got ", rank);
    Dims d;
    d.rank_ = rank;
    std::fill_n(d.values_, rank, value);
    return d;
  }

  // Of STL's containers, but that size() is called rank(). Indices are not checked, and negative ones do not
  // count from the back; back() needs a rank of at least 1.
  constexpr int rank() const { return rank_; }
  constexpr bool empty() const { return rank_ == 0; }
  constexpr index_t operator[](int i) const { return values_[i]; }
  constexpr index_t& operator[](int i) { return values_[i]; }
  constexpr const index_t* begin() const { return values_; }
  constexpr const index_t* end() const { return values_ + rank_; }
  constexpr index_t back() const { return values_[rank_ - 1]; }

  // One number more or less; `at` is not checked.
  void push_back(index_t v) { insert(rank_, v); }
  void insert(int at, index_t v) {
    check(rank_ < kMaxRank, "shape", "a tensor has at most 8 dimensions; got 9");
    std::copy_backward(values_ + at, values_ + rank_, values_ + rank_ + 1);
    values_[at] = v;
    ++rank_;
  }
  void erase(int at) {
    std::copy(values_ + at + 1, values_ + rank_, values_ + at);
    --rank_;
  }

  friend bool operator==(const Dims& a, const Dims& b) {
    return a.rank_ == b.rank_ && std::equal(a.begin(), a.end(), b.begin());
  }

 private:
  index_t values_[kMaxRank] = {};
  int rank_ = 0;
};

// Sizes, and steps between neighbours in elements (not bytes, unlike NumPy's).
using Shape = Dims;
using Strides = Dims;

// "(2, 3)"; a scalar is "()".
inline std::string to_text(const Dims& d) {
  std::string s = "(";
  for (int i = 0; i < d.rank(); ++i) s += (i ? ", " : "") + std::to_string(d[i]);
  return s + ")";
}

// Number of elements. Throws for negative sizes and for counts that do not fit.
inline index_t numel(const Shape& shape) {
  index_t n = 1;
  bool zero = false;
  for (index_t d : shape) {
    check(d >= 0, "shape", "sizes must not be negative; got ", shape);
    if (d == 0) zero = true;
    else if (n > (std::numeric_limits<index_t>::max() >> 4) / d)
      fail("shape", "too many elements; got ", shape);
    else n *= d;
  }
  return zero ? 0 : n;
}

// Strides of a row-major, dense array.
inline Strides contiguous_strides(const Shape& shape) {
  Strides s = Dims::filled(shape.rank(), 1);
  for (int i = shape.rank() - 2; i >= 0; --i) s[i] = s[i + 1] * std::max<index_t>(shape[i + 1], 1);
  return s;
}

// Dimension `dim` counted from the front; negative counts from the back. Throws when out of range.
inline int normalize_dim(std::string_view op, index_t dim, int rank) {
  const index_t d = dim < 0 ? dim + rank : dim;
  if (rank == 0)
    fail(op, "a tensor of rank 1 or more is needed; got rank 0, of which dim ", dim, " is wanted");
  if (d < 0 || d >= rank)
    fail(op, "dim must be in [", -rank, ", ", rank - 1, "]; got ", dim, " for a tensor of rank ", rank);
  return static_cast<int>(d);
}

// Shape of an elementwise result by the NumPy rules: sizes are compared from the last dimension on,
// and must be equal or 1. Throws in the name of `op` where they are not.
inline Shape broadcast_shapes(std::string_view op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  const int rank = std::max(a.rank(), b.rank());
  Shape out = Dims::filled(rank, 1);
  for (int i = 1; i <= rank; ++i) {
    const index_t x = i <= a.rank() ? a[a.rank() - i] : 1;
    const index_t y = i <= b.rank() ? b[b.rank() - i] : 1;
    if (x != y && x != 1 && y != 1)
      fail(op, "shapes must broadcast (sizes equal or 1, from the last dimension on); got ", a, " and ", b);
    out[rank - i] = x == 1 ? y : x;
  }
  return out;
}

// Whether `from` can be expanded to `to`.
inline bool expandable(const Shape& from, const Shape& to) {
  if (from.rank() > to.rank()) return false;
  for (int i = 1; i <= from.rank(); ++i) {
    const index_t f = from[from.rank() - i];
    if (f != 1 && f != to[to.rank() - i]) return false;
  }
  return true;
}

// Strides with which data of shape `shape` reads as shape `to`, to which it must be expandable(): 0 along
// expanded dimensions.
inline Strides expanded_strides(const Shape& shape, const Strides& strides, const Shape& to) {
  Strides out = Dims::filled(to.rank(), 0);
  for (int i = 1; i <= shape.rank(); ++i)
    if (shape[shape.rank() - i] != 1) out[to.rank() - i] = strides[shape.rank() - i];
  return out;
}

// A reduction's dimensions, normalised, as flags; an empty list means all of them. Throws
// when one is out of range or named twice.
inline std::array<bool, kMaxRank> dim_flags(std::string_view op, const Dims& dims, int rank) {
  std::array<bool, kMaxRank> flags{};
  if (dims.empty()) std::fill_n(flags.begin(), rank, true);
  for (index_t d : dims) {
    const int i = normalize_dim(op, d, rank);
    check(!flags[static_cast<std::size_t>(i)], op, "dims must not repeat; got ", dims);
    flags[static_cast<std::size_t>(i)] = true;
  }
  return flags;
}

}  // namespace limbic
