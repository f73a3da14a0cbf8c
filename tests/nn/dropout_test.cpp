// Dropout and DropPath as modules: modes, streams of their own, replay in a checkpoint.
#include <limbic/autograd/checkpoint.hpp>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/nn/dropout.hpp>
#include <limbic/ops/sum.hpp>

#include "support/op_check.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
const Tensor<float> kOnes = Tensor<float>::ones({40, 50});

double share_of_zeros(const Tensor<float>& t) {
  double zeros = 0;
  for (float v : t.to_vector()) zeros += v == 0 ? 1 : 0;
  return zeros / static_cast<double>(t.numel());
}
}  // namespace

TEST_CASE("training drops and scales, evaluation does nothing") {
  RandomStream random = Random(1).stream("m");
  Dropout drop(0.25, random);
  const auto y = drop(kOnes);
  CHECK(share_of_zeros(y) == doctest::Approx(0.25).epsilon(0.1));
  for (float v : y.to_vector()) CHECK((v == 0 || v == doctest::Approx(1 / 0.75)));
  CHECK_FALSE(identical(drop(kOnes), y));
  const auto state = drop.random.state();
  drop.training.on = false;
  CHECK(identical(drop(kOnes), kOnes));
  CHECK(drop.random.state() == state);
  Dropout none(0, random);
  CHECK(identical(none(kOnes), kOnes));
}

TEST_CASE("DropPath drops whole samples") {
  RandomStream random = Random(1).stream("m");
  DropPath drop(0.5, random);
  const auto y = drop(kOnes);
  index_t dropped = 0;
  for (index_t i = 0; i < 40; ++i) {
    const float first = y.at(i, 0);
    CHECK((first == 0 || first == 2));
    CHECK(identical(y.select(0, i).contiguous(), Tensor<float>::full({50}, first)));
    dropped += first == 0;
  }
  CHECK(dropped > 8);
  CHECK(dropped < 32);
  drop.training.on = false;
  CHECK(identical(drop(kOnes), kOnes));
}

TEST_CASE("every module has a stream of its own, the same for a seed") {
  RandomStream random = Random(1).stream("m"), again = Random(1).stream("m");
  Dropout a(0.5, random), b(0.5, random), a2(0.5, again), b2(0.5, again);
  const auto ya = a(kOnes), yb = b(kOnes);
  CHECK_FALSE(identical(ya, yb));
  CHECK(identical(a2(kOnes), ya));
  CHECK(identical(b2(kOnes), yb));
}

TEST_CASE("a checkpoint replays the draws") {
  auto run = [](bool with_checkpoint) {
    RandomStream random = Random(2).stream("m");
    Dropout drop(0.5, random);
    Var<float> x = Var<float>::leaf(Tensor<float>::full({200}, 3.0f));
    auto f = [&](const std::vector<Var<float>>& v) { return drop(v[0] * v[0]); };
    const Var<float> y = with_checkpoint ? checkpoint(f, {x}) : f({x});
    backward(sum(y));
    return std::pair(x.grad(), drop(kOnes));
  };
  const auto plain = run(false), kept = run(true);
  CHECK(identical(kept.first, plain.first));
  CHECK(identical(kept.second, plain.second));
}

TEST_CASE("probabilities out of range are refused") {
  RandomStream random = Random(1).stream("m");
  CHECK(thrown([&] { Dropout(1.5, random); }).find("[dropout]") == 0);
  CHECK(thrown([&] { DropPath(-0.1, random); }).find("[drop_path]") == 0);
}
