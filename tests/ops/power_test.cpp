// square, sqrt, rsqrt, reciprocal, pow.
#include <limbic/ops/power.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("square") {
  check_op(
      "square", [](const auto& x) { return square(x[0]); }, naive([](auto v) { return v * v; }),
      unary_cases(-3, 3));
}
TEST_CASE("sqrt") {
  check_op(
      "sqrt", [](const auto& x) { return sqrt(x[0]); }, naive([](auto v) { return std::sqrt(v); }),
      unary_cases(0.3, 4));
}
TEST_CASE("rsqrt") {
  check_op(
      "rsqrt", [](const auto& x) { return rsqrt(x[0]); }, naive([](auto v) { return 1 / std::sqrt(v); }),
      unary_cases(0.3, 4));
}
TEST_CASE("reciprocal") {
  check_op(
      "reciprocal", [](const auto& x) { return reciprocal(x[0]); }, naive([](auto v) { return 1 / v; }),
      unary_cases(-3, 3, 0.4));
}
TEST_CASE("pow with a number as exponent") {
  check_op(
      "pow", [](const auto& x) { return pow(x[0], 2.5); },
      naive([](auto v) { return static_cast<decltype(v)>(std::pow(v, 2.5)); }), unary_cases(0.3, 3));
  for (double p : {-1.0, -0.5, 0.0, 0.5, 1.0, 2.0, 3.0, 4.0, -1.5}) {
    CAPTURE(p);
    check_op("pow", [p](const auto& x) { return pow(x[0], static_cast<scalar_of<decltype(x[0])>>(p)); },
             naive([p](auto v) { return static_cast<decltype(v)>(std::pow(static_cast<double>(v), p)); }),
             {{{{2, 3}}, 0.4, 2}});
  }
}
TEST_CASE("pow with a number as base") {
  check_op(
      "pow", [](const auto& x) { return pow(3, x[0]); },
      naive([](auto v) { return static_cast<decltype(v)>(std::pow(3, v)); }), unary_cases(-2, 2));
}
TEST_CASE("pow of two tensors") {
  check_op(
      "pow", [](const auto& x) { return pow(x[0], x[1]); },
      naive_pair([](auto a, auto b) { return std::pow(a, b); }), pair_cases(0.3, 2.5));
  check_error([] { pow(Tensor<float>::ones({2, 3}), Tensor<float>::ones({2})); }, {"[pow]", "(2, 3)", "(2)"});
}
TEST_CASE("pow and roots at 0") {
  auto number = [](double p) { return [p](auto x) { return pow(x, p); }; };
  CHECK(value_and_slope(number(0), 0.0) == std::pair{1.0, 0.0});
  CHECK(value_and_slope(number(1), 0.0) == std::pair{0.0, 1.0});
  CHECK(value_and_slope(number(2), 0.0) == std::pair{0.0, 0.0});
  CHECK(value_and_slope(number(0.5), 0.0) == std::pair{0.0, kInf});
  CHECK(value_and_slope(number(1.5), 0.0) == std::pair{0.0, 0.0});
  CHECK(value_and_slope([](auto x) { return pow(0, x); }, 0.0) == std::pair{1.0, 0.0});
  CHECK(value_and_slope([](auto x) { return pow(0, x); }, 2.0) == std::pair{0.0, 0.0});
  CHECK(std::isnan(value_and_slope([](auto x) { return sqrt(x); }, -1.0).first));
  CHECK(value_and_slope([](auto x) { return pow(x, 2.0); }, -3.0) == std::pair{9.0, -6.0});

  // (0, 0), (0, 2), (0, 1), (-2, 3), (2, 0)
  const auto a = Var<double>::leaf(Tensor<double>::from({5}, {0, 0, 0, -2, 2}));
  const auto b = Var<double>::leaf(Tensor<double>::from({5}, {0, 2, 1, 3, 0}));
  const auto y = pow(a, b);
  CHECK(y.value().to_vector() == std::vector<double>{1, 0, 0, -8, 1});
  const auto g = grad(sum(y), {a, b}, {}, true);
  CHECK(g[0].value().to_vector() == std::vector<double>{0, 0, 1, 12, 0});
  const auto db = g[1].value().to_vector();
  CHECK(db[0] == 0);
  CHECK(db[1] == 0);
  CHECK(db[2] == 0);
  CHECK(std::isnan(db[3]));
  CHECK(db[4] == doctest::Approx(std::log(2.0)));
  // Second derivatives stay finite where they are: b (b-1) a^(b-2), and a^(b-1) (1 + b log a) mixed.
  const auto second = grad(sum(g[0]), {a, b});
  CHECK(second[0].value().to_vector() == std::vector<double>{0, 2, 0, -12, 0});
  CHECK(second[1].value().to_vector()[1] == 0);
  CHECK(second[1].value().to_vector()[4] == doctest::Approx(0.5));
}
