// amax, amin, max, min.
#include <limbic/ops/extremum.hpp>

#include "support/naive_reduce.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("amax and amin") {
  for (const auto& c : reduce_cases()) {
    check_op(
        "amax", [c](const auto& x) { return amax(x[0], c.dims, c.keepdim); },
        naive_reduce(c.dims, c.keepdim, [](const auto& v) { return *std::max_element(v.begin(), v.end()); }),
        {{{c.shape}}});
    check_op(
        "amin", [c](const auto& x) { return amin(x[0], c.dims, c.keepdim); },
        naive_reduce(c.dims, c.keepdim, [](const auto& v) { return *std::min_element(v.begin(), v.end()); }),
        {{{c.shape}}});
  }
}
TEST_CASE("extrema: equal elements share the gradient, also of gradients") {
  const auto x = Var<double>::leaf(Tensor<double>::from({2, 3}, {1, 4, 4, 5, 5, 5}));
  auto g = grad(sum(amax(x, {1})), {x})[0];
  CHECK(error_of(g.value(), Tensor<double>::from({2, 3}, {0, 0.5, 0.5, 1.0 / 3, 1.0 / 3, 1.0 / 3})) < 1e-15);
  g = grad(max(x), {x}, {}, true)[0];
  CHECK(error_of(g.value(), Tensor<double>::from({2, 3}, {0, 0, 0, 1.0 / 3, 1.0 / 3, 1.0 / 3})) < 1e-15);
  CHECK(grad(min(x), {x})[0].value().to_vector() == std::vector<double>{1, 0, 0, 0, 0, 0});
}
TEST_CASE("extrema of NaN, infinities and nothing") {
  for (index_t n : {1, 15, 16, 64, 200})
    for (index_t at : {index_t{0}, n / 2, n - 1}) {
      auto x = Tensor<float>::zeros({n});
      x.set({at}, static_cast<float>(kNan));
      CHECK(std::isnan(max(x).item()));
      CHECK(std::isnan(min(x).item()));
      CHECK(std::isnan(amax(x.reshape({n, 1}).expand({n, 70}), {0}).at(69)));
    }
  CHECK(max(Tensor<double>::full({3}, -kInf)).item() == -kInf);
  CHECK(amax(Tensor<double>::zeros({0, 3}), {1}).shape() == Shape{0});
  check_error([] { amax(Tensor<float>::zeros({0, 3}), {0}); }, {"[amax]", "at least one element", "(0, 3)"});
  check_error([] { min(Tensor<float>::zeros({0})); }, {"[amin]", "at least one element", "(0)"});
  check_error([] { amax(Tensor<float>::zeros({2}), {0, 0}); }, {"[amax]", "repeat"});
}
