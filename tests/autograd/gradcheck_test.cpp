// gradcheck() and gradgradcheck() find what is wrong, and pass what is right.
#include <limbic/autograd/custom.hpp>
#include <limbic/ops/activation.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;
using V = Var<double>;
using X = Tensor<double>;

namespace {
// x^2 whose gradient is `factor` x, and whose second gradient is what `lose` leaves of it.
V square_with(double factor, bool lose, const V& x) {
  return custom(
      "square", [](const auto& a) { return a * a; },
      [=](const V& dy, const V&, const V& a) {
        return std::array<V, 1>{lose ? V((dy * a * factor).value()) : dy * a * factor};
      },
      x);
}
const std::vector<X> kAt = {X::from({3}, {0.5, -1, 2})};
}  // namespace

TEST_CASE("a right gradient passes") {
  auto f = [](const std::vector<V>& x) { return square_with(2, false, x[0]); };
  CHECK_NOTHROW(gradcheck(f, kAt));
  CHECK_NOTHROW(gradgradcheck(f, kAt));
}
TEST_CASE("a wrong gradient is found and named") {
  auto f = [](const std::vector<V>& x) { return square_with(2.001, false, x[0]); };
  check_error([&] { gradcheck(f, kAt); }, {"[gradcheck]", "element", "input 0", "(3)"});
}
TEST_CASE("a gradient that loses its graph is found") {
  auto f = [](const std::vector<V>& x) { return square_with(2, true, x[0]); };
  CHECK_NOTHROW(gradcheck(f, kAt));
  check_error([&] { gradgradcheck(f, kAt); }, {"[gradgradcheck]"});
}
TEST_CASE("custom: a missing gradient is an error that names the operation") {
  const V x = V::leaf(kAt[0]);
  const V y = custom(
      "mine", [](const auto& a) { return a; },
      [](const V&, const V&, const V&) { return std::array<V, 1>{}; }, x);
  check_error([&] { backward(sum(y)); }, {"[mine]", "input 0"});
}
