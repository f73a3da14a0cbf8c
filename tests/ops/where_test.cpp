// where, masked_fill.
#include <limbic/ops/where.hpp>

#include <limbic/ops/exponential.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

Tensor<bool> every_third(const Shape& shape) {
  std::vector<bool> v(static_cast<std::size_t>(numel(shape)));
  for (std::size_t i = 0; i < v.size(); ++i) v[i] = i % 3 == 0;
  return Tensor<bool>::from(shape, v);
}

// The element of each position by a loop over all, with the mask broadcast too.
auto naive_where(const Tensor<bool>& mask) {
  return [mask](const auto& x) {
    const Shape shape = broadcast_shapes("", mask.shape(), broadcast_shapes("", x[0].shape(), x[1].shape()));
    const auto m = mask.expand(shape).to_vector();
    const auto a = x[0].expand(shape).to_vector(), b = x[1].expand(shape).to_vector();
    auto y = a;
    for (std::size_t i = 0; i < y.size(); ++i) y[i] = m[i] ? a[i] : b[i];
    return std::decay_t<decltype(x[0])>::from(shape, y);
  };
}

}  // namespace

TEST_CASE("where") {
  struct Case {
    Shape mask, a, b;
  };
  for (const Case& c : std::vector<Case>{{{3}, {3}, {3}},
                                         {{2, 3, 4}, {3, 1}, {4}},
                                         {{4}, {2, 1}, {}},
                                         {{}, {5}, {5}},
                                         {{0}, {0}, {1}},
                                         {{5, 1}, {1, 67}, {5, 67}}}) {
    const auto mask = every_third(c.mask);
    check_op("where", [mask](const auto& x) { return where(beside(x[0], mask), x[0], x[1]); },
             naive_where(mask), {{{c.a, c.b}}});
  }
}
TEST_CASE("where and masked_fill with a number") {
  const auto mask = every_third({4, 1});
  auto filled = [mask](bool at) {
    return [mask, at](const auto& x) {
      const Shape shape = broadcast_shapes("", mask.shape(), x[0].shape());
      const auto m = mask.expand(shape).to_vector();
      auto y = x[0].expand(shape).to_vector();
      for (std::size_t i = 0; i < y.size(); ++i)
        if (m[i] == at) y[i] = 7;
      return std::decay_t<decltype(x[0])>::from(shape, y);
    };
  };
  const std::vector<OpCase> cases = {{{{4, 5}}}, {{{5}}}, {{{}}}, {{{2, 4, 1}}}};
  check_op(
      "where", [mask](const auto& x) { return where(beside(x[0], mask), 7, x[0]); }, filled(true), cases);
  check_op(
      "where", [mask](const auto& x) { return where(beside(x[0], mask), x[0], 7); }, filled(false), cases);
  check_op(
      "masked_fill", [mask](const auto& x) { return masked_fill(x[0], beside(x[0], mask), 7); }, filled(true),
      cases);
}
TEST_CASE("what is not chosen does not reach the gradient") {
  const auto x = Var<double>::leaf(Tensor<double>::from({2}, {0, 1}));
  const auto positive = Tensor<bool>::from({2}, {false, true});
  const auto g = grad(sum(where(positive, log(where(positive, x, 1)), 0)), {x})[0];
  CHECK(g.value().to_vector() == std::vector<double>{0, 1});
}
TEST_CASE("where: shapes, and a mask that was changed") {
  const auto x = Tensor<float>::ones({2, 3});
  check_error([&] { where(every_third({2}), x, x); }, {"[where]", "(2)", "(2, 3)", "broadcast"});
  check_error([&] { masked_fill(x, every_third({4}), 0); }, {"[masked_fill]", "(2, 3)", "(4)"});
  auto mask = every_third({2, 3});
  const auto v = Var<float>::leaf(x);
  const auto y = sum(masked_fill(v, mask, 0));
  mask.fill(true);
  check_error([&] { backward(y); }, {"masked_fill", "modified in place"});
}
