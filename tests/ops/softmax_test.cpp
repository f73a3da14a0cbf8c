// softmax, log_softmax, logsumexp.
#include <limbic/ops/softmax.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// Along the last dimension, with plain loops: 0 softmax, 1 log_softmax, 2 logsumexp (kept as size 1).
auto rows_by_loops(int what) {
  return [what](const auto& x) {
    auto v = x[0].to_vector();
    using T = typename decltype(v)::value_type;
    const index_t cols = x[0].shape().back(), rows = cols ? x[0].numel() / cols : 0;
    std::vector<T> lse(static_cast<std::size_t>(rows));
    for (index_t r = 0; r < rows; ++r) {
      T* row = v.data() + r * cols;
      const T top = *std::max_element(row, row + cols);
      T s = 0;
      for (index_t i = 0; i < cols; ++i) s += std::exp(row[i] - top);
      lse[static_cast<std::size_t>(r)] = top + std::log(s);
      for (index_t i = 0; i < cols; ++i)
        row[i] = what ? row[i] - top - std::log(s) : std::exp(row[i] - top) / s;
    }
    Shape s = x[0].shape();
    if (what < 2) return Tensor<T>::from(s, v);
    s.erase(s.rank() - 1);
    return Tensor<T>::from(s, lse);
  };
}
const std::vector<OpCase> kCases = {{{{3, 5}}},     {{{4}}},    {{{1, 1}}},
                                    {{{2, 3, 17}}}, {{{0, 4}}}, {{{9, 67}}, -30, 30},
                                    {{{40, 129}}},  {{{2, 1}}}};
}  // namespace

TEST_CASE("softmax") {
  check_op(
      "softmax", [](const auto& x) { return softmax(x[0]); }, rows_by_loops(0), kCases);
}
TEST_CASE("log_softmax") {
  check_op(
      "log_softmax", [](const auto& x) { return log_softmax(x[0]); }, rows_by_loops(1), kCases);
}
TEST_CASE("logsumexp") {
  check_op(
      "logsumexp", [](const auto& x) { return logsumexp(x[0], {-1}); }, rows_by_loops(2), kCases);
}
TEST_CASE("along other dimensions") {
  const auto x = Tensor<double>::from({2, 3, 4}, random_values(24, -2, 2, 0, 1));
  CHECK(error_of(softmax(x, 1), softmax(x.transpose(1, 2).clone()).transpose(1, 2)) < 1e-15);
  CHECK(error_of(log_softmax(x, 0), log_softmax(x.transpose(0, 2).clone()).transpose(0, 2)) < 1e-15);
  const auto all = logsumexp(x), two = logsumexp(x, {0, 2}, true);
  CHECK(all.rank() == 0);
  CHECK(two.shape() == Shape{1, 3, 1});
  CHECK(error_of(logsumexp(two), all) < 1e-14);
  gradcheck(
      [](const std::vector<Var<double>>& v) {
        return logsumexp(v[0], {0, 2}) * softmax(v[0], 1);
      },
      std::vector{x.slice(2, 0, 3)});
}
TEST_CASE("infinities") {
  const double inf = INFINITY;
  const auto x = Tensor<double>::from({2, 3}, {0, -inf, 0, -inf, -inf, -inf});
  const auto y = softmax(x);
  CHECK(y(0, 1) == 0);
  CHECK(y(0, 0) == 0.5);
  CHECK(std::isnan(y(1, 0)));
  CHECK(logsumexp(x, {1})(1) == -inf);
  CHECK(logsumexp(Tensor<double>::zeros({2, 0}), {1})(1) == -inf);
}
TEST_CASE("dims out of range are named") {
  const auto x = Tensor<float>::zeros({2, 3});
  check_error([&] { softmax(x, 2); }, {"[softmax]", "got 2", "rank 2"});
  check_error([&] { logsumexp(x, {0, 0}); }, {"[logsumexp]", "repeat"});
}
