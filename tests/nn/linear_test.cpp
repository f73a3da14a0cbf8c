// Linear as a module.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/nn/linear.hpp>

#include "nn/golden_module.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("parameters have PyTorch's names, shapes and bounds") {
  RandomStream random = Random(1).stream("linear");
  Linear<float> fc(16, 500, random);
  const auto p = named_parameters<float>(fc);
  REQUIRE(p.size() == 2);
  CHECK(p[0].name == "weight");
  CHECK(p[0].value->shape() == Shape{500, 16});
  CHECK(p[1].name == "bias");
  CHECK(p[1].value->shape() == Shape{500});
  for (const auto& one : p) {
    CHECK(max_abs(one.value->value()) <= 0.25);
    CHECK(max_abs(one.value->value()) > 0.24);
  }
  Linear<float> plain(16, 3, random, false);
  CHECK(named_parameters<float>(plain).size() == 1);
  CHECK(state_dict(plain).size() == 1);
}

TEST_CASE("it is the operation, for tensors and variables, recorded or not") {
  RandomStream random = Random(1).stream("linear");
  const Linear<double> fc(4, 3, random), plain(4, 3, random, false);
  const auto x = random.normal<double>({2, 5, 4});
  const auto want = linear(x, fc.weight.value(), fc.bias.value());
  CHECK(want.shape() == Shape{2, 5, 3});
  CHECK(identical(fc(x).value(), want));
  CHECK(identical(fc(Var<double>::leaf(x)).value(), want));
  CHECK(identical(plain(x).value(), linear(x, plain.weight.value())));
  CHECK(fc(x).requires_grad());
  const NoGrad off;
  CHECK(identical(fc(x).value(), want));
  CHECK_FALSE(fc(x).requires_grad());
}

TEST_CASE("golden vectors") {
  RandomStream random = Random(1).stream("linear");
  for (const char* name : {"linear_0", "linear_1"}) {
    CAPTURE(name);
    const GoldenModule golden(name);
    const Shape shape = golden.tensor("in.weight").shape();
    Linear<double> fc(shape[1], shape[0], random);
    golden.check(fc, [](auto& m, const auto& x) { return m(x); });
  }
}

TEST_CASE("errors name the operation and the shapes") {
  RandomStream random = Random(1).stream("linear");
  CHECK(thrown([&] { Linear<float>(0, 3, random); }) == "[linear] sizes must be positive; got 0 -> 3");
  const Linear<float> fc(4, 3, random);
  CHECK(thrown([&] {
          fc(Tensor<float>::ones({2, 5}));
        }) == "[linear] x (..., C_in) and weight (C_out, C_in) are needed; got x (2, 5), weight (3, 4)");
}
