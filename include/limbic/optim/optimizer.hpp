// What optimisers share: groups of parameters with options of their own, and state that is saved.
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/backend/cpu/optim.hpp>
#include <limbic/io/state_dict.hpp>
#include <limbic/optim/clip.hpp>

#include <optional>

namespace limbic {

// Parameters that share options (learning rate, weight decay, ...).
template <class T, class D, class Options>
struct ParameterGroup {
  std::vector<Var<T, D>> parameters;
  Options options;
};

// The optimisers: Sgd, Adam and AdamW are this with a Rule, which has, for one parameter, a State (a number
// of tensors) that prepare() makes room for, and update() of all parameters that share the numbers of one Step:
// one after the other on the CPU, together on a device. Parameters are handles: the module's own values change.
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
  void step() { run({}); }
  // step() with gradients as clip_grad_norm() over all parameters leaves them. On the CPU it is just that, and
  // throws as it does. A device's host does not wait for the norm: the gradients are scaled on their way into the
  // update and keep their values. Where the norm is NaN or Inf the parameters and their state keep theirs too,
  // though it counts as a step, and the next call that waits for the device throws.
  void step_clipped(double max_norm) {
    std::vector<Var<T, D>> all;
    for (const Group& g : groups_) all.insert(all.end(), g.parameters.begin(), g.parameters.end());
    if constexpr (std::is_same_v<D, Cpu>) {
      norm_ = clip_grad_norm(all, max_norm);
      run({});
    } else {
      check(max_norm > 0, "clip_grad_norm", "max_norm must be positive; got ", max_norm);
      clip_ = gradient_norm(D{}, detail::gradients_of(all), max_norm);
      run(clip_);
    }
  }
  // The gradients' norm before the last step_clipped(); waits for a device. Throws when there was no such step.
  double clipped_norm() const {
    check(norm_ >= 0 || clip_.defined(), "clip_grad_norm", "step_clipped() must come first");
    return clip_.defined() ? clip_.at(1) : norm_;
  }
  // Forgets the gradients of all parameters (as PyTorch's set_to_none).
  void zero_grad() {
    for (Group& g : groups_)
      for (auto& p : g.parameters) p.zero_grad();
  }

  // Counters and moments, "group.index.name"; options are not part of it, unlike PyTorch's. On the CPU it shares
  // memory with the optimiser: clone() for a snapshot.
  StateDict state_dict() const {
    StateDict out;
    out.put_u64("steps", steps_);
    for (std::size_t i = 0; i < states_.size(); ++i) {
      for (std::size_t j = 0; j < states_[i].size(); ++j) {
        const std::string prefix = std::to_string(i) + "." + std::to_string(j) + ".";
        out.put_u64(prefix + "steps", states_[i][j].steps);
        for (std::size_t k = 0; k < Rule::kTensors; ++k)
          if (states_[i][j].tensors[k].defined()) out.put(prefix + Rule::kTensorNames[k], states_[i][j].tensors[k].template on<Cpu>());
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
              there ? state.get<T>(name, groups_[i].parameters[j].shape()).clone().template on<D>() : Tensor<T, D>();
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
  void run(const Tensor<double, D>& clip) {
    for (const Group& g : groups_) Rule::check_options(g.options);
    ++steps_;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      UpdateList<T, D> list{.parameters = {}, .dense = {}, .clip = clip};
      list.parameters.reserve(groups_[i].parameters.size());
      std::optional<typename Rule::template Step<T>> shared;
      std::uint64_t steps = 0;  // those that `shared` is for
      const auto update = [&] {
        if (!list.parameters.empty()) Rule::update(*shared, list);
        list.parameters.clear();
      };
      for (std::size_t j = 0; j < groups_[i].parameters.size(); ++j) {
        Var<T, D>& p = groups_[i].parameters[j];
        const Tensor<T, D>& g = p.node()->grad_value;
        if (!g.defined() || !p.requires_grad()) continue;
        State& state = states_[i][j];
        if (++state.steps != steps) {
          update();
          shared.emplace(groups_[i].options, steps = state.steps);
        }
        const bool first = Rule::prepare(*shared, state, p.shape());
        const Tensor<T, D>& dense = g.is_contiguous() ? g : list.dense.emplace_back(g.contiguous());
        list.parameters.push_back({&p.mutable_value(), &dense, state.tensors.data(), first});
      }
      update();
    }
  }
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
  double norm_ = -1;        // on the CPU; negative: none yet
  Tensor<double, D> clip_;  // on a device, as gradient_norm() makes it
};

}  // namespace limbic
