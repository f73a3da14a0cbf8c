// Fused attention on one thread: GFLOP/s of its products (two forward, five backward) at the fastest
// iteration, and the fraction of what a plain multiply-add loop reaches in the same run. PyTorch's numbers
// for the same shapes: bench/peers/attention_torch.py.
#include <benchmark/benchmark.h>
#include <limbic/backend/cpu/attention.hpp>
#include <peak_flops.hpp>

#include <chrono>
#include <cmath>
#include <vector>

namespace {

using namespace limbic;
using namespace limbic::cpu;

template <class F>
double seconds(F&& f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  benchmark::ClobberMemory();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

enum Part { kForward, kBoth };

// Arguments: heads in all, Lq, Lk, E, causal.
template <Part kPart>
void attention(benchmark::State& state) {
  set_num_threads(1);
  const index_t heads = state.range(0), Lq = state.range(1), Lk = state.range(2), E = state.range(3);
  auto random = [](index_t n) {
    std::vector<float> x(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 7919 % 1009) * 0.004f - 2.0f;
    return x;
  };
  auto q = random(heads * Lq * E), k = random(heads * Lk * E), v = k, out = q, dout = q, dq = q, dk = k,
       dv = k;
  std::vector<float> lse(static_cast<std::size_t>(heads * Lq));
  AttentionOptions<float> o;
  o.B = heads, o.H = 1, o.Lq = Lq, o.Lk = Lk, o.E = o.Ev = E;
  o.scale = 1.0f / std::sqrt(static_cast<float>(E));
  o.causal = state.range(4) != 0;
  auto view = [&](std::vector<float>& x, index_t L) { return Heads<float>{x.data(), L * E, 0, E}; };
  AttentionGradients<float> g;
  g.q = view(q, Lq), g.k = view(k, Lk), g.v = view(v, Lk), g.out = view(out, Lq), g.dout = view(dout, Lq);
  g.lse = lse.data();
  g.dq = view(dq, Lq), g.dk = view(dk, Lk), g.dv = view(dv, Lk);

  double limit = bench::peak_flops<float>(), best = 1e30;
  for (auto _ : state)
    best = std::min(best, seconds([&] {
                      attention_fwd<float>(o, g.q, g.k, g.v, view(out, Lq), lse.data());
                      if (kPart == kBoth) attention_bwd<float>(o, g);
                    }));
  limit = std::max(limit, bench::peak_flops<float>());
  const double operations = (kPart == kBoth ? 14.0 : 4.0) * static_cast<double>(heads * Lq * Lk * E);
  state.counters["best_us"] = best * 1e6;
  state.counters["GFLOP/s"] = operations / best * 1e-9;
  state.counters["of_peak"] = operations / best / limit;
}

void shapes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"BH", "Lq", "Lk", "E", "causal"});
  for (int E : {32, 64})
    for (int Lk : {62, 33}) b->Args({64, 62, Lk, E, 0});
  b->Args({8, 1024, 1024, 64, 0})->Args({8, 1024, 1024, 64, 1});
}
BENCHMARK(attention<kForward>)->Apply(shapes);
BENCHMARK(attention<kBoth>)->Apply(shapes);

}  // namespace

BENCHMARK_MAIN();
