// sum, mean, sum_to, expand over every layout that the kernel treats apart.
#include <limbic/ops/sum.hpp>

#include "support/naive_reduce.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
template <class V>
auto total(const V& v) {
  double s = 0;
  for (auto e : v) s += static_cast<double>(e);
  return static_cast<typename V::value_type>(s);
}
}  // namespace

TEST_CASE("sum and mean") {
  for (const auto& c : reduce_cases()) {
    check_op("sum", [c](const auto& x) { return sum(x[0], c.dims, c.keepdim); },
             naive_reduce(c.dims, c.keepdim, [](const auto& v) { return total(v); }), {{{c.shape}}});
    check_op("mean", [c](const auto& x) { return mean(x[0], c.dims, c.keepdim); },
             naive_reduce(c.dims, c.keepdim,
                          [](const auto& v) { return total(v) / static_cast<decltype(total(v))>(v.size()); }),
             {{{c.shape}}});
  }
}
TEST_CASE("large sums, cut among threads") {
  for (const auto& c : std::vector<ReduceCase>{{{300, 1000}, {}},
                                               {{3000, 70}, {0}},
                                               {{20, 150, 70}, {0, 2}},
                                               {{200003}, {0}},
                                               {{64, 100, 64}, {1}},
                                               {{100, 3000}, {1}},
                                               {{1, 200000, 1}, {1}, true}})
    check_op("sum", [c](const auto& x) { return sum(x[0], c.dims, c.keepdim); },
             naive_reduce(c.dims, c.keepdim, [](const auto& v) { return total(v); }), {{{c.shape}}});
}
TEST_CASE("sum over nothing, of views, and bad dims") {
  CHECK(sum(Tensor<float>::zeros({0})).item() == 0);
  CHECK(sum(Tensor<float>::zeros({2, 0, 3}), {1}).to_vector() == std::vector<float>(6, 0.0f));
  CHECK(sum(Tensor<float>::zeros({0, 3}), {1}).shape() == Shape{0});
  CHECK(sum(Tensor<float>::ones({1}).expand({50, 70})).item() == 3500);
  const auto x = Tensor<double>::arange(24).reshape({2, 3, 4});
  CHECK(sum(x.permute({2, 0, 1}), {0}).to_vector() == sum(x, {2}).to_vector());
  CHECK(sum(x.permute({1, 2, 0}), {0, 1}).to_vector() == sum(x, {1, 2}).to_vector());
  check_error([&] { sum(x, {3}); }, {"[sum]", "dim must be in [-3, 2]", "got 3"});
  check_error([&] { sum(x, {0, -3}); }, {"[sum]", "repeat"});
  check_error([] { mean(Tensor<float>::zeros({0})); }, {"[mean]", "at least one element"});
}
TEST_CASE("sum_to is the transpose of expand") {
  check_op(
      "sum_to",
      [](const auto& x) {
        return sum_to(x[0], {3, 1});
      },
      [](const auto& x) {
        return sum(x[0], {0, 2}, true).reshape({3, 1});
      },
      {{{{2, 3, 4}}}, {{{1, 3, 1}}}});
  check_op(
      "expand",
      [](const auto& x) {
        return expand(x[0], {2, 3, 4});
      },
      [](const auto& x) {
        return x[0].expand({2, 3, 4}).clone();
      },
      {{{{3, 1}}}, {{{}}}, {{{4}}}});
  check_error([] { sum_to(Tensor<float>::ones({2, 3}), {2}); }, {"[sum_to]", "(2, 3)", "(2)"});
}
