// Launcher of elementwise programs.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "elementwise.cuh"

namespace limbic::cuda {

namespace {

// Whether the operands' elements can be moved `pack` at a time.
bool takes_packs(const ElementwiseCall& call, int pack) {
  const int last = call.rank - 1;
  if (call.rank > 0 && call.size[last] % pack != 0) return false;
  for (int n = 0; n < call.operands; ++n) {
    const ElementOperand& x = call.operand[n];
    if (call.rank > 0 && x.stride[last] == 0) continue;  // repeats
    if (call.rank > 0 && x.stride[last] != 1) return false;
    const int bytes = x.dtype == Dtype::f32 ? 4 : x.dtype == Dtype::f64 || x.dtype == Dtype::i64 ? 8 : 1;
    if (!is_aligned(static_cast<const char*>(x.data), bytes * pack < 16 ? bytes * pack : 16)) return false;
    for (int d = 0; d < last; ++d)
      if (x.stride[d] % pack != 0) return false;
  }
  return true;
}

// Slots that the program and its inputs take.
int slots_of(const ElementwiseCall& call) {
  int slots = call.operands - call.first;
  for (int s = 0; s < call.program.steps; ++s)
    if (call.program.step[s].to >= slots) slots = call.program.step[s].to + 1;
  return slots > 0 ? slots : 1;
}

template <class C, int kPack, bool kDense>
void run_packs(const ElementwiseCall& call) {
  constexpr std::int64_t kElements = std::int64_t{device::kElementThreads} * kPack;
  const std::int64_t blocks = (call.count + kElements - 1) / kElements;
  launch("elementwise", device::elementwise<C, kPack, kDense>,
         dim3(static_cast<unsigned>(blocks < 65536 ? blocks : 65536)), dim3(device::kElementThreads),
         static_cast<std::size_t>(slots_of(call)) * device::kElementThreads * sizeof(Vec<C, kPack>),
         current_stream(), call);
}

template <class C>
void run(const ElementwiseCall& call) {
  constexpr int kPack = kVectorSize<C>;
  if (!takes_packs(call, kPack)) {
    if (call.rank > 0) return run_packs<C, 1, false>(call);
    return run_packs<C, 1, true>(call);
  }
  if (call.rank > 0) return run_packs<C, kPack, false>(call);
  run_packs<C, kPack, true>(call);
}

}  // namespace

void elementwise(const ElementwiseCall& call, bool wide) {
  if (wide) run<double>(call);
  else run<float>(call);
}

}  // namespace limbic::cuda
