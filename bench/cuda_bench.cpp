// Kernels on the device, timed by CUDA events: bytes and operations a second and their share of the device's peak,
// beside the same composed of matrix products (cuBLAS) and elementwise passes. With --benchmark_repetitions medians
// are printed. On the emulator (limbic::cuda_emulated) everything runs once, at small sizes: only to see that it runs.
//
// bytes and operations are those that the result needs, not what a kernel happens to move.
#include <limbic/cuda.hpp>

#include <benchmark/benchmark.h>

#if __has_include(<emulator/emulator.hpp>)
constexpr bool kEmulated = true;
#else
constexpr bool kEmulated = false;
#endif

using namespace limbic;
using Matrix = Tensor<float, Cuda>;
using Variable = Var<float, Cuda>;

namespace {

Matrix tensor(const Shape& shape) {
  static RandomStream stream = Random(1).stream("bench");
  return stream.normal<float, Cuda>(shape);
}
Variable leaf(const Shape& shape) { return Variable::leaf(tensor(shape)); }

// Runs work() between two events, again and again; `bytes` and `flops` of one run.
template <class F>
void timed(benchmark::State& state, double bytes, double flops, F&& work) {
  const cuda::Event from = cuda::make_event(), to = cuda::make_event();
  for (int warm = 0; warm < (kEmulated ? 0 : 10); ++warm) work();
  for (auto _ : state) {
    cuda::record_event(from);
    work();
    cuda::record_event(to);
    state.SetIterationTime(cuda::milliseconds(from, to) * 1e-3);
  }
  cuda::free_event(from);
  cuda::free_event(to);
  using benchmark::Counter;
  const cuda::Peaks peak = cuda::peaks();
  state.counters["B/s"] = Counter(bytes, Counter::kIsIterationInvariantRate);
  state.counters["flop/s"] = Counter(flops, Counter::kIsIterationInvariantRate);
  if (peak.bytes > 0) state.counters["of_bytes"] = Counter(bytes / peak.bytes, Counter::kIsIterationInvariantRate);
  if (peak.flops > 0) state.counters["of_flops"] = Counter(flops / peak.flops, Counter::kIsIterationInvariantRate);
}

void attention_forward(benchmark::State& state, bool composed) {
  const index_t b = state.range(0), h = state.range(1), l = state.range(2), e = state.range(3);
  const Matrix q = tensor({b, h, l, e}), k = tensor({b, h, l, e}), v = tensor({b, h, l, e});
  const float scale = 1 / std::sqrt(static_cast<float>(e));
  timed(state, 16.0 * static_cast<double>(q.numel()), 4.0 * static_cast<double>(b * h * l * l * e), [&] {
    if (composed) benchmark::DoNotOptimize(matmul(softmax(matmul(q, transpose(k, 2, 3)) * scale), v));
    else benchmark::DoNotOptimize(attention(q, k, v));
  });
}
void attention_backward(benchmark::State& state) {
  const index_t b = state.range(0), h = state.range(1), l = state.range(2), e = state.range(3);
  const Variable q = leaf({b, h, l, e}), k = leaf({b, h, l, e}), v = leaf({b, h, l, e});
  const Variable y = attention(q, k, v), dy(tensor(y.shape()));
  timed(state, 32.0 * static_cast<double>(q.numel()), 10.0 * static_cast<double>(b * h * l * l * e),
        [&] { benchmark::DoNotOptimize(grad(y, {q, k, v}, dy)); });
}
void mmd_step(benchmark::State& state) {
  const index_t n = state.range(0), d = state.range(1);
  const Variable s = leaf({n, d}), t = leaf({n, d});
  timed(state, 16.0 * static_cast<double>(n * d), 16.0 * static_cast<double>(n * n * d),
        [&] { benchmark::DoNotOptimize(grad(mmd(s, t), {s, t})); });
}
void coral_step(benchmark::State& state) {
  const index_t n = state.range(0), d = state.range(1);
  const Variable s = leaf({n, d}), t = leaf({n, d});
  timed(state, 16.0 * static_cast<double>(n * d), 12.0 * static_cast<double>(n * d * d),
        [&] { benchmark::DoNotOptimize(grad(coral(s, t), {s, t})); });
}
template <class F>
void rows(benchmark::State& state, double reads_and_writes, F&& f) {
  const Matrix x = tensor({state.range(0), state.range(1)});
  timed(state, 4.0 * reads_and_writes * static_cast<double>(x.numel()), 0, [&] { benchmark::DoNotOptimize(f(x)); });
}
void product(benchmark::State& state) {
  const index_t n = state.range(0);
  const Matrix a = tensor({n, n}), b = tensor({n, n});
  timed(state, 12.0 * static_cast<double>(n * n), 2.0 * static_cast<double>(n * n * n),
        [&] { benchmark::DoNotOptimize(matmul(a, b)); });
}

template <class F>
void add(const char* name, std::vector<std::vector<index_t>> sizes, std::vector<index_t> small, F&& f) {
  auto* b = benchmark::RegisterBenchmark(name, f)->UseManualTime()->Unit(benchmark::kMicrosecond);
  if (kEmulated) {
    b->Args(small)->Iterations(1);
  } else {
    for (const auto& s : sizes) b->Args(s);
  }
}

}  // namespace

int main(int argc, char** argv) {
  // UF-AMA's fusion, SST-LegoViT's maps, CLIP's text tower, a long one.
  const std::vector<std::vector<index_t>> attentions = {{64, 2, 62, 64}, {768, 4, 16, 32}, {48, 8, 77, 64}, {4, 8, 1024, 64}};
  const std::vector<std::vector<index_t>> large = {{65536, 64}, {16384, 512}, {4096, 4096}};
  add("attention", attentions, {1, 2, 17, 16}, [](benchmark::State& s) { attention_forward(s, false); });
  add("attention_composed", attentions, {1, 2, 17, 16}, [](benchmark::State& s) { attention_forward(s, true); });
  add("attention_gradients", attentions, {1, 2, 17, 16}, attention_backward);
  add("mmd_with_gradients", {{64, 128}, {1024, 256}, {4096, 256}}, {16, 32}, mmd_step);
  add("coral_with_gradients", {{64, 128}, {1024, 256}, {4096, 256}}, {16, 32}, coral_step);
  add("softmax", large, {16, 33}, [](benchmark::State& s) { rows(s, 2, [](const Matrix& x) { return softmax(x); }); });
  add("relu", large, {16, 33}, [](benchmark::State& s) { rows(s, 2, [](const Matrix& x) { return relu(x); }); });
  add("gelu", large, {16, 33}, [](benchmark::State& s) { rows(s, 2, [](const Matrix& x) { return gelu(x); }); });
  add("column_sums", large, {16, 33}, [](benchmark::State& s) { rows(s, 1, [](const Matrix& x) { return sum(x, {0}); }); });
  add("transposed_copy", large, {16, 33}, [](benchmark::State& s) { rows(s, 2, [](const Matrix& x) { return x.transpose(0, 1).contiguous(); }); });
  add("dropout", large, {16, 33}, [](benchmark::State& s) {
    RandomStream stream = Random(2).stream("dropout");
    rows(s, 2, [&](const Matrix& x) { return dropout(x, 0.1, stream); });
  });
  add("product", {{512}, {2048}, {8192}}, {24}, product);
  benchmark::Initialize(&argc, argv);
  if (cuda::device_count() == 0) {
    std::fprintf(stderr, "bench_cuda: there is no CUDA device\n");
    return 1;
  }
  benchmark::RunSpecifiedBenchmarks();
}
