// Losses on the device against the CPU: one generic function, run on both.
#pragma once

#include <doctest/doctest.h>

#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/guard.hpp>
#include <limbic/backend/cuda/index.hpp>
#include <limbic/backend/cuda/matmul.hpp>
#include <limbic/backend/cuda/rows.hpp>

#include "support/op_check.hpp"
#include "support/throws.hpp"

namespace limbic::test {

template <class T>
using Leaves = std::vector<Tensor<T>>;

// Fixed inputs of these shapes.
template <class T>
Leaves<T> leaves(const std::vector<Shape>& shapes, double low = -1, double high = 1) {
  Leaves<T> all;
  unsigned seed = 1;
  for (const Shape& shape : shapes) {
    const auto v = random_values(numel(shape), low, high, 0, seed++);
    all.push_back(Tensor<T>::from(shape, std::vector<T>(v.begin(), v.end())));
  }
  return all;
}

// The loss, and its gradients.
template <class D, class T, class F>
std::vector<Tensor<T>> results(const Leaves<T>& inputs, F&& f) {
  std::vector<Var<T, D>> x;
  for (const auto& t : inputs) x.push_back(Var<T, D>::leaf(t.template on<D>()));
  const Var<T, D> y = f(x);
  std::vector<Tensor<T>> all{y.value().template on<Cpu>()};
  const Var<T, D> cotangent(Tensor<T>::full(y.shape(), T(0.7)).template on<D>());
  for (const auto& d : grad(y, x, cotangent)) all.push_back(d.value().template on<Cpu>());
  return all;
}

// The largest difference over the largest number (at least `least`).
template <class T>
double difference(const Tensor<T>& got, const Tensor<T>& want, double least = 1e-3) {
  const auto a = got.to_vector(), b = want.to_vector();
  double worst = 0, size = least;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double d = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    worst = d > worst || d != d ? d : worst;
    size = std::max(size, std::abs(static_cast<double>(b[i])));
  }
  return worst / size;
}

// f(leaves) on both devices.
template <class T, class F>
void check_loss(const Leaves<T>& inputs, F&& f, double tolerance = sizeof(T) == 4 ? 1e-5 : 1e-12) {
  const auto here = results<Cpu>(inputs, f), there = results<Cuda>(inputs, f);
  for (std::size_t i = 0; i < here.size(); ++i) {
    CAPTURE(i);
    CHECK(difference(there[i], here[i]) < tolerance);
  }
}

// On the device of x.
template <class T, class X>
Tensor<T, device_of<X>> next_to(const X&, const Tensor<T>& t) {
  return t.template on<device_of<X>>();
}

}  // namespace limbic::test
