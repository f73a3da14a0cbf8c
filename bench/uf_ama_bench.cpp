// UF-AMA at its published sizes, float: a training step (forward, all losses, zero_grad, backward, Adam) on
// 32 + 32 windows for SEED (33 eye features, 1 layer) and SEED-IV (31, 3 layers), and the prediction of one
// window.
//
// By the clock, "best_us" and "median_us", and in processor time of all threads together, "cpu_us" (of the
// cheapest step). "GFLOP/s" counts the multiply-adds of the network as it is specified, times three with
// backward, whatever way they are computed in, and "of_peak" is its share of what a core reaches in plain
// multiply-adds; both by cpu_us. peers/uf_ama_torch.py does the same steps in PyTorch.
#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/optim/adam.hpp>
#include <vector>

#include "peak_flops.hpp"
#include "uf_ama/predictor.hpp"
#include "uf_ama/step.hpp"

using namespace limbic;
using namespace limbic::uf_ama;

namespace {

Config config_of(index_t layers) { return layers == 1 ? Config::seed() : Config::seed_iv(); }

// Floating point operations of the products in one window's forward pass, as specified.
double forward_flops(const Config& c) {
  const double d = static_cast<double>(c.width), h = static_cast<double>(c.fused);
  auto encoder = [&](double length, double features) {
    const double layer = length * (3 * d * d + d * d + 4 * d * d) + 2 * length * length * d;
    return length * features * d + static_cast<double>(c.layers) * layer + length * d * d;
  };
  const double eeg = static_cast<double>(c.channels), eye = static_cast<double>(c.eye_features);
  const double fusion = (eeg + eye) * (d * h + 4 * h * h + h * h) + 4 * eeg * eye * h;
  return 2 * (encoder(eeg, static_cast<double>(c.bands)) + encoder(eye, 1) + fusion);
}

double peak() {
  static const double flops = bench::peak_flops<float>();
  return flops;
}

// Megabytes: the largest resident size of this process so far.
double peak_rss() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / 1024;
}

// Times run() step by step: on a machine with other work the best and the median say more than the mean.
template <class F>
void timed(benchmark::State& state, double flops, F&& run) {
  using Clock = std::chrono::steady_clock;
  for (int i = 0; i < 3; ++i) run();
  std::vector<double> seconds, processor;
  const std::uint64_t allocations = memory_stats().system_allocations;
  for (auto _ : state) {
    const auto start = Clock::now();
    const std::clock_t used = std::clock();
    run();
    processor.push_back(static_cast<double>(std::clock() - used) / CLOCKS_PER_SEC);
    seconds.push_back(std::chrono::duration<double>(Clock::now() - start).count());
  }
  std::sort(seconds.begin(), seconds.end());
  const double best = *std::min_element(processor.begin(), processor.end());
  state.counters["best_us"] = seconds.front() * 1e6;
  state.counters["cpu_us"] = best * 1e6;
  state.counters["median_us"] = seconds[seconds.size() / 2] * 1e6;
  state.counters["GFLOP/s"] = flops / best * 1e-9;
  state.counters["of_peak"] = flops / best / peak();
  state.counters["system_allocations"] = static_cast<double>(memory_stats().system_allocations - allocations);
  state.counters["pool_MB"] = static_cast<double>(memory_stats().peak_bytes) / 1e6;
  state.counters["rss_MB"] = peak_rss();
}

// Arguments: layers (1 SEED, 3 SEED-IV), threads, whether in the published configuration.
void train(benchmark::State& state) {
  const Config c = config_of(state.range(0));
  const int threads = static_cast<int>(state.range(1));
  set_num_threads(threads);
  reset_peak_memory();
  RandomStream random = Random(1).stream("bench");
  Network<float> net(c, random);
  Step<float> step(state.range(2) ? StepOptions::published() : StepOptions::limbic(), c, random);
  Adam<float> adam(step.trained_parameters(net), {.lr = 5e-4});
  auto eeg = [&] { return random.normal<float>({32, c.channels, c.bands}); };
  auto eye = [&] { return random.normal<float>({32, c.eye_features}); };
  const SourceBatch<float> source{{eeg(), eye()}, random.integers({32}, 0, c.classes)};
  const TargetBatch<float> target{eeg(), eye()};
  auto run = [&] {
    StepResult<float> r = step(net, source, target, {.epoch = 1, .progress = 0.5});
    adam.zero_grad();
    backward(std::move(r.total));
    adam.step();
  };
  timed(state, 64 * 3 * forward_flops(c), run);
}
BENCHMARK(train)
    ->ArgNames({"layers", "threads", "published"})
    ->ArgsProduct({{1, 3}, {1, 2}, {1, 0}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

// Arguments: layers, threads, windows.
void predict(benchmark::State& state) {
  const Config c = config_of(state.range(0));
  const int threads = static_cast<int>(state.range(1));
  set_num_threads(threads);
  RandomStream random = Random(1).stream("bench");
  Network<float> net(c, random);
  Predictor<float> predictor(net);
  const auto eeg = random.normal<float>({state.range(2), c.channels, c.bands});
  const auto eye = random.normal<float>({state.range(2), c.eye_features});
  timed(state, static_cast<double>(state.range(2)) * forward_flops(c),
        [&] { benchmark::DoNotOptimize(predictor(eeg, eye).probabilities.fused.data()); });
}
BENCHMARK(predict)
    ->ArgNames({"layers", "threads", "windows"})
    ->ArgsProduct({{1, 3}, {1, 2}, {1, 256}})
    ->Unit(benchmark::kMicrosecond)
    ->UseRealTime();

}  // namespace

BENCHMARK_MAIN();
