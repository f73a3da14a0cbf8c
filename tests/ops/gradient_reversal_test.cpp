// gradient_reversal: not the derivative of what it computes, so differences cannot check it.
#include <limbic/ops/gradient_reversal.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("gradient_reversal") {
  const auto x = Var<double>::leaf(Tensor<double>::from({2, 2}, {1.0, -2.0, 3.0, 4.0}));
  const auto dy = Tensor<double>::from({2, 2}, {1.0, 2.0, -3.0, 0.5});
  const auto y = gradient_reversal(x, 0.25);
  CHECK(y.value().data() == x.value().data());
  CHECK(equal(grad(y, {x}, Var<double>(dy))[0].value(),
              Tensor<double>::from({2, 2}, {-0.25, -0.5, 0.75, -0.125})));
  CHECK(equal(gradient_reversal(x.value()), x.value()));
  CHECK(equal(grad(gradient_reversal(x), {x}, Var<double>(dy))[0].value(), -dy));

  // Reversed once: of y^3 with r = -1/4, the gradient 3 r y^2 and its own, 6 r^2 y.
  const auto z = gradient_reversal(x, 0.25);
  const auto first = grad(z * z * z, {x}, Var<double>(Tensor<double>::ones({2, 2})), true)[0];
  CHECK(equal(first.value(), x.value() * x.value() * -0.75));
  const auto second = grad(first, {x}, Var<double>(Tensor<double>::ones({2, 2})))[0].value();
  CHECK(equal(second, x.value() * 0.375));
  CHECK(gradient_reversal(Tensor<float>::zeros({0, 3})).numel() == 0);
  record_support("gradient_reversal", "cpu", true, true);
}
