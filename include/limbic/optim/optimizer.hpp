// What optimisers share: groups of parameters with options of their own, and state that is saved.
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/backend/cpu/optim.hpp>
#include <limbic/io/state_dict.hpp>
#include <limbic/optim/clip.hpp>

#include <memory>
#include <optional>

namespace limbic {

// Parameters that share options (learning rate, weight decay, ...).
template <class T, class D, class Options>
struct ParameterGroup {
  std::vector<Var<T, D>> parameters;
  Options options;
};

// The optimisers: Sgd, Adam and AdamW are this with a Rule, which has, for one parameter, a State (a number
// of tensors) that prepare() makes room for, and update() of all parameters that share the numbers of one
// Step: one after the other on the CPU, together on a device. Parameters are handles: the module's own values
// change. Copies are handles on the same optimiser.
template <class Rule, class T, class D>
class Optimizer {
 public:
  using Options = typename Rule::Options;
  using Group = ParameterGroup<T, D, Options>;
  using State = typename Rule::template State<T, D>;

  // One group or several. Throws for parameters that are no leaves, not dense or named twice, and for options
  // out of range (sgd.hpp, adam.hpp).
  explicit Optimizer(std::vector<Var<T, D>> parameters, Options options = {})
      : Optimizer(std::vector<Group>{{std::move(parameters), options}}) {}
  explicit Optimizer(std::vector<Group> groups) {
    data_->groups = std::move(groups);
    for (Group& g : data_->groups) {
      Rule::check_options(g.options);
      for (const auto& p : g.parameters) {
        if (!p.node() || !p.is_leaf()) fail(Rule::name, "parameters must be leaves; got ", p);
        if (!p.value().is_contiguous()) fail(Rule::name, "parameters must be dense; got ", p);
      }
      data_->states.emplace_back(g.parameters.size());
    }
    check_once();
  }

  // Groups, for schedules: options may change between steps.
  std::vector<Group>& groups() { return data_->groups; }
  const std::vector<Group>& groups() const { return data_->groups; }
  // Sets the learning rate of all groups; step() throws for a negative one.
  void set_lr(double lr) {
    for (Group& g : data_->groups) g.options.lr = lr;
  }
  // How often step() was called, or replayed: what schedules count by.
  std::uint64_t steps() const { return data_->steps; }

  // One update of every parameter that has a gradient and is not frozen. Throws for options out of range.
  // Recorded in a CUDA graph (backend/cuda/graph.hpp) it counts as a step at each replay, with the options of
  // that time; throws if it is the first one, which makes the state.
  void step() { run({}); }
  // step() with gradients as clip_grad_norm() over all parameters leaves them. On the CPU it is just that,
  // and throws as it does. A device's host does not wait for the norm: the gradients are scaled on their way
  // into the update and keep their values. Where the norm is NaN or Inf the parameters and their state keep
  // theirs too, though it counts as a step, and the next call that waits for the device throws.
  void step_clipped(double max_norm) {
    std::vector<Var<T, D>> all;
    for (const Group& g : data_->groups) all.insert(all.end(), g.parameters.begin(), g.parameters.end());
    if constexpr (std::is_same_v<D, Cpu>) {
      norm_ = clip_grad_norm(all, max_norm);
      run({});
    } else {
      check(max_norm > 0, "clip_grad_norm", "max_norm must be positive; got ", max_norm);
      clip_ = gradient_norm(D{}, detail::gradients_of(all), max_norm);
      run(clip_);
    }
  }
  // The gradients' norm before the last step_clipped() of this handle; waits for a device. Throws when there
  // was no such step.
  double clipped_norm() const {
    check(norm_ >= 0 || clip_.defined(), "clip_grad_norm", "step_clipped() must come first");
    return clip_.defined() ? clip_.at(1) : norm_;
  }
  // Forgets the gradients of all parameters (as PyTorch's set_to_none).
  void zero_grad() {
    for (Group& g : data_->groups)
      for (auto& p : g.parameters) p.zero_grad();
  }

  // Counters and moments, "group.index.name"; options are not part of it, unlike PyTorch's. On the CPU it
  // shares memory with the optimiser: clone() for a snapshot.
  StateDict state_dict() const {
    StateDict out;
    const auto& states = data_->states;
    out.put_u64("steps", data_->steps);
    for (std::size_t i = 0; i < states.size(); ++i) {
      for (std::size_t j = 0; j < states[i].size(); ++j) {
        const std::string prefix = std::to_string(i) + "." + std::to_string(j) + ".";
        out.put_u64(prefix + "steps", states[i][j].steps);
        for (std::size_t k = 0; k < Rule::kTensors; ++k)
          if (states[i][j].tensors[k].defined())
            out.put(prefix + Rule::kTensorNames[k], states[i][j].tensors[k].template on<Cpu>());
      }
    }
    return out;
  }
  // Takes back what state_dict() gave. Throws when it does not fit; nothing is changed then.
  void load_state_dict(const StateDict& state) {
    auto states = data_->states;
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
              there ? state.get<T>(name, data_->groups[i].parameters[j].shape()).clone().template on<D>()
                    : Tensor<T, D>();
        }
      }
    }
    state.require_names(names);
    for (std::size_t i = 0; i < states.size(); ++i)
      for (std::size_t j = 0; j < states[i].size(); ++j)
        states[i][j].steps = state.get_u64(std::to_string(i) + "." + std::to_string(j) + ".steps");
    data_->steps = state.get_u64("steps");
    data_->states = std::move(states);
  }

 private:
  // A graph that has a step recorded in it has this, too.
  struct Data {
    std::vector<Group> groups;
    std::vector<std::vector<State>> states;
    std::uint64_t steps = 0;
  };
  using Numbers = typename Rule::template Step<T>;

  void run(const Tensor<double, D>& clip) {
    auto& [groups, states, steps_of_all] = *data_;
    for (const Group& g : groups) Rule::check_options(g.options);
    const bool recorded = is_recorded();
    if (!recorded) ++steps_of_all;
    else at_each_replay([data = data_] { ++data->steps; });
    for (std::size_t i = 0; i < groups.size(); ++i) {
      UpdateList<T, D> list{.parameters = {}, .dense = {}, .clip = clip};
      list.parameters.reserve(groups[i].parameters.size());
      std::vector<std::size_t> members;  // of the list
      std::optional<Numbers> shared;
      std::uint64_t steps = 0;  // those that `shared` is for
      const auto update = [&] {
        if (recorded && !list.parameters.empty()) tell_numbers(i, members, list);
        if (!list.parameters.empty()) Rule::update(*shared, list);
        list.parameters.clear();
        members.clear();
      };
      for (std::size_t j = 0; j < groups[i].parameters.size(); ++j) {
        Var<T, D>& p = groups[i].parameters[j];
        const Tensor<T, D>& g = p.node()->grad_value;
        if (!g.defined() || !p.requires_grad()) continue;
        State& state = states[i][j];
        check(!recorded || state.steps > 0, Rule::name,
              "the first step makes the state and cannot be recorded in a graph (hint: one step before "
              "capture())");
        const std::uint64_t now = state.steps + 1;
        if (!recorded) state.steps = now;
        if (now != steps) {
          update();
          shared.emplace(groups[i].options, steps = now);
        }
        const bool first = Rule::prepare(*shared, state, p.shape());
        const Tensor<T, D>& dense = g.is_contiguous() ? g : list.dense.emplace_back(g.contiguous());
        list.parameters.push_back({&p.mutable_value(), &dense, state.tensors.data(), first});
        if (recorded) members.push_back(j);
      }
      update();
    }
  }

  // A step that is recorded finds what changes from step to step in the device's memory, where each replay
  // writes it.
  static bool is_recorded() {
    if constexpr (std::is_same_v<D, Cpu>) return false;
    else return is_captured(D{});
  }
  template <class F>
  static void at_each_replay(F&& f) {
    if constexpr (!std::is_same_v<D, Cpu>) at_replay(D{}, std::forward<F>(f));
  }
  void tell_numbers(std::size_t group, const std::vector<std::size_t>& members, UpdateList<T, D>& list) {
    if constexpr (!std::is_same_v<D, Cpu>) {
      list.numbers = numbers_at_replay<T>(D{});
      at_replay(D{}, [data = data_, group, members, numbers = list.numbers]() mutable {
        std::vector<State>& states = data->states[group];
        const std::uint64_t steps = states[members[0]].steps + 1;
        for (std::size_t j : members)
          check(states[j].steps + 1 == steps, Rule::name,
                "parameters that were updated together in a graph must be so outside of it (hint: capture() "
                "again)");
        Rule::check_options(data->groups[group].options);
        set_values(D{}, numbers, Numbers(data->groups[group].options, steps).changing());
        for (std::size_t j : members) states[j].steps = steps;
      });
    }
  }
  void check_once() const {
    std::vector<const void*> nodes;
    for (const Group& g : data_->groups)
      for (const auto& p : g.parameters) nodes.push_back(p.node().get());
    std::sort(nodes.begin(), nodes.end());
    check(std::adjacent_find(nodes.begin(), nodes.end()) == nodes.end(), Rule::name,
          "parameters must not be named twice");
  }

  std::shared_ptr<Data> data_ = std::make_shared<Data>();
  double norm_ = -1;        // on the CPU; negative: none yet
  Tensor<double, D> clip_;  // on a device, as gradient_norm() makes it
};

}  // namespace limbic
