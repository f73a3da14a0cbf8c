// Launches, streams, events and graphs. Work is done when it is given to a stream; a stream that captures
// records it in a graph instead, in the order of the calls, which satisfies every dependency.
#include "host.hpp"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <unordered_map>

using namespace emulator;

namespace {

std::recursive_mutex stream_mutex;

// A graph's work. Its memory lives at fixed addresses for as long as anybody can launch it.
struct Work {
  std::vector<std::function<cudaError_t()>> nodes;
  std::vector<Allocation*> allocations;

  Work() = default;
  Work(const Work&) = delete;
  Work& operator=(const Work&) = delete;
  ~Work() {
    for (Allocation* a : allocations)
      if (!a->live) {
        revive(a);
        release(a);
      }
  }
};

// While streams capture.
struct Capture {
  std::shared_ptr<Work> work = std::make_shared<Work>();
  cudaStream_t origin = nullptr;
  cudaStreamCaptureMode mode{};
  bool broken = false;
  std::vector<cudaStream_t> streams;
};
std::vector<std::shared_ptr<Capture>> captures;

std::unordered_map<const void*, std::size_t> allowed_shared;  // by kernel, where more than kPlainShared
thread_local const char* next_name = nullptr;

}  // namespace

struct CUstream_st {
  unsigned flags;
  int device;
  std::shared_ptr<Capture> capture{};
  std::uint64_t recorded = 0, joined = 0;  // nodes of this stream; those that the origin waits for
};
struct CUevent_st {
  unsigned flags;
  bool recorded = false;
  std::chrono::steady_clock::time_point time;
  std::shared_ptr<Capture> capture;
  cudaStream_t stream = nullptr;
  std::uint64_t position = 0;
};
struct CUgraph_st {
  std::shared_ptr<Work> work;
};
struct CUgraphExec_st {
  std::shared_ptr<Work> work;
};

namespace emulator {

cudaStream_t real_stream(cudaStream_t stream) {
  if (stream == cudaStreamLegacy) return nullptr;
  if (stream != cudaStreamPerThread) return stream;
  thread_local CUstream_st own{cudaStreamDefault, 0, nullptr};
  if (!own.capture) own.device = device_of_thread();
  return &own;
}

bool is_capturing(cudaStream_t stream) {
  stream = real_stream(stream);
  return stream && stream->capture;
}

cudaError_t refuse_while_capturing(const char* call) {
  const std::lock_guard lock(stream_mutex);
  cudaError_t error = cudaSuccess;
  for (auto& capture : captures) {
    if (capture->mode == cudaStreamCaptureModeRelaxed) continue;
    capture->broken = true;
    error = fail_with(cudaErrorStreamCaptureUnsupported, std::string(call) + " while a stream is capturing");
  }
  return error;
}

cudaError_t submit(cudaStream_t stream, std::function<cudaError_t()> work) {
  stream = real_stream(stream);
  if (options().devices <= 0) return fail_with(cudaErrorNoDevice);
  {
    const std::lock_guard lock(stream_mutex);
    if (stream && stream->device != device_of_thread())
      return fail_with(cudaErrorInvalidResourceHandle,
                       "the stream belongs to device " + std::to_string(stream->device) +
                           ", current is device " + std::to_string(device_of_thread()));
    if (is_capturing(stream)) {
      if (stream->capture->broken) return fail_with(cudaErrorStreamCaptureInvalidated);
      stream->capture->work->nodes.push_back(std::move(work));
      ++stream->recorded;
      return cudaSuccess;
    }
    if (!stream)
      for (auto& capture : captures)
        if (capture->origin->flags != cudaStreamNonBlocking) {
          capture->broken = true;
          return fail_with(cudaErrorStreamCaptureImplicit);
        }
  }
  return work();
}

cudaError_t captured_allocation(cudaStream_t stream, Allocation* allocation) {
  stream = real_stream(stream);
  if (!is_capturing(stream)) return cudaSuccess;
  suspend(allocation);
  stream->capture->work->allocations.push_back(allocation);
  return submit(stream, [allocation] {
    if (allocation->live)
      return fail_with(cudaErrorIllegalState, "a graph allocates what it has not freed yet");
    revive(allocation);
    return cudaSuccess;
  });
}

cudaError_t captured_free(cudaStream_t stream, Allocation* allocation) {
  stream = real_stream(stream);
  const auto& mine = stream->capture->work->allocations;
  const bool own = std::find(mine.begin(), mine.end(), allocation) != mine.end();
  if (!allocation) return fail_with(cudaErrorInvalidValue, "free of what is no allocation");
  return submit(stream, [allocation, own] {
    if (!allocation->live) return fail_with(cudaErrorInvalidValue, "a graph frees what is free");
    if (own) suspend(allocation);
    else release(allocation);
    return cudaSuccess;
  });
}

void name_next_kernel(const char* name) { next_name = name; }

cudaError_t launch(const void* function, const KernelType& type, dim3 grid, dim3 block_shape,
                   void** arguments, std::size_t shared_bytes, cudaStream_t stream) {
  stream = real_stream(stream);
  const char* given = std::exchange(next_name, nullptr);
  if (options().devices <= 0) return fail_with(cudaErrorNoDevice);
  const std::uint64_t threads = std::uint64_t{block_shape.x} * block_shape.y * block_shape.z;
  if (!threads || threads > kMaxThreads || block_shape.z > 64)
    return fail_with(cudaErrorInvalidConfiguration,
                     "invalid configuration argument: a block has 1 to 1024 threads");
  if (!grid.x || !grid.y || !grid.z || grid.x > 2147483647u || grid.y > 65535 || grid.z > 65535)
    return fail_with(cudaErrorInvalidConfiguration,
                     "invalid configuration argument: a grid has 1 to 2147483647 x 65535 x 65535 blocks");
  {
    const std::lock_guard lock(stream_mutex);
    const auto found = allowed_shared.find(function);
    const std::size_t allowed = found == allowed_shared.end() ? kPlainShared : found->second;
    if (shared_bytes > allowed)
      return fail_with(cudaErrorInvalidValue, "invalid argument: " + std::to_string(shared_bytes) +
                                                  " bytes of dynamic shared memory, " +
                                                  std::to_string(allowed) + " are allowed");
  }
  const std::string name = given ? given : function_name(function);
  const auto run = [=](void* const* pointers) {
    Launch l{function, &type, pointers, grid, block_shape, shared_bytes, name};
    state.device = stream ? stream->device : device_of_thread();
    return run_grid(l) ? cudaSuccess : fail_with(cudaErrorLaunchFailure, last_failure());
  };
  if (!is_capturing(stream)) return submit(stream, [&] { return run(arguments); });
  // A graph keeps the arguments.
  std::vector<std::vector<std::max_align_t>> values;
  for (int i = 0; i < type.count; ++i) {
    values.emplace_back((type.sizes[i] + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t));
    std::memcpy(values.back().data(), arguments[i], type.sizes[i]);
  }
  return submit(stream, [run, values] {
    std::vector<void*> pointers;
    for (const auto& value : values) pointers.push_back(const_cast<std::max_align_t*>(value.data()));
    return run(pointers.data());
  });
}

cudaError_t set_attribute(const void* function, cudaFuncAttribute attribute, int value) {
  if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;
  if (value < 0 || static_cast<std::size_t>(value) > kMaxShared)
    return fail_with(cudaErrorInvalidValue, "invalid argument: " + std::to_string(value) +
                                                " bytes of dynamic shared memory, a block can have " +
                                                std::to_string(kMaxShared));
  const std::lock_guard lock(stream_mutex);
  allowed_shared[function] = std::max(static_cast<std::size_t>(value), kPlainShared);
  return cudaSuccess;
}

cudaError_t get_attributes(cudaFuncAttributes* attributes, const void*) {
  *attributes = {0, 0, 0, static_cast<int>(kMaxThreads), 32, 80, 80, static_cast<int>(kPlainShared)};
  return cudaSuccess;
}

cudaError_t occupancy(int* blocks, const void*, int block_size, std::size_t dynamic_bytes) {
  if (block_size <= 0) return fail_with(cudaErrorInvalidValue);
  *blocks = std::min(32, 2048 / block_size);
  if (dynamic_bytes)
    *blocks = std::min(*blocks, static_cast<int>((kMaxShared + 1024) / (dynamic_bytes + 1024)));
  return cudaSuccess;
}

}  // namespace emulator

extern "C" {

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}
cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (options().devices <= 0) return fail_with(cudaErrorNoDevice);
  *stream = new CUstream_st{flags, device_of_thread(), nullptr};
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  if (!stream || stream != real_stream(stream)) return fail_with(cudaErrorInvalidResourceHandle);
  delete stream;
  return cudaSuccess;
}
cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  stream = real_stream(stream);
  const std::lock_guard lock(stream_mutex);
  if (!is_capturing(stream)) return cudaSuccess;
  stream->capture->broken = true;
  return fail_with(cudaErrorStreamCaptureUnsupported, "cudaStreamSynchronize of a stream that is capturing");
}
cudaError_t cudaStreamQuery(cudaStream_t stream) { return cudaStreamSynchronize(stream); }
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  stream = real_stream(stream);
  if (!event) return fail_with(cudaErrorInvalidResourceHandle);
  const std::lock_guard lock(stream_mutex);
  if (!event->capture) return cudaSuccess;
  if (!stream) return fail_with(cudaErrorStreamCaptureImplicit);
  if (!stream->capture) {
    stream->capture = event->capture;
    stream->capture->streams.push_back(stream);
    stream->recorded = 1;
    stream->joined = 0;
  }
  if (stream->capture != event->capture) return fail_with(cudaErrorStreamCaptureUnmatched);
  // What the origin waits for is joined.
  if (event->stream != stream && stream == stream->capture->origin)
    event->stream->joined = std::max(event->stream->joined, event->position);
  return cudaSuccess;
}
cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* data) {
  return submit(stream, [=] { return function(data), cudaSuccess; });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  if (options().devices <= 0) return fail_with(cudaErrorNoDevice);
  *event = new CUevent_st{};
  (*event)->flags = flags;
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  if (!event) return fail_with(cudaErrorInvalidResourceHandle);
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  stream = real_stream(stream);
  if (!event) return fail_with(cudaErrorInvalidResourceHandle);
  const std::lock_guard lock(stream_mutex);
  event->capture = stream ? stream->capture : nullptr;
  event->stream = stream;
  event->position = stream ? stream->recorded : 0;
  event->recorded = true;
  event->time = std::chrono::steady_clock::now();
  return cudaSuccess;
}
cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  const std::lock_guard lock(stream_mutex);
  if (!event || !event->capture) return event ? cudaSuccess : fail_with(cudaErrorInvalidResourceHandle);
  event->capture->broken = true;
  return fail_with(cudaErrorStreamCaptureUnsupported, "cudaEventSynchronize of an event of a capture");
}
cudaError_t cudaEventQuery(cudaEvent_t event) { return cudaEventSynchronize(event); }
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t start, cudaEvent_t end) {
  if (!start || !end || !start->recorded || !end->recorded || (start->flags & cudaEventDisableTiming) ||
      (end->flags & cudaEventDisableTiming))
    return fail_with(cudaErrorInvalidResourceHandle);
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - start->time).count();
  return cudaSuccess;
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
  stream = real_stream(stream);
  const std::lock_guard lock(stream_mutex);
  if (!stream) return fail_with(cudaErrorStreamCaptureUnsupported, "the default stream cannot capture");
  if (stream->capture) return fail_with(cudaErrorIllegalState, "the stream is capturing already");
  stream->capture = std::make_shared<Capture>();
  stream->capture->origin = stream;
  stream->capture->mode = mode;
  captures.push_back(stream->capture);
  return cudaSuccess;
}
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
  stream = real_stream(stream);
  const std::lock_guard lock(stream_mutex);
  *graph = nullptr;
  if (!stream || !stream->capture) return fail_with(cudaErrorIllegalState, "the stream is not capturing");
  const auto capture = stream->capture;
  if (capture->origin != stream) return fail_with(cudaErrorStreamCaptureUnmatched);
  bool unjoined = false;
  for (cudaStream_t other : capture->streams) {
    unjoined |= other->joined < other->recorded;
    other->capture = nullptr;
  }
  stream->capture = nullptr;
  captures.erase(std::find(captures.begin(), captures.end(), capture));
  if (capture->broken) return fail_with(cudaErrorStreamCaptureInvalidated);
  if (unjoined) return fail_with(cudaErrorStreamCaptureUnjoined);
  *graph = new CUgraph_st{capture->work};
  return cudaSuccess;
}
cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
  stream = real_stream(stream);
  const std::lock_guard lock(stream_mutex);
  *status = !is_capturing(stream)     ? cudaStreamCaptureStatusNone
            : stream->capture->broken ? cudaStreamCaptureStatusInvalidated
                                      : cudaStreamCaptureStatusActive;
  return cudaSuccess;
}
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* executable, cudaGraph_t graph, unsigned long long) {
  if (!graph) return fail_with(cudaErrorInvalidValue);
  *executable = new CUgraphExec_st{graph->work};
  return cudaSuccess;
}
cudaError_t cudaGraphLaunch(cudaGraphExec_t executable, cudaStream_t stream) {
  if (!executable) return fail_with(cudaErrorInvalidValue);
  return submit(stream, [work = executable->work] {
    for (const auto& node : work->nodes)
      if (const cudaError_t error = node()) return error;
    return cudaSuccess;
  });
}
cudaError_t cudaGraphDestroy(cudaGraph_t graph) { return delete graph, cudaSuccess; }
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t executable) { return delete executable, cudaSuccess; }

}  // extern "C"
