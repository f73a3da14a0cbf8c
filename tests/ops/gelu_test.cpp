// gelu, gelu_tanh, quick_gelu, silu, mish, erf, erfc.
#include <limbic/ops/gelu.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("erf") {
  check_op(
      "erf", [](const auto& x) { return erf(x[0]); }, naive([](auto v) { return std::erf(v); }),
      unary_cases(-3, 3));
}
TEST_CASE("erfc") {
  check_op(
      "erfc", [](const auto& x) { return erfc(x[0]); }, naive([](auto v) { return std::erfc(v); }),
      unary_cases(-3, 3));
}
TEST_CASE("gelu") {
  check_op(
      "gelu", [](const auto& x) { return gelu(x[0]); }, naive([](auto v) {
        return static_cast<decltype(v)>(0.5) * v *
               (1 + std::erf(v / static_cast<decltype(v)>(std::sqrt(2.0))));
      }),
      unary_cases(-4, 4));
}
TEST_CASE("gelu_tanh") {
  check_op(
      "gelu_tanh", [](const auto& x) { return gelu_tanh(x[0]); }, naive([](auto v) {
        using T = decltype(v);
        const T u =
            static_cast<T>(std::sqrt(2 / std::acos(-1.0))) * (v + static_cast<T>(0.044715) * v * v * v);
        return static_cast<T>(0.5) * v * (1 + std::tanh(u));
      }),
      unary_cases(-4, 4));
}
TEST_CASE("quick_gelu") {
  check_op(
      "quick_gelu", [](const auto& x) { return quick_gelu(x[0]); },
      naive([](auto v) { return v / (1 + std::exp(-static_cast<decltype(v)>(1.702) * v)); }),
      unary_cases(-4, 4));
}
TEST_CASE("silu") {
  check_op(
      "silu", [](const auto& x) { return silu(x[0]); }, naive([](auto v) { return v / (1 + std::exp(-v)); }),
      unary_cases(-4, 4));
}
TEST_CASE("mish") {
  check_op(
      "mish", [](const auto& x) { return mish(x[0]); },
      naive([](auto v) { return v * std::tanh(std::log(1 + std::exp(v))); }), unary_cases(-4, 4));
}
TEST_CASE("gates far out") {
  for (double far : {-1e3, 1e3}) {
    const std::pair<double, double> want{far > 0 ? far : 0.0, far > 0 ? 1.0 : 0.0};
    CHECK(value_and_slope([](auto x) { return gelu(x); }, far) == want);
    CHECK(value_and_slope([](auto x) { return gelu_tanh(x); }, far) == want);
    CHECK(value_and_slope([](auto x) { return silu(x); }, far) == want);
    CHECK(value_and_slope([](auto x) { return mish(x); }, far) == want);
  }
}
