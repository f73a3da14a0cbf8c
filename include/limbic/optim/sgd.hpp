// Stochastic gradient descent with momentum and Nesterov's variant, as torch.optim.SGD:
//   d = g + weight_decay p;  v = momentum v + d (v = d at first);  p -= lr (nesterov ? d + momentum v : v)
#pragma once

#include <limbic/optim/optimizer.hpp>

namespace limbic {

// Options of Sgd. There is no dampening.
struct SgdOptions {
  double lr = 1e-2;
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;  // g is -g above
};

namespace detail {
struct SgdRule {
  static constexpr const char* name = "sgd";
  static constexpr std::size_t kTensors = 1;
  static constexpr const char* kTensorNames[] = {"velocity"};
  using Options = SgdOptions;
  template <class T, class D>
  struct State {
    std::uint64_t steps = 0;
    std::array<Tensor<T, D>, kTensors> tensors;
  };

  static void check_options(const Options& o) {
    check(o.lr >= 0 && o.momentum >= 0 && o.weight_decay >= 0, name,
          "lr, momentum and weight_decay must not be negative; got ", o.lr, ", ", o.momentum, " and ",
          o.weight_decay);
    check(!o.nesterov || o.momentum > 0, name, "nesterov needs a momentum; got 0");
  }

  template <class T>
  struct Step {
    T lr, momentum, decay, sign;
    bool nesterov;
    Step(const Options& o, std::uint64_t)
        : lr(static_cast<T>(o.lr)),
          momentum(static_cast<T>(o.momentum)),
          decay(static_cast<T>(o.weight_decay)),
          sign(o.maximize ? T(-1) : T(1)),
          nesterov(o.nesterov) {}
    // What changes from step to step.
    std::array<T, 4> changing() const { return {lr, T(0), T(0), T(0)}; }
  };
  template <class T, class D>
  static bool prepare(const Step<T>& c, State<T, D>& s, const Shape& shape) {
    const bool first = c.momentum != 0 && !s.tensors[0].defined();
    if (first) s.tensors[0] = Tensor<T, D>::empty(shape);
    return first;
  }
  template <class T, class D>
  static void update(const Step<T>& c, UpdateList<T, D>& list) {
    if (c.momentum == 0) sgd_step(D{}, list, c.lr, c.decay, c.sign);
    else sgd_momentum_step(D{}, list, c.lr, c.momentum, c.decay, c.sign, c.nesterov);
  }
};
}  // namespace detail

// Optimizer (optimizer.hpp) with this rule. Throws for negative options, and nesterov without momentum.
template <class T, class D = Cpu>
using Sgd = Optimizer<detail::SgdRule, T, D>;

}  // namespace limbic
