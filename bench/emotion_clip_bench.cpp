// SST-LegoViT at its published size (windows of 4 frames x 12 maps of 64 x 64), float: a training step
// (forward, matching loss against 16 x 3 prompts of width 512, zero_grad, backward, AdamW) on 16 and 64
// windows, with and without checkpoints of the activations, and the prediction of one window and of 64.
//
// By the clock, "best_ms" and "median_ms", and in processor time of all threads together, "cpu_ms" (of the
// cheapest step); "pool_MB" is the largest memory of tensors in the run, "rss_MB" of the process up to then.
// peers/emotion_clip_torch.py does the same in PyTorch.
#include "emotion_clip/matching.hpp"
#include "emotion_clip/network.hpp"

#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <limbic/optim/adam.hpp>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <vector>

using namespace limbic;
using namespace limbic::emotion_clip;

namespace {

double peak_rss() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// Times run() step by step: on a machine with other work the best and the median say more than the mean.
template <class F>
void timed(benchmark::State& state, F&& run) {
  using Clock = std::chrono::steady_clock;
  for (int i = 0; i < 2; ++i) run();
  reset_peak_memory();
  std::vector<double> seconds, processor;
  for (auto _ : state) {
    const auto start = Clock::now();
    const std::clock_t used = std::clock();
    run();
    processor.push_back(static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC);
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  state.counters["best_ms"] = seconds.front() * 1e3;
  state.counters["median_ms"] = seconds[seconds.size() / 2] * 1e3;
  state.counters["cpu_ms"] = *std::min_element(processor.begin(), processor.end()) * 1e3;
  state.counters["pool_MB"] = static_cast<double>(memory_stats().peak_bytes) / 1e6;
  state.counters["rss_MB"] = peak_rss();
}

Tensor<float> windows(const Config& c, index_t n, RandomStream& random) {
  return random.normal<float>({n, c.frames, c.maps, c.image, c.image});
}

// Arguments: windows, threads, whether activations are kept between layers only.
void train(benchmark::State& state) {
  Config c;
  c.checkpoint = state.range(2) != 0;
  set_num_threads(static_cast<int>(state.range(1)));
  RandomStream random = Random(1).stream("bench");
  Network<float> net(c, random);
  const Prompts<float> prompts(random.normal<float>({48, c.embed}), 3);
  AdamW<float> adam(parameters<float>(net), {.lr = 1e-4, .beta2 = 0.98, .weight_decay = 0.003});
  const Tensor<float> x = windows(c, state.range(0), random);
  const Tensor<index_t> label = random.integers({state.range(0)}, 0, 3);
  timed(state, [&] {
    Var<float> loss = matching_loss(net.embed(net.features(x)), prompts, label).total;
    adam.zero_grad();
    backward(std::move(loss));
    adam.step();
  });
}
BENCHMARK(train)
    ->ArgNames({"windows", "threads", "checkpoint"})
    ->ArgsProduct({{16, 64}, {1, 2}, {0, 1}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// Arguments: windows, threads.
void predict(benchmark::State& state) {
  const Config c;
  set_num_threads(static_cast<int>(state.range(1)));
  RandomStream random = Random(1).stream("bench");
  Network<float> net(c, random);
  net.prepare();
  const Prompts<float> prompts(random.normal<float>({48, c.embed}), 3);
  const Tensor<float> x = windows(c, state.range(0), random);
  const NoGrad off;
  timed(state,
        [&] { benchmark::DoNotOptimize(prompts.logits(net.embed(net.features(x)), 0.1).value().data()); });
}
BENCHMARK(predict)
    ->ArgNames({"windows", "threads"})
    ->ArgsProduct({{1, 64}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
