// Gradient clipping, between backward() and step().
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/backend/cpu/optim.hpp>

#include <cmath>

namespace limbic {

// Scales all gradients by min(1, max_norm / (norm + 1e-6)), with their joint 2-norm before, which is returned
// (Pascanu et al., ICML 2013). Variables without a gradient are passed over. Throws for a norm that is NaN or
// Inf (PyTorch does not), without touching a gradient, and unless max_norm is positive.
template <class T, class D>
double clip_grad_norm(const std::vector<Var<T, D>>& parameters, double max_norm) {
  check(max_norm > 0, "clip_grad_norm", "max_norm must be positive; got ", max_norm);
  double squares = 0;
  for (const auto& p : parameters)
    if (p.grad().defined()) squares += squared_norm(D{}, p.grad().contiguous());
  const double norm = std::sqrt(squares);
  check(norm - norm == 0, "clip_grad_norm", "the gradients must be finite; their norm is ", norm);
  const double factor = max_norm / (norm + 1e-6);
  if (factor >= 1) return norm;
  const T scale = static_cast<T>(factor);
  for (const auto& p : parameters) {
    if (!p.grad().defined()) continue;
    Tensor<T, D> g = p.grad();
    elementwise_update(D{}, [scale](auto v) { return v * scale; }, g);
  }
  return norm;
}

// Limits every element of every gradient to [-limit, limit]. Throws unless the limit is positive.
template <class T, class D>
void clip_grad_value(const std::vector<Var<T, D>>& parameters, double limit) {
  check(limit > 0, "clip_grad_value", "the limit must be positive; got ", limit);
  const T c = static_cast<T>(limit);
  for (const auto& p : parameters) {
    if (!p.grad().defined()) continue;
    Tensor<T, D> g = p.grad();
    elementwise_update(D{}, [c](auto v) { return math::choose(v > c, c, math::choose(v < -c, -c, v)); }, g);
  }
}

}  // namespace limbic
