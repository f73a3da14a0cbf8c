// Errors, devices, memory and copies of CUDA's runtime API.
#include "host.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

namespace emulator {

namespace {

thread_local cudaError_t last_error = cudaSuccess;
thread_local cudaError_t detail_of = cudaSuccess;
thread_local std::string detail;
thread_local int current_device = 0;

std::mutex pinned_mutex;
std::map<std::uintptr_t, std::size_t> pinned;

const char* name_of(cudaError_t error) {
  switch (error) {
#define LIMBIC_NAME(name) \
  case name: return #name;
    LIMBIC_NAME(cudaSuccess)
    LIMBIC_NAME(cudaErrorInvalidValue)
    LIMBIC_NAME(cudaErrorMemoryAllocation)
    LIMBIC_NAME(cudaErrorInvalidConfiguration)
    LIMBIC_NAME(cudaErrorInvalidDevicePointer)
    LIMBIC_NAME(cudaErrorInvalidMemcpyDirection)
    LIMBIC_NAME(cudaErrorInsufficientDriver)
    LIMBIC_NAME(cudaErrorNoDevice)
    LIMBIC_NAME(cudaErrorInvalidDevice)
    LIMBIC_NAME(cudaErrorInvalidResourceHandle)
    LIMBIC_NAME(cudaErrorIllegalState)
    LIMBIC_NAME(cudaErrorNotReady)
    LIMBIC_NAME(cudaErrorIllegalAddress)
    LIMBIC_NAME(cudaErrorMisalignedAddress)
    LIMBIC_NAME(cudaErrorLaunchFailure)
    LIMBIC_NAME(cudaErrorNotSupported)
    LIMBIC_NAME(cudaErrorStreamCaptureUnsupported)
    LIMBIC_NAME(cudaErrorStreamCaptureInvalidated)
    LIMBIC_NAME(cudaErrorStreamCaptureUnmatched)
    LIMBIC_NAME(cudaErrorStreamCaptureUnjoined)
    LIMBIC_NAME(cudaErrorStreamCaptureImplicit)
    LIMBIC_NAME(cudaErrorUnknown)
#undef LIMBIC_NAME
  }
  return "an unknown error";
}

const char* words_of(cudaError_t error) {
  switch (error) {
    case cudaSuccess: return "no error";
    case cudaErrorInvalidValue: return "invalid argument";
    case cudaErrorMemoryAllocation: return "out of memory";
    case cudaErrorInvalidConfiguration: return "invalid configuration argument";
    case cudaErrorNoDevice: return "no CUDA-capable device is detected";
    case cudaErrorInvalidDevice: return "invalid device ordinal";
    case cudaErrorInvalidResourceHandle: return "invalid resource handle";
    case cudaErrorLaunchFailure: return "unspecified launch failure";
    case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
    case cudaErrorStreamCaptureInvalidated: return "operation failed due to a previous error during capture";
    case cudaErrorStreamCaptureUnjoined: return "capturing stream has unjoined work";
    case cudaErrorStreamCaptureImplicit:
      return "operation would make the legacy stream depend on a capturing stream";
    default: return name_of(error);
  }
}

bool has_device() { return options().devices > 0; }

bool in_device_memory(const void* p) {
  return reinterpret_cast<std::uintptr_t>(p) - device_memory.base < device_memory.bytes;
}

// Empty when [p, p + bytes) is live device memory, else what is wrong.
std::string problem(const void* p, std::size_t bytes) {
  const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(p);
  const Allocation* a = find_allocation(at);
  if (!in_device_memory(p)) return "a pointer to host memory stands where device memory is expected";
  if (!a || a->space != Allocation::global) return describe_address(at, a) + " is not device memory";
  if (!a->live) return describe_address(at, a) + " has been freed";
  if (at + bytes > a->end)
    return std::to_string(bytes) + " bytes from " + describe_address(at, a) + " end outside of it";
  return {};
}

cudaError_t bad(const std::string& text) { return fail_with(cudaErrorInvalidValue, text); }

cudaError_t copy(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind) {
  if (!bytes) return cudaSuccess;
  initialise_memory();
  bool to_device = kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
  bool from_device = kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
  if (kind == cudaMemcpyDefault) to_device = in_device_memory(to), from_device = in_device_memory(from);
  if (const auto text = to_device ? problem(to, bytes) : std::string(); !text.empty())
    return bad("copy to: " + text);
  if (const auto text = from_device ? problem(from, bytes) : std::string(); !text.empty())
    return bad("copy from: " + text);
  if ((!to_device && in_device_memory(to)) || (!from_device && in_device_memory(from)))
    return bad("a copy's direction does not fit its pointers");
  const std::lock_guard lock(device_mutex);
  const HostAccess access;
  std::memmove(to, from, bytes);
  if (to_device) mark_written(reinterpret_cast<std::uintptr_t>(to), bytes);
  return cudaSuccess;
}

cudaError_t fill(void* to, int value, std::size_t bytes) {
  if (!bytes) return cudaSuccess;
  if (const auto text = problem(to, bytes); !text.empty()) return bad("memset: " + text);
  const std::lock_guard lock(device_mutex);
  const HostAccess access;
  std::memset(to, value, bytes);
  mark_written(reinterpret_cast<std::uintptr_t>(to), bytes);
  return cudaSuccess;
}

cudaError_t new_allocation(void** pointer, std::size_t bytes) {
  *pointer = nullptr;
  if (!has_device()) return fail_with(cudaErrorNoDevice);
  if (!bytes) return cudaSuccess;
  const Allocation* a = allocate(bytes, current_device);
  if (!a)
    return fail_with(cudaErrorMemoryAllocation, "out of memory: " + std::to_string(bytes) +
                                                    " bytes asked for, " + std::to_string(allocated_bytes()) +
                                                    " of " + std::to_string(options().memory_bytes) +
                                                    " are in use");
  *pointer = reinterpret_cast<void*>(a->begin);
  return cudaSuccess;
}

cudaError_t free_allocation(void* pointer) {
  if (!pointer) return cudaSuccess;
  initialise_memory();
  const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(pointer);
  Allocation* a = find_allocation(at);
  if (!a || a->space != Allocation::global || a->begin != at) return bad("free of what is no allocation");
  if (!a->live) return bad("free of " + describe_address(at, a) + ", which has been freed already");
  release(a);
  return cudaSuccess;
}

}  // namespace

cudaError_t fail_with(cudaError_t error, const std::string& text) {
  last_error = detail_of = error;
  detail = text.empty() ? words_of(error) : text;
  return error;
}

int device_of_thread() { return current_device; }

bool is_pinned(std::uintptr_t address) {
  const std::lock_guard lock(pinned_mutex);
  const auto next = pinned.upper_bound(address);
  return next != pinned.begin() && address - std::prev(next)->first < std::prev(next)->second;
}

}  // namespace emulator

using namespace emulator;

struct CUmemPoolHandle_st {
  std::uint64_t release_threshold = 0;
};

extern "C" {

const char* cudaGetErrorName(cudaError_t error) { return name_of(error); }
const char* cudaGetErrorString(cudaError_t error) {
  return error != cudaSuccess && error == detail_of ? detail.c_str() : words_of(error);
}
cudaError_t cudaGetLastError() { return std::exchange(last_error, cudaSuccess); }
cudaError_t cudaPeekAtLastError() { return last_error; }
cudaError_t cudaRuntimeGetVersion(int* version) { return *version = 13000, cudaSuccess; }
cudaError_t cudaDriverGetVersion(int* version) { return *version = has_device() ? 13000 : 0, cudaSuccess; }

cudaError_t cudaGetDeviceCount(int* count) {
  *count = options().devices;
  return has_device() ? cudaSuccess : fail_with(cudaErrorNoDevice);
}
cudaError_t cudaSetDevice(int device) {
  if (!has_device()) return fail_with(cudaErrorNoDevice);
  if (device < 0 || device >= options().devices) return fail_with(cudaErrorInvalidDevice);
  current_device = device;
  return cudaSuccess;
}
cudaError_t cudaGetDevice(int* device) {
  *device = current_device;
  return has_device() ? cudaSuccess : fail_with(cudaErrorNoDevice);
}
cudaError_t cudaGetDeviceProperties(cudaDeviceProp* p, int device) {
  if (!has_device()) return fail_with(cudaErrorNoDevice);
  if (device < 0 || device >= options().devices) return fail_with(cudaErrorInvalidDevice);
  const Options& o = options();
  *p = {};
  std::strcpy(p->name, "emulated on the CPU");
  p->totalGlobalMem = o.memory_bytes;
  p->sharedMemPerBlock = kPlainShared;
  p->sharedMemPerBlockOptin = kMaxShared;
  p->sharedMemPerMultiprocessor = kMaxShared + 1024;
  p->regsPerBlock = p->regsPerMultiprocessor = 65536;
  p->warpSize = static_cast<int>(kWarp);
  p->maxThreadsPerBlock = static_cast<int>(kMaxThreads);
  p->maxThreadsDim[0] = p->maxThreadsDim[1] = 1024;
  p->maxThreadsDim[2] = 64;
  p->maxGridSize[0] = 2147483647;
  p->maxGridSize[1] = p->maxGridSize[2] = 65535;
  p->major = o.compute_major;
  p->minor = o.compute_minor;
  p->multiProcessorCount = o.multiprocessors;
  p->maxThreadsPerMultiProcessor = 2048;
  p->maxBlocksPerMultiProcessor = 32;
  p->l2CacheSize = 50 << 20;
  p->memoryBusWidth = 5120;
  p->asyncEngineCount = p->concurrentKernels = p->unifiedAddressing = p->memoryPoolsSupported = 1;
  return cudaSuccess;
}
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  cudaDeviceProp p;
  if (const cudaError_t error = cudaGetDeviceProperties(&p, device)) return error;
  switch (attribute) {
    case cudaDevAttrMaxThreadsPerBlock: *value = p.maxThreadsPerBlock; break;
    case cudaDevAttrWarpSize: *value = p.warpSize; break;
    case cudaDevAttrMultiProcessorCount: *value = p.multiProcessorCount; break;
    case cudaDevAttrComputeCapabilityMajor: *value = p.major; break;
    case cudaDevAttrComputeCapabilityMinor: *value = p.minor; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = static_cast<int>(p.sharedMemPerBlockOptin); break;
    case cudaDevAttrMemoryPoolsSupported: *value = 1; break;
    default: return fail_with(cudaErrorInvalidValue);
  }
  return cudaSuccess;
}
cudaError_t cudaDeviceSynchronize() {
  if (!has_device()) return fail_with(cudaErrorNoDevice);
  return refuse_while_capturing("cudaDeviceSynchronize");
}
cudaError_t cudaDeviceReset() { return cudaSuccess; }
cudaError_t cudaMemGetInfo(size_t* free_bytes, size_t* total_bytes) {
  *total_bytes = options().memory_bytes;
  *free_bytes = *total_bytes - allocated_bytes();
  return cudaSuccess;
}
cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
  initialise_memory();
  void* p = const_cast<void*>(pointer);
  *attributes = {cudaMemoryTypeUnregistered, current_device, nullptr, p};
  if (is_pinned(reinterpret_cast<std::uintptr_t>(pointer)))
    *attributes = {cudaMemoryTypeHost, current_device, p, p};
  if (const Allocation* a = find_allocation(reinterpret_cast<std::uintptr_t>(pointer)))
    *attributes = {cudaMemoryTypeDevice, a->device, p, nullptr};
  return cudaSuccess;
}

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  if (const cudaError_t error = refuse_while_capturing("cudaMalloc")) return error;
  return new_allocation(pointer, bytes);
}
cudaError_t cudaFree(void* pointer) {
  if (const cudaError_t error = refuse_while_capturing("cudaFree")) return error;
  return free_allocation(pointer);
}
cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream) {
  if (const cudaError_t error = new_allocation(pointer, bytes)) return error;
  return *pointer ? captured_allocation(stream, find_allocation(reinterpret_cast<std::uintptr_t>(*pointer)))
                  : cudaSuccess;
}
cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  if (!pointer) return cudaSuccess;
  if (is_capturing(stream))
    return captured_free(stream, find_allocation(reinterpret_cast<std::uintptr_t>(pointer)));
  return free_allocation(pointer);
}
cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  if (const cudaError_t error = refuse_while_capturing("cudaMallocHost")) return error;
  *pointer = bytes ? std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096) : nullptr;
  if (bytes && !*pointer) return fail_with(cudaErrorMemoryAllocation);
  const std::lock_guard lock(pinned_mutex);
  if (bytes) pinned[reinterpret_cast<std::uintptr_t>(*pointer)] = bytes;
  return cudaSuccess;
}
cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) { return cudaMallocHost(pointer, bytes); }
cudaError_t cudaFreeHost(void* pointer) {
  if (!pointer) return cudaSuccess;
  const std::lock_guard lock(pinned_mutex);
  if (!pinned.erase(reinterpret_cast<std::uintptr_t>(pointer)))
    return bad("cudaFreeHost of what is no pinned memory");
  std::free(pointer);
  return cudaSuccess;
}

cudaError_t cudaDeviceGetDefaultMemPool(cudaMemPool_t* pool, int device) {
  static CUmemPoolHandle_st pools[16];
  if (device < 0 || device >= std::min(options().devices, 16)) return fail_with(cudaErrorInvalidDevice);
  *pool = &pools[device];
  return cudaSuccess;
}
cudaError_t cudaDeviceGetMemPool(cudaMemPool_t* pool, int device) {
  return cudaDeviceGetDefaultMemPool(pool, device);
}
cudaError_t cudaMemPoolSetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  if (attribute != cudaMemPoolAttrReleaseThreshold) return fail_with(cudaErrorInvalidValue);
  pool->release_threshold = *static_cast<std::uint64_t*>(value);
  return cudaSuccess;
}
cudaError_t cudaMemPoolGetAttribute(cudaMemPool_t pool, cudaMemPoolAttr attribute, void* value) {
  *static_cast<std::uint64_t*>(value) =
      attribute == cudaMemPoolAttrReleaseThreshold ? pool->release_threshold : allocated_bytes();
  return cudaSuccess;
}
cudaError_t cudaMemPoolTrimTo(cudaMemPool_t, size_t) { return cudaSuccess; }

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  if (const cudaError_t error = refuse_while_capturing("cudaMemcpy")) return error;
  return copy(to, from, bytes, kind);
}
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return submit(stream, [=] { return copy(to, from, bytes, kind); });
}
cudaError_t cudaMemcpy2DAsync(void* to, size_t to_pitch, const void* from, size_t from_pitch, size_t width,
                              size_t height, cudaMemcpyKind kind, cudaStream_t stream) {
  if (width > to_pitch || width > from_pitch)
    return bad("cudaMemcpy2DAsync: rows are wider than their pitch");
  return submit(stream, [=] {
    for (std::size_t i = 0; i < height; ++i)
      if (const cudaError_t error = copy(static_cast<char*>(to) + i * to_pitch,
                                         static_cast<const char*>(from) + i * from_pitch, width, kind))
        return error;
    return cudaSuccess;
  });
}
cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  if (const cudaError_t error = refuse_while_capturing("cudaMemset")) return error;
  return fill(to, value, bytes);
}
cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return submit(stream, [=] { return fill(to, value, bytes); });
}

}  // extern "C"
