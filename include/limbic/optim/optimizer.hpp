// What optimisers share: groups of parameters with options of their own, and state that is saved.
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/backend/cpu/optim.hpp>
#include <limbic/io/state_dict.hpp>

namespace limbic {

// Parameters that share options (learning rate, weight decay, ...).
template <class T, class D, class Options>
struct ParameterGroup {
  std::vector<Var<T, D>> parameters;
  Options options;
};

// Base of the optimisers. Rule has, for one parameter, a State (a number of tensors) and update().
template <class Rule, class T, class D>
class Optimizer {
 public:
  using Options = typename Rule::Options;
  using Group = ParameterGroup<T, D, Options>;

  // Throws for parameters that are no leaves, and for options out of range.
  explicit Optimizer(std::vector<Var<T, D>> parameters, Options options = {})
      : Optimizer(std::vector<Group>{{std::move(parameters), options}}) {}
  explicit Optimizer(std::vector<Group> groups) : groups_(std::move(groups)) {
    for (Group& g : groups_) {
      Rule::check_options(g.options);
      for (const auto& p : g.parameters) {
        if (!p.node() || !p.is_leaf()) fail(Rule::name, "parameters must be leaves; got ", p);
        if (!p.value().is_contiguous()) fail(Rule::name, "parameters must be dense; got ", p);
      }
      states_.emplace_back(g.parameters.size());
    }
  }

  // Groups, for schedules: options may change between steps.
  std::vector<Group>& groups() { return groups_; }
  const std::vector<Group>& groups() const { return groups_; }
  void set_lr(double lr) {
    for (Group& g : groups_) g.options.lr = lr;
  }
  std::uint64_t steps() const { return steps_; }

  // One update of every parameter that has a gradient and is not frozen.
  void step() {
    ++steps_;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      for (std::size_t j = 0; j < groups_[i].parameters.size(); ++j) {
        Var<T, D>& p = groups_[i].parameters[j];
        const Tensor<T, D> g = p.grad();
        if (!g.defined() || !p.requires_grad()) continue;
        auto& state = states_[i][j];
        ++state.steps;
        Rule::update(groups_[i].options, p.mutable_value(), g.contiguous(), state);
      }
    }
  }
  void zero_grad() {
    for (Group& g : groups_)
      for (auto& p : g.parameters) p.zero_grad();
  }

  // Counters and moments, "group.index.name"; options are not part of it.
  StateDict state_dict() const {
    StateDict out;
    out.put_u64("steps", steps_);
    for (std::size_t i = 0; i < states_.size(); ++i) {
      for (std::size_t j = 0; j < states_[i].size(); ++j) {
        const std::string prefix = std::to_string(i) + "." + std::to_string(j) + ".";
        out.put_u64(prefix + "steps", states_[i][j].steps);
        for (std::size_t k = 0; k < Rule::kTensors; ++k)
          if (states_[i][j].tensors[k].defined()) out.put(prefix + Rule::kTensorNames[k], states_[i][j].tensors[k]);
      }
    }
    return out;
  }
  // Takes back what state_dict() gave. Throws when it does not fit; nothing is changed then.
  void load_state_dict(const StateDict& state) {
    auto states = states_;
    for (std::size_t i = 0; i < states.size(); ++i) {
      for (std::size_t j = 0; j < states[i].size(); ++j) {
        const std::string prefix = std::to_string(i) + "." + std::to_string(j) + ".";
        states[i][j].steps = state.get_u64(prefix + "steps");
        for (std::size_t k = 0; k < Rule::kTensors; ++k) {
          const std::string name = prefix + Rule::kTensorNames[k];
          const Shape& shape = groups_[i].parameters[j].shape();
          states[i][j].tensors[k] = state.contains(name) ? state.get<T>(name, shape).clone() : Tensor<T, D>();
        }
      }
    }
    steps_ = state.get_u64("steps");
    states_ = std::move(states);
  }

 private:
  std::vector<Group> groups_;
  std::vector<std::vector<typename Rule::template State<T, D>>> states_;
  std::uint64_t steps_ = 0;
};

}  // namespace limbic
