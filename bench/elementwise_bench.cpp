// Elementwise operations on tensors, on one thread: GB/s of the arrays that must be read and written (each
// once), at the fastest iteration, and the fraction of what std::memcpy reaches between arrays of the same
// size.
#include <limbic/ops/activation.hpp>
#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/dropout.hpp>
#include <limbic/ops/gelu.hpp>

#include <functional>

#include "copy_rate.hpp"

namespace {

using namespace limbic;
using Function = std::function<Var<float>(const Var<float>&)>;

// kBackward: x -> y forward, then dy -> dx (x read again): five arrays; else two.
template <bool kBackward>
void run(benchmark::State& state, const Function& f) {
  set_num_threads(1);
  const index_t n = state.range(0);
  const Tensor<float> value = Random(1).stream("x").normal<float>({n});
  Var<float> x = kBackward ? Var<float>::leaf(value) : Var<float>(value);
  const Var<float> dy = Tensor<float>::ones({n});
  double best = 1e30, copy = bench::copy_rate(n);
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    const Var<float> y = f(x);
    if constexpr (kBackward) {
      x.zero_grad();
      backward(y, dy);
    }
    benchmark::ClobberMemory();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    best = std::min(best, time.count());
  }
  copy = std::max(copy, bench::copy_rate(n));
  const double rate = (kBackward ? 5.0 : 2.0) * sizeof(float) * static_cast<double>(n) / best;
  state.counters["best_GB/s"] = rate * 1e-9;
  state.counters["copy_GB/s"] = copy * 1e-9;
  state.counters["of_copy"] = rate / copy;
}

const int kRegistered = [] {
  auto add = [](const std::string& name, const Function& f) {
    for (const index_t n : {index_t{1} << 25, index_t{126976}}) {
      benchmark::RegisterBenchmark((name + "/forward").c_str(), [f](benchmark::State& s) {
        run<false>(s, f);
      })->Arg(n);
      benchmark::RegisterBenchmark((name + "/both").c_str(), [f](benchmark::State& s) {
        run<true>(s, f);
      })->Arg(n);
    }
  };
  add("relu", [](const Var<float>& x) { return relu(x); });
  add("gelu", [](const Var<float>& x) { return gelu(x); });
  add("dropout", [](const Var<float>& x) {
    RandomStream stream = Random(2).stream("dropout");
    return dropout(x, 0.1, stream);
  });
  return 0;
}();

}  // namespace

BENCHMARK_MAIN();
