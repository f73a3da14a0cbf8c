// EmotionCLIP on the device against the CPU: its convolution of small maps, its trainer's step, inference.
#include <limbic/backend/cuda/backend.hpp>

#include "emotion_clip/step.hpp"
#include "examples/emotion_clip_setup.hpp"
#include "on_both.hpp"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::emotion_clip;
using limbic::emotion_clip::test::tiny;

namespace {

template <class D>
Tensor<float, D> windows(const Config& c, index_t n) {
  RandomStream random = Random(2).stream("windows");
  return random.normal<float, D>({n, c.frames, c.maps, c.image, c.image});
}

// The trainer's step on one batch, the same on every device, what dropout draws included.
template <class D>
struct Trainer {
  Config config = tiny();
  RandomStream random = Random(1).stream("network");
  Step<float, D> step;
  Tensor<float, D> images;
  Tensor<index_t, D> label = Tensor<index_t, D>::from({6}, {0, 1, 2, 2, 1, 0});
  Prompts<float, D> prompts;
  MatchingResult<float, D> result;

  explicit Trainer(double dropout) {
    config.dropout = config.drop_path = dropout;
    step = Step<float, D>(config, random, {.weight_decay = 0.01, .clip_norm = 1});
    images = windows<D>(config, 6);
    prompts = Prompts<float, D>(random.normal<float, D>({4 * config.classes, config.embed}), config.classes);
  }
  void train() {
    result = step.loss(images, label, &prompts, {.contrastive_weight = 0.5, .supcon_weight = 0.25});
    step.update(result.total, 3e-3);
  }
  double loss() const { return result.report().total; }
};

// Features of a new network in training, its statistics after that, features in evaluation, and prepared.
template <class D>
std::vector<Tensor<double>> inference() {
  const Config c = tiny();
  RandomStream random = Random(1).stream("network");
  Network<float, D> net(c, random);
  const Tensor<float, D> x = windows<D>(c, 3);
  std::vector<Tensor<double>> out;
  const auto keep = [&](const auto& t) { out.push_back(t.template on<Cpu>().template to<double>()); };
  keep(net.features(x).value());
  visit_parts(net, [&]<class X>(const std::string&, X& part) {
    if constexpr (requires { part.mutable_data(); }) keep(part);
  });
  const NoGrad off;
  eval(net);
  keep(net.features(x).value());
  net.prepare();
  keep(net.features(x).value());
  return out;
}

}  // namespace

TEST_CASE("a convolution of small maps: values and gradients") {
  for (const index_t grid : {1, 2, 4})
    for (const index_t kernel : {3, 5})
      for (const bool relu : {false, true}) {
        CAPTURE(grid);
        CAPTURE(kernel);
        CAPTURE(relu);
        check_on_both({{grid * grid, 9, 3}, {5, 3, kernel, kernel}, {5}}, [&](const auto& at) {
          using V = std::decay_t<decltype(at[0])>;
          using M = CyclicMatrices<scalar_of<V>, device_of<V>>;
          const auto m = std::make_shared<const M>(
              cyclic_matrices<scalar_of<V>>(grid, kernel).template on<device_of<V>>());
          return map_conv(m, at[0], transform_weight(*m, at[1]), at[2], relu);
        });
      }
}

TEST_CASE("ten steps of training have the CPU's losses") {
  Trainer<Cpu> here(0.1);
  Trainer<Cuda> there(0.1);
  double first = 0;
  for (int i = 0; i < 10; ++i) {
    CAPTURE(i);
    here.train();
    there.train();
    if (i == 0) first = here.loss();
    CHECK(there.loss() == doctest::Approx(here.loss()).epsilon(1e-4));
  }
  CHECK(here.loss() < 0.9 * first);
}

TEST_CASE("a step waits for nothing: it can be recorded, and replays are steps, bit for bit") {
  Trainer<Cuda> eager(0), replayed(0);
  eager.train();
  replayed.train();
  auto graph = cuda::capture([&] { replayed.train(); });
  for (int i = 0; i < 3; ++i) {
    eager.train();
    graph.replay();
    CHECK(replayed.loss() == eager.loss());
  }
  auto a = named_parameters<float, Cuda>(eager.step.net),
       b = named_parameters<float, Cuda>(replayed.step.net);
  for (std::size_t i = 0; i < a.size(); ++i) {
    CAPTURE(a[i].name);
    CHECK(b[i].value->value().to_vector() == a[i].value->value().to_vector());
  }
}

TEST_CASE("statistics of batches, evaluation, weights folded for inference") {
  const auto want = inference<Cpu>(), got = inference<Cuda>();
  REQUIRE(want.size() == 3 + 27);  // mean, variance and number of batches of nine norms
  for (std::size_t i = 0; i < want.size(); ++i) {
    CAPTURE(i);
    CHECK(error_of(got[i], want[i]) < 1e-5);
  }
}
