// Launchers of elementwise loops. What is computed is a short program over the operands' elements: it is
// data, so any function of the program that uses limbic runs on the device without having been compiled for
// it.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// Types of elements in memory.
enum class Dtype : std::uint8_t { f32, f64, i64, u8, boolean };

// What a step does with its operands a, b, c. Truth is 1, falsehood 0.
enum class Code : std::uint8_t {
  copy,
  add,
  sub,
  mul,
  div,
  neg,
  lt,
  le,
  gt,
  ge,
  eq,
  ne,
  both,
  either,
  invert,
  choose,
  exp,
  expm1,
  log,
  log1p,
  tanh,
  erf,
  sin,
  cos,
  sigmoid,
  softplus,
  sqrt,
  rsqrt,
  exp2,
  log2,
  log10,
  erfc,
  tan,
  asin,
  acos,
  atan,
  sinh,
  cosh,
  floor,
  ceil,
  trunc,
  round,
  abs,
  sign,
  step,
  isnan,
  isfinite,
  pow,
  atan2,
  max,
  min,
};

// slot[to] = code(a, b, c), step by step; the operands' elements are in slots 0, 1, ... at the start, the
// result is the last step's. Operands from kConstants on are constants.
struct ElementProgram {
  static constexpr int kMaxSteps = 96, kMaxConstants = 16, kSlots = 16, kConstants = 128;
  struct Step {
    Code code;
    std::uint8_t to, a, b, c;
  };
  int steps = 0;
  Step step[kMaxSteps] = {};
  double constant[kMaxConstants] = {};
};

// Memory of one operand, with a stride for each dimension of the loop (0 repeats).
struct ElementOperand {
  void* data = nullptr;
  Dtype dtype = Dtype::f32;
  std::int64_t stride[8] = {};
};

// Operand 0 is written; the program's inputs are the operands from `first` on: 1, or 0 for an update.
struct ElementwiseCall {
  static constexpr int kMaxOperands = 8;
  std::int64_t count = 0;  // elements
  int rank = 0;            // 0: every operand is dense and of `count` elements
  std::int64_t size[8] = {};
  int operands = 0, first = 1;
  ElementOperand operand[kMaxOperands];
  ElementProgram program;
};

// In float, or in double if `wide`.
void elementwise(const ElementwiseCall& call, bool wide);

}  // namespace limbic::cuda
