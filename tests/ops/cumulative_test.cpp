// cumsum, cumprod, prod.
#include <limbic/ops/cumulative.hpp>
#include <limbic/ops/prod.hpp>

#include "support/naive_reduce.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

template <class F>
auto naive_scan(index_t dim, F f) {
  return [dim, f](const auto& x) {
    using X = std::decay_t<decltype(x[0])>;
    if (x[0].rank() == 0) return x[0].clone();
    const X moved = x[0].transpose(dim, -1).contiguous();
    auto v = moved.to_vector();
    const auto n = static_cast<std::size_t>(x[0].size(dim));
    for (std::size_t i = 0; i < v.size(); ++i)
      if (i % n) v[i] = f(v[i - 1], v[i]);
    return X::from(moved.shape(), v).transpose(dim, -1).clone();
  };
}

struct ScanCase {
  Shape shape;
  index_t dim;
};
const std::vector<ScanCase> kScans = {{{}, 0},      {{1}, 0},          {{7}, -1},   {{3, 5}, 0},
                                      {{3, 5}, 1},  {{2, 3, 4}, 1},    {{0, 3}, 1}, {{3, 0}, 1},
                                      {{5, 70}, 0}, {{2, 9, 1, 3}, -3}};

template <class V>
auto product(const V& v) {
  auto p = static_cast<typename V::value_type>(1);
  for (auto e : v) p *= e;
  return p;
}

}  // namespace

TEST_CASE("cumsum") {
  for (const auto& c : kScans)
    check_op("cumsum", [c](const auto& x) { return cumsum(x[0], c.dim); },
             naive_scan(c.dim, [](auto a, auto b) { return a + b; }), {{{c.shape}}});
  check_op("cumsum", [](const auto& x) { return cumsum(x[0], 1); },
           naive_scan(1, [](auto a, auto b) { return a + b; }), {{{{50, 300, 6}}}});
  check_error([] { cumsum(Tensor<float>::ones({2}), 1); }, {"[cumsum]", "dim must be in [-1, 0]", "got 1"});
}
TEST_CASE("cumprod") {
  for (const auto& c : kScans)
    check_op("cumprod", [c](const auto& x) { return cumprod(x[0], c.dim); },
             naive_scan(c.dim, [](auto a, auto b) { return a * b; }), {{{c.shape}, -1.5, 1.5}});
  check_error([] { cumprod(Tensor<float>::ones({2}), -2); },
              {"[cumprod]", "dim must be in [-1, 0]", "got -2"});
}
TEST_CASE("prod") {
  for (const auto& c : reduce_cases())
    check_op("prod", [c](const auto& x) { return prod(x[0], c.dims, c.keepdim); },
             naive_reduce(c.dims, c.keepdim, [](const auto& v) { return product(v); }),
             {{{c.shape}, -1.4, 1.4, 0.7}});
  CHECK(prod(Tensor<float>::zeros({0})).item() == 1);
  CHECK(prod(Tensor<float>::zeros({2, 0}), {1}).to_vector() == std::vector<float>{1, 1});
  check_error([] { prod(Tensor<float>::ones({2}), {1}); }, {"[prod]", "dim must be in [-1, 0]"});
}
TEST_CASE("products with zeros have the right gradients of any order") {
  for (const auto& values : {std::vector<double>{2, 0, 3, -1}, {0, 2, 0, 3}, {0, 0, 0, 1}, {1, 2, 3, 0}}) {
    const std::vector<Tensor<double>> x = {Tensor<double>::from({4}, values)};
    CHECK_NOTHROW(gradcheck([](const auto& v) { return prod(v[0]); }, x));
    CHECK_NOTHROW(gradgradcheck([](const auto& v) { return prod(v[0]); }, x));
    CHECK_NOTHROW(gradcheck([](const auto& v) { return cumprod(v[0], 0); }, x));
    CHECK_NOTHROW(gradgradcheck([](const auto& v) { return cumprod(v[0], 0); }, x));
  }
}
