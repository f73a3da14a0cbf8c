// Conversion between float and double.
//
//   y = x converted        dx = dy converted back
#pragma once

#include <limbic/autograd/engine.hpp>

namespace limbic {

namespace detail {

// A node whose result is of scalar U and whose input is of scalar T.
template <class U, class T, class D>
class CastNode;

}  // namespace detail

// x as elements of scalar type U (float or double); x itself if it has that type. Of a Tensor
// to<U>() does the same, for integers and masks too.
template <std::floating_point U, Operand X>
auto cast(const X& x, Site site = Site::here()) {
  using T = scalar_of<X>;
  using D = device_of<X>;
  if constexpr (std::is_same_v<T, U>) {
    (void)site;
    return x;
  } else if constexpr (OperandTraits<X>::kVar) {
    Tensor<U, D> y = x.value().template to<U>();
    if (!grad_enabled() || !x.requires_grad()) return Var<U, D>(std::move(y));
    const Shape shape = y.shape();
    return Var<U, D>(std::move(y),
                     NodePtr<GradNode<U, D>>(new detail::CastNode<U, T, D>(shape, x.node(), site)));
  } else {
    return x.template to<U>();
  }
}

namespace detail {

template <class U, class T, class D>
class CastNode final : public GradNode<U, D> {
 public:
  CastNode(Shape shape, NodePtr<Node> input, Site site) : GradNode<U, D>(shape), edge_{std::move(input)} {
    this->number(site);
  }
  std::string_view name() const override { return "cast"; }
  std::span<const NodePtr<Node>> inputs() const override { return edge_; }
  void propagate(bool create_graph) override {
    GradContext<T, D> context(nullptr, inputs(), create_graph);
    if (context.wants(0))
      context.give(0, cast<T>(Var<U, D>(this->pending_value, this->pending_node), this->site()));
  }

 private:
  std::array<NodePtr<Node>, 1> edge_;
};

}  // namespace detail

}  // namespace limbic
