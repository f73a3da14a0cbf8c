// What recording costs: the same small operations on tensors and on variables, and whole small training
// steps.
//
// `s_per_op` of record and backward, minus that of the tensor operation, is the tape's overhead.
#include <benchmark/benchmark.h>
#include <limbic/limbic.hpp>

using namespace limbic;

namespace {

constexpr int kChain = 100;

template <class X>
X chain(const X& x, const X& w) {
  X y = x;
  for (int i = 0; i < kChain; ++i) y = y + w;
  return y;
}

void per_op(benchmark::State& state) {
  state.counters["s_per_op"] = benchmark::Counter(static_cast<double>(state.iterations()) * kChain,
                                                  benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

void tensor_add(benchmark::State& state) {
  const auto x = Tensor<float>::ones({state.range(0)}), w = Tensor<float>::ones({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(chain(x, w).data());
  per_op(state);
}
BENCHMARK(tensor_add)->Arg(1)->Arg(16);

void record_add(benchmark::State& state) {
  const Var<float> x(Tensor<float>::ones({state.range(0)})),
      w = Var<float>::leaf(Tensor<float>::ones({state.range(0)}));
  for (auto _ : state) benchmark::DoNotOptimize(chain(x, w).value().data());
  per_op(state);
}
BENCHMARK(record_add)->Arg(1)->Arg(16);

void record_and_backward_add(benchmark::State& state) {
  const Var<float> x(Tensor<float>::ones({state.range(0)}));
  Var<float> w = Var<float>::leaf(Tensor<float>::ones({state.range(0)}));
  const Var<float> dy(Tensor<float>::ones({state.range(0)}));
  for (auto _ : state) {
    w.zero_grad();
    backward(chain(x, w), dy);
  }
  per_op(state);
}
BENCHMARK(record_and_backward_add)->Arg(1)->Arg(16);

}  // namespace

BENCHMARK_MAIN();
