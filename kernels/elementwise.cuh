// Elementwise programs: y_i = f(x_i...), for any f that backend/cuda/trace.hpp can record.
//
//   plan     a thread takes kPack neighbouring elements at a time (128 bits of C), grid-stride, so that a step
//            is decoded once for all of them; operands are dense along the last dimension or repeat there, else
//            kPack is 1. A thread's slots lie in shared memory, a pack apart from its neighbours': as many loads
//            as registers cannot be indexed would cost, without bank conflicts. All threads of a block run the
//            same step: no divergence.
//   launch   1-D grid and block of kElementThreads, slots * kElementThreads * sizeof(Vec<C, kPack>) bytes
//            shared; operands that do not repeat begin at, and have strides of, multiples of kPack elements
//   bytes    each operand once (0-stride operands from cache); operations: the program's steps an element
//   repeats  bit for bit; each element is written by one thread
#pragma once

#include <limbic/backend/cuda/launch/elementwise.hpp>

#include "prelude.cuh"

namespace limbic::cuda::device {

constexpr int kElementThreads = 128;

template <class C>
__device__ inline C element(const void* data, Dtype dtype, std::int64_t i) {
  switch (dtype) {
    case Dtype::f32: return static_cast<C>(static_cast<const float*>(data)[i]);
    case Dtype::f64: return static_cast<C>(static_cast<const double*>(data)[i]);
    case Dtype::i64: return static_cast<C>(static_cast<const std::int64_t*>(data)[i]);
    default: return static_cast<C>(static_cast<const unsigned char*>(data)[i]);
  }
}

// kPack neighbouring elements of type E.
template <class E, class C, int kPack>
__device__ inline Vec<C, kPack> elements_of(const void* data, std::int64_t i) {
  const auto from = load<kPack>(static_cast<const E*>(data) + i);
  Vec<C, kPack> v;
#pragma unroll
  for (int j = 0; j < kPack; ++j) v[j] = static_cast<C>(from[j]);
  return v;
}
// The operand's `count` elements from i on, or kPack times its one element there if it repeats.
template <class C, int kPack>
__device__ inline Vec<C, kPack> elements(const ElementOperand& x, std::int64_t i, bool repeats, int count) {
  if (!repeats && count == kPack) {
    switch (x.dtype) {
      case Dtype::f32: return elements_of<float, C, kPack>(x.data, i);
      case Dtype::f64: return elements_of<double, C, kPack>(x.data, i);
      case Dtype::i64: return elements_of<std::int64_t, C, kPack>(x.data, i);
      default: return elements_of<unsigned char, C, kPack>(x.data, i);
    }
  }
  Vec<C, kPack> v{};
#pragma unroll
  for (int j = 0; j < kPack; ++j)
    if (j < count) v[j] = element<C>(x.data, x.dtype, repeats ? i : i + j);
  return v;
}

template <class E, class C, int kPack>
__device__ inline void put_elements_of(void* data, std::int64_t i, const Vec<C, kPack>& value, int count) {
  Vec<E, kPack> v;
#pragma unroll
  for (int j = 0; j < kPack; ++j) v[j] = static_cast<E>(value[j]);
  E* const to = static_cast<E*>(data) + i;
  if (count == kPack) {
    store(to, v);
  } else {
#pragma unroll
    for (int j = 0; j < kPack; ++j)
      if (j < count) to[j] = v[j];
  }
}
template <class C, int kPack>
__device__ inline void put_elements(const ElementOperand& y, std::int64_t i, Vec<C, kPack> value, int count) {
  switch (y.dtype) {
    case Dtype::f32: return put_elements_of<float>(y.data, i, value, count);
    case Dtype::f64: return put_elements_of<double>(y.data, i, value, count);
    case Dtype::i64: return put_elements_of<std::int64_t>(y.data, i, value, count);
    case Dtype::u8: return put_elements_of<unsigned char>(y.data, i, value, count);
    case Dtype::boolean:
#pragma unroll
      for (int j = 0; j < kPack; ++j) value[j] = C(value[j] != C(0));
      return put_elements_of<unsigned char>(y.data, i, value, count);
  }
}

template <class C>
__device__ inline C softplus_of(C x) {
  return (x > C(0) ? x : C(0)) + ::log1p(::exp(-::fabs(x)));
}
template <class C>
__device__ inline C sigmoid_of(C x) {
  const C e = ::exp(-::fabs(x));
  return (x < C(0) ? e : C(1)) / (C(1) + e);
}

// f of each element of a pack.
template <class F, class C, int kPack>
__device__ inline Vec<C, kPack> each(const Vec<C, kPack>& a, const Vec<C, kPack>& b, const F& f) {
  Vec<C, kPack> y;
#pragma unroll
  for (int j = 0; j < kPack; ++j) y[j] = f(a[j], b[j]);
  return y;
}

template <class C, int kPack>
__device__ inline Vec<C, kPack> run_code(Code code, const Vec<C, kPack>& x, const Vec<C, kPack>& y,
                                         const Vec<C, kPack>& z) {
  const auto of = [&](const auto& f) { return each(x, y, f); };
  switch (code) {
    case Code::copy: return x;
    case Code::add: return of([](C a, C b) { return a + b; });
    case Code::sub: return of([](C a, C b) { return a - b; });
    case Code::mul: return of([](C a, C b) { return a * b; });
    case Code::div: return of([](C a, C b) { return a / b; });
    case Code::neg: return of([](C a, C) { return -a; });
    case Code::lt: return of([](C a, C b) { return C(a < b); });
    case Code::le: return of([](C a, C b) { return C(a <= b); });
    case Code::gt: return of([](C a, C b) { return C(a > b); });
    case Code::ge: return of([](C a, C b) { return C(a >= b); });
    case Code::eq: return of([](C a, C b) { return C(a == b); });
    case Code::ne: return of([](C a, C b) { return C(a != b); });
    case Code::both: return of([](C a, C b) { return C(a != C(0) && b != C(0)); });
    case Code::either: return of([](C a, C b) { return C(a != C(0) || b != C(0)); });
    case Code::invert: return of([](C a, C) { return C(a == C(0)); });
    case Code::choose: {
      Vec<C, kPack> v;
#pragma unroll
      for (int j = 0; j < kPack; ++j) v[j] = x[j] != C(0) ? y[j] : z[j];
      return v;
    }
    case Code::exp: return of([](C a, C) { return ::exp(a); });
    case Code::expm1: return of([](C a, C) { return ::expm1(a); });
    case Code::log: return of([](C a, C) { return ::log(a); });
    case Code::log1p: return of([](C a, C) { return ::log1p(a); });
    case Code::tanh: return of([](C a, C) { return ::tanh(a); });
    case Code::erf: return of([](C a, C) { return ::erf(a); });
    case Code::sin: return of([](C a, C) { return ::sin(a); });
    case Code::cos: return of([](C a, C) { return ::cos(a); });
    case Code::sigmoid: return of([](C a, C) { return sigmoid_of(a); });
    case Code::softplus: return of([](C a, C) { return softplus_of(a); });
    case Code::sqrt: return of([](C a, C) { return ::sqrt(a); });
    case Code::rsqrt: return of([](C a, C) { return C(1) / ::sqrt(a); });
    case Code::exp2: return of([](C a, C) { return ::exp2(a); });
    case Code::log2: return of([](C a, C) { return ::log2(a); });
    case Code::log10: return of([](C a, C) { return ::log10(a); });
    case Code::erfc: return of([](C a, C) { return ::erfc(a); });
    case Code::tan: return of([](C a, C) { return ::tan(a); });
    case Code::asin: return of([](C a, C) { return ::asin(a); });
    case Code::acos: return of([](C a, C) { return ::acos(a); });
    case Code::atan: return of([](C a, C) { return ::atan(a); });
    case Code::sinh: return of([](C a, C) { return ::sinh(a); });
    case Code::cosh: return of([](C a, C) { return ::cosh(a); });
    case Code::floor: return of([](C a, C) { return ::floor(a); });
    case Code::ceil: return of([](C a, C) { return ::ceil(a); });
    case Code::trunc: return of([](C a, C) { return ::trunc(a); });
    case Code::round: return of([](C a, C) { return ::rint(a); });
    case Code::abs: return of([](C a, C) { return ::fabs(a); });
    case Code::sign: return of([](C a, C) { return a > C(0) ? C(1) : a < C(0) ? C(-1) : a; });
    case Code::step: return of([](C a, C) { return C(a > C(0)); });
    case Code::isnan: return of([](C a, C) { return C(a != a); });
    case Code::isfinite: return of([](C a, C) { return C(a - a == C(0)); });
    case Code::pow: return of([](C a, C b) { return ::pow(a, b); });
    case Code::atan2: return of([](C a, C b) { return ::atan2(a, b); });
    case Code::max: return of([](C a, C b) { return a > b || a != a ? a : b; });
    case Code::min: return of([](C a, C b) { return a < b || a != a ? a : b; });
  }
  return x;
}

// Offsets of element i of the loop in the operands: i itself where all are dense.
template <bool kDense>
struct Offsets {
  std::int64_t i;
  __device__ Offsets(const ElementwiseCall&, std::int64_t element) : i(element) {}
  __device__ std::int64_t operator[](int) const { return i; }
};
template <>
struct Offsets<false> {
  std::int64_t at[ElementwiseCall::kMaxOperands];
  __device__ Offsets(const ElementwiseCall& call, std::int64_t i) {
    for (int n = 0; n < call.operands; ++n) at[n] = 0;
    // Divisions of 32 bits take a fraction of those of 64.
    if (call.count >> 31 == 0) find(call, static_cast<unsigned>(i));
    else find(call, i);
  }
  __device__ std::int64_t operator[](int n) const { return at[n]; }

 private:
  template <class Index>
  __device__ void find(const ElementwiseCall& call, Index i) {
    for (int d = call.rank - 1; d >= 0; --d) {
      const Index size = static_cast<Index>(call.size[d]), next = d ? i / size : 0;
      const auto place = static_cast<std::int64_t>(i - next * size);
      for (int n = 0; n < call.operands; ++n) at[n] += place * call.operand[n].stride[d];
      i = next;
    }
  }
};

// Blocks of a multiprocessor that registers must be enough for: with no such number ptxas saves more of them, and spills.
template <class C>
constexpr int kElementBlocks = sizeof(C) == 8 ? 8 : 12;

template <class C, int kPack, bool kDense>
__global__ void __launch_bounds__(kElementThreads, kElementBlocks<C>)
    elementwise(const __grid_constant__ ElementwiseCall call) {
  using V = Vec<C, kPack>;
  C* const slots = dynamic_shared<C>() + threadIdx.x * kPack;
  const auto value = [&](int operand) {
    if (operand < ElementProgram::kConstants) return load<kPack>(slots + operand * kElementThreads * kPack);
    const C constant = static_cast<C>(call.program.constant[operand - ElementProgram::kConstants]);
    V v;
#pragma unroll
    for (int j = 0; j < kPack; ++j) v[j] = constant;
    return v;
  };
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kElementThreads * kPack;
  for (std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * kElementThreads + threadIdx.x) * kPack;
       i < call.count; i += stride) {
    const int inside = call.count - i < kPack ? static_cast<int>(call.count - i) : kPack;
    const Offsets<kDense> offset(call, i);
    for (int n = call.first; n < call.operands; ++n) {
      const bool repeats = !kDense && kPack > 1 && call.operand[n].stride[call.rank - 1] == 0;
      store(slots + (n - call.first) * kElementThreads * kPack,
            elements<C, kPack>(call.operand[n], offset[n], repeats, inside));
    }
    V result{};
    for (int s = 0; s < call.program.steps; ++s) {
      const auto step = call.program.step[s];
      result =
          run_code(step.code, value(step.a), value(step.b), step.code == Code::choose ? value(step.c) : V{});
      store(slots + step.to * kElementThreads * kPack, result);
    }
    put_elements(call.operand[0], offset[0], result, inside);
  }
}

}  // namespace limbic::cuda::device
