// Convolutions, pooling and embeddings as modules.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/nn/conv.hpp>
#include <limbic/nn/embedding.hpp>
#include <limbic/nn/linear.hpp>
#include <limbic/nn/pool.hpp>
#include <limbic/nn/sequential.hpp>

#include "nn/golden_module.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("parameters have PyTorch's names, shapes and bounds") {
  RandomStream random = Random(1).stream("conv");
  Conv2d<float> two(6, 60, {3, 5}, random, {.groups = 2});
  auto p = named_parameters<float>(two);
  REQUIRE(p.size() == 2);
  CHECK(p[0].name == "weight");
  CHECK(p[0].value->shape() == Shape{60, 3, 3, 5});
  CHECK(p[1].name == "bias");
  CHECK(p[1].value->shape() == Shape{60});
  for (const auto& one : p) {
    CHECK(max_abs(one.value->value()) <= 1 / std::sqrt(45.0));
    CHECK(max_abs(one.value->value()) > 0.9 / std::sqrt(45.0));
  }
  Conv1d<float> plain(4, 2, 3, random, {}, false);
  CHECK(named_parameters<float>(plain).size() == 1);
  CHECK(plain.weight.shape() == Shape{2, 4, 3});
}

TEST_CASE("they are the operations with their options") {
  RandomStream random = Random(2).stream("conv");
  const Conv2d<double> two(2, 4, 3, random, {.stride = 2, .padding = 1});
  const auto x = random.normal<double>({2, 2, 6, 7});
  const auto want = conv2d(x, two.weight.value(), two.bias.value(), {.stride = 2, .padding = 1});
  CHECK(identical(two(x).value(), want));
  CHECK(identical(two(Var<double>::leaf(x)).value(), want));
  const Conv1d<double> one(2, 3, 2, random, {.dilation = 2});
  const auto line = random.normal<double>({2, 2, 6});
  CHECK(identical(one(line).value(), conv1d(line, one.weight.value(), one.bias.value(), {.dilation = 2})));
  CHECK(one(line).shape() == Shape{2, 3, 4});
}

TEST_CASE("golden vectors") {
  RandomStream random = Random(3).stream("conv");
  const GoldenModule golden("conv2d_2");
  Conv2d<double> conv(4, 2, 1, random);
  golden.check(conv, [](auto& m, const auto& x) { return m(x); });
}

TEST_CASE("a small network of them") {
  RandomStream random = Random(4).stream("conv");
  Sequential net(Conv2d<float>(1, 4, 3, random, {.padding = 1}), Relu(), MaxPool2d(2),
                 Conv2d<float>(4, 4, 3, random), AvgPool2d(2), AdaptiveAvgPool2d(1), Flatten(),
                 Linear<float>(4, 3, random));
  const auto y = net(random.normal<float>({2, 1, 12, 12}));
  CHECK(y.shape() == Shape{2, 3});
  backward(sum(y));
  for (const auto& p : named_parameters<float>(net)) CHECK(p.value->grad().defined());
  const auto x = Tensor<float>::from({1, 1, 2, 2}, {1, 2, 3, 6});
  CHECK(MaxPool2d(2)(x).item() == 6);
  CHECK(AvgPool2d(2)(x).item() == 3);
}

TEST_CASE("Embedding: rows, padding, gradients") {
  RandomStream random = Random(5).stream("embedding");
  Embedding<double> plain(5, 3, random), table(50, 40, random, 2);
  CHECK(named_parameters<double>(table)[0].name == "weight");
  CHECK(max_abs(table.weight.value().select(0, 2)) == 0);
  CHECK(max_abs(table.weight.value().select(0, 3)) > 1);
  const auto index = Tensor<index_t>::from({2, 2}, {2, 3, 3, 0});
  const auto y = table(index);
  CHECK(y.shape() == Shape{2, 2, 40});
  CHECK(identical(y.value().select(0, 1).select(0, 0).contiguous(),
                  table.weight.value().select(0, 3).contiguous()));
  backward(sum(y));
  const auto g = table.weight.grad();
  CHECK(g.at(0, 0) == 1);
  CHECK(g.at(2, 0) == 0);
  CHECK(g.at(3, 0) == 2);
  CHECK(thrown([&] { plain(Tensor<index_t>::from({1}, {5})); }).find("[embedding]") == 0);
  CHECK(thrown([&] { Embedding<float>(3, 2, random, 3); }) ==
        "[embedding] padding must be a row of the table; got 3 of 3");
}

TEST_CASE("sizes that do not fit are refused") {
  RandomStream random = Random(6).stream("conv");
  CHECK(thrown([&] { Conv2d<float>(3, 4, 3, random, {.groups = 2}); }) ==
        "[conv] positive numbers of channels that groups divide are needed; got 3 -> 4 in 2");
  CHECK(thrown([&] { Conv1d<float>(3, 4, 0, random); }) ==
        "[conv] a kernel of at least 1 is needed; got (0)");
}
