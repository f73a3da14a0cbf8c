// What optimisers share: groups of parameters with options of their own, and state that is saved.
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/backend/cpu/optim.hpp>
#include <limbic/io/state_dict.hpp>

#include <optional>

namespace limbic {

// Parameters that share options (learning rate, weight decay, ...).
template <class T, class D, class Options>
struct ParameterGroup {
  std::vector<Var<T, D>> parameters;
  Options options;
};

// The optimisers: Sgd, Adam and AdamW are this with a Rule, which has, for one parameter, a State (a number
// of tensors) and update(), which takes the numbers of one Step. Parameters are handles: the module's own
// values change.
template <class Rule, class T, class D>
class Optimizer {
 public:
  using Options = typename Rule::Options;
  using Group = ParameterGroup<T, D, Options>;
  using State = typename Rule::template State<T, D>;

  // One group or several. Throws for parameters that are no leaves, not dense or named twice, and for options
  // out of range.
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
    check_once();
  }

  // Groups, for schedules: options may change between steps.
  std::vector<Group>& groups() { return groups_; }
  const std::vector<Group>& groups() const { return groups_; }
  // The learning rate of all groups.
  void set_lr(double lr) {
    for (Group& g : groups_) g.options.lr = lr;
  }
  // How often step() was called: what schedules count by.
  std::uint64_t steps() const { return steps_; }

  // One update of every parameter that has a gradient and is not frozen. Throws for options out of range.
  void step() {
    for (const Group& g : groups_) Rule::check_options(g.options);
    ++steps_;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      std::optional<typename Rule::template Step<T>> shared;
      std::uint64_t steps = 0;  // those that `shared` is for
      for (std::size_t j = 0; j < groups_[i].parameters.size(); ++j) {
        Var<T, D>& p = groups_[i].parameters[j];
        const Tensor<T, D>& g = p.node()->grad_value;
        if (!g.defined() || !p.requires_grad()) continue;
        State& state = states_[i][j];
        if (++state.steps != steps) shared.emplace(groups_[i].options, steps = state.steps);
        if (g.is_contiguous()) Rule::update(*shared, p.mutable_value(), g, state);
        else Rule::update(*shared, p.mutable_value(), g.contiguous(), state);
      }
    }
  }
  // Forgets the gradients of all parameters (as PyTorch's set_to_none).
  void zero_grad() {
    for (Group& g : groups_)
      for (auto& p : g.parameters) p.zero_grad();
  }

  // Counters and moments, "group.index.name"; options are not part of it, unlike PyTorch's. Shares memory
  // with the optimiser: clone() for a snapshot.
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
    std::vector<std::string> names = {"steps"};
    for (std::size_t i = 0; i < states.size(); ++i) {
      for (std::size_t j = 0; j < states[i].size(); ++j) {
        const std::string prefix = std::to_string(i) + "." + std::to_string(j) + ".";
        names.push_back(prefix + "steps");
        for (std::size_t k = 0; k < Rule::kTensors; ++k) {
          const std::string name = prefix + Rule::kTensorNames[k];
          const bool there = state.contains(name);
          if (there) names.push_back(name);
          states[i][j].tensors[k] =
              there ? state.get<T>(name, groups_[i].parameters[j].shape()).clone() : Tensor<T, D>();
        }
      }
    }
    state.require_names(names);
    for (std::size_t i = 0; i < states.size(); ++i)
      for (std::size_t j = 0; j < states[i].size(); ++j)
        states[i][j].steps = state.get_u64(std::to_string(i) + "." + std::to_string(j) + ".steps");
    steps_ = state.get_u64("steps");
    states_ = std::move(states);
  }

 private:
  void check_once() const {
    std::vector<const void*> nodes;
    for (const Group& g : groups_)
      for (const auto& p : g.parameters) nodes.push_back(p.node().get());
    std::sort(nodes.begin(), nodes.end());
    check(std::adjacent_find(nodes.begin(), nodes.end()) == nodes.end(), Rule::name,
          "parameters must not be named twice");
  }

  std::vector<Group> groups_;
  std::vector<std::vector<State>> states_;
  std::uint64_t steps_ = 0;
};

}  // namespace limbic
