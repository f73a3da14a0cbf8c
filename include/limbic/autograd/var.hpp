// Var<T, D>: a tensor with a place on the tape.
#pragma once

#include <limbic/autograd/mode.hpp>
#include <limbic/autograd/node.hpp>

namespace limbic {

template <class T, class D = Cpu>
class Var;

// A function of a gradient that is on its way; what it returns takes its place (unlike PyTorch's it must
// return one, the gradient itself for no change).
template <class T, class D>
using Hook = std::function<Var<T, D>(const Var<T, D>&)>;

// A node that receives gradients of a tensor of scalar T on device D.
template <class T, class D>
class GradNode : public Node {
 public:
  explicit GradNode(Shape shape) : shape_(shape) {}

  // Of the tensor and its gradient.
  const Shape& shape() const { return shape_; }

  // As Node says.
  bool has_pending() const final { return pending_value.defined(); }
  void clear_pending() final {
    pending_value = {};
    pending_node = {};
  }
  bool pending_has_anomaly() const final {
    return pending_value.defined() && !all_finite(D{}, pending_value.contiguous());
  }
  void complete(bool create_graph, bool leave) final;

  // The gradient that has arrived so far in the running pass; its node when its graph is wanted.
  Tensor<T, D> pending_value;
  NodePtr<GradNode> pending_node;

  // What backward() leaves: always on leaves, elsewhere on request (`retain`).
  Tensor<T, D> grad_value;
  NodePtr<GradNode> grad_node;
  bool retain = false;

  std::unique_ptr<std::vector<Hook<T, D>>> hooks;  // null for none

 private:
  Shape shape_;
};

// A variable that no operation made: a parameter or an input.
template <class T, class D>
class LeafNode final : public GradNode<T, D> {
 public:
  // `site` is where it was made.
  explicit LeafNode(Shape shape, Site site) : GradNode<T, D>(shape) { this->number(site); }
  std::string_view name() const override { return "leaf"; }
  std::span<const NodePtr<Node>> inputs() const override { return {}; }
  bool is_leaf() const override { return true; }
  void propagate(bool) override {}
  bool requires_grad = true;  // false: frozen
};

// A handle on a value and, unless it is a constant, on its node: what operations record. Copies share both,
// and so the gradient; a member that changes the value or the gradient changes it for all of them. T is float
// or double. Operations are free functions (ops/) and operators; nothing but mutable_value() works in place.
template <class T, class D>
class Var {
 public:
  using value_type = T;
  using device_type = D;
  using NodeType = GradNode<T, D>;

  // Nothing: an optional operand that is left out.
  Var() = default;
  // A constant: no gradient flows to it. Shares the tensor's memory, as all of these do.
  Var(Tensor<T, D> value) : value_(std::move(value)) {}
  // A leaf that gradients are wanted of; clone() first where the tensor will be modified otherwise.
  static Var leaf(Tensor<T, D> value, Site site = Site::here()) {
    Var v(std::move(value));
    v.node_ = NodePtr<NodeType>(new LeafNode<T, D>(v.value_.shape(), site));
    return v;
  }
  // A value with a node of its shape: for code that records.
  Var(Tensor<T, D> value, NodePtr<NodeType> node) : value_(std::move(value)), node_(std::move(node)) {}

  // The tensor.
  const Tensor<T, D>& value() const { return value_; }
  // For in-place changes of a leaf's value (optimisers, loading of weights). Not recorded; a backward() that
  // needs the value from before throws.
  Tensor<T, D>& mutable_value() { return value_; }
  // As of the tensor: size() throws for a dim out of range, item() unless there is one element.
  const Shape& shape() const { return value_.shape(); }
  int rank() const { return value_.rank(); }
  index_t numel() const { return value_.numel(); }
  index_t size(index_t dim) const { return value_.size(dim); }
  bool defined() const { return value_.defined(); }
  T item() const { return value_.item(); }

  // Whether no operation that was recorded made it; true of constants, as in PyTorch.
  bool is_leaf() const { return !node_ || node_->is_leaf(); }
  // Whether operations on it are recorded.
  bool requires_grad() const {
    if (!node_) return false;
    return !node_->is_leaf() || static_cast<LeafNode<T, D>*>(node_.get())->requires_grad;
  }
  // Freezes or thaws a leaf, for all handles on it. A constant becomes a leaf (this handle alone). Throws for
  // results of operations.
  Var& set_requires_grad(bool wanted, Site site = Site::here()) {
    if (!node_ && wanted) *this = leaf(value_, site);
    check(is_leaf(), "set_requires_grad", "only a leaf can be frozen or thawed (hint: detach())");
    if (node_) static_cast<LeafNode<T, D>*>(node_.get())->requires_grad = wanted;
    return *this;
  }
  // The same value, sharing its memory, without a history.
  Var detach() const { return Var(value_); }

  // Gradient left by backward(), the sum of all passes since zero_grad(); undefined when there is none. What
  // is returned stays as it is when later passes add to the gradient.
  Tensor<T, D> grad() const { return node_ ? node_->grad_value : Tensor<T, D>(); }
  // The same with its graph, after backward(..., create_graph).
  Var grad_var() const { return node_ ? Var(node_->grad_value, node_->grad_node) : Var(); }
  // Replaces it. Throws for a constant, and unless the gradient is undefined or of the value's shape.
  void set_grad(Tensor<T, D> g) {
    check(static_cast<bool>(node_), "set_grad", "a variable that requires a gradient is needed");
    check(g.shape() == shape() || !g.defined(), "set_grad", "the gradient must have the value's shape; got ",
          g.shape(), " for ", shape());
    node_->grad_value = std::move(g);
    node_->grad_node = {};
  }
  // Forgets the gradient. (The next backward writes it anew, without a pass over zeros.)
  void zero_grad() {
    if (!node_) return;
    node_->grad_value = {};
    node_->grad_node = {};
  }
  // Makes backward() leave the gradient of a result too. Throws for a constant.
  Var& retain_grad() {
    check(static_cast<bool>(node_), "retain_grad", "a variable that requires a gradient is needed");
    node_->retain = true;
    return *this;
  }
  // Calls hook(gradient) in every backward pass, once the gradient is complete. There is no way to remove it.
  // Throws for a constant; the pass throws where the hook returns another shape.
  void register_hook(Hook<T, D> hook) {
    check(static_cast<bool>(node_), "register_hook", "a variable that requires a gradient is needed");
    if (!node_->hooks) node_->hooks = std::make_unique<std::vector<Hook<T, D>>>();
    node_->hooks->push_back(std::move(hook));
  }

  // Null for a constant.
  const NodePtr<NodeType>& node() const { return node_; }

 private:
  Tensor<T, D> value_;
  NodePtr<NodeType> node_;
};

// "float32 (2, 3)".
template <class T, class D>
std::string to_text(const Var<T, D>& v) {
  return to_text(v.value());
}

// ---- what operations accept: tensors and variables ------------------------------------------------

// What X is: kIs for a Tensor or Var of floating-point scalars, kVar for a Var.
template <class X>
struct OperandTraits {
  static constexpr bool kIs = false, kVar = false;
};
template <class T, class D>
struct OperandTraits<Tensor<T, D>> {
  static constexpr bool kIs = std::is_floating_point_v<T>, kVar = false;
};
template <class T, class D>
struct OperandTraits<Var<T, D>> {
  static constexpr bool kIs = true, kVar = true;
};

// A Tensor or Var of floating-point scalars.
template <class X>
concept Operand = OperandTraits<std::remove_cvref_t<X>>::kIs;

// float or double of an operand, its device, and the Tensor that it is or has.
template <class X>
using scalar_of = typename std::remove_cvref_t<X>::value_type;
template <class X>
using device_of = typename std::remove_cvref_t<X>::device_type;

// The tensor itself, or the variable's.
template <class T, class D>
const Tensor<T, D>& value_of(const Tensor<T, D>& t) {
  return t;
}
template <class T, class D>
const Tensor<T, D>& value_of(const Var<T, D>& v) {
  return v.value();
}

namespace detail {
template <class X, class... Rest>
struct ResultOf {
  using T = scalar_of<X>;
  using D = device_of<X>;
  using type = std::conditional_t<(OperandTraits<std::remove_cvref_t<X>>::kVar || ... ||
                                   OperandTraits<std::remove_cvref_t<Rest>>::kVar),
                                  Var<T, D>, Tensor<T, D>>;
};
}  // namespace detail

// Var if any of the operands is one, else Tensor.
template <class... X>
using result_of = typename detail::ResultOf<X...>::type;

}  // namespace limbic
