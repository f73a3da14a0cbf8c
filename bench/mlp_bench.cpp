// A whole training step of a small network, on one thread: forward, cross-entropy, zero_grad, backward,
// optimiser. peers/mlp_torch.py times the same steps in PyTorch.
#include <benchmark/benchmark.h>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/loss/cross_entropy.hpp>
#include <limbic/nn/linear.hpp>
#include <limbic/optim/optim.hpp>

using namespace limbic;

namespace {

struct Mlp {
  Linear<float> fc1, fc2;
  Mlp(index_t in, index_t hidden, index_t out, RandomStream& random)
      : fc1(in, hidden, random), fc2(hidden, out, random) {}
  template <class V>
  void visit(V&& v) {
    v("fc1", fc1);
    v("fc2", fc2);
  }
  Var<float> operator()(const Tensor<float>& x) const { return fc2(linear_relu(x, fc1.weight, fc1.bias)); }
};

// Arguments: batch, inputs, hidden units; 3 classes.
template <class Optimizer>
void step(benchmark::State& state) {
  set_num_threads(1);
  RandomStream random = Random(1).stream("mlp");
  Mlp net(state.range(1), state.range(2), 3, random);
  Optimizer optimizer(parameters<float>(net));
  const auto x = random.normal<float>({state.range(0), state.range(1)});
  const auto label = random.integers({state.range(0)}, 0, 3);
  std::uint64_t before = 0;
  for (auto _ : state) {
    Var<float> loss = cross_entropy(net(x), label);
    optimizer.zero_grad();
    backward(std::move(loss));
    optimizer.step();
    if (before == 0) before = memory_stats().system_allocations;
  }
  state.counters["system_allocations"] = static_cast<double>(memory_stats().system_allocations - before);
}
BENCHMARK(step<Sgd<float>>)->Args({1, 16, 16})->Args({32, 16, 16});
BENCHMARK(step<Adam<float>>)->Args({1, 16, 16})->Args({32, 16, 16});

void forward_only(benchmark::State& state) {
  set_num_threads(1);
  RandomStream random = Random(1).stream("mlp");
  const Mlp net(state.range(1), state.range(2), 3, random);
  const auto x = random.normal<float>({state.range(0), state.range(1)});
  const NoGrad off;
  for (auto _ : state) benchmark::DoNotOptimize(net(x).value().data());
}
BENCHMARK(forward_only)->Args({1, 16, 16})->Args({32, 16, 16});

}  // namespace

BENCHMARK_MAIN();
