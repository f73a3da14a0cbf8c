// Reductions over dimensions of a strided tensor, on the device.
#pragma once

#include <limbic/backend/cuda/elementwise.hpp>
#include <limbic/backend/cuda/launch/reduce.hpp>
#include <limbic/core/folds.hpp>

namespace limbic {

namespace cuda::detail {

template <class F>
struct FoldOf;
template <class T>
struct FoldOf<folds::Sum<T>> {
  static constexpr Fold value = Fold::sum;
};
template <class T>
struct FoldOf<folds::SumOfSquares<T>> {
  static constexpr Fold value = Fold::sum_of_squares;
};
template <class T>
struct FoldOf<folds::SumOfSquaredDifferences<T>> {
  static constexpr Fold value = Fold::sum_of_squared_differences;
};
template <class T>
struct FoldOf<folds::CountEqual<T>> {
  static constexpr Fold value = Fold::count_equal;
};
template <class T>
struct FoldOf<folds::CountNonzero<T>> {
  static constexpr Fold value = Fold::count_nonzero;
};
template <class T>
struct FoldOf<folds::Product<T>> {
  static constexpr Fold value = Fold::product;
};
template <class T>
struct FoldOf<folds::ProductOfNonzero<T>> {
  static constexpr Fold value = Fold::product_of_nonzero;
};
template <>
struct FoldOf<folds::Any> {
  static constexpr Fold value = Fold::any;
};
template <>
struct FoldOf<folds::All> {
  static constexpr Fold value = Fold::all;
};
template <class T, int Sign>
struct FoldOf<folds::Extreme<T, Sign>> {
  static constexpr Fold value = Sign > 0 ? Fold::max : Fold::min;
};

// Merged dimensions of one part of x's loop.
inline void set_part(const Shape& shape, const Strides& strides, int& rank, std::int64_t (&size)[8],
                     std::int64_t (&stride)[8]) {
  const Loops<1> loops(shape, {&strides});
  rank = loops.rank;
  for (int d = 0; d < rank; ++d) {
    size[d] = loops.size[d];
    stride[d] = loops.stride[0][d];
  }
}

}  // namespace cuda::detail

// y = the elements of x folded over the dimensions in which y, which broadcasts to x, has size 1 or no place;
// the fold's identity where there are none. y and the side tensors, of y's shape, are dense.
template <class F, class R, class T, class... S>
void reduce(Cuda, const F& f, Tensor<R, Cuda>& y, const Tensor<T, Cuda>& x, const Tensor<S, Cuda>&... side) {
  if (y.numel() == 0) return;
  if (x.numel() == 0) {
    y.fill(f.identity());
    return;
  }
  cuda::ReduceCall call;
  call.fold = cuda::detail::FoldOf<F>::value;
  call.dtype = cuda::dtype_of<T>();
  call.x = x.data();
  call.y = y.mutable_data();
  ((call.side = side.data()), ...);
  const int lead = x.rank() - y.rank();
  Shape kept, reduced;
  Strides kept_strides, reduced_strides;
  for (int d = 0; d < x.rank(); ++d) {
    const bool keep = d >= lead && y.shape()[d - lead] == x.shape()[d];
    (keep ? kept : reduced).push_back(x.shape()[d]);
    (keep ? kept_strides : reduced_strides).push_back(x.strides()[d]);
  }
  call.kept = numel(kept);
  call.reduced = numel(reduced);
  cuda::detail::set_part(kept, kept_strides, call.kept_rank, call.kept_size, call.kept_stride);
  cuda::detail::set_part(reduced, reduced_strides, call.reduced_rank, call.reduced_size, call.reduced_stride);
  cuda::reduce(call);
}

// y = x summed over the dimensions in which y, which broadcasts to x, has size 1 or no place.
template <class T>
void reduce_sum(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x) {
  reduce(Cuda{}, folds::Sum<T>{}, y, x);
}

// Whether no element is NaN or Inf; dense. Waits for the device.
template <class T>
bool all_finite(Cuda, const Tensor<T, Cuda>& x) {
  if (x.numel() == 0) return true;
  Tensor<bool, Cuda> finite = Tensor<bool, Cuda>::empty(x.shape()), every = Tensor<bool, Cuda>::empty({});
  elementwise(
      Cuda{}, [](auto v) { return math::isfinite(v); }, finite, x);
  reduce(Cuda{}, folds::All{}, every, finite);
  return every.item();
}

}  // namespace limbic
