// References for elementwise operations: plain loops over copied values.
#pragma once

#include "support/op_check.hpp"

namespace limbic::test {

// f(x) of each element.
template <class F>
auto naive(F f) {
  return [f](const auto& x) {
    auto v = x[0].to_vector();
    for (auto& e : v) e = f(e);
    return std::decay_t<decltype(x[0])>::from(x[0].shape(), v);
  };
}

// f(a, b) of each pair of elements of two operands that broadcast.
template <class F>
auto naive_pair(F f) {
  return [f](const auto& x) {
    const Shape shape = broadcast_shapes("naive", x[0].shape(), x[1].shape());
    const auto a = x[0].expand(shape).to_vector(), b = x[1].expand(shape).to_vector();
    auto y = a;
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = f(a[i], b[i]);
    return std::decay_t<decltype(x[0])>::from(shape, y);
  };
}

// Sizes below, at and above what is done at a time, ranks 0 to 4, nothing at all.
inline std::vector<OpCase> unary_cases(double low, double high, double gap = 0) {
  std::vector<OpCase> cases;
  for (const Shape& s : {Shape{}, Shape{1}, Shape{0, 3}, Shape{5, 13}, Shape{2, 3, 1, 4}, Shape{3, 67}})
    cases.push_back({{s}, low, high, gap});
  return cases;
}
inline std::vector<OpCase> pair_cases(double low, double high, double gap = 0) {
  const std::vector<std::vector<Shape>> shapes = {{{3}, {3}},    {{2, 1, 4}, {3, 1}}, {{}, {5}},
                                                  {{0, 3}, {3}}, {{7, 9}, {7, 9}},    {{3, 1, 1}, {2, 67}}};
  std::vector<OpCase> cases;
  for (const auto& s : shapes) cases.push_back({s, low, high, gap});
  return cases;
}

// Value and first derivative of f at one point.
template <class F>
std::pair<double, double> value_and_slope(const F& f, double at) {
  const auto x = Var<double>::leaf(Tensor<double>::scalar(at));
  const auto y = f(x);
  return {y.item(), grad(y, {x})[0].item()};
}

inline bool same(double a, double b) { return a == b || (a != a && b != b); }

inline constexpr double kInf = std::numeric_limits<double>::infinity();
inline constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

}  // namespace limbic::test
