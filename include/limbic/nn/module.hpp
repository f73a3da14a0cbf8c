// Modules: structs with parameters, and what is done with all of them at once.
//
// A module is an ordinary value with one extra member function, visit(), that names its parts:
//
//   struct Mlp {
//     Linear<float> fc1, fc2;
//     explicit Mlp(RandomStream& random) : fc1(16, 32, random), fc2(32, 3, random) {}
//     template <class V> void visit(V&& v) { v("fc1", fc1); v("fc2", fc2); }
//     auto operator()(const Var<float>& x) { return fc2(relu(fc1(x))); }
//   };
//
// A part is a parameter (Var), a buffer (Tensor), a Training flag, a RandomStream, a module, or a
// std::vector of modules, whose names are their positions. No base class, no registry: a module can be
// copied, moved and embedded. Copies share the memory of their parameters; clone() has its own. A parameter
// that has several names (tied weights) counts once, but is in the state dict under each of them.
#pragma once

#include <limbic/autograd/engine.hpp>
#include <limbic/core/random.hpp>
#include <limbic/io/state_dict.hpp>

#include <concepts>
#include <map>
#include <set>

namespace limbic {

// Whether a module trains (dropout drops, batch statistics are used): yes at first. A type of its own, so
// that visit() can name it. It is not part of the state dict.
struct Training {
  bool on = true;
  operator bool() const { return on; }
};

// A parameter or buffer with its full name.
template <class X>
struct Named {
  std::string name;
  X* value;
};

namespace detail {

struct IgnoreAll {
  template <class X>
  void operator()(std::string_view, X&) const {}
};

template <class M>
concept Visitable = requires(M& m) {
  m.visit(IgnoreAll{});
};

// Walks a module depth first, in the order of visit(), and calls f(full name, part) for every part that is
// not a module itself.
template <class F>
class Walk {
 public:
  Walk(std::string prefix, F& f) : prefix_(std::move(prefix)), f_(f) {}

  template <class X>
  void operator()(std::string_view name, X& part) {
    const std::string full = prefix_ + std::string(name);
    if constexpr (Visitable<X>) part.visit(Walk(full + ".", f_));
    else f_(full, part);
  }
  template <class M>
  void operator()(std::string_view name, std::vector<M>& modules) {
    for (std::size_t i = 0; i < modules.size(); ++i)
      (*this)(std::string(name) + "." + std::to_string(i), modules[i]);
  }

 private:
  std::string prefix_;
  F& f_;
};

}  // namespace detail

// Something with a visit() member.
template <class M>
concept ModuleLike = detail::Visitable<M>;

// Calls f(name, part) for every parameter, buffer, flag and stream of the module, in a fixed order.
template <ModuleLike M, class F>
void visit_parts(M& module, F&& f) {
  module.visit(detail::Walk<F>("", f));
}

namespace detail {
// Calls f(name, variable) for every parameter that is there, once.
template <class M, class F>
void visit_parameters(M& module, F&& f) {
  std::set<const void*> seen;
  visit_parts(module, [&]<class X>(const std::string& name, X& part) {
    if constexpr (OperandTraits<X>::kVar)
      if (part.defined() && (!part.node() || seen.insert(part.node().get()).second)) f(name, part);
  });
}
}  // namespace detail

// Parameters with their names, of several the first; optional ones that are not there (a Linear without bias)
// are left out. Of scalar type T only, frozen ones too.
template <class T, class D = Cpu, ModuleLike M>
std::vector<Named<Var<T, D>>> named_parameters(M& module) {
  std::vector<Named<Var<T, D>>> out;
  detail::visit_parameters(module, [&]<class X>(const std::string& name, X& part) {
    if constexpr (std::same_as<X, Var<T, D>>) out.push_back({name, &part});
  });
  return out;
}
// Handles on the parameters, for an optimiser.
template <class T, class D = Cpu, ModuleLike M>
std::vector<Var<T, D>> parameters(M& module) {
  std::vector<Var<T, D>> out;
  for (auto& p : named_parameters<T, D>(module)) out.push_back(*p.value);
  return out;
}
// Buffers (running statistics) of scalar type T with their names; counters are of index_t.
template <class T, class D = Cpu, ModuleLike M>
std::vector<Named<Tensor<T, D>>> named_buffers(M& module) {
  std::vector<Named<Tensor<T, D>>> out;
  visit_parts(module, [&]<class X>(const std::string& name, X& part) {
    if constexpr (std::same_as<X, Tensor<T, D>>)
      if (part.defined()) out.push_back({name, &part});
  });
  return out;
}

// Number of elements of all parameters, frozen ones too.
template <ModuleLike M>
index_t count_parameters(M& module) {
  index_t n = 0;
  detail::visit_parameters(module, [&](const std::string&, auto& part) { n += part.numel(); });
  return n;
}

// A copy with parameters and buffers of its own, frozen where the module's are, without gradients; tied
// weights stay tied. Its random streams draw the same numbers as the module's.
template <ModuleLike M>
M clone(const M& module) {
  M out = module;
  std::map<const void*, void*> copies;
  visit_parts(out, [&]<class X>(const std::string&, X& part) {
    if constexpr (OperandTraits<X>::kVar) {
      if (!part.defined()) return;
      void*& copy = copies[part.node() ? static_cast<const void*>(part.node().get()) : &part];
      if (copy) part = *static_cast<X*>(copy);
      else part = X::leaf(part.value().clone()).set_requires_grad(part.requires_grad());
      copy = &part;
    } else if constexpr (requires { part.mutable_data(); }) {
      if (part.defined()) part = part.clone();
    }
  });
  return out;
}

// Turns training behaviour on or off everywhere in the module; train() and eval() do one of the two.
// Gradients are recorded either way: NoGrad, freeze().
template <ModuleLike M>
void set_training(M& module, bool on) {
  visit_parts(module, [&]<class X>(const std::string&, X& part) {
    if constexpr (std::same_as<X, Training>) part.on = on;
  });
}
template <ModuleLike M>
void train(M& module) {
  set_training(module, true);
}
template <ModuleLike M>
void eval(M& module) {
  set_training(module, false);
}

// Excludes all parameters of the module from training, or includes them again: gradients are then not
// recorded for them, and optimisers leave them alone.
template <ModuleLike M>
void freeze(M& module, bool frozen = true) {
  visit_parts(module, [&]<class X>(const std::string&, X& part) {
    if constexpr (OperandTraits<X>::kVar)
      if (part.defined()) part.set_requires_grad(!frozen);
  });
}

// Forgets the gradients of all parameters.
template <ModuleLike M>
void zero_grad(M& module) {
  visit_parts(module, [&]<class X>(const std::string&, X& part) {
    if constexpr (OperandTraits<X>::kVar) part.zero_grad();
  });
}

// Parameters and buffers of a module by name. On the CPU they share its memory: clone() for a snapshot; a
// device's are copies on the CPU.
template <ModuleLike M>
StateDict state_dict(M& module) {
  StateDict out;
  visit_parts(module, [&]<class X>(const std::string& name, X& part) {
    if constexpr (OperandTraits<X>::kVar) {
      if (part.defined()) out.put(name, part.value().template on<Cpu>());
    } else if constexpr (requires { out.put(name, part.template on<Cpu>()); }) {
      if (part.defined()) out.put(name, part.template on<Cpu>());
    }
  });
  return out;
}

// Copies values into the module's parameters and buffers. Every name must be there with the right shape, and
// none beyond (`strict`; names that start with one of `ignored` may be: parts that a checkpoint holds and
// this module has no use for). Not strict: those that are in both, still of the right shape. Float and double
// are converted. Throws for what does not fit, and nothing is changed then.
template <ModuleLike M>
void load_state_dict(M& module, const StateDict& state, bool strict = true,
                     std::span<const std::string> ignored = {}) {
  if (strict) {
    std::vector<std::string> names;
    const StateDict own = state_dict(module);
    for (const auto& entry : own.values()) names.push_back(entry.first);
    for (const auto& entry : state.values())
      for (const std::string& prefix : ignored)
        if (entry.first.starts_with(prefix)) names.push_back(entry.first);
    state.require_names(names);
  }
  auto each = [&](auto&& f) {
    visit_parts(module, [&]<class X>(const std::string& name, X& part) {
      if constexpr (OperandTraits<X>::kVar || requires { part.mutable_data(); })
        if (part.defined() && state.contains(name)) f(name, part);
    });
  };
  auto stored = [&]<class X>(const std::string& name, X& part) {
    using T = typename X::value_type;
    if constexpr (std::is_floating_point_v<T>) return state.get_float<T>(name, part.shape());
    else return state.template get<T>(name, part.shape());
  };
  each([&](const std::string& name, auto& part) { stored(name, part); });
  each([&]<class X>(const std::string& name, X& part) {
    using D = typename X::device_type;
    const auto value = stored(name, part).template on<D>();
    if constexpr (OperandTraits<X>::kVar) part.mutable_value().copy_from(value);
    else part.copy_from(value);
  });
}

// Random streams of the module (dropout), and their way back: with parameters, optimiser and counters, all
// that a training run needs to go on bit for bit. Loading throws when one is missing.
template <ModuleLike M>
StateDict random_state(M& module) {
  StateDict out;
  visit_parts(module, [&]<class X>(const std::string& name, X& part) {
    if constexpr (std::same_as<X, RandomStream>) {
      out.put_u64(name + ".key", part.state().key);
      out.put_u64(name + ".position", part.state().position);
    }
  });
  return out;
}
template <ModuleLike M>
void load_random_state(M& module, const StateDict& state) {
  visit_parts(module, [&]<class X>(const std::string& name, X& part) {
    if constexpr (std::same_as<X, RandomStream>)
      part.set_state({state.get_u64(name + ".key"), state.get_u64(name + ".position")});
  });
}

}  // namespace limbic
