// One function of tensors on the device against the CPU: its value and the gradients of all operands.
#pragma once

#include "support/op_check.hpp"

#if __has_include(<emulator/emulator.hpp>)
#include <emulator/emulator.hpp>
#endif

namespace limbic::test {

template <class T, class D>
Tensor<T, D> random_on(const Shape& shape, unsigned seed) {
  const auto values = random_values(numel(shape), -1, 1, 0, seed);
  return Tensor<T>::from(shape, std::vector<T>(values.begin(), values.end())).template on<D>();
}

// f's value, then the gradients of its operands for a fixed cotangent, on the host.
template <class T, class D, class F>
std::vector<Tensor<T>> value_and_gradients(const std::vector<Shape>& shapes, const F& f) {
  std::vector<Var<T, D>> at;
  unsigned seed = 1;
  for (const Shape& s : shapes) at.push_back(Var<T, D>::leaf(random_on<T, D>(s, seed++)));
  const Var<T, D> y = f(at);
  std::vector<Tensor<T>> all = {y.value().template on<Cpu>()};
  const Var<T, D> dy(random_on<T, D>(y.shape(), 99));
  for (const auto& d : grad(y, at, dy)) all.push_back(d.value().template on<Cpu>());
  return all;
}

// float on the device against double on the CPU.
template <class F>
std::vector<Tensor<double>> check_float_on_both(const std::vector<Shape>& shapes, const F& f,
                                                double tolerance = 4e-6) {
  INFO("first operand ", shapes[0]);
  const auto want = value_and_gradients<double, Cpu>(shapes, f);
  const auto narrow = value_and_gradients<float, Cuda>(shapes, f);
  for (std::size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    REQUIRE(narrow[i].shape() == want[i].shape());
    CHECK(error_of(narrow[i], want[i]) < tolerance);
  }
  return want;
}
// And double against double.
template <class F>
void check_on_both(const std::vector<Shape>& shapes, const F& f, double tolerance = 4e-6) {
  INFO("first operand ", shapes[0]);
  const auto want = check_float_on_both(shapes, f, tolerance);
  const auto wide = value_and_gradients<double, Cuda>(shapes, f);
  for (std::size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    CHECK(error_of(wide[i], want[i]) < tolerance * 1e-8);
  }
}

// On the emulator: the same bits in any order of blocks and threads. On a GPU: from run to run.
template <class F>
void check_repeats(const std::vector<Shape>& shapes, const F& f) {
  const auto want = value_and_gradients<float, Cuda>(shapes, f);
  for (unsigned schedule : {0u, 7u, 8u}) {
#if __has_include(<emulator/emulator.hpp>)
    emulator::options().schedule = schedule;
#endif
    CAPTURE(schedule);
    const auto again = value_and_gradients<float, Cuda>(shapes, f);
    for (std::size_t i = 0; i < want.size(); ++i) CHECK(identical(again[i], want[i]));
  }
#if __has_include(<emulator/emulator.hpp>)
  emulator::options().schedule = 0;
#endif
}

}  // namespace limbic::test
