// Elementwise programs: y_i = f(x_i...), for any f that backend/cuda/trace.hpp can record.
//
//   plan     one thread an element at a time, grid-stride. A thread's slots lie in shared memory, one word
//            apart from its neighbours': as many loads as registers cannot be indexed would cost, without
//            bank conflicts. All threads of a block run the same step: no divergence.
//   launch   1-D grid and block of kElementThreads, ElementProgram::kSlots * kElementThreads * sizeof(C)
//            bytes shared; no alignment beyond that of the elements
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

template <class C>
__device__ inline void put_element(void* data, Dtype dtype, std::int64_t i, C value) {
  switch (dtype) {
    case Dtype::f32: static_cast<float*>(data)[i] = static_cast<float>(value); break;
    case Dtype::f64: static_cast<double*>(data)[i] = static_cast<double>(value); break;
    case Dtype::i64: static_cast<std::int64_t*>(data)[i] = static_cast<std::int64_t>(value); break;
    case Dtype::u8: static_cast<unsigned char*>(data)[i] = static_cast<unsigned char>(value); break;
    case Dtype::boolean: static_cast<unsigned char*>(data)[i] = value != C(0); break;
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

template <class C>
__device__ inline C run_code(Code code, C a, C b, C c) {
  switch (code) {
    case Code::copy: return a;
    case Code::add: return a + b;
    case Code::sub: return a - b;
    case Code::mul: return a * b;
    case Code::div: return a / b;
    case Code::neg: return -a;
    case Code::lt: return C(a < b);
    case Code::le: return C(a <= b);
    case Code::gt: return C(a > b);
    case Code::ge: return C(a >= b);
    case Code::eq: return C(a == b);
    case Code::ne: return C(a != b);
    case Code::both: return C(a != C(0) && b != C(0));
    case Code::either: return C(a != C(0) || b != C(0));
    case Code::invert: return C(a == C(0));
    case Code::choose: return a != C(0) ? b : c;
    case Code::exp: return ::exp(a);
    case Code::expm1: return ::expm1(a);
    case Code::log: return ::log(a);
    case Code::log1p: return ::log1p(a);
    case Code::tanh: return ::tanh(a);
    case Code::erf: return ::erf(a);
    case Code::sin: return ::sin(a);
    case Code::cos: return ::cos(a);
    case Code::sigmoid: return sigmoid_of(a);
    case Code::softplus: return softplus_of(a);
    case Code::sqrt: return ::sqrt(a);
    case Code::rsqrt: return C(1) / ::sqrt(a);
    case Code::exp2: return ::exp2(a);
    case Code::log2: return ::log2(a);
    case Code::log10: return ::log10(a);
    case Code::erfc: return ::erfc(a);
    case Code::tan: return ::tan(a);
    case Code::asin: return ::asin(a);
    case Code::acos: return ::acos(a);
    case Code::atan: return ::atan(a);
    case Code::sinh: return ::sinh(a);
    case Code::cosh: return ::cosh(a);
    case Code::floor: return ::floor(a);
    case Code::ceil: return ::ceil(a);
    case Code::trunc: return ::trunc(a);
    case Code::round: return ::rint(a);
    case Code::abs: return ::fabs(a);
    case Code::sign: return a > C(0) ? C(1) : a < C(0) ? C(-1) : a;
    case Code::step: return C(a > C(0));
    case Code::isnan: return C(a != a);
    case Code::isfinite: return C(a - a == C(0));
    case Code::pow: return ::pow(a, b);
    case Code::atan2: return ::atan2(a, b);
    case Code::max: return a > b || a != a ? a : b;
    case Code::min: return a < b || a != a ? a : b;
  }
  return a;
}

// Offset of element i of the loop in each operand.
template <bool kDense>
struct Offsets {
  std::int64_t at[ElementwiseCall::kMaxOperands];
  __device__ Offsets(const ElementwiseCall& call, std::int64_t i) {
    for (int n = 0; n < call.operands; ++n) at[n] = kDense ? i : 0;
    if constexpr (!kDense) {
      for (int d = call.rank - 1; d >= 0; --d) {
        const std::int64_t next = d ? i / call.size[d] : 0, place = i - next * call.size[d];
        for (int n = 0; n < call.operands; ++n) at[n] += place * call.operand[n].stride[d];
        i = next;
      }
    }
  }
};

template <class C, bool kDense>
__global__ void __launch_bounds__(kElementThreads) elementwise(const __grid_constant__ ElementwiseCall call) {
  C* const slots = dynamic_shared<C>() + threadIdx.x;
  const auto value = [&](int operand) {
    return operand < ElementProgram::kConstants
               ? slots[operand * kElementThreads]
               : static_cast<C>(call.program.constant[operand - ElementProgram::kConstants]);
  };
  const std::int64_t stride = static_cast<std::int64_t>(gridDim.x) * kElementThreads;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kElementThreads + threadIdx.x; i < call.count;
       i += stride) {
    const Offsets<kDense> offset(call, i);
    for (int n = call.first; n < call.operands; ++n)
      slots[(n - call.first) * kElementThreads] =
          element<C>(call.operand[n].data, call.operand[n].dtype, offset.at[n]);
    C result = C(0);
    for (int s = 0; s < call.program.steps; ++s) {
      const auto step = call.program.step[s];
      result =
          run_code(step.code, value(step.a), value(step.b), step.code == Code::choose ? value(step.c) : C(0));
      slots[step.to * kElementThreads] = result;
    }
    put_element(call.operand[0].data, call.operand[0].dtype, offset.at[0], result);
  }
}

}  // namespace limbic::cuda::device
