// var, stddev, norm.
#include <limbic/ops/statistics.hpp>

#include "support/naive_reduce.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

template <class V>
auto variance(const V& v, int correction) {
  double mean = 0, s = 0;
  for (auto e : v) mean += static_cast<double>(e) / static_cast<double>(v.size());
  for (auto e : v) s += (static_cast<double>(e) - mean) * (static_cast<double>(e) - mean);
  return static_cast<typename V::value_type>(s / (static_cast<double>(v.size()) - correction));
}

template <class V>
auto power_norm(const V& v, double p) {
  double s = 0;
  for (auto e : v) s += std::pow(std::fabs(static_cast<double>(e)), p);
  return static_cast<typename V::value_type>(std::pow(s, 1 / p));
}

}  // namespace

TEST_CASE("var") {
  for (const auto& c : reduce_cases()) {
    const bool one = c.shape.rank() == 0 || numel(c.shape) == 1 || c.shape == Shape{2, 1, 3};
    for (int correction : {0, 1}) {
      if (correction == 1 && one) continue;
      check_op(
          "var", [c, correction](const auto& x) { return var(x[0], c.dims, c.keepdim, correction); },
          naive_reduce(c.dims, c.keepdim, [correction](const auto& v) { return variance(v, correction); }),
          {{{c.shape}}});
    }
  }
  CHECK(std::isnan(var(Tensor<double>::ones({1})).item()));
  CHECK(var(Tensor<double>::ones({0, 3}), {1}).shape() == Shape{0});
  check_error([] { var(Tensor<float>::zeros({0})); }, {"[var]", "at least one element", "(0)"});
  // Far from 0 nothing is lost: the mean is taken off first.
  CHECK(var(Tensor<float>::from({4}, {1e6f, 1e6f + 1, 1e6f + 2, 1e6f + 3}), {}, false, 0).item() == 1.25f);
}
TEST_CASE("stddev") {
  check_op("stddev", [](const auto& x) { return stddev(x[0], {1}); },
           naive_reduce({1}, false, [](const auto& v) { return std::sqrt(variance(v, 1)); }),
           {{{{4, 6}}}, {{{2, 5, 3}}}});
  const auto x = Var<double>::leaf(Tensor<double>::ones({3}));
  CHECK(grad(stddev(x), {x})[0].value().to_vector() == std::vector<double>{0, 0, 0});
}
TEST_CASE("norm") {
  for (const auto& c : reduce_cases())
    check_op("norm", [c](const auto& x) { return norm(x[0], c.dims, c.keepdim); },
             naive_reduce(c.dims, c.keepdim, [](const auto& v) { return power_norm(v, 2); }),
             {{{c.shape}, -2, 2, 0.2}});
  for (double p : {1.0, 3.0, 1.5, 0.5}) {
    CAPTURE(p);
    check_op("norm", [p](const auto& x) { return norm(x[0], {1}, true, p); },
             naive_reduce({1}, true, [p](const auto& v) { return power_norm(v, p); }), {{{{3, 4}}, 0.3, 2}});
  }
  check_op("norm", [](const auto& x) { return norm(x[0], {1}, false, kInf); },
           naive_reduce({1}, false,
                        [](const auto& v) {
                          auto m = v[0] - v[0];
                          for (auto e : v) m = std::max(m, std::fabs(e));
                          return m;
                        }),
           {{{{3, 4}}, -2, 2, 0.1}});
}
TEST_CASE("norms of zeros, counts, bad exponents") {
  for (double p : {0.5, 1.0, 2.0, 3.0}) {
    const auto x = Var<double>::leaf(Tensor<double>::zeros({3}));
    const auto y = norm(x, {}, false, p);
    CHECK(y.item() == 0);
    CHECK(grad(y, {x})[0].value().to_vector() == std::vector<double>{0, 0, 0});
  }
  const auto v = Var<double>::leaf(Tensor<double>::from({3}, {0, 3, -4}));
  CHECK(norm(v, {}, false, 0).item() == 2);
  CHECK(error_of(grad(norm(v), {v})[0].value(), Tensor<double>::from({3}, {0, 0.6, -0.8})) < 1e-15);
  const auto g = grad(norm(v, {}, false, 3), {v})[0].value().to_vector();
  CHECK(g[0] == 0);
  CHECK(norm(Tensor<double>::zeros({0})).item() == 0);
  check_error([&] { norm(v, {}, false, -1); }, {"[norm]", "p must not be negative", "-1"});
}
