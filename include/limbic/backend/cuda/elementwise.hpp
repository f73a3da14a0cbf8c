// Elementwise loops on the device: y = f(x...) over strided operands that broadcast to y. f is recorded
// (trace.hpp), once a call, and the record runs in one launch.
#pragma once

#include <limbic/backend/cuda/memory.hpp>
#include <limbic/backend/cuda/trace.hpp>
#include <limbic/core/tensor.hpp>

namespace limbic {

namespace cuda {

// The device's name of an element type; others do not compile.
template <class T>
constexpr Dtype dtype_of() {
  if constexpr (std::is_same_v<T, float>) return Dtype::f32;
  else if constexpr (std::is_same_v<T, double>) return Dtype::f64;
  else if constexpr (std::is_same_v<T, index_t>) return Dtype::i64;
  else if constexpr (std::is_same_v<T, bool>) return Dtype::boolean;
  else {
    static_assert(std::is_same_v<T, std::uint8_t>, "the device has no elements of this type");
    return Dtype::u8;
  }
}

namespace detail {

// The loop of a call: sizes, and each operand's strides in it, with dimensions merged where all are dense.
template <std::size_t N>
void set_loops(ElementwiseCall& call, const Shape& shape, const std::array<Strides, N>& strides) {
  const auto loops = [&]<std::size_t... I>(std::index_sequence<I...>) {
    return Loops<static_cast<int>(N)>(shape, {&strides[I]...});
  }
  (std::make_index_sequence<N>{});
  call.count = numel(shape);
  call.operands = static_cast<int>(N);
  bool dense = loops.rank <= 1;
  for (std::size_t n = 0; n < N; ++n) dense = dense && (call.count <= 1 || loops.stride[n][0] == 1);
  call.rank = dense ? 0 : loops.rank;
  for (int d = 0; d < call.rank; ++d) {
    call.size[d] = loops.size[d];
    for (std::size_t n = 0; n < N; ++n) call.operand[n].stride[d] = loops.stride[n][d];
  }
}

// Records f over inputs of these types.
template <class R, class... X, class F>
ElementProgram record(const F& f) {
  Trace trace(sizeof...(X));
  return [&]<std::size_t... I>(std::index_sequence<I...>) {
    const auto result = f(Traced<X>(trace, static_cast<int>(I))...);
    if constexpr (std::is_arithmetic_v<std::decay_t<decltype(result)>>)
      return trace.program(trace.constant(static_cast<double>(result)));
    else return trace.program(result.id(trace));
  }
  (std::index_sequence_for<X...>{});
}

template <bool Update, class F, class R, class... A>
void run_elementwise(const F& f, Tensor<R, Cuda>& y, const Tensor<A, Cuda>&... x) {
  static_assert(sizeof...(A) + 1 <= ElementwiseCall::kMaxOperands, "too many operands for one pass");
  if (y.numel() == 0) return;
  ElementwiseCall call;
  call.first = Update ? 0 : 1;
  if constexpr (Update) call.program = record<R, R, A...>(f);
  else call.program = record<R, A...>(f);
  set_loops(call, y.shape(),
            std::array<Strides, sizeof...(A) + 1>{y.strides(),
                                                  expanded_strides(x.shape(), x.strides(), y.shape())...});
  int n = 0;
  const auto give = [&](const void* data, Dtype dtype) {
    call.operand[n].data = const_cast<void*>(data);  // one type for what is read and what is written
    call.operand[n++].dtype = dtype;
  };
  give(y.mutable_data(), dtype_of<R>());
  (give(x.data(), dtype_of<A>()), ...);
  constexpr auto kWide = [](Dtype t) { return t == Dtype::f64 || t == Dtype::i64; };
  elementwise(call, kWide(dtype_of<R>()) || (kWide(dtype_of<A>()) || ...));
}

}  // namespace detail
}  // namespace cuda

// y = f(x...). The operands broadcast to y's shape; y overlaps none of them. f is generic, see trace.hpp.
// Throws where f has more steps, constants or values at a time than a program takes.
template <class F, class R, class... A>
void elementwise(Cuda, const F& f, Tensor<R, Cuda>& y, const Tensor<A, Cuda>&... x) {
  cuda::detail::run_elementwise<false>(f, y, x...);
}

// The same in place: y = f(y, x...).
template <class F, class R, class... A>
void elementwise_update(Cuda, const F& f, Tensor<R, Cuda>& y, const Tensor<A, Cuda>&... x) {
  cuda::detail::run_elementwise<true>(f, y, x...);
}

// y += x, which broadcasts to it.
template <class T>
void add_into(Cuda, Tensor<T, Cuda>& y, const Tensor<T, Cuda>& x) {
  elementwise_update(
      Cuda{}, [](auto a, auto b) { return a + b; }, y, x);
}

}  // namespace limbic
