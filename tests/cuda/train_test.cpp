// UF-AMA's training step wholly on the device: nothing waits, its losses are the CPU's, and it can be
// replayed as a graph.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/backend/cuda/backend.hpp>
#include <limbic/optim/optim.hpp>

#include "examples/uf_ama_setup.hpp"
#include "on_both.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;
using namespace limbic::uf_ama;

namespace {

constexpr index_t kBatch = 12;

// Every part of the step counts at once.
StepOptions everything(StepOptions o) {
  o.min_confidence = 0;
  o.min_lessons = 1;
  if (o.schedule == Schedule::published) o.distill_weight = 1;
  return o;
}

// Network, optimiser and batches on a device, the same on all.
template <class D>
struct Trainer {
  Config config;
  RandomStream random = Random(1).stream("network"), draws = Random(4).stream("batches");
  Network<float, D> net;
  Step<float, D> step;
  Adam<float, D> adam;
  SourceBatch<float, D> source;
  TargetBatch<float, D> target;
  StepResult<float, D> result;

  Trainer(const StepOptions& o, double dropout = 0)
      : config(uf_ama::test::tiny(dropout)),
        net(config, random),
        step(o, config, random),
        adam(step.trained_parameters(net), {.lr = 0.01}) {
    // Larger weights, so that predictions differ between samples.
    for (auto& p : parameters<float, D>(net))
      if (p.rank() == 2) p.mutable_value().copy_from(p.value() * 2.5f);
    source = {draw_batch(), draw_labels()};
    target = draw_batch();
  }

  void next_batches() {
    const TargetBatch<float, D> s = draw_batch(), t = draw_batch();
    source.label.copy_from(draw_labels());
    source.eeg.copy_from(s.eeg);
    source.eye.copy_from(s.eye);
    target.eeg.copy_from(t.eeg);
    target.eye.copy_from(t.eye);
  }
  void train() {
    result = step(net, source, target, {.epoch = 1, .progress = 0.5});
    const Var<float, D> total = std::move(result.total);
    adam.zero_grad();
    backward(total);
    adam.step();
  }
  StepReport report() const { return on_host(result.report); }
  std::vector<std::vector<float>> values() {
    std::vector<std::vector<float>> all;
    for (auto& p : parameters<float, D>(net)) all.push_back(p.value().to_vector());
    return all;
  }

 private:
  TargetBatch<float, D> draw_batch() {
    return {draws.normal<float>({kBatch, config.channels, config.bands}).template on<D>(),
            draws.normal<float>({kBatch, config.eye_features}).template on<D>()};
  }
  Tensor<index_t, D> draw_labels() { return draws.integers({kBatch}, 0, config.classes).template on<D>(); }
};

std::vector<double> numbers(const StepReport& r) {
  std::vector<double> all;
  r.each([&](const std::string&, double v) { all.push_back(v); });
  return all;
}

}  // namespace

TEST_CASE("ten steps have the CPU's losses, and its screening") {
  for (const auto& options : {StepOptions::limbic(), StepOptions::published()}) {
    CAPTURE(options.name);
    Trainer<Cpu> here(everything(options));
    Trainer<Cuda> there(everything(options));
    for (int i = 0; i < 10; ++i) {
      CAPTURE(i);
      here.train();
      there.train();
      const auto want = numbers(here.report()), got = numbers(there.report());
      for (std::size_t k = 0; k < want.size(); ++k) {
        CAPTURE(k);
        CHECK(std::abs(got[k] - want[k]) < 2e-4 * std::max(1.0, std::abs(want[k])));
      }
      CHECK(on_host(there.result.screening).agree.to_vector() == here.result.screening.agree.to_vector());
      here.next_batches();
      there.next_batches();
    }
    CHECK(here.report().agree + here.report().eeg_lessons + here.report().eye_lessons > 0);
  }
}
TEST_CASE("ten replays are ten steps, bit for bit") {
  for (const auto& options : {StepOptions::limbic(), StepOptions::published()}) {
    CAPTURE(options.name);
    Trainer<Cuda> eager(everything(options)), replayed(everything(options));
    eager.train();
    replayed.train();
    auto graph = cuda::capture([&] { replayed.train(); });
    for (int i = 0; i < 10; ++i) {
      eager.next_batches();
      replayed.next_batches();
      eager.train();
      graph.replay();
      CHECK(numbers(eager.report()) == numbers(replayed.report()));
    }
    CHECK(eager.values() == replayed.values());
    CHECK(eager.report().total != 0);
  }
}
TEST_CASE("with dropout a replay has masks of its own") {
  StepOptions o = ablation("source-only");
  Trainer<Cuda> a(o, 0.5);
  for (int i = 0; i < 2; ++i) a.train();
  auto graph = cuda::capture([&] { a.result = a.step(a.net, a.source, a.target); });
  graph.replay();
  const double first = a.report().total;
  graph.replay();
  const double second = a.report().total;
  CHECK(first != second);  // of the same parameters and batch
  graph.replay();
  CHECK(a.report().total != second);
}
TEST_CASE("a part that weighs nothing; bad batches") {
  StepOptions o = everything(StepOptions::limbic());
  o.marginal_weight = o.distill_weight = 0;
  Trainer<Cpu> here(o);
  Trainer<Cuda> there(o);
  here.train();
  there.train();
  CHECK(there.report().marginal == doctest::Approx(here.report().marginal).epsilon(1e-4));
  CHECK(there.report().total == doctest::Approx(here.report().total).epsilon(1e-4));
  there.source.label.fill(3);
  CHECK(thrown([&] {
          there.train();
          cuda::synchronize();
        }).find("[uf_ama] source.label must lie in [0, 3); got 3 at position 0") == 0);
}
