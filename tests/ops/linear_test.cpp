// linear and linear_relu.
#include <limbic/ops/linear.hpp>

#include "support/by_index.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

template <bool Relu>
const auto reference = [](const auto& x) {
  using T = typename std::decay_t<decltype(x[0])>::value_type;
  Shape s = x[0].shape();
  s[s.rank() - 1] = x[1].shape()[0];
  return by_index<T>(s, [&](Dims i) {
    const index_t c = i.back();
    T y = x.size() > 2 ? element(x[2], {c}) : T(0);
    for (index_t k = 0; k < x[1].shape()[1]; ++k) {
      i[i.rank() - 1] = k;
      y += element(x[0], i) * element(x[1], {c, k});
    }
    return Relu && y < T(0) ? T(0) : y;
  });
};

const std::vector<OpCase> kCases = {{{{4, 5}, {3, 5}, {3}}},      {{{2, 7, 6}, {8, 6}, {8}}},
                                    {{{5}, {3, 5}, {3}}},         {{{1, 16}, {16, 16}, {16}}},
                                    {{{0, 5}, {3, 5}, {3}}},      {{{4, 0}, {3, 0}, {3}}},
                                    {{{4, 5}, {0, 5}, {0}}},      {{{1, 1}, {1, 1}, {1}}},
                                    {{{67, 33}, {65, 33}, {65}}}, {{{3, 100, 17}, {19, 17}, {19}}}};

}  // namespace

TEST_CASE("linear") {
  check_op(
      "linear", [](const auto& x) { return linear(x[0], x[1], x[2]); }, reference<false>, kCases);
}
TEST_CASE("linear without bias") {
  check_op("linear", [](const auto& x) { return linear(x[0], x[1]); }, reference<false>,
           {{{{4, 5}, {3, 5}}}, {{{2, 3, 5}, {3, 5}}}});
  using X = Var<double>;
  const auto x = X::leaf(Tensor<double>::ones({2, 3})), w = X::leaf(Tensor<double>::ones({4, 3}));
  CHECK(equal(linear(x, w, X{}).value(), Tensor<double>::full({2, 4}, 3)));
}
TEST_CASE("linear_relu") {
  check_op(
      "linear_relu", [](const auto& x) { return linear_relu(x[0], x[1], x[2]); }, reference<true>, kCases);
}
TEST_CASE("one weight used twice") {
  check_op(
      "linear", [](const auto& x) { return linear(linear_relu(x[0], x[1], x[2]), x[1], x[2]); },
      [](const auto& x) {
        auto y = x;
        y[0] = reference<true>(x);
        return reference<false>(y);
      },
      {{{{4, 5}, {5, 5}, {5}}}});
}
TEST_CASE("the bias gradient of many rows is exact to rounding") {
  const index_t rows = 100000;
  const auto x = Tensor<float>::ones({rows, 1});
  const auto w = Var<float>::leaf(Tensor<float>::ones({70, 1})),
             b = Var<float>::leaf(Tensor<float>::zeros({70}));
  backward(linear(x, w, b), Var<float>(Tensor<float>::full({rows, 70}, 0.1f)));
  for (float g : b.grad().to_vector())
    CHECK(g == doctest::Approx(static_cast<double>(rows) * 0.1f).epsilon(1e-5));
}
TEST_CASE("mixed tensors and variables; a frozen weight gets nothing") {
  const auto x = Tensor<float>::ones({2, 3});
  const auto w = Tensor<float>::ones({4, 3});
  const auto b = Var<float>::leaf(Tensor<float>::zeros({4}));
  backward(linear(x, w, b), Var<float>(Tensor<float>::ones({2, 4})));
  CHECK(equal(b.grad(), Tensor<float>::full({4}, 2)));
}
TEST_CASE("shapes that do not fit are named") {
  const auto x = Tensor<float>::zeros({2, 3}), w = Tensor<float>::zeros({4, 5}),
             b = Tensor<float>::zeros({3});
  check_error([&] { linear(x, w); },
              {"[linear]", "x (..., C_in) and weight (C_out, C_in)", "x (2, 3), weight (4, 5)"});
  check_error(
      [&] {
        linear(x, Tensor<float>::zeros({4, 3}), b);
      },
      {"[linear]", "bias (C_out)", "bias (3)", "(4, 3)"});
  check_error([&] { linear(Tensor<float>::scalar(1), w); }, {"[linear]", "x ()"});
  check_error([&] { linear_relu(x, x.slice(1, 0, 2), b); }, {"[linear_relu]", "weight (2, 2)"});
}
