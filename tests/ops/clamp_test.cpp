// clamp, hardtanh, relu6, maximum, minimum.
#include <limbic/ops/clamp.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("clamp") {
  check_op(
      "clamp", [](const auto& x) { return clamp(x[0], -0.5, 0.75); },
      naive([](auto v) { return std::clamp<decltype(v)>(v, decltype(v)(-0.5), decltype(v)(0.75)); }),
      unary_cases(-2, 2));
  check_op("clamp", [](const auto& x) { return clamp(x[0], 0.25); },
           naive([](auto v) { return std::max(v, decltype(v)(0.25)); }), {{{{4, 5}}}});
  check_op("clamp", [](const auto& x) { return clamp(x[0], {}, 0.25); },
           naive([](auto v) { return std::min(v, decltype(v)(0.25)); }), {{{{4, 5}}}});
}
TEST_CASE("hardtanh and relu6") {
  check_op(
      "hardtanh", [](const auto& x) { return hardtanh(x[0]); },
      naive([](auto v) { return std::clamp<decltype(v)>(v, -1, 1); }), unary_cases(-2, 2));
  check_op(
      "relu6", [](const auto& x) { return relu6(x[0]); },
      naive([](auto v) { return std::clamp<decltype(v)>(v, 0, 6); }), unary_cases(-3, 9, 0.1));
  check_error([] { hardtanh(Tensor<float>::ones({1}), 1, 1); }, {"[hardtanh]", "low must be below high"});
}
TEST_CASE("bounds, NaN and crossed bounds of clamp") {
  auto bounded = [](auto x) { return clamp(x, -1.0, 1.0); };
  CHECK(value_and_slope(bounded, 1.0) == std::pair{1.0, 1.0});
  CHECK(value_and_slope(bounded, -1.0) == std::pair{-1.0, 1.0});
  CHECK(value_and_slope(bounded, kInf) == std::pair{1.0, 0.0});
  CHECK(std::isnan(value_and_slope(bounded, kNan).first));
  CHECK(value_and_slope([](auto x) { return hardtanh(x); }, 1.0) == std::pair{1.0, 0.0});
  CHECK(value_and_slope([](auto x) { return clamp(x, 2.0, 1.0); }, 5.0).first == 1.0);
  CHECK(value_and_slope([](auto x) { return clamp(x, 2.0, 1.0); }, -5.0).first == 1.0);
}
TEST_CASE("maximum") {
  check_op(
      "maximum", [](const auto& x) { return maximum(x[0], x[1]); },
      naive_pair([](auto a, auto b) { return std::max(a, b); }), pair_cases(-2, 2));
}
TEST_CASE("minimum") {
  check_op(
      "minimum", [](const auto& x) { return minimum(x[0], x[1]); },
      naive_pair([](auto a, auto b) { return std::min(a, b); }), pair_cases(-2, 2));
}
TEST_CASE("maximum and minimum share the gradient of equal elements; NaN wins") {
  const auto a = Var<double>::leaf(Tensor<double>::from({4}, {1, 2, 3, kInf}));
  const auto b = Var<double>::leaf(Tensor<double>::from({4}, {1, 1, 5, kInf}));
  auto g = grad(sum(maximum(a, b)), {a, b});
  CHECK(g[0].value().to_vector() == std::vector<double>{0.5, 1, 0, 0.5});
  CHECK(g[1].value().to_vector() == std::vector<double>{0.5, 0, 1, 0.5});
  g = grad(sum(minimum(a, b)), {a, b});
  CHECK(g[0].value().to_vector() == std::vector<double>{0.5, 0, 1, 0.5});
  const auto nan = Tensor<double>::scalar(kNan), one = Tensor<double>::scalar(1);
  CHECK(std::isnan(maximum(nan, one).item()));
  CHECK(std::isnan(maximum(one, nan).item()));
  CHECK(std::isnan(minimum(nan, one).item()));
  CHECK(std::isnan(minimum(one, nan).item()));
  check_error(
      [] {
        maximum(Tensor<float>::ones({2, 3}), Tensor<float>::ones({2}));
      },
      {"[maximum]", "(2, 3)", "(2)"});
}
