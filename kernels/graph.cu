// Recording of work as a CUDA graph, and the memory that the graph works in.
//
// A graph's memory is its arena's: blocks that the recorded work frees are given to what it allocates later,
// in the order of the one stream, and nobody else gets them. The arena goes when the graph has gone and the
// last tensor in it.
#include <limbic/backend/cuda/launch/guard.hpp>
#include <limbic/backend/cuda/launch/runtime.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "capture.hpp"
#include "graph.cuh"

namespace limbic::cuda {

class Arena;

namespace {

void require(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());
  raise(what, cudaGetErrorString(status));
}

std::mutex arenas_mutex;
std::unordered_map<const void*, Arena*> arena_of;  // by block
std::atomic<std::size_t> arena_blocks{0};

}  // namespace

// Not of the namespace without a name: RecordedGraph, which others see, has a pointer to it.
class Arena {
 public:
  // `stream` is not captured: what is allocated there is there.
  explicit Arena(cudaStream_t stream) : stream_(stream) {}

  // `fresh`: no recorded work before has it.
  void* allocate(std::size_t bytes, bool fresh) {
    const std::size_t size = (bytes + 255) / 256 * 256 + (bytes == 0 ? 256 : 0);
    const std::lock_guard<std::mutex> lock(arenas_mutex);
    ++live_;
    if (const auto at = free_.find(size); !fresh && at != free_.end()) {
      void* const memory = at->second;
      free_.erase(at);
      return memory;
    }
    void* memory = nullptr;
    if (const cudaError_t status = cudaMallocAsync(&memory, size, stream_); status != cudaSuccess) {
      --live_;
      require(status, "allocate");
    }
    size_.emplace(memory, size);
    bytes_ += size;
    arena_of.emplace(memory, this);
    ++arena_blocks;
    return memory;
  }
  // With arenas_mutex held; whether the arena's time has come.
  bool take_back(void* memory) {
    --live_;
    free_.emplace(size_.at(memory), memory);
    return live_ == 0 && abandoned_;
  }
  // Memory from elsewhere that the work may still use.
  void keep(void* memory) { kept_.push_back(memory); }
  // The graph has gone; whether the arena's time has come.
  bool abandon() {
    const std::lock_guard<std::mutex> lock(arenas_mutex);
    abandoned_ = true;
    return live_ == 0;
  }
  std::size_t bytes() const { return bytes_; }

  // After the work that used it. Without arenas_mutex.
  ~Arena();

 private:
  cudaStream_t stream_;
  std::map<void*, std::size_t> size_;
  std::multimap<std::size_t, void*> free_;
  std::vector<void*> kept_;
  std::size_t bytes_ = 0;
  std::int64_t live_ = 0;
  bool abandoned_ = false;
};

struct RecordedGraph {
  cudaStream_t memory_stream = nullptr, work_stream = nullptr;
  cudaGraphExec_t work = nullptr;
  cudaEvent_t last = nullptr;  // the end of the last replay
  unsigned* replays = nullptr;
  Arena* arena = nullptr;

  RecordedGraph() = default;
  RecordedGraph(const RecordedGraph&) = delete;
  RecordedGraph& operator=(const RecordedGraph&) = delete;
  ~RecordedGraph();
};

namespace {

// What the thread records, and the stream that it had before.
struct Recording {
  std::unique_ptr<RecordedGraph> graph;
  Stream before = nullptr;
};
thread_local Recording recording;

// Where memory is given back: not in a stream that is recorded.
Stream running_stream() { return recording.graph ? recording.before : current_stream(); }

}  // namespace

Arena::~Arena() {
  {
    const std::lock_guard<std::mutex> lock(arenas_mutex);
    for (const auto& block : size_) {
      arena_of.erase(block.first);
      --arena_blocks;
      cudaFreeAsync(block.first, running_stream());
    }
  }
  for (void* memory : kept_) deallocate(memory);
}

RecordedGraph::~RecordedGraph() {
  if (last) {
    cudaStreamWaitEvent(running_stream(), last, 0);
    cudaEventDestroy(last);
  }
  if (work) cudaGraphExecDestroy(work);
  if (replays) cudaFreeAsync(replays, running_stream());
  if (arena && arena->abandon()) delete arena;
  if (work_stream) cudaStreamDestroy(work_stream);
  if (memory_stream) cudaStreamDestroy(memory_stream);
}

namespace detail {

void* captured_allocate(std::size_t bytes) {
  return recording.graph ? recording.graph->arena->allocate(bytes, false) : nullptr;
}
bool captured_deallocate(void* memory) noexcept {
  Arena* const own = recording.graph ? recording.graph->arena : nullptr;
  Arena* finished = nullptr;
  if (arena_blocks.load(std::memory_order_relaxed) > 0) {
    const std::lock_guard<std::mutex> lock(arenas_mutex);
    const auto at = arena_of.find(memory);
    if (at != arena_of.end() && (!own || at->second == own)) {
      if (!at->second->take_back(memory)) return true;
      finished = at->second;
    }
  }
  delete finished;
  if (finished) return true;
  // The recorded work may use it.
  if (own) own->keep(memory);
  return own != nullptr;
}
void refuse_capture(const char* call) {
  if (recording.graph)
    raise(call,
          "work that is captured as a graph must not wait for the device (hint: ask for values, and copy "
          "from the host, before or "
          "after it)");
}

}  // namespace detail

bool capturing() noexcept { return recording.graph != nullptr; }

void begin_capture() {
  if (capturing()) raise("capture", "something is captured already");
  // What checks report to cannot be made while work is recorded.
  static_cast<void>(report_box());
  auto graph = std::make_unique<RecordedGraph>();
  graph->memory_stream = make_stream();
  graph->work_stream = make_stream();
  require(cudaEventCreateWithFlags(&graph->last, cudaEventDisableTiming), "capture");
  require(cudaEventRecord(graph->last, current_stream()), "capture");
  require(cudaMallocAsync(reinterpret_cast<void**>(&graph->replays), sizeof(unsigned), graph->memory_stream),
          "capture");
  require(cudaMemsetAsync(graph->replays, 0, sizeof(unsigned), graph->memory_stream), "capture");
  graph->arena = new Arena(graph->memory_stream);
  // The thread may allocate meanwhile; what must not happen to the stream itself fails in every mode.
  require(cudaStreamBeginCapture(graph->work_stream, cudaStreamCaptureModeRelaxed), "capture");
  recording.before = current_stream();
  recording.graph = std::move(graph);
  use_stream(recording.graph->work_stream);
}

RecordedGraph* end_capture() {
  if (!capturing()) raise("capture", "nothing is captured");
  try {
    launch("count_replay", device::count_replay, dim3(1), dim3(1), 0, current_stream(),
           recording.graph->replays);
  } catch (...) {
    drop_capture();
    throw;
  }
  std::unique_ptr<RecordedGraph> graph = std::move(recording.graph);
  use_stream(recording.before);
  cudaGraph_t recorded = nullptr;
  require(cudaStreamEndCapture(graph->work_stream, &recorded), "capture");
  const cudaError_t status = cudaGraphInstantiate(&graph->work, recorded, 0);
  cudaGraphDestroy(recorded);
  require(status, "capture");
  // The memory is there before the first replay.
  require(cudaStreamSynchronize(graph->memory_stream), "capture");
  return graph.release();
}

void drop_capture() noexcept {
  if (!capturing()) return;
  const std::unique_ptr<RecordedGraph> graph = std::move(recording.graph);
  use_stream(recording.before);
  cudaGraph_t recorded = nullptr;
  cudaStreamEndCapture(graph->work_stream, &recorded);
  if (recorded) cudaGraphDestroy(recorded);
  static_cast<void>(cudaGetLastError());
  cudaStreamSynchronize(graph->memory_stream);
}

void replay_graph(RecordedGraph* graph) {
  require(cudaStreamWaitEvent(current_stream(), graph->last, 0), "replay");
  require(cudaGraphLaunch(graph->work, current_stream()), "replay");
  require(cudaEventRecord(graph->last, current_stream()), "replay");
}
void free_graph(RecordedGraph* graph) noexcept { delete graph; }
std::size_t graph_bytes(const RecordedGraph* graph) noexcept { return graph->arena->bytes(); }
void* allocate_between_replays(std::size_t bytes) {
  return recording.graph ? recording.graph->arena->allocate(bytes, true) : allocate(bytes);
}
const std::uint32_t* replay_number() noexcept { return recording.graph ? recording.graph->replays : nullptr; }

template <class T>
void set_values(T* to, const FourValues<T>& values) {
  launch("set_values", device::set_values<T>, dim3(1), dim3(kWarpSize), 0, current_stream(), to, values);
}
template void set_values(float*, const FourValues<float>&);
template void set_values(double*, const FourValues<double>&);

}  // namespace limbic::cuda
