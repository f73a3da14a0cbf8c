// add, sub, mul, div, affine, neg and the operators.
#include <limbic/ops/arithmetic.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// Elementwise by plain loops over the broadcast operands.
template <class F>
auto naive(F f) {
  return [f](const auto& x) {
    const Shape shape = broadcast_shapes("naive", x[0].shape(), x[1].shape());
    const auto a = x[0].expand(shape).to_vector(), b = x[1].expand(shape).to_vector();
    auto y = a;
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = f(a[i], b[i]);
    return std::decay_t<decltype(x[0])>::from(shape, y);
  };
}

const std::vector<OpCase> kPairs = {
    {{{3}, {3}}},       {{{2, 3}, {3}}},         {{{2, 1, 4}, {3, 1}}}, {{{}, {5}}},
    {{{1}, {1}}},       {{{0, 3}, {3}}},         {{{7, 67}, {7, 67}}},  {{{33, 65}, {65}}},
    {{{5, 1}, {1, 9}}}, {{{300, 257}, {300, 1}}}};

std::vector<OpCase> away_from_zero() {
  auto cases = kPairs;
  for (auto& c : cases) c.gap = 0.5;
  return cases;
}

}  // namespace

TEST_CASE("add") {
  check_op(
      "add", [](const auto& x) { return x[0] + x[1]; }, naive([](auto a, auto b) { return a + b; }), kPairs);
}
TEST_CASE("sub") {
  check_op(
      "sub", [](const auto& x) { return x[0] - x[1]; }, naive([](auto a, auto b) { return a - b; }), kPairs);
}
TEST_CASE("mul") {
  check_op(
      "mul", [](const auto& x) { return x[0] * x[1]; }, naive([](auto a, auto b) { return a * b; }), kPairs);
}
TEST_CASE("div") {
  check_op(
      "div", [](const auto& x) { return x[0] / x[1]; }, naive([](auto a, auto b) { return a / b; }),
      away_from_zero());
}
TEST_CASE("affine") {
  auto f = [](const auto& x) { return 3 - (2 * x[0] + 1) / 4; };
  auto g = [](const auto& x) {
    auto v = x[0].to_vector();
    for (auto& e : v) e = 3 - (2 * e + 1) / 4;
    return std::decay_t<decltype(x[0])>::from(x[0].shape(), v);
  };
  check_op("affine", f, g, {{{{4}}}, {{{}}}, {{{0}}}, {{{9, 31}}}});
}
TEST_CASE("number over tensor") {
  auto g = [](const auto& x) {
    auto v = x[0].to_vector();
    for (auto& e : v) e = 2 / e;
    return std::decay_t<decltype(x[0])>::from(x[0].shape(), v);
  };
  check_op("div", [](const auto& x) { return 2 / x[0]; }, g, {{{{4}}, -2, 2, 0.5}});
}
TEST_CASE("zeros keep the sign that the arithmetic gives them") {
  const auto x = Tensor<float>::from({2}, {0.0f, -0.0f});
  auto minus = [](const Tensor<float>& y) {
    return std::vector<bool>{std::signbit(y(0)), std::signbit(y(1))};
  };
  CHECK(minus(-x) == std::vector<bool>{true, false});
  for (const auto& y : {x * 2, 2 * x, x / 2, -(-x)}) CHECK(minus(y) == std::vector<bool>{false, true});
  const auto v = Var<float>::leaf(x);
  backward(v * 2, Var<float>(x));
  CHECK(minus(v.grad()) == std::vector<bool>{false, true});
}
TEST_CASE("a tensor over a number is divided, not multiplied by the reciprocal") {
  check_op(
      "div", [](const auto& x) { return x[0] / 3; },
      [](const auto& x) {
        auto v = x[0].to_vector();
        for (auto& e : v) e /= 3;
        return std::decay_t<decltype(x[0])>::from(x[0].shape(), v);
      },
      {{{{3, 5}}}});
  const auto y = Tensor<float>::from({3}, {5.0f, 1e-39f, 0.0f});
  CHECK((y / 3.0f).to_vector()[0] == 5.0f / 3.0f);
  CHECK((y / 1e-39f).to_vector()[1] == 1.0f);
  CHECK((y / 1e-39f).to_vector()[2] == 0.0f);
}
TEST_CASE("the same operand twice") {
  check_op(
      "mul", [](const auto& x) { return x[0] * x[0] - x[0]; },
      [](const auto& x) {
        auto v = x[0].to_vector();
        for (auto& e : v) e = e * e - e;
        return std::decay_t<decltype(x[0])>::from(x[0].shape(), v);
      },
      {{{{3, 5}}}});
}
TEST_CASE("shapes that do not broadcast are named") {
  const auto a = Tensor<float>::zeros({2, 3}), b = Tensor<float>::zeros({2});
  check_error([&] { a + b; }, {"[add]", "(2, 3)", "(2)", "broadcast"});
  check_error([&] { a* b; }, {"[mul]", "(2, 3)", "(2)"});
}
