// Working memory of a kernel: one buffer a thread and purpose, which grows and is kept.
#pragma once

#include <limbic/config.hpp>

#include <new>

namespace limbic::cpu {

// At least `count` uninitialised T, 64-byte aligned, of the calling thread and `Purpose` (any type: a kernel
// that calls another needs another one). What an earlier call returned is lost when it must grow. Throws
// std::bad_alloc.
template <class Purpose, class T>
T* scratch(index_t count) {
  struct Buffer {
    void* data = nullptr;
    std::size_t bytes = 0;
    void release() {
      if (data != nullptr) ::operator delete (data, std::align_val_t{64});
      data = nullptr;
      bytes = 0;
    }
    ~Buffer() { release(); }
  };
  thread_local Buffer buffer;
  const std::size_t wanted = static_cast<std::size_t>(count) * sizeof(T);
  if (wanted > buffer.bytes) {
    buffer.release();
    buffer.data = ::operator new (wanted, std::align_val_t{64});
    buffer.bytes = wanted;
  }
  return static_cast<T*>(buffer.data);
}

}  // namespace limbic::cpu
