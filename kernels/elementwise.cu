// Launcher of elementwise programs.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "elementwise.cuh"

namespace limbic::cuda {

namespace {

template <class C>
void run(const ElementwiseCall& call) {
  const std::int64_t blocks = (call.count + device::kElementThreads - 1) / device::kElementThreads;
  const dim3 grid(static_cast<unsigned>(blocks < 65536 ? blocks : 65536));
  const std::size_t shared = ElementProgram::kSlots * device::kElementThreads * sizeof(C);
  launch("elementwise", call.rank == 0 ? device::elementwise<C, true> : device::elementwise<C, false>, grid,
         dim3(device::kElementThreads), shared, current_stream(), call);
}

}  // namespace

void elementwise(const ElementwiseCall& call, bool wide) {
  if (wide) run<double>(call);
  else run<float>(call);
}

}  // namespace limbic::cuda
