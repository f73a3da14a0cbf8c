// index_get, index_put, index_fill, masked_select.
#include <limbic/ops/index_put.hpp>

#include "support/by_index.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
template <class X>
using scalar = typename std::decay_t<X>::value_type::value_type;

// Pairs (i, j) with i in 0..2, j in 0..3: shape (2, 3), from indices (2, 1) and (3), one of them negative.
const auto rows = indices({2, 1}, {2, -3});
const auto cols = indices({3}, {1, 3, 1});
constexpr index_t kRows[] = {2, 0}, kCols[] = {1, 3, 1};
}  // namespace

TEST_CASE("index_get") {
  check_op(
      "index_get",
      [](const auto& x) {
        return index_get(x[0], {beside(x[0], rows), beside(x[0], cols)});
      },
      [](const auto& x) {
        return by_index<scalar<decltype(x)>>({2, 3, 5}, [&](const Dims& i) {
          return element(x[0], {kRows[i[0]], kCols[i[1]], i[2]});
        });
      },
      {{{{3, 4, 5}}}});
  const auto t = Tensor<float>::arange(12).reshape({3, 4});
  CHECK(index_get(t, {indices({}, {1})}).to_vector() == std::vector<float>{4, 5, 6, 7});
  CHECK(index_get(t, {rows, cols}).to_vector() == std::vector<float>{9, 11, 9, 1, 3, 1});
  check_error([&] { index_get(t, {indices({1}, {3})}); },
              {"[index_get]", "in [-3, 2]", "got 3 for dim 0 of (3, 4)"});
  check_error([&] { index_get(t, {rows, rows, rows}); }, {"[index_get]", "1 to all dimensions", "3"});
  check_error(
      [&] {
        index_get(t, {indices({2}, {0, 0}), cols});
      },
      {"[index_get]", "broadcast", "(2)", "(3)"});
}

TEST_CASE("index_put") {
  auto reference = [](bool accumulate) {
    return [=](const auto& x) {
      auto y = x[0].clone();
      const auto v = x[1].expand({2, 3, 5});
      for (index_t i = 0; i < 2; ++i)
        for (index_t j = 0; j < 3; ++j)
          for (index_t k = 0; k < 5; ++k) {
            const Dims to = {kRows[i], kCols[j], k};
            y.set(to, element(v, {i, j, k}) + (accumulate ? element(y, to) : 0));
          }
      return y;
    };
  };
  for (bool accumulate : {false, true})
    check_op("index_put",
             [=](const auto& x) {
               return index_put(x[0], {beside(x[0], rows), beside(x[0], cols)}, x[1], accumulate);
             },
             reference(accumulate), {{{{3, 4, 5}, {2, 3, 5}}}, {{{3, 4, 5}, {3, 1}}}, {{{3, 4, 5}, {}}}});
  // What is overwritten does not show, not even a NaN, and gets no gradient.
  const auto x = Var<double>::leaf(Tensor<double>::full({3}, std::nan("")));
  const auto v = Var<double>::leaf(Tensor<double>::from({3}, {1, 2, 3}));
  const auto y = index_put(x, {indices({3}, {0, 1, 0})}, v);
  CHECK(y.value()(0) == 3);
  CHECK(y.value()(1) == 2);
  backward(y, Var<double>(Tensor<double>::ones({3})));
  CHECK(x.grad().to_vector() == std::vector<double>{0, 0, 1});
  CHECK(v.grad().to_vector() == std::vector<double>{0, 1, 1});
  check_error([&] { index_put(x, {indices({1}, {0})}, v); },
              {"[index_put]", "values must broadcast", "values (3) for (1)"});
}

TEST_CASE("index_fill") {
  check_op(
      "index_fill",
      [](const auto& x) {
        return index_fill(x[0], 1, beside(x[0], indices({2}, {2, 0})), 7);
      },
      [](const auto& x) {
        return by_index<scalar<decltype(x)>>(x[0].shape(), [&](const Dims& i) {
          return i[1] == 2 || i[1] == 0 ? scalar<decltype(x)>(7) : element(x[0], i);
        });
      },
      {{{{2, 3, 4}}}, {{{0, 3, 4}}}});
  check_error([&] { index_fill(Tensor<float>::zeros({2}), 0, indices({1}, {2}), 1); },
              {"[index_fill]", "in [0, 1]", "got 2"});
}

TEST_CASE("masked_select") {
  const auto mask = Tensor<bool>::from({3}, std::vector<bool>{true, false, true});
  check_op(
      "masked_select", [&](const auto& x) { return masked_select(x[0], beside(x[0], mask)); },
      [](const auto& x) {
        return by_index<scalar<decltype(x)>>({4}, [&](const Dims& i) {
          return element(x[0], {i[0] / 2, i[0] % 2 * 2});
        });
      },
      {{{{2, 3}}}});
  CHECK(masked_select(Tensor<float>::zeros({0, 3}), mask).shape() == Shape{0});
  check_error([&] { masked_select(Tensor<float>::zeros({2}), mask); },
              {"[masked_select]", "x (2), mask (3)"});
}
