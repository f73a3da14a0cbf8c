// sin, cos, tan, asin, acos, atan, sinh, cosh, atan2.
#include <limbic/ops/trigonometric.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("sin, cos and tan") {
  check_op(
      "sin", [](const auto& x) { return sin(x[0]); }, naive([](auto v) { return std::sin(v); }),
      unary_cases(-7, 7));
  check_op(
      "cos", [](const auto& x) { return cos(x[0]); }, naive([](auto v) { return std::cos(v); }),
      unary_cases(-7, 7));
  check_op(
      "tan", [](const auto& x) { return tan(x[0]); }, naive([](auto v) { return std::tan(v); }),
      unary_cases(-1, 1));
}
TEST_CASE("asin, acos and atan") {
  const auto inside = unary_cases(-0.8, 0.8);
  check_op(
      "asin", [](const auto& x) { return asin(x[0]); }, naive([](auto v) { return std::asin(v); }), inside);
  check_op(
      "acos", [](const auto& x) { return acos(x[0]); }, naive([](auto v) { return std::acos(v); }), inside);
  check_op(
      "atan", [](const auto& x) { return atan(x[0]); }, naive([](auto v) { return std::atan(v); }),
      unary_cases(-3, 3));
  CHECK(std::isnan(value_and_slope([](auto x) { return asin(x); }, 1.5).first));
}
TEST_CASE("sinh and cosh") {
  check_op(
      "sinh", [](const auto& x) { return sinh(x[0]); }, naive([](auto v) { return std::sinh(v); }),
      unary_cases(-2, 2));
  check_op(
      "cosh", [](const auto& x) { return cosh(x[0]); }, naive([](auto v) { return std::cosh(v); }),
      unary_cases(-2, 2));
}
TEST_CASE("atan2") {
  check_op(
      "atan2", [](const auto& x) { return atan2(x[0], x[1]); },
      naive_pair([](auto a, auto b) { return std::atan2(a, b); }), pair_cases(0.3, 2));
  const auto y = Tensor<double>::from({2}, {0.0, -1.0}), x = Tensor<double>::from({2}, {-1.0, 0.0});
  CHECK(atan2(y, x).at(0) == doctest::Approx(std::acos(-1.0)));
  CHECK(atan2(y, x).at(1) == doctest::Approx(-std::acos(-1.0) / 2));
  check_error(
      [] {
        atan2(Tensor<float>::ones({2, 3}), Tensor<float>::ones({2}));
      },
      {"[atan2]", "(2, 3)", "(2)"});
}
