// Launcher of arithmetic sequences.
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "sequence.cuh"

namespace limbic::cuda {

void fill_sequence(std::int64_t* to, std::int64_t count, std::int64_t start, std::int64_t step) {
  launch("fill_sequence", device::fill_sequence, blocks_for(count, device::kSequenceThreads),
         dim3(device::kSequenceThreads), 0, current_stream(), to, count, start, step);
}

}  // namespace limbic::cuda
