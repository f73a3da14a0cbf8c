// exp, expm1, exp2, log, log1p, log2, log10.
#include <limbic/ops/exponential.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("exp") {
  check_op(
      "exp", [](const auto& x) { return exp(x[0]); }, naive([](auto v) { return std::exp(v); }),
      unary_cases(-3, 3));
}
TEST_CASE("expm1") {
  check_op(
      "expm1", [](const auto& x) { return expm1(x[0]); }, naive([](auto v) { return std::expm1(v); }),
      unary_cases(-3, 3));
}
TEST_CASE("exp2") {
  check_op(
      "exp2", [](const auto& x) { return exp2(x[0]); }, naive([](auto v) { return std::exp2(v); }),
      unary_cases(-3, 3));
}
TEST_CASE("log") {
  check_op(
      "log", [](const auto& x) { return log(x[0]); }, naive([](auto v) { return std::log(v); }),
      unary_cases(0.25, 4));
}
TEST_CASE("log1p") {
  check_op(
      "log1p", [](const auto& x) { return log1p(x[0]); }, naive([](auto v) { return std::log1p(v); }),
      unary_cases(-0.7, 3));
}
TEST_CASE("log2") {
  check_op(
      "log2", [](const auto& x) { return log2(x[0]); }, naive([](auto v) { return std::log2(v); }),
      unary_cases(0.25, 4));
}
TEST_CASE("log10") {
  check_op(
      "log10", [](const auto& x) { return log10(x[0]); }, naive([](auto v) { return std::log10(v); }),
      unary_cases(0.25, 4));
}
TEST_CASE("infinities and NaN of exponentials and logarithms") {
  CHECK(value_and_slope([](auto x) { return exp(x); }, -kInf) == std::pair{0.0, 0.0});
  CHECK(value_and_slope([](auto x) { return exp(x); }, kInf).first == kInf);
  CHECK(value_and_slope([](auto x) { return expm1(x); }, -kInf) == std::pair{-1.0, 0.0});
  CHECK(value_and_slope([](auto x) { return log(x); }, 0.0) == std::pair{-kInf, kInf});
  CHECK(std::isnan(value_and_slope([](auto x) { return log(x); }, -1.0).first));
  CHECK(std::isnan(value_and_slope([](auto x) { return exp(x); }, kNan).first));
}
