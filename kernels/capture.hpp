// What the runtime (runtime.cu) asks of recording (graph.cu) about memory. Host code only.
#pragma once

#include <cstddef>

namespace limbic::cuda::detail {

// Memory of the graph that the calling thread records; null when it records none.
void* captured_allocate(std::size_t bytes);
// Takes memory back, or keeps it, if that is a graph's matter: it is a graph's, or the calling thread
// records.
bool captured_deallocate(void* memory) noexcept;
// Throws if the calling thread records.
void refuse_capture(const char* call);

}  // namespace limbic::cuda::detail
