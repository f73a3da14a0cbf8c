// Stochastic gradient descent with momentum and Nesterov's variant, as torch.optim.SGD:
//   d = g + weight_decay p;  v = momentum v + d (v = d at first);  p -= lr (nesterov ? d + momentum v : v)
#pragma once

#include <limbic/optim/optimizer.hpp>

namespace limbic {

struct SgdOptions {
  double lr = 1e-2;
  double momentum = 0;
  double weight_decay = 0;
  bool nesterov = false;
  bool maximize = false;
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
    check(o.lr >= 0 && o.momentum >= 0 && o.weight_decay >= 0, name, "lr, momentum and weight_decay must not be negative; got ",
          o.lr, ", ", o.momentum, " and ", o.weight_decay);
    check(!o.nesterov || o.momentum > 0, name, "nesterov needs a momentum; got 0");
  }
  template <class T, class D>
  static void update(const Options& o, Tensor<T, D>& p, const Tensor<T, D>& g, State<T, D>& s) {
    const bool first = !s.tensors[0].defined();
    if (first && o.momentum > 0) s.tensors[0] = Tensor<T, D>::empty(p.shape());
    sgd_step(D{}, p, s.tensors[0], g, static_cast<T>(o.lr), static_cast<T>(o.momentum), static_cast<T>(o.weight_decay),
             first, o.nesterov, o.maximize);
  }
};
}  // namespace detail

template <class T, class D = Cpu>
using Sgd = Optimizer<detail::SgdRule, T, D>;

}  // namespace limbic
