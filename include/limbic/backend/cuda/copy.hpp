// Copies, conversions and fills of strided tensors on the device.
#pragma once

#include <limbic/backend/cuda/launch/copy.hpp>
#include <limbic/backend/cuda/launch/sequence.hpp>
#include <limbic/backend/cuda/reduce.hpp>

namespace limbic {

namespace cuda::detail {

template <int N>
CopyCall copy_call(const Loops<N>& loops, const Shape& shape) {
  CopyCall call;
  call.rank = loops.rank;
  call.count = numel(shape);
  for (int d = 0; d < loops.rank; ++d) {
    call.size[d] = loops.size[d];
    call.to_stride[d] = loops.stride[0][d];
    call.from_stride[d] = loops.stride[N - 1][d];
  }
  return call;
}

// One pass over source and destination, by a recorded function.
template <class R, class A, class F>
void convert(const F& f, const Shape& shape, R* to, const Strides& to_strides, const A* from,
             const Strides& from_strides) {
  ElementwiseCall call;
  call.program = record<R, A>(f);
  set_loops(call, shape, std::array<Strides, 2>{to_strides, from_strides});
  call.operand[0].data = to;
  call.operand[0].dtype = dtype_of<R>();
  call.operand[1].data = const_cast<A*>(from);
  call.operand[1].dtype = dtype_of<A>();
  elementwise(call, !(std::is_same_v<A, float> || sizeof(A) == 1));
}

}  // namespace cuda::detail

// dst = src elementwise, converting the scalar; both strided over `shape`. To an integer type: waits for the
// device, and throws where a number is not finite or does not fit.
template <class T, class U>
void copy_strided(Cuda, const Shape& shape, T* dst, const Strides& dst_strides, const U* src,
                  const Strides& src_strides) {
  if (numel(shape) == 0) return;
  using namespace cuda::detail;
  if constexpr (std::is_same_v<T, U> || (sizeof(T) == 1 && std::is_same_v<U, bool>)) {
    cuda::copy_elements(copy_call(Loops<2>(shape, {&dst_strides, &src_strides}), shape), dst, src, sizeof(T));
  } else {
    if constexpr (std::is_floating_point_v<U> && std::is_integral_v<T> && !std::is_same_v<T, bool>) {
      static_assert(sizeof(T) == 1 || sizeof(T) == 8, "the device has no elements of this type");
      Tensor<bool, Cuda> fits = Tensor<bool, Cuda>::empty(shape), all = Tensor<bool, Cuda>::empty({});
      const auto fit = [](auto v) {
        if constexpr (sizeof(T) == 1) return v > U(-1) && v < U(256);
        else return v >= U(-9223372036854775808.0) && v < U(9223372036854775808.0);
      };
      convert<bool, U>(fit, shape, fits.mutable_data(), fits.strides(), src, src_strides);
      reduce(Cuda{}, folds::All{}, all, fits);
      check(all.item(), "to", "every value must be finite and fit the integer type");
    }
    convert<T, U>([](auto v) { return math::as<T>(v); }, shape, dst, dst_strides, src, src_strides);
  }
}

// dst = value; dst strided over `shape`.
template <class T>
void fill_strided(Cuda, const Shape& shape, T* dst, const Strides& strides, T value) {
  if (numel(shape) == 0) return;
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  cuda::fill_elements(cuda::detail::copy_call(Loops<1>(shape, {&strides}), shape), dst, bits, sizeof(T));
}

// to_i = start + i step; numbers that are not integers are made on the host.
template <class T>
void fill_sequence(Cuda, T* to, index_t n, T start, T step) {
  if constexpr (std::is_same_v<T, index_t>) {
    cuda::fill_sequence(to, n, start, step);
  } else {
    std::vector<T> values(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = static_cast<T>(start + static_cast<T>(i) * step);
    copy_from_host(Cuda{}, to, values.data(), values.size());
  }
}

}  // namespace limbic
