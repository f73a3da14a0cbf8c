// Adam (Kingma and Ba, ICLR 2015) and AdamW (Loshchilov and Hutter, ICLR 2019), as in torch.optim:
//   m = b1 m + (1 - b1) d;  v = b2 v + (1 - b2) d^2;  p -= lr / (1 - b1^t) m / (sqrt(v / (1 - b2^t)) + eps)
// Adam: d = g + weight_decay p. AdamW: d = g, and p is first multiplied by 1 - lr weight_decay.
#pragma once

#include <limbic/optim/optimizer.hpp>

#include <cmath>

namespace limbic {

// b1, b2 above are beta1, beta2. As in PyTorch, the two differ in the weight decay that they have by default.
struct AdamOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0;
};
struct AdamWOptions {
  double lr = 1e-3;
  double beta1 = 0.9, beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 1e-2;
};

namespace detail {
template <bool Decoupled>
struct AdamRule {
  static constexpr const char* name = Decoupled ? "adamw" : "adam";
  static constexpr std::size_t kTensors = 2;
  static constexpr const char* kTensorNames[] = {"mean", "square"};
  using Options = std::conditional_t<Decoupled, AdamWOptions, AdamOptions>;
  template <class T, class D>
  struct State {
    std::uint64_t steps = 0;
    std::array<Tensor<T, D>, kTensors> tensors;
  };

  static void check_options(const Options& o) {
    check(o.lr >= 0 && o.eps >= 0 && o.weight_decay >= 0, name,
          "lr, eps and weight_decay must not be negative; got ", o.lr, ", ", o.eps, " and ", o.weight_decay);
    check(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1, name, "betas must be in [0, 1); got ",
          o.beta1, " and ", o.beta2);
  }

  // What all parameters share that were updated as often.
  template <class T>
  struct Step {
    T step, beta1, beta2, eps, root_correction, l2, shrink;
    Step(const Options& o, std::uint64_t steps)
        : beta1(static_cast<T>(o.beta1)),
          beta2(static_cast<T>(o.beta2)),
          eps(static_cast<T>(o.eps)),
          l2(static_cast<T>(Decoupled ? 0 : o.weight_decay)),
          shrink(static_cast<T>(Decoupled ? 1 - o.lr * o.weight_decay : 1)) {
      const double t = static_cast<double>(steps);
      step = static_cast<T>(o.lr / (1 - std::pow(o.beta1, t)));
      root_correction = static_cast<T>(1 / std::sqrt(1 - std::pow(o.beta2, t)));
    }
    // What changes from step to step.
    std::array<T, 4> changing() const { return {step, root_correction, shrink, T(0)}; }
  };
  template <class T, class D>
  static bool prepare(const Step<T>&, State<T, D>& s, const Shape& shape) {
    for (auto& t : s.tensors)
      if (!t.defined()) t = Tensor<T, D>::zeros(shape);
    return false;
  }
  template <class T, class D>
  static void update(const Step<T>& c, UpdateList<T, D>& list) {
    adam_step(D{}, list, c.step, c.beta1, c.beta2, c.eps, c.root_correction, c.l2, c.shrink);
  }
};
}  // namespace detail

// Optimizer (optimizer.hpp) with these rules. Throw for negative lr, eps and weight_decay, and betas not in
// [0, 1).
template <class T, class D = Cpu>
using Adam = Optimizer<detail::AdamRule<false>, T, D>;
template <class T, class D = Cpu>
using AdamW = Optimizer<detail::AdamRule<true>, T, D>;

}  // namespace limbic
