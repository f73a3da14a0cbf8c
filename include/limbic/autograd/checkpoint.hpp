// checkpoint(f, x...): keeps none of the values inside f, and evaluates f again in backward.
//
// Memory of the inside for time of one more forward (Chen et al., arXiv 1604.06174). Variables that f
// captures get their gradients like the inputs; random draws come out the same the second time, and
// running statistics are updated once.
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/core/random.hpp>

namespace limbic {

namespace detail {

template <class F, class T, class D>
class CheckpointNode final : public GradNode<T, D> {
 public:
  // `outside` are the nodes that what happens in f hangs on: of inputs and of captured variables.
  CheckpointNode(F f, std::vector<Var<T, D>> x, std::vector<NodePtr<Node>> outside, DrawLog draws,
                 Shape shape, Site site)
      : GradNode<T, D>(shape), f_(std::move(f)), outside_(std::move(outside)), draws_(std::move(draws)) {
    for (auto& v : x) {
      values_.push_back(Saved<T, D>(v.value()));
      nodes_.push_back(v.node());
    }
    this->number(site);
  }

  std::string_view name() const override { return "checkpoint"; }
  std::span<const NodePtr<Node>> inputs() const override { return outside_; }

  void propagate(bool create_graph) override {
    const Var<T, D> y = again();
    std::vector<Var<T, D>> outside;
    for (const auto& node : outside_) {
      auto* typed = static_cast<GradNode<T, D>*>(node.get());
      outside.push_back(Var<T, D>(Tensor<T, D>(), NodePtr<GradNode<T, D>>(typed)));
    }
    // All of them are asked for, needed or not, so that the inner pass stops at each.
    const auto g =
        grad<T, D>(y, outside, Var<T, D>(this->pending_value, this->pending_node), create_graph, true);
    GradContext<T, D> context(this, inputs(), create_graph);
    for (std::size_t i = 0; i < g.size(); ++i)
      if (context.wants(static_cast<int>(i))) context.give(static_cast<int>(i), g[i]);
  }

 private:
  Var<T, D> again() {
    EnableGrad on;
    ModeGuard<&Mode::recomputing> flag(true);
    ReplayDraws replay(draws_);
    std::vector<Var<T, D>> x;
    for (std::size_t i = 0; i < values_.size(); ++i) x.push_back(Var<T, D>(values_[i].get(), nodes_[i]));
    return f_(std::as_const(x));
  }

  F f_;
  std::vector<Saved<T, D>> values_;
  std::vector<NodePtr<GradNode<T, D>>> nodes_;
  std::vector<NodePtr<Node>> outside_;
  DrawLog draws_;
};

// Nodes made before `since`, and leaves, that `root` hangs on.
inline std::vector<NodePtr<Node>> nodes_outside(const NodePtr<Node>& root, std::uint64_t since) {
  std::vector<NodePtr<Node>> outside;
  std::vector<const Node*> inside, open;
  auto meet = [&](const NodePtr<Node>& node) {
    if (!node) return;
    if (node->sequence() <= since || node->is_leaf()) {
      if (std::find(outside.begin(), outside.end(), node) == outside.end()) outside.push_back(node);
      return;
    }
    const auto at = std::lower_bound(inside.begin(), inside.end(), node.get());
    if (at != inside.end() && *at == node.get()) return;
    inside.insert(at, node.get());
    open.push_back(node.get());
  };
  meet(root);
  while (!open.empty()) {
    const Node* node = open.back();
    open.pop_back();
    for (const auto& input : node->inputs()) meet(input);
  }
  return outside;
}

}  // namespace detail

// f(x), a function of std::vector<Var> (const reference) to Var, without keeping what is inside it. f is
// kept and called again in backward: it must compute the same then. What it captures by reference must
// live as long as the result. Throws, then, where an x was modified in between.
template <class F, class T, class D>
Var<T, D> checkpoint(F f, const std::vector<Var<T, D>>& x, Site site = Site::here()) {
  if (!grad_enabled()) return f(x);
  DrawLog draws;
  const std::uint64_t before = detail::last_sequence();
  std::vector<NodePtr<Node>> outside;
  Tensor<T, D> value;
  {
    RecordDraws record(draws);
    const Var<T, D> y = f(x);
    if (!y.requires_grad() || y.node()->sequence() <= before) return y;
    value = y.value();
    outside = detail::nodes_outside(y.node(), before);
  }
  const Shape shape = value.shape();
  using N = detail::CheckpointNode<F, T, D>;
  return Var<T, D>(std::move(value), NodePtr<GradNode<T, D>>(new N(std::move(f), x, std::move(outside),
                                                                   std::move(draws), shape, site)));
}

// The same of a list: checkpoint(f, {x, y}).
template <class F, class T, class D>
Var<T, D> checkpoint(F f, std::initializer_list<Var<T, D>> x, Site site = Site::here()) {
  return checkpoint(std::move(f), std::vector<Var<T, D>>(x), site);
}

}  // namespace limbic
