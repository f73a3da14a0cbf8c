// SST-LegoViT: parameters as published, its convolution and stem against the plain ones, inference and
// checkpoints to the same values, the legacy axis, matching, bad input.
#include <doctest/doctest.h>

#include <limbic/autograd/gradcheck.hpp>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/compare.hpp>

#include "emotion_clip/matching.hpp"
#include "emotion_clip/network.hpp"
#include "emotion_clip_setup.hpp"

using namespace limbic;
using namespace limbic::emotion_clip;
using limbic::emotion_clip::test::tiny;

namespace {

Network<double> network(const Config& c, std::uint64_t seed = 1) {
  RandomStream random = Random(seed).stream("network");
  Network<double> net(c, random);
  // Biases that start at 0, and statistics that start at 0 and 1, would hide mistakes.
  for (auto& p : named_parameters<double>(net))
    if (p.value->rank() == 1) init::uniform(p.value->mutable_value(), random, -0.5, 0.5);
  for (auto& b : named_buffers<double>(net)) init::uniform(*b.value, random, 0.5, 1.5);
  return net;
}

Tensor<double> windows(const Config& c, index_t n) {
  RandomStream random = Random(2).stream("windows");
  return random.normal<double>({n, c.frames, c.maps, c.image, c.image});
}

double difference(const Tensor<double>& a, const Tensor<double>& b) {
  REQUIRE(a.shape() == b.shape());
  const auto x = a.to_vector(), y = b.to_vector();
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) worst = std::max(worst, std::fabs(x[i] - y[i]));
  return worst;
}

}  // namespace

TEST_CASE("the published size has 4,321,456 parameters, without the head") {
  RandomStream random = Random(1).stream("count");
  Network<double> net(Config{}, random);
  CHECK(count_parameters(net) == 4321456);
}

TEST_CASE("a convolution of small maps is conv2d, with gradients") {
  RandomStream random = Random(3).stream("conv");
  for (const index_t grid : {1, 2, 3, 4, 5})
    for (const index_t kernel : {1, 3, 5}) {
      CAPTURE(grid);
      CAPTURE(kernel);
      const auto m = std::make_shared<const CyclicMatrices<double>>(cyclic_matrices<double>(grid, kernel));
      if (grid == 4 && kernel > 1) CHECK(m->planes() == (kernel == 3 ? 37 : 52));
      const index_t n = grid == 4 ? 131 : 3;  // also more maps than a block
      const Var<double> x = Var<double>::leaf(random.normal<double>({grid * grid, n, 3}));
      const Var<double> w = Var<double>::leaf(random.normal<double>({2, 3, kernel, kernel}));
      const Var<double> b = Var<double>::leaf(random.normal<double>({2}));
      const Tensor<double> gy = random.normal<double>({grid * grid, n, 2});
      const std::vector<Var<double>> leaves{x, w, b};
      for (const bool relu : {false, true}) {
        const Var<double> y = map_conv(m, x, transform_weight(*m, w), b, relu);
        const Var<double> image = permute(reshape(x, {grid, grid, n, 3}), {2, 3, 0, 1});
        const Var<double> plain = conv2d(image, w, b, {.padding = kernel / 2});
        const Var<double> rows = reshape(permute(plain, {2, 3, 0, 1}), {grid * grid, n, 2});
        const Var<double> expected = relu ? limbic::relu(rows) : rows;
        CHECK(difference(y.value(), expected.value()) < 1e-12);
        const auto g = grad(sum(y * gy), leaves), h = grad(sum(expected * gy), leaves);
        for (std::size_t i = 0; i < g.size(); ++i) CHECK(difference(g[i].value(), h[i].value()) < 1e-10);
      }
    }
}

TEST_CASE("second derivatives of the convolution") {
  RandomStream random = Random(4).stream("conv");
  const auto m = std::make_shared<const CyclicMatrices<double>>(cyclic_matrices<double>(2, 3));
  const std::vector<Tensor<double>> x{random.normal<double>({4, 2, 2}),
                                      random.normal<double>({m->planes(), 2, 2}), random.normal<double>({2})};
  const auto f = [&](const auto& v) { return map_conv(m, v[0], v[1], v[2]); };
  gradcheck(f, x);
  gradgradcheck(f, x);
}

TEST_CASE("the stem is its convolutions and norms, in training and evaluation") {
  const Config c = tiny();
  for (const bool training : {true, false}) {
    Network<double> net = network(c);
    set_training(net, training);
    const Tensor<double> x = windows(c, 2).reshape({16, 32, 32});
    const StateDict before = state_dict(net);
    auto get = [&](const char* name, const Shape& s) {
      return before.get_float<double>(std::string("tubelet_embedding.projection.") + name, s).clone();
    };
    Tensor<double> running = get("1.running_mean", {1}), spread = get("1.running_var", {1});
    const BatchNormOptions options{.training = training};
    Tensor<double> y =
        conv2d(x.unsqueeze(1), get("0.weight", {1, 1, 2, 2}), get("0.bias", {1}), {.stride = 2});
    y = relu(batch_norm(y, get("1.weight", {1}), get("1.bias", {1}), running, spread, options));
    y = conv2d(y, get("3.weight", {4, 1, 2, 2}), get("3.bias", {4}), {.stride = 2});
    y = relu(batch_norm(y, get("4.weight", {4}), get("4.bias", {4}), get("4.running_mean", {4}),
                        get("4.running_var", {4}), options));
    y = conv2d(y, get("6.weight", {16, 4, 4, 4}), get("6.bias", {16}), {.stride = 4});
    y = relu(batch_norm(y, get("7.weight", {16}), get("7.bias", {16}), get("7.running_mean", {16}),
                        get("7.running_var", {16}), options));
    y = conv2d(y, get("9.weight", {8, 16, 1, 1}), get("9.bias", {8}));
    const Tensor<double> expected = y.reshape({16, 8, 4}).transpose(1, 2);
    CHECK(difference(net.stem(Var<double>(x)).value(), expected) < 1e-11);
    const StateDict after = state_dict(net);
    CHECK(difference(after.get_float<double>("tubelet_embedding.projection.1.running_mean", {1}), running) <
          1e-12);
    CHECK(difference(after.get_float<double>("tubelet_embedding.projection.1.running_var", {1}), spread) <
          1e-12);
    CHECK(after.get<index_t>("tubelet_embedding.projection.1.num_batches_tracked", {}).item() ==
          (training ? 1 : 0));
  }
}

TEST_CASE("prepared for inference it gives what evaluation gives") {
  const Config c = tiny();
  Network<double> net = network(c);
  const Tensor<double> x = windows(c, 3);
  Network<double> fast = clone(net);
  fast.prepare();
  eval(net);
  const NoGrad off;
  CHECK(difference(fast.features(x).value(), net.features(x).value()) < 1e-12);
}

TEST_CASE("with checkpoints: the same value, gradients, statistics and draws") {
  Config c = tiny();
  c.dropout = c.drop_path = 0.3;
  Network<double> plain = network(c);
  Network<double> saving = clone(plain);
  saving.config.checkpoint = true;
  const Tensor<double> x = windows(c, 4);
  auto step = [&](Network<double>& net) {
    const Var<double> y = sum(square(net.embed(net.features(x))));
    backward(y);
    return y.item();
  };
  CHECK(step(plain) == step(saving));
  auto p = named_parameters<double>(plain), q = named_parameters<double>(saving);
  for (std::size_t i = 0; i < p.size(); ++i) {
    CAPTURE(p[i].name);
    REQUIRE(p[i].value->grad().defined() == q[i].value->grad().defined());
    if (p[i].value->grad().defined()) CHECK(difference(p[i].value->grad(), q[i].value->grad()) < 1e-12);
  }
  auto a = named_buffers<double>(plain), b = named_buffers<double>(saving);
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(equal(*a[i].value, *b[i].value));
}

TEST_CASE("windows do not see one another in evaluation, but for the legacy axis") {
  for (const bool legacy : {false, true}) {
    Config c = tiny();
    c.legacy_attention_axis = legacy;
    Network<double> net = network(c);
    eval(net);
    const NoGrad off;
    const Tensor<double> x = windows(c, 3);
    const double apart =
        difference(net.features(x).value().slice(0, 0, 1), net.features(x.slice(0, 0, 1)).value());
    if (legacy) CHECK(apart > 1e-6);
    else CHECK(apart < 1e-12);
  }
}

TEST_CASE("one thread and two give the same bits") {
  const Config c = tiny();
  const Tensor<double> x = windows(c, 4);
  std::vector<Tensor<double>> gradients[2];
  for (const int threads : {1, 2}) {
    set_num_threads(threads);
    Network<double> net = network(c);
    backward(sum(square(net.features(x))));
    for (auto& p : named_parameters<double>(net))
      if (p.value->grad().defined()) gradients[threads - 1].push_back(p.value->grad());
  }
  REQUIRE(gradients[0].size() > 20);
  for (std::size_t i = 0; i < gradients[0].size(); ++i) CHECK(equal(gradients[0][i], gradients[1][i]));
}

TEST_CASE("logits are means of cosines over templates") {
  RandomStream random = Random(5).stream("matching");
  const Tensor<double> text = random.normal<double>({8, 4}),
                       x = random.normal<double>({3, 4});  // 4 templates, 2 classes
  const Prompts<double> prompts(text, 2);
  CHECK(prompts.templates() == 4);
  const Tensor<double> logits = prompts.logits(x, 0.5), each = prompts.similarities(x);
  for (index_t b = 0; b < 3; ++b)
    for (index_t k = 0; k < 2; ++k) {
      double total = 0;
      for (index_t p = 0; p < 4; ++p) {
        double dot = 0, xx = 0, tt = 0;
        for (index_t e = 0; e < 4; ++e) {
          const double u = x.at(b, e), v = text.at(2 * p + k, e);
          dot += u * v;
          xx += u * u;
          tt += v * v;
        }
        CHECK(each.at(b, p, k) == doctest::Approx(dot / std::sqrt(xx * tt)));
        total += dot / std::sqrt(xx * tt) / 4 / 0.5;
      }
      CHECK(logits.at(b, k) == doctest::Approx(total));
    }
}

TEST_CASE("the parts of the loss, and the symmetric one where nothing is shared") {
  RandomStream random = Random(6).stream("loss");
  const Tensor<double> text = random.normal<double>({3, 6});
  const Prompts<double> prompts(text, 3);
  const Var<double> x = Var<double>::leaf(random.normal<double>({3, 6}));
  const Tensor<index_t> label = Tensor<index_t>::from({3}, {2, 0, 1});
  const MatchingReport r =
      matching_loss(x, prompts, label, {.temperature = 0.2, .contrastive_weight = 0.5, .supcon_weight = 0.25})
          .report();
  // One window of each class: the plain symmetric loss of pairs.
  const Tensor<double> pairs = index_select(prompts.rows(), 0, label);
  const double expected = clip_loss(x.value(), pairs, Tensor<double>::scalar(std::log(5.0))).item();
  CHECK(r.contrastive == doctest::Approx(expected));
  CHECK(r.total == doctest::Approx(r.cross_entropy + 0.5 * r.contrastive + 0.25 * r.supcon));
  const auto mean = matching_loss(x, prompts, label), sum = matching_loss(x, prompts, label, {.sum = true});
  CHECK(sum.report().total == doctest::Approx(3 * mean.report().total));
}

TEST_CASE("bad input") {
  auto refused = [](const char* text, auto&& change) {
    Config c = tiny();
    change(c);
    RandomStream random = Random(1).stream("bad");
    CHECK_THROWS_WITH_AS(Network<double>(c, random), doctest::Contains(text), Error);
  };
  refused("maps must be even", [](Config& c) { c.maps = 5; });
  refused("image must be a multiple of 16", [](Config& c) { c.image = 40; });
  refused("width must be a multiple", [](Config& c) { c.heads = 3; });
  refused("frames must be positive", [](Config& c) { c.frames = 0; });
  refused("must lie in [0, 1)", [](Config& c) { c.dropout = 1; });
  const Config c = tiny();
  Network<double> net = network(c);
  CHECK_THROWS_WITH_AS(net.features(Tensor<double>::zeros({2, 2, 4, 32, 16})),
                       doctest::Contains("windows (B, 2 frames, 4 maps"), Error);
  CHECK_THROWS_WITH_AS(net.features(Tensor<double>()), doctest::Contains("windows (B, 2 frames"), Error);
  const Tensor<double> text = Tensor<double>::ones({4, 5});
  CHECK_THROWS_WITH_AS(Prompts<double>(text, 3), doctest::Contains("for 3 classes"), Error);
  CHECK_THROWS_WITH_AS(Prompts<double>(text, 0), doctest::Contains("at least one class"), Error);
  CHECK_THROWS_AS(Prompts<double>(Tensor<double>::zeros({4, 5}), 2), Error);
  const Prompts<double> prompts(text, 2);
  CHECK_THROWS_WITH_AS(prompts.logits(Tensor<double>::ones({2, 4}), 0.1), doctest::Contains("(B, 5)"), Error);
  CHECK_THROWS_AS(prompts.logits(Tensor<double>::ones({2, 5}), 0.0), Error);
  CHECK_THROWS_AS(cyclic_matrices<double>(4, 2), Error);
}
