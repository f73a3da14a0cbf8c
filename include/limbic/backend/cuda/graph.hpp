// CUDA graphs: a step's launches are recorded once and started again by one call, without the host's part.
//
//   for (int i = 0; i < 2; ++i) step();                 // what is made at first use is there then
//   limbic::cuda::Graph graph = limbic::cuda::capture([&] { loss = step(); });
//   for (...) { source.copy_from(batch); graph.replay(); }
//   std::cout << loss.item();
//
// Tensors that the function reads or writes are those of its one call: new inputs are copied into them.
// Numbers that the host works out (weights of losses, shapes) stay what they were, but for an optimiser's:
// its count of steps and its learning rate are those of each replay. Random numbers are new in each replay;
// the first has those that the call would have had, and streams advance by one call for all of them.
//
// The function must not wait for the device (item(), to_vector(), on<Cpu>(), copies from the host,
// synchronize()): that throws, as does an optimiser's first step, which makes its moments. Both halves of
// differentiation, forward and backward, belong into one capture; all of it happens in the current stream of
// the calling thread.
//
// Memory that the function allocates belongs to the graph: nobody else gets it while the graph lives, nor
// while a tensor has some of it. Tensors from outside must live as long as the graph, an optimiser's and
// those freed within excepted.
#pragma once

#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/launch/graph.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace limbic {

namespace cuda {

namespace detail {
// What the host does at each replay of the graph that this thread records.
inline std::vector<std::function<void()>>& replay_hooks() {
  thread_local std::vector<std::function<void()>> hooks;
  return hooks;
}
struct FreeGraph {
  void operator()(RecordedGraph* graph) const noexcept { free_graph(graph); }
};
}  // namespace detail

// Recorded work, and what is done before each replay; nothing until capture() made it. Not to be copied.
class Graph {
 public:
  Graph() = default;

  // Starts the recorded work in the current stream; nothing waits. Throws while something is captured, and
  // when there is no recorded work.
  void replay() {
    check(graph_ != nullptr, "graph", "there is nothing to replay (hint: capture() makes a graph)");
    check(!capturing(), "graph", "a replay cannot be captured");
    for (const auto& hook : hooks_) hook();
    replay_graph(graph_.get());
    ++replays_;
  }
  // How often that was done.
  std::int64_t replays() const { return replays_; }
  // Bytes that the graph keeps for itself.
  std::size_t bytes() const { return graph_ ? graph_bytes(graph_.get()) : 0; }
  explicit operator bool() const { return graph_ != nullptr; }

 private:
  template <class F>
  friend Graph capture(F&& f);

  std::unique_ptr<RecordedGraph, detail::FreeGraph> graph_;
  std::vector<std::function<void()>> hooks_;
  std::int64_t replays_ = 0;
};

// Calls f once and records what it gives to the device; nothing of it runs before the first replay. Throws
// what f throws, and within a capture.
template <class F>
Graph capture(F&& f) {
  begin_capture();
  detail::replay_hooks().clear();
  Graph graph;
  try {
    f();
  } catch (...) {
    drop_capture();
    detail::replay_hooks().clear();
    throw;
  }
  graph.hooks_ = std::exchange(detail::replay_hooks(), {});
  graph.graph_.reset(end_capture());
  return graph;
}

}  // namespace cuda

// What code for any device asks: whether its work is recorded now; what is to be done before each replay of
// that; room for numbers (4) that are told anew then; and to tell them, `to` (4) = v.
inline bool is_captured(Cuda) { return cuda::capturing(); }
inline void at_replay(Cuda, std::function<void()> hook) {
  cuda::detail::replay_hooks().push_back(std::move(hook));
}
template <class T>
Tensor<T, Cuda> numbers_at_replay(Cuda) {
  constexpr std::size_t kBytes = 4 * sizeof(T);
  void* const memory = cuda::allocate_between_replays(kBytes);
  return Tensor<T, Cuda>::wrap(static_cast<T*>(memory), {4}, {}, free_memory(Cuda{}), memory);
}
template <class T>
void set_values(Cuda, Tensor<T, Cuda>& to, const std::array<T, 4>& v) {
  cuda::set_values(to.mutable_data(), cuda::FourValues<T>{{v[0], v[1], v[2], v[3]}});
}

}  // namespace limbic
