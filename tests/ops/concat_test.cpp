// concat, stack, split, chunk.
#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/concat.hpp>

#include "support/by_index.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
template <class X>
using scalar = typename std::decay_t<X>::value_type::value_type;
}

TEST_CASE("concat") {
  auto reference = [](const auto& x) {
    Shape s = x[0].shape();
    for (std::size_t k = 1; k < x.size(); ++k) s[1] += x[k].shape()[1];
    return by_index<scalar<decltype(x)>>(s, [&](Dims i) {
      std::size_t k = 0;
      for (; i[1] >= x[k].shape()[1]; ++k) i[1] -= x[k].shape()[1];
      return element(x[k], i);
    });
  };
  check_op("concat", [](const auto& x) { return concat(x, -2); }, reference,
           {{{{2, 3, 4}, {2, 2, 4}}},
            {{{1, 1, 1}}},
            {{{2, 0, 3}, {2, 2, 3}, {2, 1, 3}}},
            {{{0, 2, 3}, {0, 1, 3}}},
            {{{7, 33, 17}, {7, 3, 17}}}});
  const auto a = Tensor<float>::zeros({2, 3}), b = Tensor<float>::zeros({3, 3});
  CHECK(concat({a, b}).shape() == Shape{5, 3});
  check_error(
      [&] {
        concat({a, b}, 1);
      },
      {"[concat]", "equal but for dim 1", "(2, 3)", "(3, 3)", "number 1"});
  check_error([&] { concat({a, b}, 2); }, {"[concat]", "dim must be in [-2, 1]"});
  check_error([&] { concat(std::vector<Tensor<float>>{}); }, {"[concat]", "at least one"});
}

TEST_CASE("concat of integers") {
  const auto a = Tensor<index_t>::arange(2), b = Tensor<index_t>::arange(1, 7);
  CHECK(concat(std::vector{a, b}).to_vector() == std::vector<index_t>{0, 1, 7});
  check_error([&] { concat(std::vector{a, b}, 1); }, {"[concat]", "dim must be in [-1, 0]"});
}

TEST_CASE("concat of one variable with itself") {
  const auto x = Var<double>::leaf(Tensor<double>::arange(3));
  backward(sum(concat({x, x, x * x})));
  CHECK(x.grad().to_vector() == std::vector<double>{2, 4, 6});
}

TEST_CASE("stack") {
  auto reference = [](const auto& x) {
    Shape s = x[0].shape();
    s.push_back(static_cast<index_t>(x.size()));
    return by_index<scalar<decltype(x)>>(s, [&](Dims i) {
      const auto k = static_cast<std::size_t>(i.back());
      i.erase(i.rank() - 1);
      return element(x[k], i);
    });
  };
  check_op("stack", [](const auto& x) { return stack(x, -1); }, reference,
           {{{{2, 3}, {2, 3}}}, {{{}, {}, {}}}, {{{0, 2}, {0, 2}}}, {{{5, 33}, {5, 33}, {5, 33}}}});
  const auto a = Tensor<float>::zeros({2, 3}), b = Tensor<float>::zeros({3, 3});
  CHECK(stack({a, a}).shape() == Shape{2, 2, 3});
  check_error([&] { stack({a, b}); }, {"[stack]", "equal", "(2, 3)", "(3, 3)"});
}

TEST_CASE("split and chunk") {
  auto reference = [](const auto& x) { return x[0].slice(1, 2, 3) * 2 - x[0].slice(1, 4, 5); };
  check_op("split",
           [](const auto& x) {
             const auto p = split(x[0], {2, 2, 1}, 1);
             return slice(p[1], 1, 0, 1) * 2 - p[2];
           },
           reference, {{{{2, 5, 3}}}});
  check_op("split",
           [](const auto& x) {
             const auto p = split(x[0], 2, 1);
             return slice(p[1], 1, 0, 1) * 2 - p[2];
           },
           reference, {{{{2, 5, 3}}}});
  check_op("chunk",
           [](const auto& x) {
             const auto p = chunk(x[0], 3, 1);
             return slice(p[1], 1, 0, 1) * 2 - p[2];
           },
           reference, {{{{2, 5, 3}}}});
  const auto t = Tensor<float>::zeros({2, 5});
  CHECK(chunk(t, 4, 1).size() == 3);
  CHECK(split(Tensor<float>::zeros({0}), 3).size() == 1);
  check_error([&] { split(t, {2, 2}, 1); }, {"[split]", "add up", "4", "dim 1 of (2, 5)"});
  check_error(
      [&] {
        split(t, {2, 4}, 1);
      },
      {"[split]", "add up to more", "got 4 after 2 for dim 1 of (2, 5)"});
  check_error([&] { split(t, {-1, 6}, 1); }, {"[split]", "negative", "-1"});
  check_error([&] { split(t, 0, 1); }, {"[split]", "positive"});
  check_error([&] { chunk(t, 0, 1); }, {"[chunk]", "positive"});
}
