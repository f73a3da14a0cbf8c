// Launchers of optimisers, T = float or double: each works on all tensors of a list, in as few launches as
// their addresses fit into.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// What an update does with one parameter; of one size, dense, not overlapping.
template <class T>
struct TensorUpdate {
  static constexpr int kOperands = 4;
  T* operand[kOperands];  // in the order that each launcher names
  std::int64_t size;
};

// The numbers of the updates; see backend/cpu/optim.hpp for the formulas.
template <class T>
struct SgdNumbers {
  T lr, momentum, decay, sign;
  bool nesterov;
};
template <class T>
struct AdamNumbers {
  T step, beta1, beta2, eps, root_correction, l2, shrink;
};

// What a step finds in the device's memory, null where there is nothing: a factor of the gradients, with
// nothing written if it is NaN; and, in a recorded step, the numbers in place of those that change from step
// to step: lr of SgdNumbers; step, root_correction and shrink of AdamNumbers.
template <class T>
struct OnDevice {
  const double* clip = nullptr;
  const T* numbers = nullptr;
};

// Operands: p, g.
template <class T>
void update_sgd(const TensorUpdate<T>* list, std::int64_t count, const SgdNumbers<T>& numbers,
                const OnDevice<T>& there);
// p, g, velocity.
template <class T>
void update_momentum(const TensorUpdate<T>* list, std::int64_t count, const SgdNumbers<T>& numbers,
                     const OnDevice<T>& there);
// p, g, m, v.
template <class T>
void update_adam(const TensorUpdate<T>* list, std::int64_t count, const AdamNumbers<T>& numbers,
                 const OnDevice<T>& there);
// y, x: y += weight (x - y).
template <class T>
void update_lerp(const TensorUpdate<T>* list, std::int64_t count, T weight);
// x *= factor.
template <class T>
void update_scale(const TensorUpdate<T>* list, std::int64_t count, T factor);

// to[0] = min(1, max_norm / (norm + 1e-6)), NaN where the norm is not finite; to[1] = norm; to[2] = norm^2:
// the joint 2-norm of all x. `to` is memory of the device.
template <class T>
void gradient_norm(const TensorUpdate<T>* list, std::int64_t count, double max_norm, double* to);

}  // namespace limbic::cuda
