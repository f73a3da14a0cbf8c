// Norms as modules: running statistics, modes, ranks, golden vectors.
#include <limbic/autograd/checkpoint.hpp>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/nn/norm.hpp>

#include "nn/golden_module.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
const auto kCall = [](auto& m, const auto& x) { return m(x); };
}  // namespace

TEST_CASE("LayerNorm and RmsNorm are the operations") {
  RandomStream random = Random(1).stream("norm");
  const auto x = random.normal<double>({3, 2, 6}, 1, 2);
  LayerNorm<double> layer(6);
  RmsNorm<double> rms(6, 1e-6);
  const auto one = Tensor<double>::ones({6}), zero = Tensor<double>::zeros({6});
  CHECK(identical(layer(x).value(), layer_norm(x, one, zero, 1e-5)));
  CHECK(identical(rms(x).value(), rms_norm(x, one, 1e-6)));
  layer.weight.mutable_value().copy_from(random.normal<double>({6}));
  layer.bias.mutable_value().copy_from(random.normal<double>({6}));
  CHECK(identical(layer(Var<double>(x)).value(),
                  layer_norm(x, layer.weight.value(), layer.bias.value(), 1e-5)));
  GoldenModule golden("layer_norm_0");
  LayerNorm<double> other(golden.tensor("in.weight").numel());
  golden.check(other, kCall);
}

TEST_CASE("batch norm: golden vectors, with the statistics after the step") {
  for (const bool training : {true, false}) {
    GoldenModule golden(training ? "batch_norm2d_train_0" : "batch_norm2d_eval_0");
    BatchNorm2d<double> norm(golden.tensor("in.weight").numel());
    set_training(norm, training);
    golden.check(norm, kCall);
    CHECK(norm.num_batches_tracked.item() == (training ? 1 : 0));
  }
}

TEST_CASE("running statistics follow the batches while training, and are used after") {
  RandomStream random = Random(2).stream("norm");
  BatchNorm1d<double> norm(3, 0.5);
  const auto x = random.normal<double>({200, 3}, 4, 3);
  for (int i = 0; i < 30; ++i) norm(x);
  CHECK(norm.num_batches_tracked.item() == 30);
  for (index_t c = 0; c < 3; ++c) {
    double mean = 0, squares = 0;
    for (index_t i = 0; i < 200; ++i) mean += x.at(i, c) / 200;
    for (index_t i = 0; i < 200; ++i) squares += (x.at(i, c) - mean) * (x.at(i, c) - mean);
    CHECK(norm.running_mean.at(c) == doctest::Approx(mean).epsilon(1e-6));
    CHECK(norm.running_var.at(c) == doctest::Approx(squares / 199).epsilon(1e-6));
  }
  eval(norm);
  const auto mean = norm.running_mean.clone();
  const auto one = x.slice(0, 0, 1);
  const double want = (one.at(0, 1) - mean.at(1)) / std::sqrt(norm.running_var.at(1) + 1e-5);
  CHECK(norm(one).value().at(0, 1) == doctest::Approx(want).epsilon(1e-12));
  CHECK(identical(norm.running_mean, mean));
  CHECK(norm.num_batches_tracked.item() == 30);
}

TEST_CASE("a checkpoint counts a batch once") {
  RandomStream random = Random(3).stream("norm");
  const auto data = random.normal<double>({8, 3});
  auto run = [&](bool with_checkpoint) {
    BatchNorm1d<double> norm(3);
    Var<double> x = Var<double>::leaf(data);
    auto f = [&](const std::vector<Var<double>>& v) { return norm(v[0]) * v[0]; };
    backward(sum(with_checkpoint ? checkpoint(f, {x}) : f({x})));
    CHECK(norm.num_batches_tracked.item() == 1);
    return std::pair(x.grad(), norm.running_var);
  };
  const auto plain = run(false), kept = run(true);
  CHECK(identical(kept.first, plain.first));
  CHECK(identical(kept.second, plain.second));
}

TEST_CASE("ranks are checked") {
  BatchNorm1d<float> one(3);
  BatchNorm2d<float> two(3);
  CHECK_NOTHROW(one(Tensor<float>::ones({4, 3, 5})));
  CHECK(thrown([&] {
          one(Tensor<float>::ones({4, 3, 5, 5}));
        }) == "[batch_norm] x must be of rank 2 to 3; got x (4, 3, 5, 5)");
  CHECK(thrown([&] {
          two(Tensor<float>::ones({4, 3}));
        }) == "[batch_norm] x must be of rank 4 to 4; got x (4, 3)");
  CHECK(one.num_batches_tracked.item() == 1);
}
