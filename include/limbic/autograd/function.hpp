// What an operation's backward works with: values that it kept, and the gradients that it hands on.
#pragma once

#include <limbic/autograd/var.hpp>

namespace limbic {

namespace detail {
// The node whose backward runs on this thread, for messages.
inline const Node*& current_node() {
  thread_local const Node* node = nullptr;
  return node;
}
}  // namespace detail

// A tensor kept for backward. get() throws when it was modified since.
template <class T, class D>
class Saved {
 public:
  // Nothing, or a tensor as it is now; shares its memory.
  Saved() = default;
  Saved(const Tensor<T, D>& t) : tensor_(t), version_(t.storage().version()) {}

  // The tensor. Throws, naming the operation and both places, when its memory was modified since.
  const Tensor<T, D>& get() const {
    if (tensor_.storage().version() != version_) [[unlikely]] {
      const Node* node = detail::current_node();
      fail(node ? node->name() : "backward", "a value that backward needs was modified in place at ",
           tensor_.storage().modified_at(), "; kept a ", tensor_, " when called at ",
           node ? node->site() : Site{}, " (hint: clone() before modifying, or run backward first)");
    }
    return tensor_;
  }
  bool defined() const { return tensor_.defined(); }

 private:
  Tensor<T, D> tensor_;
  std::uint64_t version_ = 0;
};

// How a gradient is to be handed over.
enum class GradMode : std::uint8_t { skip, overwrite, accumulate };

// The gradient of one input, written by an operation's backward.
//
//   if (dx) { auto [g, add] = dx.out(); kernel(g, ..., add); }    a kernel that can write and add
//   dx.give(tensor);                                             a tensor that is already there
template <class T, class D>
class Grad {
 public:
  Grad() = default;
  // Null for an input that needs none.
  explicit Grad(GradNode<T, D>* node) : node_(node) {}

  // Whether the gradient is wanted, how, and the shape that it has (only if it is wanted).
  explicit operator bool() const { return node_ != nullptr; }
  GradMode mode() const {
    return !node_ ? GradMode::skip : node_->has_pending() ? GradMode::accumulate : GradMode::overwrite;
  }
  const Shape& shape() const { return node_->shape(); }

  // Dense memory of the input's shape, and whether to add to what is there (else it is uninitialised).
  // Ask for it once, only if the gradient is wanted, and write all of it before asking for the next
  // input's: one variable may be two inputs.
  struct Target {
    Tensor<T, D>& tensor;
    bool accumulate;
  };
  Target out() {
    const bool accumulate = node_->has_pending();
    Tensor<T, D>& g = node_->pending_value;
    if (!accumulate) g = Tensor<T, D>::empty(node_->shape());
    else if (!g.storage().unique() || !g.is_contiguous()) g = g.clone();
    return {g, accumulate};
  }
  // Lets write(g) fill dense memory of the input's shape, and adds that to what is there if anything is.
  // For kernels that cannot add by themselves. Does nothing when the gradient is not wanted.
  template <class F>
  void write(F&& f) {
    if (!node_) return;
    Tensor<T, D> g = Tensor<T, D>::empty(node_->shape());
    f(g);
    give(g);
  }
  // For backwards that add to some elements only: as out(), filled with zeros if there was nothing.
  Tensor<T, D>& out_zeroed() {
    auto [g, accumulate] = out();
    if (!accumulate) g.fill(T(0));
    return g;
  }
  // Hands over a tensor of the input's shape, else throws: shared, not copied, when it is the first. Does
  // nothing when the gradient is not wanted.
  void give(const Tensor<T, D>& g) {
    if (!node_) return;
    if (!(g.shape() == node_->shape()))
      fail("backward", "a gradient must have its input's shape; got ", g.shape(), " for ", node_->shape());
    if (node_->has_pending()) add_into(D{}, out().tensor, g);
    else node_->pending_value = g;
  }

 private:
  GradNode<T, D>* node_ = nullptr;
};

}  // namespace limbic
