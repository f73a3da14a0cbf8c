// Exponential moving average of weights.
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/backend/cpu/optim.hpp>
#include <limbic/io/state_dict.hpp>

namespace limbic {

// average += (1 - decay) (value - average) at each update(); starts at the values of construction. Buffers
// (batch norm's statistics) are not averaged. Throws unless decay is in [0, 1).
template <class T, class D = Cpu>
class Ema {
 public:
  explicit Ema(std::vector<Var<T, D>> parameters, double decay = 0.999)
      : parameters_(std::move(parameters)), decay_(decay) {
    check(decay >= 0 && decay < 1, "ema", "decay must be in [0, 1); got ", decay);
    for (const auto& p : parameters_) averages_.push_back(p.value().clone());
  }

  // After each step of the optimiser.
  void update() {
    std::vector<Tensor<T, D>> values;
    for (const auto& p : parameters_) values.push_back(p.value());
    lerp_into(D{}, averages_, values, static_cast<T>(1 - decay_));
  }
  // Exchanges the parameters' values and the averages: once to evaluate, once more to train on.
  void swap() {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      const Tensor<T, D> value = parameters_[i].value().clone();
      parameters_[i].mutable_value().copy_from(averages_[i]);
      averages_[i].copy_from(value);
    }
  }
  // In the order of the parameters, of their shapes.
  const std::vector<Tensor<T, D>>& averages() const { return averages_; }

  // The averages by position: "0", "1", ...
  StateDict state_dict() const {
    StateDict out;
    for (std::size_t i = 0; i < averages_.size(); ++i)
      out.put(std::to_string(i), averages_[i].template on<Cpu>());
    return out;
  }
  // Throws when it does not fit; nothing is changed then.
  void load_state_dict(const StateDict& state) {
    std::vector<Tensor<T, D>> averages;
    std::vector<std::string> names;
    for (std::size_t i = 0; i < averages_.size(); ++i) {
      names.push_back(std::to_string(i));
      averages.push_back(state.get<T>(names.back(), averages_[i].shape()).clone().template on<D>());
    }
    state.require_names(names);
    averages_ = std::move(averages);
  }

 private:
  std::vector<Var<T, D>> parameters_;
  std::vector<Tensor<T, D>> averages_;
  double decay_;
};

}  // namespace limbic
