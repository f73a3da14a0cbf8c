// Checks of values on the device; see launch/guard.hpp.
//
//   plan     a thread looks at 16 values or more; the first bad one is found by a minimum over the block, so
//            up to 4096 values what is reported repeats (beyond that, blocks race to report). A loss's inputs
//            are looked at, by one block, only if it is not finite
//   launch   blocks of kGuardThreads; static shared memory only
//   bytes    the values once; one operation each
//   repeats  as said
#pragma once

#include "report.cuh"

namespace limbic::cuda::device {

constexpr int kGuardThreads = 256;

template <class T>
__device__ inline bool passes(Must must, T value) {
  if (must == Must::be_in_unit_interval) return !(value < T(0) || value > T(1));
  if (!math::is_finite(value)) return false;
  return must == Must::be_finite || (must == Must::be_positive ? value > T(0) : value >= T(0));
}

// Position of the first of the block's values that does not pass; `count` if all do. Every thread of the
// block gets it.
template <class Passes>
__device__ inline std::int64_t first_bad(std::int64_t count, const Passes& good) {
  std::int64_t bad = count;
  for (std::int64_t i = grid_index(); i < count && bad == count; i += grid_stride())
    if (!good(i)) bad = i;
  // As doubles, which hold these integers exactly.
  return static_cast<std::int64_t>(block_min<kGuardThreads>(static_cast<double>(bad)));
}

template <class T>
__global__ void __launch_bounds__(kGuardThreads)
    guard_values(const __grid_constant__ GuardText about, Report* box, Must must, const T* values,
                 std::int64_t count) {
  const std::int64_t bad = first_bad(count, [&](std::int64_t i) { return passes(must, values[i]); });
  if (threadIdx.x == 0 && bad < count) report(box, about, static_cast<double>(values[bad]), bad);
}

__global__ void __launch_bounds__(kGuardThreads)
    guard_labels(const __grid_constant__ GuardText about, Report* box, const std::int64_t* labels,
                 std::int64_t count, std::int64_t low, std::int64_t high, std::int64_t ignored) {
  const std::int64_t bad = first_bad(count, [&](std::int64_t i) {
    return (labels[i] >= low && labels[i] < high) || (labels[i] == ignored && ignored != low);
  });
  if (threadIdx.x == 0 && bad < count) report(box, about, static_cast<double>(labels[bad]), bad);
}

template <class T>
__global__ void __launch_bounds__(kGuardThreads)
    guard_loss(const __grid_constant__ FiniteLossCall<T> call, Report* box) {
  const T loss = *call.loss;
  if (math::is_finite(loss)) return;
  for (int n = 0; n < call.inputs; ++n) {
    const std::int64_t bad =
        first_bad(call.count[n], [&](std::int64_t i) { return math::is_finite(call.input[n][i]); });
    if (threadIdx.x == 0 && bad < call.count[n])
      report(box, call.about_input[n], static_cast<double>(call.input[n][bad]), bad);
  }
  if (threadIdx.x == 0) report(box, call.about, static_cast<double>(loss), 0);
}

}  // namespace limbic::cuda::device
