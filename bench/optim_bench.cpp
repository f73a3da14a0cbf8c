// Optimiser steps on one thread: GB/s of the arrays read and written (each once), and the fraction of what
// std::memcpy reaches between two arrays as large together in the same run; and what a step costs a parameter
// when all are small.
#include <benchmark/benchmark.h>
#include <limbic/optim/optim.hpp>

#include <cstring>
#include <ctime>

using namespace limbic;

namespace {

constexpr index_t kMany = index_t{1} << 23;

// Bytes read and written a second by the best of many copies, in processor time as the benchmarks' rates.
double copy_rate() {
  static const double rate = [] {
    std::vector<float> from(static_cast<std::size_t>(2 * kMany), 1.0f), to(from);
    double best = 0;
    for (int repeat = 0; repeat < 20; ++repeat) {
      const std::clock_t begin = std::clock();
      std::memcpy(to.data(), from.data(), from.size() * sizeof(float));
      benchmark::DoNotOptimize(to.data());
      benchmark::ClobberMemory();
      const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
      best = std::max(best, 2.0 * sizeof(float) * static_cast<double>(from.size()) / seconds);
    }
    return best;
  }();
  return rate;
}

void report(benchmark::State& state, int arrays) {
  using benchmark::Counter;
  const double bytes =
      static_cast<double>(state.iterations()) * arrays * sizeof(float) * static_cast<double>(kMany);
  state.counters["GB/s"] = Counter(bytes * 1e-9, Counter::kIsRate);
  state.counters["of_copy"] = Counter(bytes / copy_rate(), Counter::kIsRate);
}

Var<float> parameter(index_t n) {
  Var<float> p = Var<float>::leaf(Tensor<float>::full({n}, 0.5f));
  p.set_grad(Tensor<float>::full({n}, 1e-3f));
  return p;
}

// `arrays`: how many times an array goes to or comes from memory.
template <class Optimizer>
void step(benchmark::State& state, const typename Optimizer::Options& options, int arrays) {
  set_num_threads(1);
  Optimizer optimizer({parameter(kMany)}, options);
  optimizer.step();
  for (auto _ : state) optimizer.step();
  report(state, arrays);
}
void sgd(benchmark::State& state) { step<Sgd<float>>(state, {}, 3); }
void momentum(benchmark::State& state) { step<Sgd<float>>(state, {.momentum = 0.9}, 5); }
void adam(benchmark::State& state) { step<Adam<float>>(state, {}, 7); }
BENCHMARK(sgd);
BENCHMARK(momentum);
BENCHMARK(adam);

void squared_norm(benchmark::State& state) {
  set_num_threads(1);
  const auto x = Tensor<float>::full({kMany}, 0.5f);
  for (auto _ : state) benchmark::DoNotOptimize(squared_norm(Cpu{}, x));
  report(state, 1);
}
BENCHMARK(squared_norm);

// A hundred parameters of state.range(0) elements.
template <class Optimizer>
void small(benchmark::State& state) {
  set_num_threads(1);
  std::vector<Var<float>> parameters;
  for (int i = 0; i < 100; ++i) parameters.push_back(parameter(state.range(0)));
  Optimizer optimizer(parameters);
  for (auto _ : state) optimizer.step();
  using benchmark::Counter;
  state.counters["s_per_parameter"] =
      Counter(static_cast<double>(state.iterations()) * 100, Counter::kIsRate | Counter::kInvert);
}
BENCHMARK(small<Sgd<float>>)->Arg(1)->Arg(64)->Arg(4096);
BENCHMARK(small<Adam<float>>)->Arg(1)->Arg(64)->Arg(4096);

}  // namespace

BENCHMARK_MAIN();
