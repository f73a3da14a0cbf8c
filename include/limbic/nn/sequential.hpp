// Sequential: modules one after the other.
#pragma once

#include <limbic/nn/module.hpp>

#include <tuple>

namespace limbic {

// Named by position, "0", "1", ..., as in PyTorch; parts without parameters count too. The parts are values
// and held by value: Sequential net(Linear<float>(4, 8, random), Relu());  std::get<0>(net.parts).weight
template <class... M>
struct Sequential {
  std::tuple<M...> parts;

  Sequential() = default;
  explicit Sequential(M... modules) : parts(std::move(modules)...) {}

  template <class V>
  void visit(V&& v) {
    [&]<std::size_t... I>(std::index_sequence<I...>) { (v(std::to_string(I), std::get<I>(parts)), ...); }
    (std::index_sequence_for<M...>{});
  }

  // The last part of ... of the first part of x; x itself without parts. Throws as they do.
  template <Operand X>
  auto operator()(const X& x) {
    return run<0>(x);
  }

 private:
  template <std::size_t I, class X>
  auto run(const X& x) {
    if constexpr (I == sizeof...(M)) return x;
    else return run<I + 1>(std::get<I>(parts)(x));
  }
};

}  // namespace limbic
