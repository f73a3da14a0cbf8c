// Modules without parameters: activations and changes of shape, for Sequential. Called with x of any shape, a
// Tensor or a Var, they give the same; formulas, sources and what a call throws are in ops/activation.hpp,
// ops/gelu.hpp, ops/softmax.hpp and ops/view.hpp.
#pragma once

#include <limbic/nn/module.hpp>
#include <limbic/ops/gelu.hpp>
#include <limbic/ops/softmax.hpp>

namespace limbic {

namespace detail {
// A module that has no parts and calls Self::call(x, site).
template <class Self>
struct FunctionModule {
  template <class V>
  void visit(V&&) {}
  template <Operand X>
  X operator()(const X& x, Site site = Site::here()) const {
    return static_cast<const Self&>(*this).call(x, site);
  }
};
}  // namespace detail

// x itself.
struct Identity : detail::FunctionModule<Identity> {
  static const auto& call(const auto& x, Site) { return x; }
};
// max(x, 0).
struct Relu : detail::FunctionModule<Relu> {
  static auto call(const auto& x, Site site) { return relu(x, site); }
};
// Hyperbolic tangent.
struct Tanh : detail::FunctionModule<Tanh> {
  static auto call(const auto& x, Site site) { return tanh(x, site); }
};
// 1 / (1 + e^-x).
struct Sigmoid : detail::FunctionModule<Sigmoid> {
  static auto call(const auto& x, Site site) { return sigmoid(x, site); }
};
// x sigmoid(x).
struct Silu : detail::FunctionModule<Silu> {
  static auto call(const auto& x, Site site) { return silu(x, site); }
};
// The exact GELU, by erf.
struct Gelu : detail::FunctionModule<Gelu> {
  static auto call(const auto& x, Site site) { return gelu(x, site); }
};
// x sigmoid(1.702 x), as in CLIP.
struct QuickGelu : detail::FunctionModule<QuickGelu> {
  static auto call(const auto& x, Site site) { return quick_gelu(x, site); }
};

// x, times `negative_slope` where it is not positive.
struct LeakyRelu : detail::FunctionModule<LeakyRelu> {
  double negative_slope;
  explicit LeakyRelu(double slope = 0.01) : negative_slope(slope) {}
  template <class X>
  X call(const X& x, Site site) const {
    return leaky_relu(x, static_cast<scalar_of<X>>(negative_slope), site);
  }
};
// x, and alpha (e^x - 1) where it is not positive.
struct Elu : detail::FunctionModule<Elu> {
  double alpha;
  explicit Elu(double alpha_ = 1) : alpha(alpha_) {}
  template <class X>
  X call(const X& x, Site site) const {
    return elu(x, static_cast<scalar_of<X>>(alpha), site);
  }
};
// log(1 + exp(beta x)) / beta; x where beta x is above the threshold. Throws unless beta is positive.
struct Softplus : detail::FunctionModule<Softplus> {
  double beta, threshold;
  explicit Softplus(double beta_ = 1, double threshold_ = 20) : beta(beta_), threshold(threshold_) {
    check(beta > 0, "softplus", "beta must be positive; got ", beta);
  }
  template <class X>
  X call(const X& x, Site site) const {
    using T = scalar_of<X>;
    return softplus(x, static_cast<T>(beta), static_cast<T>(threshold), site);
  }
};
// Softmax over dimension `dim`, the last one if none is named.
struct Softmax : detail::FunctionModule<Softmax> {
  index_t dim;
  explicit Softmax(index_t dim_ = -1) : dim(dim_) {}
  auto call(const auto& x, Site site) const { return softmax(x, dim, site); }
};
// Dimensions first..last become one; by default all but the batch.
struct Flatten : detail::FunctionModule<Flatten> {
  index_t first, last;
  explicit Flatten(index_t first_ = 1, index_t last_ = -1) : first(first_), last(last_) {}
  auto call(const auto& x, Site site) const { return flatten(x, first, last, site); }
};

}  // namespace limbic
