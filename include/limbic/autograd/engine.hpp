// backward() and grad(): one loop over the nodes behind a value, newest first.
#pragma once

#include <limbic/autograd/apply.hpp>

namespace limbic {

namespace detail {

// y = a + b of one shape: how gradients add up when their own graph is wanted.
template <class T, class D>
struct AddGrad {
  static constexpr const char* name = "add_grad";
  Shape infer(const Tensor<T, D>& a, const Tensor<T, D>&) { return a.shape(); }
  void forward(Tensor<T, D>& y, const Tensor<T, D>& a, const Tensor<T, D>& b) {
    y.copy_from(a);
    add_into(D{}, y, b);
  }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    for (int i = 0; i < 2; ++i)
      if (c.wants(i)) c.give(i, dy);
  }
};

// y = x on a node of its own, so that what is behind x is not reached.
template <class T, class D>
struct Alias {
  static constexpr const char* name = "alias";
  Tensor<T, D> evaluate(const Tensor<T, D>& x) { return x; }
  void gradient(GradContext<T, D>& c, const Var<T, D>& dy) {
    if (c.wants(0)) c.give(0, dy);
  }
};

// Passes that run on this thread, outermost first.
inline std::vector<std::uint64_t>& running_passes() {
  thread_local std::vector<std::uint64_t> ids;
  return ids;
}

// One pass: which nodes take part, in which order, and their clean-up also when an error is thrown.
class Pass {
 public:
  // The nodes behind `root`. Gradients are wanted of the targets, of all leaves if there are none. With
  // `cut` nothing behind a target is looked at.
  Pass(const NodePtr<Node>& root, std::span<const NodePtr<Node>> targets, bool cut)
      : id_(next_id()), cut_(cut), targets_(targets.begin(), targets.end()) {
    saved_.reserve(targets_.size());
    for (const auto& t : targets_) saved_.push_back(t->state);
    running_passes().push_back(id_);
    for (const auto& t : targets_) t->state = {0, id_, false};
    try {
      collect(root);
    } catch (...) {
      finish();
      throw;
    }
    for (const NodePtr<Node>& node : order_) {
      bool needed = is_target(*node) || (targets_.empty() && node->is_leaf());
      if (!(cut_ && is_target(*node)))
        for (const auto& input : node->inputs()) needed = needed || (input && input->state.needed);
      node->state.needed = needed;
    }
  }
  Pass(const Pass&) = delete;
  Pass& operator=(const Pass&) = delete;
  ~Pass() { finish(); }

  bool is_target(const Node& node) const { return node.state.target_of == id_; }

  // Calls visit(node, hand_on) oldest last; a node that nobody else holds is destroyed right after.
  template <class Visit>
  void run(Visit&& visit) {
    while (!order_.empty()) {
      const NodePtr<Node> node = std::move(order_.back());
      order_.pop_back();
      const bool target = is_target(*node);
      if (node->state.needed && node->has_pending()) visit(*node, !(cut_ && target));
      if (!target) node->clear_pending();
    }
  }

 private:
  static std::uint64_t next_id() {
    static std::atomic<std::uint64_t> last{0};
    return last.fetch_add(1, std::memory_order_relaxed) + 1;
  }

  void collect(const NodePtr<Node>& root) {
    const auto& running = running_passes();
    auto visit = [&](const NodePtr<Node>& node) {
      if (!node || node->state.pass == id_) return;
      if (running.size() > 1 && node->state.pass != 0 &&
          std::find(running.begin(), running.end() - 1, node->state.pass) != running.end() - 1)
        fail("grad", "a backward pass started inside another must not reach that one's graph; got to ",
             node->name(), " called at ", node->site());
      node->state = {id_, node->state.target_of == id_ ? id_ : 0, false};
      order_.push_back(node);
    };
    visit(root);
    for (std::size_t done = 0; done < order_.size(); ++done) {
      const NodePtr<Node> node = order_[done];
      if (cut_ && is_target(*node)) continue;
      for (const auto& input : node->inputs()) visit(input);
    }
    // A chain is met newest first; anything else needs the sort.
    auto newer = [](const auto& a, const auto& b) { return a->sequence() > b->sequence(); };
    if (!std::is_sorted(order_.begin(), order_.end(), newer)) std::sort(order_.begin(), order_.end(), newer);
    std::reverse(order_.begin(), order_.end());
  }

  void finish() noexcept {
    for (const auto& node : order_)
      if (!is_target(*node)) node->clear_pending();
    for (std::size_t i = 0; i < targets_.size(); ++i) targets_[i]->state = saved_[i];
    running_passes().pop_back();
  }

  std::uint64_t id_;
  bool cut_;
  std::vector<NodePtr<Node>> order_;  // oldest first
  std::vector<NodePtr<Node>> targets_;
  std::vector<Node::PassState> saved_;
};

class CurrentNode {
 public:
  explicit CurrentNode(const Node* node) : before_(current_node()) { current_node() = node; }
  ~CurrentNode() { current_node() = before_; }
  CurrentNode(const CurrentNode&) = delete;
  CurrentNode& operator=(const CurrentNode&) = delete;

 private:
  const Node* before_;
};

inline void propagate(Node& node, bool create_graph) {
  CurrentNode current(&node);
  if (create_graph) {
    EnableGrad on;
    node.propagate(true);
  } else {
    NoGrad off;
    node.propagate(false);
  }
  if (!mode().anomaly) [[likely]]
    return;
  for (const auto& input : node.inputs())
    if (input && input->state.needed && input->pending_has_anomaly())
      fail(node.name(), "its backward made the first NaN or Inf in a gradient; the operation was called at ",
           node.site());
}

template <class T, class D>
void run_hooks(GradNode<T, D>& node) {
  for (auto& hook : *node.hooks) {
    const Var<T, D> g = hook(Var<T, D>(node.pending_value, node.pending_node));
    check(g.shape() == node.shape(), "hook", "must return a gradient of the same shape; got ", g.shape(),
          " for ", node.shape());
    node.pending_value = g.value();
    node.pending_node = g.node();
  }
}

template <class T, class D>
Var<T, D> add_graph(const Var<T, D>& a, const Var<T, D>& b) {
  return apply(Site::here(), AddGrad<T, D>{}, a, b);
}

// Adds the pending gradient to what backward() leaves.
template <class T, class D>
void leave_gradient(GradNode<T, D>& node, bool create_graph) {
  if (!node.grad_value.defined()) {
    node.grad_value = std::move(node.pending_value);
    node.grad_node = std::move(node.pending_node);
    if (!create_graph && (!node.grad_value.storage().unique() || !node.grad_value.is_contiguous()))
      node.grad_value = node.grad_value.clone();
  } else if (create_graph) {
    EnableGrad on;
    const Var<T, D> sum = add_graph(Var<T, D>(node.grad_value, node.grad_node),
                                    Var<T, D>(node.pending_value, node.pending_node));
    node.grad_value = sum.value();
    node.grad_node = sum.node();
  } else {
    if (!node.grad_value.storage().unique()) node.grad_value = node.grad_value.clone();
    add_into(D{}, node.grad_value, node.pending_value);
    node.grad_node = {};
  }
}

template <class T, class D>
void seed(const Var<T, D>& y, const Var<T, D>& dy, std::string_view op) {
  check(y.requires_grad(), op, "the value must depend on a variable that requires a gradient; got ", y);
  if (dy.defined() && !(dy.shape() == y.shape()))
    fail(op, "the cotangent must have the value's shape; got ", dy.shape(), " for ", y.shape());
  if (!dy.defined() && y.numel() != 1)
    fail(op, "a value of one element is needed, or a cotangent of its shape; got ", y);
  y.node()->pending_value = dy.defined() ? dy.value() : Tensor<T, D>::ones(y.shape());
  y.node()->pending_node = dy.node();
}

// Takes pending gradients off nodes for a scope: a pass inside another uses them for itself.
template <class T, class D>
class PendingGuard {
 public:
  explicit PendingGuard(std::span<const Var<T, D>> vars) {
    for (const auto& v : vars) {
      before_.push_back({v.node(), std::move(v.node()->pending_value), std::move(v.node()->pending_node)});
      v.node()->clear_pending();
    }
  }
  PendingGuard(const PendingGuard&) = delete;
  PendingGuard& operator=(const PendingGuard&) = delete;
  ~PendingGuard() {
    // Backward, so that of a node named twice the first, true state stays.
    for (std::size_t i = before_.size(); i-- > 0;) {
      before_[i].node->pending_value = std::move(before_[i].value);
      before_[i].node->pending_node = std::move(before_[i].grad_node);
    }
  }

 private:
  struct Entry {
    NodePtr<GradNode<T, D>> node;
    Tensor<T, D> value;
    NodePtr<GradNode<T, D>> grad_node;
  };
  std::vector<Entry> before_;
};

template <class T, class D>
std::vector<Var<T, D>> grad(const Var<T, D>& y, std::span<const Var<T, D>> x, const Var<T, D>& dy,
                            bool create_graph, bool cut) {
  std::vector<NodePtr<Node>> targets;
  for (const auto& v : x) {
    check(static_cast<bool>(v.node()), "grad", "every x must require a gradient; got ", v);
    const NodePtr<Node> node(v.node());
    if (std::find(targets.begin(), targets.end(), node) == targets.end()) targets.push_back(node);
  }
  check(!targets.empty(), "grad", "at least one x is needed");
  PendingGuard<T, D> guard(x);
  Pass pass(y.node(), targets, cut);
  seed(y, dy, "grad");
  pass.run([&](Node& node, bool hand_on) {
    node.complete(create_graph, false);
    if (hand_on) propagate(node, create_graph);
  });
  std::vector<Var<T, D>> out;
  for (const auto& v : x) {
    const GradNode<T, D>& node = *v.node();
    out.push_back(node.has_pending() ? Var<T, D>(node.pending_value, node.pending_node)
                                     : Var<T, D>(Tensor<T, D>::zeros(node.shape())));
  }
  return out;
}

// The reference's inputs stand on nodes of their own: what of x1 depends on x0 is not this operation's.
template <class Op, class T, class D, int N>
void OpNode<Op, T, D, N>::differentiate_reference(GradContext<T, D>& context, const Var<T, D>& dy) {
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    auto input = [&](int i) {
      const Saved<T, D>& saved = op_.saved_input(i);
      if (!saved.defined()) return Var<T, D>();
      if (!edges_[static_cast<std::size_t>(i)]) return Var<T, D>(saved.get());
      return apply(this->site(), Alias<T, D>{}, context.input(i, saved));
    };
    const Var<T, D> x[sizeof...(I)] = {input(static_cast<int>(I))...};
    const Var<T, D> y = op_.reference(x[I]...);
    // Inputs that want none end this pass too: behind them is the graph of the one outside.
    std::vector<Var<T, D>> ends;
    for (int i = 0; i < N; ++i)
      if (x[i].requires_grad()) ends.push_back(x[i]);
    if (ends.empty() || !y.requires_grad()) return;
    const auto g = grad<T, D>(y, ends, dy, true, true);
    std::size_t next = 0;
    for (int i = 0; i < N; ++i) {
      if (!x[i].requires_grad()) continue;
      if (context.wants(i)) context.give(i, g[next]);
      ++next;
    }
  }
  (std::make_index_sequence<static_cast<std::size_t>(N < 0 ? 0 : N)>{});
}

}  // namespace detail

// Declared in apply.hpp.
template <class T, class D>
void GradContext<T, D>::give(int i, const Var<T, D>& g) {
  GradNode<T, D>* node = edge(i);
  if (!create_graph_) {
    Grad<T, D>(node).give(g.value());
    return;
  }
  if (!(g.shape() == node->shape()))
    fail("backward", "a gradient must have its input's shape; got ", g.shape(), " for ", node->shape());
  Var<T, D> sum = g;
  if (node->has_pending()) sum = detail::add_graph(Var<T, D>(node->pending_value, node->pending_node), g);
  node->pending_value = sum.value();
  node->pending_node = sum.node();
}

// Declared in var.hpp.
template <class T, class D>
void GradNode<T, D>::complete(bool create_graph, bool leave) {
  if (hooks) detail::run_hooks(*this);
  if (!leave || !(retain || is_leaf())) return;
  if (is_leaf()) {
    if (static_cast<LeafNode<T, D>*>(this)->requires_grad) detail::leave_gradient(*this, create_graph);
  } else {
    const Tensor<T, D> value = pending_value;
    const NodePtr<GradNode> node = pending_node;
    detail::leave_gradient(*this, create_graph);
    pending_value = value;  // it is still to be handed on
    pending_node = node;
  }
}

// Gradients of y (with cotangent dy; 1 for a single element) with respect to all leaves behind it, added
// to their grad(). With create_graph the gradients can be differentiated again; a leaf then holds the graph
// that holds the leaf, until zero_grad() (grad() has no such knot). The graph stays as long as there are
// variables on it, so that backward() may be called again (PyTorch's retain_graph is always on): pass the
// last one with std::move to free memory on the way.
// Throws when y depends on no leaf, is not a single element and has no dy, dy is not of its shape, a kept
// value was modified, or (called from a hook) y's graph is that of the pass that runs.
template <class T, class D>
void backward(Var<T, D> y, const Var<T, D>& dy = {}, bool create_graph = false) {
  check(y.requires_grad(), "backward", "the value must depend on a variable that requires a gradient; got ",
        y);
  detail::Pass pass(y.node(), {}, false);
  detail::seed(y, dy, "backward");
  y = {};
  pass.run([&](Node& node, bool) {
    node.complete(create_graph, true);
    if (!node.is_leaf()) detail::propagate(node, create_graph);
  });
}

// d sum(y * dy) / dx for each x, leaf or result, without touching grad(). An x that y does not depend on, or
// that was frozen then, has gradient zero, where PyTorch throws. With create_graph the results can be
// differentiated again. Throws as backward() does, for an x that is a constant, and for no x.
template <class T, class D>
std::vector<Var<T, D>> grad(const Var<T, D>& y, const std::vector<Var<T, D>>& x, const Var<T, D>& dy = {},
                            bool create_graph = false) {
  check(y.requires_grad(), "grad", "the value must depend on a variable that requires a gradient; got ", y);
  return detail::grad<T, D>(y, x, dy, create_graph, false);
}

}  // namespace limbic
