// What an optimiser hands to a device: the parameters of a step that share its numbers, so that a device may
// update all of them at once.
#pragma once

#include <limbic/core/tensor.hpp>

#include <list>
#include <vector>

namespace limbic {

// One parameter, its gradient, and the tensors that the optimiser keeps for it, as many as its rule has. All
// are dense, of one shape, and do not overlap.
template <class T, class D>
struct ParameterUpdate {
  Tensor<T, D>* value;
  const Tensor<T, D>* gradient;
  Tensor<T, D>* state;
  bool first;  // the state is there, but nothing has been written to it
};

// All parameters that share the numbers of one step, and what that step needs beside them.
template <class T, class D>
struct UpdateList {
  std::vector<ParameterUpdate<T, D>> parameters;
  std::list<Tensor<T, D>> dense;  // dense copies of gradients that are not
  // Undefined, or what gradient_norm() made, for devices that have it: gradients count times its first
  // number, and nothing is updated where that is NaN.
  Tensor<double, D> clip;
  // Undefined, or where a recorded step finds the numbers that change from step to step (the rule's
  // changing()), told anew before each time that it is replayed.
  Tensor<T, D> numbers{};
};

}  // namespace limbic
