// tanh, sigmoid, logsigmoid, softplus, softsign, relu, leaky_relu, elu, selu.
#include <limbic/ops/activation.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("tanh") {
  check_op(
      "tanh", [](const auto& x) { return tanh(x[0]); }, naive([](auto v) { return std::tanh(v); }),
      unary_cases(-3, 3));
}
TEST_CASE("sigmoid") {
  check_op(
      "sigmoid", [](const auto& x) { return sigmoid(x[0]); },
      naive([](auto v) { return 1 / (1 + std::exp(-v)); }), unary_cases(-4, 4));
}
TEST_CASE("logsigmoid") {
  check_op(
      "logsigmoid", [](const auto& x) { return logsigmoid(x[0]); },
      naive([](auto v) { return -std::log(1 + std::exp(-v)); }), unary_cases(-4, 4));
}
TEST_CASE("softplus") {
  check_op(
      "softplus", [](const auto& x) { return softplus(x[0]); },
      naive([](auto v) { return std::log(1 + std::exp(v)); }), unary_cases(-4, 4));
  // Beyond the threshold the function is linear; the jump there is what the gradient's differences must not
  // meet.
  check_op("softplus", [](const auto& x) { return softplus(x[0], 2, 3); }, naive([](auto v) {
             return 2 * v > 3 ? v : static_cast<decltype(v)>(std::log(1 + std::exp(2 * v)) / 2);
           }),
           {{{{5, 7}}, -3, 3}});
  check_error([] { softplus(Tensor<float>::ones({1}), 0); }, {"[softplus]", "beta must be positive"});
}
TEST_CASE("softsign") {
  check_op(
      "softsign", [](const auto& x) { return softsign(x[0]); },
      naive([](auto v) { return v / (1 + std::fabs(v)); }), unary_cases(-4, 4, 0.01));
}
TEST_CASE("relu") {
  check_op(
      "relu", [](const auto& x) { return relu(x[0]); }, naive([](auto v) { return v > 0 ? v : 0; }),
      unary_cases(-2, 2, 0.01));
}
TEST_CASE("leaky_relu") {
  check_op(
      "leaky_relu", [](const auto& x) { return leaky_relu(x[0], 0.2f); },
      naive([](auto v) { return v > 0 ? v : static_cast<decltype(v)>(0.2f) * v; }), unary_cases(-2, 2, 0.01));
}
TEST_CASE("elu") {
  check_op(
      "elu", [](const auto& x) { return elu(x[0], 1.5); },
      naive([](auto v) { return v > 0 ? v : static_cast<decltype(v)>(1.5) * std::expm1(v); }),
      unary_cases(-3, 3, 0.01));
}
TEST_CASE("selu") {
  check_op(
      "selu", [](const auto& x) { return selu(x[0]); }, naive([](auto v) {
        const double c = 1.0507009873554804934, a = 1.6732632423543772848;
        return static_cast<decltype(v)>(v > 0 ? c * static_cast<double>(v)
                                              : c * a * std::expm1(static_cast<double>(v)));
      }),
      unary_cases(-3, 3, 0.01));
}
TEST_CASE("activations far out, at 0 and of NaN") {
  CHECK(value_and_slope([](auto x) { return relu(x); }, 0.0) == std::pair{0.0, 0.0});
  CHECK(std::isnan(value_and_slope([](auto x) { return relu(x); }, kNan).first));
  CHECK(value_and_slope([](auto x) { return logsigmoid(x); }, -1e4) == std::pair{-1e4, 1.0});
  CHECK(value_and_slope([](auto x) { return softplus(x); }, 1e4) == std::pair{1e4, 1.0});
  CHECK(value_and_slope([](auto x) { return softplus(x); }, -1e4) == std::pair{0.0, 0.0});
  CHECK(value_and_slope([](auto x) { return sigmoid(x); }, -1e4) == std::pair{0.0, 0.0});
  CHECK(value_and_slope([](auto x) { return elu(x); }, 1e4) == std::pair{1e4, 1.0});
  // The exponential of the branch not taken must not spoil the second derivative.
  const auto x = Var<float>::leaf(Tensor<float>::scalar(200));
  const auto g = grad(elu(x), {x}, {}, true)[0];
  CHECK(grad(g * x, {x})[0].item() == 1.0f);
}
