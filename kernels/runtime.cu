// The part of the CUDA runtime that limbic uses: memory, copies, streams.
#include <limbic/backend/cuda/launch/guard.hpp>
#include <limbic/backend/cuda/launch/runtime.hpp>

#include "capture.hpp"
#include "prelude.cuh"

namespace limbic::cuda {

namespace {

void require(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // the error is told here; the next call starts without it
  if (status == cudaErrorNoDevice || status == cudaErrorInsufficientDriver)
    raise(what,
          "a CUDA device is needed and none is there (hint: run on a machine with an NVIDIA GPU and driver, "
          "or use Cpu tensors)");
  raise(what, cudaGetErrorString(status));
}

thread_local cudaStream_t chosen_stream = cudaStreamPerThread;

// The memory pool keeps what is freed: steady work asks the driver for nothing.
void keep_pool() {
  static const bool kept = [] {
    int count = 0;
    if (cudaGetDeviceCount(&count) != cudaSuccess) return false;
    for (int device = 0; device < count; ++device) {
      cudaMemPool_t pool;
      if (cudaDeviceGetDefaultMemPool(&pool, device) != cudaSuccess) continue;
      unsigned long long all = ~0ull;
      cudaMemPoolSetAttribute(pool, cudaMemPoolAttrReleaseThreshold, &all);
    }
    return true;
  }();
  (void)kept;
}

}  // namespace

int device_count() noexcept {
  int count = 0;
  if (cudaGetDeviceCount(&count) != cudaSuccess) {
    cudaGetLastError();
    return 0;
  }
  return count;
}
int current_device() {
  int device = 0;
  require(cudaGetDevice(&device), "current_device");
  return device;
}
void use_device(int index) { require(cudaSetDevice(index), "use_device"); }
int device_of(const void* memory) {
  if (device_count() < 2) return -1;
  cudaPointerAttributes about{};
  require(cudaPointerGetAttributes(&about, memory), "device_of");
  return about.type == cudaMemoryTypeDevice ? about.device : -1;
}

void* allocate(std::size_t bytes) {
  keep_pool();
  if (void* const memory = detail::captured_allocate(bytes)) return memory;
  void* memory = nullptr;
  require(cudaMallocAsync(&memory, bytes ? bytes : 1, chosen_stream), "allocate");
  return memory;
}
void deallocate(void* memory) noexcept {
  if (memory && !detail::captured_deallocate(memory)) cudaFreeAsync(memory, chosen_stream);
}

void copy_to_host(void* host, const void* device, std::size_t bytes) {
  detail::refuse_capture("copy_to_host");
  require(cudaMemcpyAsync(host, device, bytes, cudaMemcpyDeviceToHost, chosen_stream), "copy_to_host");
  synchronize();
}
void copy_from_host(void* device, const void* host, std::size_t bytes) {
  detail::refuse_capture("copy_from_host");
  require(cudaMemcpyAsync(device, host, bytes, cudaMemcpyHostToDevice, chosen_stream), "copy_from_host");
  synchronize();
}
void copy_on_device(void* to, const void* from, std::size_t bytes) {
  require(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, chosen_stream), "copy_on_device");
}

Stream current_stream() noexcept { return chosen_stream; }
void use_stream(Stream stream) noexcept { chosen_stream = stream ? stream : cudaStreamPerThread; }
Stream make_stream() {
  cudaStream_t stream = nullptr;
  require(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "make_stream");
  return stream;
}
void free_stream(Stream stream) noexcept { cudaStreamDestroy(stream); }
void synchronize() {
  detail::refuse_capture("synchronize");
  require(cudaStreamSynchronize(chosen_stream), "synchronize");
  throw_report();
}
Event make_event() {
  cudaEvent_t event = nullptr;
  require(cudaEventCreateWithFlags(&event, cudaEventDefault), "make_event");
  return event;
}
void free_event(Event event) noexcept { cudaEventDestroy(event); }
void record_event(Event event) { require(cudaEventRecord(event, chosen_stream), "record_event"); }
double milliseconds(Event from, Event to) {
  require(cudaEventSynchronize(to), "milliseconds");
  float ms = 0;
  require(cudaEventElapsedTime(&ms, from, to), "milliseconds");
  return static_cast<double>(ms);
}
Peaks peaks() {
  const auto attribute = [device = current_device()](cudaDeviceAttr what) {
    int value = 0;
    if (cudaDeviceGetAttribute(&value, what, device) != cudaSuccess) {
      static_cast<void>(cudaGetLastError());
      return 0.0;
    }
    return static_cast<double>(value);
  };
  // Memory moves data on both edges of its clock, which is in kHz; 128 float lanes a multiprocessor since
  // sm_86, and on sm_90 and sm_100 too, 64 on sm_80.
  const double lanes =
      attribute(cudaDevAttrComputeCapabilityMajor) == 8 && attribute(cudaDevAttrComputeCapabilityMinor) == 0
          ? 64
          : 128;
  return {2e3 * attribute(cudaDevAttrMemoryClockRate) * attribute(cudaDevAttrGlobalMemoryBusWidth) / 8,
          2e3 * attribute(cudaDevAttrClockRate) * attribute(cudaDevAttrMultiProcessorCount) * lanes};
}
void wait_for(Stream other) {
  cudaEvent_t event;
  require(cudaEventCreateWithFlags(&event, cudaEventDisableTiming), "wait_for");
  cudaError_t status = cudaEventRecord(event, other);
  if (status == cudaSuccess) status = cudaStreamWaitEvent(chosen_stream, event, 0);
  cudaEventDestroy(event);
  require(status, "wait_for");
}

}  // namespace limbic::cuda
