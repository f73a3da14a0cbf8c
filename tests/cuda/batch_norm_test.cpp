// Batch norm on the device against the CPU.
#include <limbic/backend/cuda/batch_norm.hpp>
#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/reduce.hpp>
#include <limbic/ops/batch_norm.hpp>
#include <limbic/ops/view.hpp>

#include "on_both.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
const auto training = [](const auto& at) { return batch_norm(at[0], at[1], at[2]); };
}

TEST_CASE("values and gradients of both layouts") {
  for (const Shape& x :
       {Shape{2, 1}, Shape{70, 3}, Shape{5, 33}, Shape{300, 40}, Shape{7, 5, 3}, Shape{130, 4, 4, 4},
        Shape{3, 2, 63}, Shape{3, 2, 64}, Shape{4, 3, 7, 11}, Shape{1, 2, 9000}, Shape{5, 300, 2}})
    check_on_both({x, {x[1]}, {x[1]}}, training, 1e-5);
}
TEST_CASE("without weight and bias; from the running statistics") {
  check_on_both({{9, 5, 6}}, [](const auto& at) {
    using X = std::decay_t<decltype(at[0])>;
    return batch_norm(at[0], X(), X());
  });
  check_on_both({{9, 5, 6}, {5}, {5}}, [](const auto& at) {
    using V = std::decay_t<decltype(at[0])>;
    using T = typename V::value_type;
    using D = typename V::device_type;
    const Tensor<T, D> mean = random_on<T, D>({5}, 8), var = Tensor<T, D>::full({5}, T(0.75));
    return batch_norm(at[0], at[1], at[2], mean, var, {.training = false});
  });
}
TEST_CASE("running statistics follow; they may be strided") {
  const Tensor<double> x = random_on<double, Cpu>({12, 3, 5}, 4), none;
  Tensor<double> mean = Tensor<double>::zeros({3}), var = Tensor<double>::ones({3});
  batch_norm(x, none, none, mean, var);
  const Tensor<float, Cuda> xf = x.to<float>().on<Cuda>(), nonef;
  Tensor<float, Cuda> both = Tensor<float, Cuda>::zeros({3, 2}), meanf = both.select(1, 0),
                      varf = both.select(1, 1);
  varf.fill(1);
  batch_norm(xf, nonef, nonef, meanf, varf);
  CHECK(error_of(meanf.on<Cpu>(), mean) < 1e-6);
  CHECK(error_of(varf.on<Cpu>(), var) < 1e-6);
}
TEST_CASE("a mean far from 0 costs no digits") {
  for (const Shape& shape : {Shape{200, 3}, Shape{40, 2, 70}}) {
    Tensor<float> x = random_on<float, Cpu>(shape, 5);
    elementwise_update(
        Cpu{}, [](auto v) { return v + 4096.0f; }, x);
    const Shape c{shape[1]};
    Tensor<double> mean = Tensor<double>::empty(c), var = Tensor<double>::empty(c);
    batch_norm_moments(Cpu{}, mean, var, x.to<double>());
    Tensor<float, Cuda> meanf = Tensor<float, Cuda>::empty(c), varf = Tensor<float, Cuda>::empty(c);
    batch_norm_moments(Cuda{}, meanf, varf, x.on<Cuda>());
    CHECK(error_of(varf.on<Cpu>(), var) < 1e-3);  // numbers near 4096 have steps of 5e-4
    CHECK(error_of(meanf.on<Cpu>(), mean) < 1e-6);
  }
}
TEST_CASE("memory that begins anywhere") {
  check_on_both(
      {{401 * 4 + 1}, {4}, {4}},
      [](const auto& at) {
        return batch_norm(reshape(slice(at[0], 0, 1), {1, 4, 401}), at[1], at[2]);
      },
      1e-5);
  check_on_both(
      {{3 * 4 * 64 + 1}, {4}, {4}},
      [](const auto& at) {
        return batch_norm(reshape(slice(at[0], 0, 1), {3, 4, 64}), at[1], at[2]);
      },
      1e-5);
}
TEST_CASE("bit for bit in any order") {
  check_repeats({{140, 5, 6}, {5}, {5}}, training);
  check_repeats({{3, 2, 3000}, {2}, {2}}, training);
}
