// What limbic asks of the CUDA runtime. Declared here in plain C++; defined in kernels/runtime.cu, so that
// programs that use the device need no CUDA header and no nvcc.
//
// Each thread has a current device and a current stream; everything is ordered by the latter. Memory is freed
// in the order of the stream that is current at that time: a thread that uses several streams orders them by
// wait_for().
#pragma once

#include <cstddef>
#include <cstdint>

struct CUstream_st;
struct CUevent_st;

namespace limbic::cuda {

// cudaStream_t. Null: the calling thread's own default stream.
using Stream = CUstream_st*;

// Throws limbic::Error; defined in backend/cuda/memory.hpp, so by the program that uses the device.
[[noreturn]] void raise(const char* what, const char* text);

// Number of devices; 0 where there is no driver or no GPU. Never throws, and nothing asks before it is
// called.
int device_count() noexcept;
// The calling thread's device. use_device throws for one that does not exist.
int current_device();
void use_device(int index);
// The device that the memory belongs to; -1 where there is but one device, or it is no device's.
int device_of(const void* memory);

// Memory of the current device in the order of the current stream. Throws when there is none left, or no
// device.
void* allocate(std::size_t bytes);
void deallocate(void* memory) noexcept;

// Copies; those with the host are done when the call returns.
void copy_to_host(void* host, const void* device, std::size_t bytes);
void copy_from_host(void* device, const void* host, std::size_t bytes);
void copy_on_device(void* to, const void* from, std::size_t bytes);

// The calling thread's stream.
Stream current_stream() noexcept;
void use_stream(Stream stream) noexcept;
// A new stream, and its end (what was queued still runs).
Stream make_stream();
void free_stream(Stream stream) noexcept;
// Waits on the host for all that is queued in the current stream, and throws what went wrong there.
void synchronize();
// A point in the current stream's work, to measure time between two of them (which waits for the second).
using Event = CUevent_st*;
Event make_event();
void free_event(Event event) noexcept;
void record_event(Event event);
double milliseconds(Event from, Event to);
// The current device's peak rates: bytes of its memory a second, and float operations of its plain cores (two
// for a fused multiplication and addition) a second; 0 where the driver does not say.
struct Peaks {
  double bytes = 0, flops = 0;
};
Peaks peaks();

// The current stream goes on only after what is queued in the other one now.
void wait_for(Stream other);

}  // namespace limbic::cuda
