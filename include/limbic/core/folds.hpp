// The folds that reductions are made of (backend/cpu/reduce.hpp): scalar code, the same on every device.
#pragma once

#include <limbic/core/math.hpp>

namespace limbic::folds {

// What the sums below share; their identity is 0.
template <class T>
struct Add {
  LIMBIC_INLINE T identity() const { return T(0); }
  LIMBIC_INLINE T combine(T a, T b) const { return a + b; }
};

template <class T>
struct Sum : Add<T> {
  LIMBIC_INLINE T map(T x) const { return x; }
};
template <class T>
struct SumOfSquares : Add<T> {
  LIMBIC_INLINE T map(T x) const { return x * x; }
};
// Of (x - side)^2.
template <class T>
struct SumOfSquaredDifferences : Add<T> {
  LIMBIC_INLINE T map(T x, T side) const { return (x - side) * (x - side); }
};
// How many elements are equal to the side value.
template <class T>
struct CountEqual : Add<T> {
  LIMBIC_INLINE T map(T x, T side) const { return T(x == side); }
};
// How many elements are not 0. NaN is not.
template <class T>
struct CountNonzero : Add<index_t> {
  LIMBIC_INLINE index_t map(T x) const { return index_t(x != T(0)); }
};

// Of all elements, and of those that are not 0; of none 1.
template <class T>
struct Product {
  LIMBIC_INLINE T identity() const { return T(1); }
  LIMBIC_INLINE T map(T x) const { return x; }
  LIMBIC_INLINE T combine(T a, T b) const { return a * b; }
};
template <class T>
struct ProductOfNonzero : Product<T> {
  LIMBIC_INLINE T map(T x) const { return x == T(0) ? T(1) : x; }
};

// Of a boolean tensor: is one of them true, are all?
struct Any {
  LIMBIC_INLINE bool identity() const { return false; }
  LIMBIC_INLINE bool map(bool x) const { return x; }
  LIMBIC_INLINE bool combine(bool a, bool b) const {
    return (static_cast<int>(a) | static_cast<int>(b)) != 0;
  }
};
struct All {
  LIMBIC_INLINE bool identity() const { return true; }
  LIMBIC_INLINE bool map(bool x) const { return x; }
  LIMBIC_INLINE bool combine(bool a, bool b) const {
    return (static_cast<int>(a) & static_cast<int>(b)) != 0;
  }
};

// The largest (Sign > 0) or smallest element; NaN if there is one.
template <class T, int Sign>
struct Extreme {
  LIMBIC_INLINE T identity() const {
    constexpr T kInf = std::numeric_limits<T>::infinity();
    return Sign > 0 ? -kInf : kInf;
  }
  LIMBIC_INLINE T map(T x) const { return x; }
  LIMBIC_INLINE T combine(T a, T b) const { return Sign > 0 ? math::max(a, b) : math::min(a, b); }
};

}  // namespace limbic::folds
