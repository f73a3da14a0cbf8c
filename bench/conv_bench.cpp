// Convolutions at the shapes of EmotionCLIP's patch embedding and of its small maps, 384 images: milliseconds
// and GFLOP/s at the fastest iteration, and the fraction of what plain multiply-add loops reach in the same
// run. Products with padding count as operations, also where they are left out. PyTorch's times:
// bench/peers/conv_torch.py.
#include <benchmark/benchmark.h>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/ops/conv.hpp>
#include <peak_flops.hpp>

#include <chrono>
#include <string>

namespace {

using namespace limbic;

struct Case {
  const char* name;
  index_t channels, size, filters, kernel, stride, padding;
  bool wants_x;  // whether x needs a gradient
};
constexpr Case kCases[] = {
    {"patch_2x2_1_16", 1, 64, 16, 2, 2, 0, false},    {"patch_2x2_16_64", 16, 32, 64, 2, 2, 0, true},
    {"patch_4x4_64_256", 64, 16, 256, 4, 4, 0, true}, {"point_256_128", 256, 4, 128, 1, 1, 0, true},
    {"point_128_256", 128, 4, 256, 1, 1, 0, true},    {"same_3x3_128_256", 128, 4, 256, 3, 1, 1, true},
    {"same_5x5_128_256", 128, 4, 256, 5, 1, 2, true}};

void run(benchmark::State& state, const Case& c, bool both, int threads) {
  const int before = num_threads();
  set_num_threads(threads);
  constexpr index_t kBatch = 384;
  RandomStream random = Random(1).stream("bench");
  const auto make = [&](const Shape& shape) { return random.normal<float>(shape); };
  const Var<float> x(make({kBatch, c.channels, c.size, c.size}));
  const auto leaf = c.wants_x ? Var<float>::leaf(x.value()) : x;
  const auto w = Var<float>::leaf(make({c.filters, c.channels, c.kernel, c.kernel})),
             b = Var<float>::leaf(make({c.filters}));
  const Conv2dOptions options{.stride = c.stride, .padding = c.padding};
  const Shape out = conv2d(x.value(), w.value(), b.value(), options).shape();
  const Var<float> dy(make(out));
  const std::vector<Var<float>> wanted = c.wants_x ? std::vector{leaf, w, b} : std::vector{w, b};
  double best = 1e30, limit = bench::peak_flops<float>();
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    if (both) {
      benchmark::DoNotOptimize(grad(conv2d(leaf, w, b, options), wanted, dy).back().value().data());
    } else {
      benchmark::DoNotOptimize(conv2d(x.value(), w.value(), b.value(), options).data());
    }
    benchmark::ClobberMemory();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  limit = std::max(limit, bench::peak_flops<float>()) * threads;
  const double one = 2.0 * static_cast<double>(numel(out) * c.channels * c.kernel * c.kernel);
  const double operations = both ? (c.wants_x ? 3 : 2) * one : one;
  state.counters["best_ms"] = best * 1e3;
  state.counters["GFLOP/s"] = operations / best * 1e-9;
  state.counters["of_peak"] = operations / best / limit;
  set_num_threads(before);
}

const int kRegistered = [] {
  for (const Case& c : kCases)
    for (int threads : {1, 2})
      for (bool both : {false, true})
        benchmark::RegisterBenchmark(("conv2d/" + std::string(c.name) + (both ? "/both" : "/forward") +
                                      "/threads:" + std::to_string(threads))
                                         .c_str(),
                                     [=](benchmark::State& state) { run(state, c, both, threads); })
            ->Unit(benchmark::kMillisecond)
            ->UseRealTime();
  return 0;
}();

}  // namespace

BENCHMARK_MAIN();
