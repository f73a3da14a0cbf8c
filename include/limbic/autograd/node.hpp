// The tape: nodes that hold what an operation's backward needs, linked to the nodes of its inputs.
//
// Nodes are reference counted and carry numbers that grow in order of creation, so that backward is a
// loop over the nodes behind a value, newest first. Nothing recurses over the graph: a chain of
// millions of nodes is recorded, run backward and destroyed in constant stack.
#pragma once

#include <limbic/core/tensor.hpp>

#include <functional>
#include <memory>

namespace limbic {

class Node;

namespace detail {

// Nodes whose last owner is gone, deleted one after the other by the outermost caller.
struct Graveyard {
  Node* head = nullptr;
  bool digging = false;
};
inline Graveyard& graveyard() {
  thread_local Graveyard g;
  return g;
}

inline std::uint64_t& last_sequence() {
  thread_local std::uint64_t n = 0;
  return n;
}

}  // namespace detail

// Owning pointer to a node, or null. Safe to copy and destroy from several threads.
template <class N>
class NodePtr {
 public:
  NodePtr() = default;
  // Counts as one owner; a new node has none yet.
  explicit NodePtr(N* node) : node_(node) {
    if (node_) node_->references_.fetch_add(1, std::memory_order_relaxed);
  }
  NodePtr(const NodePtr& other) : NodePtr(other.node_) {}
  NodePtr(NodePtr&& other) noexcept : node_(std::exchange(other.node_, nullptr)) {}
  template <class M>
  requires std::is_convertible_v<M*, N*> NodePtr(const NodePtr<M>& other) : NodePtr(other.get()) {}
  NodePtr& operator=(NodePtr other) noexcept {
    std::swap(node_, other.node_);
    return *this;
  }
  ~NodePtr() {
    if (node_ && node_->references_.fetch_sub(1, std::memory_order_acq_rel) == 1) N::bury(node_);
  }

  N* get() const { return node_; }
  N* operator->() const { return node_; }
  N& operator*() const { return *node_; }
  explicit operator bool() const { return node_ != nullptr; }
  friend bool operator==(const NodePtr& a, const NodePtr& b) { return a.node_ == b.node_; }

 private:
  N* node_ = nullptr;
};

// One recorded call of an operation, or a leaf.
class Node {
 public:
  Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;
  virtual ~Node() = default;

  // Name of the operation ("leaf" for a variable), and where it was called.
  virtual std::string_view name() const = 0;
  Site site() const { return site_; }

  // Nodes of the inputs; null for an input that needs no gradient.
  virtual std::span<const NodePtr<Node>> inputs() const = 0;
  virtual bool is_leaf() const { return false; }

  // ---- for the engine ----------------------------------------------------------------------------

  // Hands this node's pending gradient on to its inputs. With create_graph the arithmetic is recorded.
  virtual void propagate(bool create_graph) = 0;
  // Whether a gradient has arrived in the running pass, and its removal.
  virtual bool has_pending() const = 0;
  virtual void clear_pending() = 0;
  // Whether the pending gradient holds a NaN or Inf.
  virtual bool pending_has_anomaly() const = 0;

  // The number: larger than those of all inputs.
  std::uint64_t sequence() const { return sequence_; }

  // Once the pending gradient is whole: hooks, and (if `leave`) what backward() leaves on the node.
  virtual void complete(bool create_graph, bool leave) = 0;

  // State in the pass that runs; see engine.hpp.
  struct PassState {
    std::uint64_t pass = 0;       // the pass that met the node last
    std::uint64_t target_of = 0;  // the pass that wants its gradient
    bool needed = false;          // whether a gradient is to be handed to it
  };
  PassState state;

  // From the pool.
  static void* operator new(std::size_t n) { return detail::MemoryPool::instance().allocate(n); }
  static void operator delete(void* p, std::size_t n) { detail::MemoryPool::instance().deallocate(p, n); }

 protected:
  // A number above those of all inputs and, within a thread, of all nodes so far.
  void number(Site site) {
    std::uint64_t n = ++detail::last_sequence();
    for (const auto& input : inputs())
      if (input && input->sequence_ >= n) n = input->sequence_ + 1;
    detail::last_sequence() = sequence_ = n;
    site_ = site;
  }

 private:
  template <class N>
  friend class NodePtr;

  static void bury(Node* node) noexcept {
    detail::Graveyard& yard = detail::graveyard();
    node->next_dead_ = yard.head;
    yard.head = node;
    if (yard.digging) return;
    yard.digging = true;
    while (Node* dead = yard.head) {
      yard.head = dead->next_dead_;
      delete dead;
    }
    yard.digging = false;
  }

  std::atomic<std::uint32_t> references_{0};
  std::uint64_t sequence_ = 0;
  Node* next_dead_ = nullptr;
  Site site_{};
};

}  // namespace limbic
