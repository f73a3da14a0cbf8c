// Linear: y = x W' + b.
#pragma once

#include <limbic/nn/init.hpp>
#include <limbic/nn/module.hpp>
#include <limbic/ops/linear.hpp>

namespace limbic {

// x weight' + bias, with weight (out, in) and bias (out) (undefined without one), named and initialised as
// PyTorch's: both uniform in +-1 / sqrt(in).
template <class T, class D = Cpu>
struct Linear {
  Var<T, D> weight, bias;

  Linear() = default;
  // Throws unless both sizes are positive.
  Linear(index_t in, index_t out, RandomStream& random, bool with_bias = true) {
    check(in > 0 && out > 0, "linear", "sizes must be positive; got ", in, " -> ", out);
    auto w = Tensor<T, D>::empty({out, in});
    init::kaiming_uniform(w, random, std::sqrt(5.0));
    weight = Var<T, D>::leaf(w);
    if (!with_bias) return;
    auto b = Tensor<T, D>::empty({out});
    const double bound = 1 / std::sqrt(static_cast<double>(in));
    init::uniform(b, random, -bound, bound);
    bias = Var<T, D>::leaf(b);
  }

  template <class V>
  void visit(V&& v) {
    v("weight", weight);
    v("bias", bias);
  }

  // x (..., in) -> (..., out). Throws as linear().
  template <Operand X>
  Var<T, D> operator()(const X& x, Site site = Site::here()) const {
    return linear(x, weight, bias, site);
  }
};

}  // namespace limbic
