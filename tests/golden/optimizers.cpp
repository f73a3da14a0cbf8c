// Optimisers: five steps with given gradients.
#include <limbic/optim/adam.hpp>
#include <limbic/optim/sgd.hpp>

#include "golden/case.hpp"

namespace limbic::golden {

namespace {

template <class Optimizer, class Options, class C>
void run_steps(C& c, Options options) {
  auto p = c.x("param").set_requires_grad(true);
  const auto grads = c.tensor("grads");
  Optimizer optimizer({p}, options);
  for (index_t i = 0; i < grads.size(0); ++i) {
    p.set_grad(grads.select(0, i));
    optimizer.step();
  }
  c.out("y", p.value());
}

template <class Options, class C>
Options adam_options(const C& c) {
  return {c.number("lr"), c.number("beta1"), c.number("beta2"), c.number("eps"), c.number("weight_decay")};
}

}  // namespace

template <class D>
void add_optimizers(DeviceRegistry<D>& r) {
  r.add("sgd", [](auto& c) {
    using T = typename std::decay_t<decltype(c)>::value_type;
    run_steps<Sgd<T, D>>(c, SgdOptions{.lr = c.number("lr"),
                                       .momentum = c.number("momentum"),
                                       .weight_decay = c.number("weight_decay"),
                                       .nesterov = c.flag("nesterov")});
  });
  r.add("adam", [](auto& c) {
    using T = typename std::decay_t<decltype(c)>::value_type;
    run_steps<Adam<T, D>>(c, adam_options<AdamOptions>(c));
  });
  r.add("adamw", [](auto& c) {
    using T = typename std::decay_t<decltype(c)>::value_type;
    run_steps<AdamW<T, D>>(c, adam_options<AdamWOptions>(c));
  });
}

template void add_optimizers(DeviceRegistry<LIMBIC_GOLDEN_DEVICE>&);

}  // namespace limbic::golden
