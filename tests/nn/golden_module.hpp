// A golden file as what a module of the same parameter names must reproduce.
#pragma once

#include <limbic/io/safetensors.hpp>
#include <limbic/nn/module.hpp>
#include <limbic/ops/sum.hpp>

#include "support/op_check.hpp"

namespace limbic::test {

class GoldenModule {
 public:
  explicit GoldenModule(const std::string& name)
      : file_(SafetensorsFile::open(LIMBIC_SOURCE_DIR "/tests/golden/" + name + ".safetensors")) {}

  Tensor<double> tensor(const std::string& name) const { return file_.load<double>(name); }

  // Loads the module's parameters and buffers, runs y = f(module, x), and compares y, the gradients of x and
  // of all parameters, and the buffers that the file has results of.
  template <class M, class F>
  void check(M& module, F&& f) const {
    StateDict state;
    for (const auto& [name, entry] : file_.entries())
      if (name.starts_with("in.") && name != "in.x") state.put(name.substr(3), tensor(name));
    for (const auto& b : named_buffers<index_t>(module)) state.put(b.name, *b.value);
    load_state_dict(module, state);
    Var<double> x = Var<double>::leaf(tensor("in.x"));
    const Var<double> y = f(module, x);
    CHECK(error_of(y.value(), tensor("out.y")) < 1e-10);
    backward(y, Var<double>(tensor("gy")));
    CHECK(error_of(x.grad(), tensor("grad.x")) < 1e-10);
    for (const auto& p : named_parameters<double>(module)) {
      CAPTURE(p.name);
      CHECK(error_of(p.value->grad(), tensor("grad." + p.name)) < 1e-10);
    }
    for (const auto& b : named_buffers<double>(module))
      if (file_.entries().count("out." + b.name)) CHECK(error_of(*b.value, tensor("out." + b.name)) < 1e-10);
  }

 private:
  SafetensorsFile file_;
};

}  // namespace limbic::test
