// abs, sign, floor, ceil, round, trunc.
#include <limbic/ops/rounding.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("abs") {
  check_op(
      "abs", [](const auto& x) { return abs(x[0]); }, naive([](auto v) { return std::fabs(v); }),
      unary_cases(-2, 2, 0.01));
  CHECK(value_and_slope([](auto x) { return abs(x); }, 0.0) == std::pair{0.0, 0.0});
}
TEST_CASE("functions that are constant piece by piece") {
  const std::vector<OpCase> cases = unary_cases(-3, 3, 0.01);
  check_op(
      "sign", [](const auto& x) { return sign(x[0]); },
      naive([](auto v) { return static_cast<decltype(v)>(v > 0 ? 1 : -1); }), cases);
  check_op(
      "floor", [](const auto& x) { return floor(x[0]); }, naive([](auto v) { return std::floor(v); }), cases);
  check_op(
      "ceil", [](const auto& x) { return ceil(x[0]); }, naive([](auto v) { return std::ceil(v); }), cases);
  check_op(
      "round", [](const auto& x) { return round(x[0]); }, naive([](auto v) { return std::nearbyint(v); }),
      cases);
  check_op(
      "trunc", [](const auto& x) { return trunc(x[0]); }, naive([](auto v) { return std::trunc(v); }), cases);
}
TEST_CASE("halves, signs and NaN of rounding") {
  const auto halves = Tensor<double>::from({6}, {-1.5, -0.5, 0.5, 1.5, 2.5, 3.5});
  CHECK(round(halves).to_vector() == std::vector<double>{-2, 0, 0, 2, 2, 4});
  const auto odd = Tensor<double>::from({4}, {kNan, kInf, -kInf, 0.0});
  const auto s = sign(odd).to_vector();
  CHECK(std::isnan(s[0]));
  CHECK(s[1] == 1);
  CHECK(s[2] == -1);
  CHECK(s[3] == 0);
  CHECK(floor(odd).to_vector()[1] == kInf);
  const auto x = Var<double>::leaf(halves);
  backward(sum(floor(x)));
  CHECK(x.grad().to_vector() == std::vector<double>(6, 0.0));
}
