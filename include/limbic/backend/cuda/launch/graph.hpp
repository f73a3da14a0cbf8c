// Recording of a thread's work on the device as a CUDA graph, see backend/cuda/graph.hpp. In plain C++;
// defined in kernels/graph.cu.
#pragma once

#include <cstddef>
#include <cstdint>

namespace limbic::cuda {

// A recorded piece of work, and the memory that it works in.
struct RecordedGraph;

// Whether the calling thread records.
bool capturing() noexcept;
// From here on the calling thread's work is recorded in place of run; what it allocates comes from memory of
// the graph's own, and what it frees of other memory stays until the graph is freed. Throws when the thread
// records already.
void begin_capture();
// The end of that. end_capture() throws when the work cannot be a graph.
RecordedGraph* end_capture();
void drop_capture() noexcept;

// Runs it in the current stream, after its last replay.
void replay_graph(RecordedGraph* graph);
// Its memory stays as long as tensors have some of it.
void free_graph(RecordedGraph* graph) noexcept;
// Bytes of its own memory.
std::size_t graph_bytes(const RecordedGraph* graph) noexcept;

// allocate(), for what is written between replays: memory that the recorded work before has not used for
// anything else.
void* allocate_between_replays(std::size_t bytes);

// On the device, the number of replays before the one that runs: what makes random numbers differ between
// them. Null while nothing is recorded.
const std::uint32_t* replay_number() noexcept;

// to[0 .. 3] = values, which travel as an argument.
template <class T>
struct FourValues {
  T value[4];
};
template <class T>
void set_values(T* to, const FourValues<T>& values);

}  // namespace limbic::cuda
