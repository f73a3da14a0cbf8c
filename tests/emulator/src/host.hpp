// What the parts of the host API share.
#pragma once

#include "runtime.hpp"

#include <functional>

namespace emulator {

// Sets the thread's last error, with words for cudaGetErrorString of it.
cudaError_t fail_with(cudaError_t error, const std::string& text = {});
int device_of_thread();

// What the handles of the default stream stand for: nullptr, or the calling thread's own stream.
cudaStream_t real_stream(cudaStream_t stream);
// Does the work now, or records it where the stream is capturing.
cudaError_t submit(cudaStream_t stream, std::function<cudaError_t()> work);
bool is_capturing(cudaStream_t stream);
// The error of a call that must not be made while any stream captures (and breaks that capture), or success.
cudaError_t refuse_while_capturing(const char* call);
// Memory that a graph allocates and frees each time it runs, at the same address.
cudaError_t captured_allocation(cudaStream_t stream, Allocation* allocation);
cudaError_t captured_free(cudaStream_t stream, Allocation* allocation);

}  // namespace emulator
