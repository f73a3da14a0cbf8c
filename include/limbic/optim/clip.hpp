// Gradient clipping, between backward() and step().
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/backend/cpu/optim.hpp>
#include <limbic/core/math.hpp>

#include <cmath>

namespace limbic {

namespace detail {
// Those that there are; they share the variables' memory.
template <class T, class D>
std::vector<Tensor<T, D>> gradients_of(const std::vector<Var<T, D>>& parameters) {
  std::vector<Tensor<T, D>> gradients;
  for (const auto& p : parameters)
    if (p.grad().defined()) gradients.push_back(p.grad());
  return gradients;
}
}  // namespace detail

// Scales all gradients by min(1, max_norm / (norm + 1e-6)), with their joint 2-norm before, which is returned
// (Pascanu et al., ICML 2013). Variables without a gradient are passed over. Throws for a norm that is NaN or
// Inf (PyTorch does not), without touching a gradient, and unless max_norm is positive. The host needs the
// norm, so it waits for a device: see Optimizer::step_clipped() for clipping without.
template <class T, class D>
double clip_grad_norm(const std::vector<Var<T, D>>& parameters, double max_norm) {
  check(max_norm > 0, "clip_grad_norm", "max_norm must be positive; got ", max_norm);
  std::vector<Tensor<T, D>> gradients = detail::gradients_of(parameters);
  const double norm = std::sqrt(squared_norm(D{}, gradients));
  check(norm - norm == 0, "clip_grad_norm", "the gradients must be finite; their norm is ", norm);
  const double factor = max_norm / (norm + 1e-6);
  if (factor < 1) scale(D{}, gradients, static_cast<T>(factor));
  return norm;
}

// Limits every element of every gradient to [-limit, limit]. Throws unless the limit is positive.
template <class T, class D>
void clip_grad_value(const std::vector<Var<T, D>>& parameters, double limit) {
  check(limit > 0, "clip_grad_value", "the limit must be positive; got ", limit);
  const T c = static_cast<T>(limit);
  for (Tensor<T, D>& g : detail::gradients_of(parameters))
    elementwise_update(
        D{}, [c](auto v) { return math::choose(v > c, c, math::choose(v < -c, -c, v)); }, g);
}

}  // namespace limbic
