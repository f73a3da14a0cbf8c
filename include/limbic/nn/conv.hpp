// Conv1d and Conv2d, named and initialised as PyTorch's.
#pragma once

#include <limbic/nn/init.hpp>
#include <limbic/nn/module.hpp>
#include <limbic/ops/conv.hpp>

namespace limbic {

namespace detail {

// weight (O, C / groups, kernel...), bias (O); both uniform in +-1 / sqrt(C / groups * kernel size).
template <class T, class D>
struct ConvParameters {
  Var<T, D> weight, bias;

  ConvParameters() = default;
  ConvParameters(index_t in, index_t out, index_t groups, Shape kernel, RandomStream& random,
                 bool with_bias) {
    if (!(in > 0 && out > 0 && groups > 0 && in % groups == 0 && out % groups == 0))
      fail("conv", "positive numbers of channels that groups divide are needed; got ", in, " -> ", out,
           " in ", groups);
    for (index_t k : kernel) check(k > 0, "conv", "a kernel of at least 1 is needed; got ", kernel);
    kernel.insert(0, in / groups);
    kernel.insert(0, out);
    auto w = Tensor<T, D>::empty(kernel);
    init::kaiming_uniform(w, random, std::sqrt(5.0));
    weight = Var<T, D>::leaf(w);
    if (!with_bias) return;
    auto b = Tensor<T, D>::empty({out});
    const double bound = 1 / std::sqrt(static_cast<double>(init::fans(kernel).in));
    init::uniform(b, random, -bound, bound);
    bias = Var<T, D>::leaf(b);
  }

  template <class V>
  void visit(V&& v) {
    v("weight", weight);
    v("bias", bias);
  }
};

}  // namespace detail

// x (B, C, L) -> (B, O, L'), with weight (O, C / groups, K) and bias (O), both uniform in
// +-1 / sqrt(C K / groups) at first; C = in, O = out.
template <class T, class D = Cpu>
struct Conv1d : detail::ConvParameters<T, D> {
  Conv1dOptions options{};

  Conv1d() = default;
  // Throws unless sizes are positive and groups divides both numbers of channels.
  Conv1d(index_t in, index_t out, index_t kernel, RandomStream& random, const Conv1dOptions& o = {},
         bool with_bias = true)
      : detail::ConvParameters<T, D>(in, out, o.groups, {kernel}, random, with_bias), options(o) {}

  // Throws as conv1d().
  template <Operand X>
  Var<T, D> operator()(const X& x, Site site = Site::here()) const {
    return conv1d(x, this->weight, this->bias, options, site);
  }
};

// x (B, C, H, W) -> (B, O, H', W'), with weight (O, C / groups, KH, KW) and bias (O), both uniform in
// +-1 / sqrt(C KH KW / groups) at first; C = in, O = out.
template <class T, class D = Cpu>
struct Conv2d : detail::ConvParameters<T, D> {
  Conv2dOptions options{};

  Conv2d() = default;
  // Throws unless sizes are positive and groups divides both numbers of channels.
  Conv2d(index_t in, index_t out, HeightWidth kernel, RandomStream& random, const Conv2dOptions& o = {},
         bool with_bias = true)
      : detail::ConvParameters<T, D>(in, out, o.groups, {kernel.h, kernel.w}, random, with_bias),
        options(o) {}

  // Throws as conv2d().
  template <Operand X>
  Var<T, D> operator()(const X& x, Site site = Site::here()) const {
    return conv2d(x, this->weight, this->bias, options, site);
  }
};

}  // namespace limbic
