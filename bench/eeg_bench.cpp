// From raw EEG (62 channels, 200 Hz, float) to SST-LegoViT's images on one thread: how many times faster than
// it is recorded, and the time a window of 2 s takes (48 images of 64 x 64).
#include <benchmark/benchmark.h>
#include <limbic/core/random.hpp>
#include <limbic/data/eeg_stream.hpp>
#include <limbic/data/topography.hpp>

#include <chrono>

using namespace limbic;
using namespace limbic::data;

namespace {

constexpr double kSeconds = 125;
constexpr index_t kSamples = static_cast<index_t>(kSeconds * kRawRate);

// (62, samples) of noise.
const Tensor<float>& recording() {
  static const Tensor<float> raw = [] {
    Tensor<float> x = Tensor<float>::empty({kElectrodes, kSamples});
    const PhiloxKey key = Random(1).stream("eeg").draw(x.numel(), 1);
    std::uint64_t i = 0;
    for (float& v : x.mutable_span()) v = 60 * philox_uniform(key, i++) - 30;
    return x;
  }();
  return raw;
}

template <class F>
void run(benchmark::State& state, F&& f) {
  double best = 1e30;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    benchmark::ClobberMemory();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  state.counters["best_x_real_time"] = kSeconds / best;
  state.counters["best_us_a_window"] = best * 1e6 / ((kSeconds - 5) / 2);
}

EegOptions options(const benchmark::State& state) {
  EegOptions o;
  o.order = static_cast<int>(state.range(0));
  return o;
}

void features(benchmark::State& state) {
  run(state, [&] { benchmark::DoNotOptimize(eeg_features(recording(), options(state)).data()); });
}

// Images one after the other in the same memory, as a live application draws them.
void raw_to_images(benchmark::State& state) {
  EegStream stream(options(state));
  Topography<float> topography;
  std::vector<float> images(48 * 64 * 64);
  const index_t block = state.range(1);
  const auto draw = [&](const EegWindow& w) { topography.draw(w.features, std::span(images)); };
  run(state, [&] {
    stream.reset();
    for (index_t at = 0; at < kSamples; at += block) stream.push(recording().slice(1, at, at + block), draw);
  });
}

// Images of all 60 windows, each in memory of its own: 47 MB.
void features_to_images(benchmark::State& state) {
  const Tensor<float> y = eeg_features(recording());
  Topography<float> topography;
  run(state, [&] { benchmark::DoNotOptimize(topography.images(y).data()); });
}

BENCHMARK(features)->ArgName("order")->Arg(5)->Arg(3);
BENCHMARK(raw_to_images)
    ->ArgNames({"order", "block"})
    ->Args({5, kSamples})
    ->Args({3, kSamples})
    ->Args({5, 8});
BENCHMARK(features_to_images);

}  // namespace

BENCHMARK_MAIN();
