// cast.
#include <limbic/ops/cast.hpp>

#include <limbic/ops/arithmetic.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("cast converts values and gradients both ways") {
  const auto x = Var<float>::leaf(Tensor<float>::from({3}, {1, 2, 3}));
  const auto w = Var<double>::leaf(Tensor<double>::from({3}, {0.5, 0.25, 0.125}));
  const auto y = sum(cast<double>(x) * w * w);
  CHECK(y.item() == 0.25 + 2 * 0.0625 + 3 * 0.015625);
  backward(y);
  CHECK(x.grad().to_vector() == std::vector<float>{0.25f, 0.0625f, 0.015625f});
  CHECK(w.grad().to_vector() == std::vector<double>{1, 1, 0.75});
  CHECK(cast<float>(w).value().to_vector() == std::vector<float>{0.5f, 0.25f, 0.125f});
  CHECK(cast<double>(x.value()).at(1) == 2.0);
  CHECK(cast<float>(x).node() == x.node());
  CHECK_FALSE(cast<double>(x.detach()).requires_grad());
  NoGrad off;
  CHECK_FALSE(cast<double>(x).requires_grad());
}
TEST_CASE("derivatives of any order pass through a cast") {
  auto f = [](const auto& x) {
    const auto y = cast<float>(x[0]);
    return cast<double>(y) * x[0] * x[0];
  };
  const std::vector<Tensor<double>> at = {Tensor<double>::from({2, 2}, {1, 2, -1, 0.5})};
  const auto x = Var<double>::leaf(at[0]);
  const auto first = grad(sum(f(std::vector{x})), {x}, {}, true)[0];
  const auto second = grad(sum(first), {x}, {}, true)[0];
  const auto third = grad(sum(second), {x})[0];
  CHECK(error_of(first.value(), at[0] * at[0] * 3.0) < 1e-12);
  CHECK(error_of(second.value(), at[0] * 6.0) < 1e-12);
  CHECK(error_of(third.value(), Tensor<double>::full({2, 2}, 6)) < 1e-12);
  record_support("cast", "cpu", true, true);
}
