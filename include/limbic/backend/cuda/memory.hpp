// Tensor<T, Cuda>: memory of the device for Storage, copies, and the errors of the device as limbic::Error.
#pragma once

#include <limbic/backend/cuda/launch/runtime.hpp>
#include <limbic/core/error.hpp>
#include <limbic/core/storage.hpp>

namespace limbic {

namespace cuda {
// Kernels know neither std::string nor limbic::Error; they end here.
[[noreturn, gnu::used]] inline void raise(const char* what, const char* text) { fail(what, text); }
}  // namespace cuda

// What Storage<Cuda> asks for, in the order of the current stream. Throws when there is no memory, or no
// device.
inline void* allocate_memory(Cuda, std::size_t bytes) { return cuda::allocate(bytes); }
inline Release free_memory(Cuda) {
  return [](void* memory) { cuda::deallocate(memory); };
}

// n values; done when the call returns. Throw what went wrong on the device, and while work is recorded.
template <class T>
void copy_from_host(Cuda, T* device, const T* host, std::size_t n) {
  if (n) cuda::copy_from_host(device, host, n * sizeof(T));
}
template <class T>
void copy_to_host(Cuda, T* host, const T* device, std::size_t n) {
  if (n) cuda::copy_to_host(host, device, n * sizeof(T));
}

// Throws, in the name of the operation, if the memory is another device's than the calling thread's.
inline void check_device(Cuda, std::string_view op, const void* memory) {
  const int theirs = cuda::device_of(memory);
  if (theirs >= 0 && theirs != cuda::current_device())
    fail(op, "tensors must lie on the thread's device, ", cuda::current_device(), "; got one on device ",
         theirs, " (hint: cuda::use_device(), or copy it by way of the host)");
}

// While alive, the calling thread works on this stream.
class [[nodiscard]] StreamGuard {
 public:
  explicit StreamGuard(cuda::Stream stream) : before_(cuda::current_stream()) { cuda::use_stream(stream); }
  ~StreamGuard() { cuda::use_stream(before_); }
  StreamGuard(const StreamGuard&) = delete;
  StreamGuard& operator=(const StreamGuard&) = delete;

 private:
  cuda::Stream before_;
};

}  // namespace limbic
