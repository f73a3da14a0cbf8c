// apply(): runs an operation and records it. Written once for all operations.
//
// An operation is a struct. Its differentiable inputs are the operands given to apply(); everything
// else (dimensions, indices, masks, what it keeps for backward) is a member.
//
//   static constexpr const char* name
//   Shape infer(const Tensor&...)            the result's shape; the only place with shape checks
//   void forward(Tensor& y, const Tensor&...)  writes y, which is dense and uninitialised
//   Tensor evaluate(const Tensor&...)        instead of the two: for views
//   bool keep                                if there: set before forward to whether it is recorded
//
// and for its derivative at least one of
//
//   void backward(const Tensor& dy, Grad& dx...)   (or std::span<Grad>): fast, first derivatives
//   void gradient(GradContext& c, const Var& dy)   in terms of Vars: any order
//   Var reference(const Var& x...) + const Saved& saved_input(int): the same maths from simpler
//       operations, recorded anew and differentiated when the graph of a gradient is wanted
#pragma once

#include <limbic/autograd/function.hpp>

#include <array>

namespace limbic {

// What an operation's gradient() sees when it is written in terms of Vars.
template <class T, class D>
class GradContext {
 public:
  // Made by the engine.
  GradContext(GradNode<T, D>* self, std::span<const NodePtr<Node>> edges, bool create_graph)
      : self_(self), edges_(edges), create_graph_(create_graph) {}

  // Whether input i's gradient is wanted.
  bool wants(int i) const { return edge(i) && edge(i)->state.needed; }
  // Input i, with its history, from the value kept of it. Throws where that was modified since.
  Var<T, D> input(int i, const Saved<T, D>& saved) const {
    return Var<T, D>(saved.get(), NodePtr<GradNode<T, D>>(edge(i)));
  }
  // The result, from the value kept of it. Throws as input().
  Var<T, D> output(const Saved<T, D>& saved) const {
    return Var<T, D>(saved.get(), NodePtr<GradNode<T, D>>(self_));
  }

  // Hands input i, which must want one, its gradient: of its shape, else throws.
  void give(int i, const Var<T, D>& g);

 private:
  GradNode<T, D>* edge(int i) const {
    return static_cast<GradNode<T, D>*>(edges_[static_cast<std::size_t>(i)].get());
  }
  GradNode<T, D>* self_;
  std::span<const NodePtr<Node>> edges_;
  bool create_graph_;
};

namespace detail {

template <class Op, class T, class D>
concept HasGraphGradient = requires(Op op, GradContext<T, D>& c, const Var<T, D>& dy) {
  op.gradient(c, dy);
};

template <class Op, class T, class D, int N>
constexpr bool has_tensor_backward() {
  if constexpr (N < 0) {
    return requires(Op op, const Tensor<T, D>& dy, std::span<Grad<T, D>> dx) { op.backward(dy, dx); };
  } else {
    return []<std::size_t... I>(std::index_sequence<I...>) {
      return requires(Op op, const Tensor<T, D>& dy, Grad<T, D>(&dx)[sizeof...(I)]) {
        op.backward(dy, dx[I]...);
      };
    }
    (std::make_index_sequence<static_cast<std::size_t>(N)>{});
  }
}

// The node of an operation with N inputs; N < 0: any number, given as a list.
template <class Op, class T, class D, int N>
class OpNode final : public GradNode<T, D> {
 public:
  using Edges = std::conditional_t<(N < 0), std::vector<NodePtr<Node>>,
                                   std::array<NodePtr<Node>, static_cast<std::size_t>(N < 0 ? 0 : N)>>;

  OpNode(Op op, Shape shape, Edges edges, Site site)
      : GradNode<T, D>(shape), op_(std::move(op)), edges_(std::move(edges)) {
    this->number(site);
  }

  std::string_view name() const override { return op_.name; }
  std::span<const NodePtr<Node>> inputs() const override { return {edges_.data(), edges_.size()}; }

  void propagate(bool create_graph) override {
    if constexpr (has_tensor_backward<Op, T, D, N>()) {
      if (!create_graph) {
        run_backward(this->pending_value);
        return;
      }
    }
    const Var<T, D> dy(this->pending_value, this->pending_node);
    GradContext<T, D> context(this, inputs(), create_graph);
    if constexpr (HasGraphGradient<Op, T, D>) {
      op_.gradient(context, dy);
    } else if constexpr (requires { op_.saved_input(0); }) {
      differentiate_reference(context, dy);
    } else {
      static_assert(has_tensor_backward<Op, T, D, N>(), "an operation needs backward, gradient or reference");
      fail(op_.name, "this operation has no second derivative");
    }
  }

 private:
  Grad<T, D> grad_for(std::size_t i) const {
    Node* n = edges_[i].get();
    return Grad<T, D>(n && n->state.needed ? static_cast<GradNode<T, D>*>(n) : nullptr);
  }

  void run_backward(const Tensor<T, D>& dy) {
    if constexpr (N < 0) {
      std::vector<Grad<T, D>> dx;
      dx.reserve(edges_.size());
      for (std::size_t i = 0; i < edges_.size(); ++i) dx.push_back(grad_for(i));
      op_.backward(dy, std::span(dx));
    } else {
      [&]<std::size_t... I>(std::index_sequence<I...>) {
        Grad<T, D> dx[sizeof...(I)] = {grad_for(I)...};
        op_.backward(dy, dx[I]...);
      }
      (std::make_index_sequence<static_cast<std::size_t>(N)>{});
    }
  }

  void differentiate_reference(GradContext<T, D>& context, const Var<T, D>& dy);

  Op op_;
  Edges edges_;
};

// "float32 (2, 3) in [-1, 2]" or with the number of NaN and Inf in it.
template <class T, class D>
std::string describe_range(const Tensor<T, D>& t) {
  double low = 0, high = 0;
  index_t bad = 0, good = 0;
  for (T v : t.to_vector()) {
    const double x = static_cast<double>(v);
    if (!(x - x == 0)) {
      ++bad;
      continue;
    }
    low = good ? std::min(low, x) : x;
    high = good++ ? std::max(high, x) : x;
  }
  std::string s = to_text(t);
  if (good) s += " in [" + to_text(low) + ", " + to_text(high) + "]";
  if (bad) s += " with " + std::to_string(bad) + " NaN or Inf";
  return s;
}

template <class T, class D, class... Inputs>
void check_anomaly(std::string_view name, Site site, const Tensor<T, D>& y, const Inputs&... inputs) {
  if (all_finite(D{}, y.contiguous())) return;
  std::string text;
  ((text += (text.empty() ? "" : ", ") + describe_range(inputs)), ...);
  fail(name, "made the first NaN or Inf; called at ", site, " with inputs ", text, "; result ",
       describe_range(y));
}

// Of several GPUs only the current one reaches its tensors.
template <class T, class D>
void check_reachable(std::string_view name, const Tensor<T, D>& x) {
  if constexpr (!std::is_same_v<D, Cpu>) {
    if (x.defined()) check_device(D{}, name, x.data());
  }
}

template <class Op, class... X>
auto evaluate(Op& op, const X&... x) {
  if constexpr (requires { op.evaluate(x...); }) {
    return op.evaluate(x...);
  } else {
    using First = std::tuple_element_t<0, std::tuple<X...>>;
    First y = First::empty(op.infer(x...));
    op.forward(y, x...);
    return y;
  }
}

template <class Op>
void set_keep(Op& op, bool keep) {
  if constexpr (requires { op.keep = keep; }) op.keep = keep;
}

template <class T, class D>
bool recorded(const Tensor<T, D>&) {
  return false;
}
template <class T, class D>
bool recorded(const Var<T, D>& v) {
  return v.requires_grad();
}
template <class T, class D>
NodePtr<Node> edge_of(const Tensor<T, D>&) {
  return {};
}
template <class T, class D>
NodePtr<Node> edge_of(const Var<T, D>& v) {
  return v.requires_grad() ? NodePtr<Node>(v.node()) : NodePtr<Node>();
}

}  // namespace detail

// Runs `op` on the operands. The result is a Var if one of them is, recorded if one of those requires
// a gradient and the thread records. Throws what the operation's infer throws. An undefined Var or Tensor is
// how an optional input is left out. `site` goes into messages.
template <class Op, Operand... X>
result_of<X...> apply(Site site, Op op, const X&... x) {
  using Result = result_of<X...>;
  using T = scalar_of<Result>;
  using D = device_of<Result>;
  static_assert((std::is_same_v<T, scalar_of<X>> && ...), "operands must have one scalar type");
  static_assert((std::is_same_v<D, device_of<X>> && ...), "operands must be on one device");
  const bool record = grad_enabled() && (detail::recorded(x) || ...);
  detail::set_keep(op, record);
  (detail::check_reachable(op.name, value_of(x)), ...);
  Tensor<T, D> y = detail::evaluate(op, value_of(x)...);
  if (detail::mode().anomaly) [[unlikely]]
    detail::check_anomaly(op.name, site, y, value_of(x)...);
  if constexpr (OperandTraits<Result>::kVar) {
    if (!record) return Result(std::move(y));
    constexpr int kInputs = static_cast<int>(sizeof...(X));
    using N = detail::OpNode<Op, T, D, kInputs>;
    const Shape shape = y.shape();
    return Result(std::move(y), NodePtr<GradNode<T, D>>(new N(
                                    std::move(op), shape, typename N::Edges{detail::edge_of(x)...}, site)));
  } else {
    return y;
  }
}

// The same for an operation of any number of inputs, which gets them as std::span.
template <class Op, Operand X>
X apply(Site site, Op op, std::span<const X> x) {
  using T = scalar_of<X>;
  using D = device_of<X>;
  bool record = false;
  std::vector<Tensor<T, D>> values;
  values.reserve(x.size());
  for (const X& v : x) {
    values.push_back(value_of(v));
    detail::check_reachable(op.name, values.back());
    record = record || detail::recorded(v);
  }
  record = record && grad_enabled();
  detail::set_keep(op, record);
  const std::span<const Tensor<T, D>> inputs(values);
  Tensor<T, D> y;
  if constexpr (requires { op.evaluate(inputs); }) {
    y = op.evaluate(inputs);
  } else {
    y = Tensor<T, D>::empty(op.infer(inputs));
    op.forward(y, inputs);
  }
  if (detail::mode().anomaly) [[unlikely]] {
    if (!values.empty()) detail::check_anomaly(op.name, site, y, values.front());
  }
  if constexpr (OperandTraits<X>::kVar) {
    if (!record) return X(std::move(y));
    using N = detail::OpNode<Op, T, D, -1>;
    typename N::Edges edges;
    edges.reserve(x.size());
    for (const X& v : x) edges.push_back(detail::edge_of(v));
    const Shape shape = y.shape();
    return X(std::move(y), NodePtr<GradNode<T, D>>(new N(std::move(op), shape, std::move(edges), site)));
  } else {
    return y;
  }
}

}  // namespace limbic
