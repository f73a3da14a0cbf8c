// Kernels on the device, timed by CUDA events after ten runs that are not counted: medians of the
// repetitions, bytes and operations a second and their share of the device's peak. NAME_composed is the same
// from matrix products (cuBLAS) and elementwise passes; before anything is timed both must come out the same.
// On the emulator (limbic::cuda_emulated) everything runs once, at small sizes: only to see that it runs, and
// is right.
//
// bytes and operations are those that the result needs, not what a kernel happens to move.
#include "cuda_timing.hpp"

#include <cmath>
#include <cstdio>

using namespace limbic;
using bench::add;
using Matrix = Tensor<float, Cuda>;
using Variable = Var<float, Cuda>;
using Sizes = std::vector<index_t>;

namespace {

Matrix tensor(const Shape& shape) {
  static RandomStream stream = Random(1).stream("bench");
  return stream.normal<float, Cuda>(shape);
}
Variable leaf(const Shape& shape) { return Variable::leaf(tensor(shape)); }

// `bytes` and `flops` of one run of work().
template <class F>
void timed(benchmark::State& state, double bytes, double flops, F&& work) {
  bench::time_on_device(state, work);
  using benchmark::Counter;
  const cuda::Peaks peak = cuda::peaks();
  state.counters["B/s"] = Counter(bytes, Counter::kIsIterationInvariantRate);
  state.counters["flop/s"] = Counter(flops, Counter::kIsIterationInvariantRate);
  if (peak.bytes > 0)
    state.counters["of_bytes"] = Counter(bytes / peak.bytes, Counter::kIsIterationInvariantRate);
  if (peak.flops > 0)
    state.counters["of_flops"] = Counter(flops / peak.flops, Counter::kIsIterationInvariantRate);
}

// Attention, MMD and CORAL as programs without kernels for them write these.
template <class X>
X composed_attention(const X& q, const X& k, const X& v) {
  const float scale = 1 / std::sqrt(static_cast<float>(q.shape()[3]));
  return matmul(softmax(matmul(q, transpose(k, 2, 3)) * scale), v);
}
Variable composed_mmd(const Variable& s, const Variable& t) {
  const index_t half = s.shape()[0], all = 2 * half;
  const float n = static_cast<float>(all), eps = 1e-5f;
  const Variable z = concat({s, t});
  const Variable norms = sum(square(z), {1}, true);
  const Variable d = norms + transpose(norms) - 2.0f * matmul(z, transpose(z));
  const Matrix centred = z.value() - mean(z.value(), {0}, true);
  const Matrix bandwidth = (sum(square(centred)) * (2 * n) + n * n * eps) / (n * n - n);
  Variable kernel;
  for (int i = 0; i < 5; ++i) {
    const Variable one = exp((d + eps) / (bandwidth * -std::ldexp(1.0f, i - 2)));
    kernel = i == 0 ? one : kernel + one;
  }
  const Matrix ones = Matrix::full({half, 1}, 1 / static_cast<float>(half)),
               signs = concat({ones, ones * -1.0f});
  return sum(kernel * matmul(signs, transpose(signs)));
}
Variable composed_coral(const Variable& s, const Variable& t) {
  const auto covariance = [](const Variable& x) {
    const Variable centred = x - mean(x, {0}, true);
    return matmul(transpose(centred), centred) / static_cast<float>(x.shape()[0] - 1);
  };
  const float d = static_cast<float>(s.shape()[1]);
  return sum(square(covariance(s) - covariance(t))) / (4 * d * d);
}

double heads_numbers(const benchmark::State& s) {
  return static_cast<double>(s.range(0) * s.range(1) * s.range(2) * s.range(3));
}
Shape heads(const benchmark::State& s) { return {s.range(0), s.range(1), s.range(2), s.range(3)}; }

template <class F>
void attention_forward(benchmark::State& state, F&& f) {
  const Matrix q = tensor(heads(state)), k = tensor(heads(state)), v = tensor(heads(state));
  const double n = heads_numbers(state);
  timed(state, 16 * n, 4 * n * static_cast<double>(state.range(2)),
        [&] { benchmark::DoNotOptimize(f(q, k, v)); });
}
template <class F>
void attention_backward(benchmark::State& state, F&& f) {
  const Variable q = leaf(heads(state)), k = leaf(heads(state)), v = leaf(heads(state)),
                 dy(tensor(heads(state)));
  const double n = heads_numbers(state);
  const Variable y = f(q, k, v);
  timed(state, 32 * n, 10 * n * static_cast<double>(state.range(2)), [&] {
    benchmark::DoNotOptimize(grad(y, {q, k, v}, dy));
  });
}
// A loss of two batches (n, d) and its gradients; `pairs`: its products are n x n, else d x d.
template <class F>
void loss_step(benchmark::State& state, bool pairs, F&& f) {
  const Shape shape{state.range(0), state.range(1)};
  const double n = static_cast<double>(shape[0]), d = static_cast<double>(shape[1]);
  const Variable s = leaf(shape), t = leaf(shape);
  timed(state, 16 * n * d, pairs ? 16 * n * n * d : 12 * n * d * d, [&] {
    benchmark::DoNotOptimize(grad(f(s, t), {s, t}));
  });
}
template <class F>
void rows(benchmark::State& state, double reads_and_writes, F&& f) {
  const Matrix x = tensor({state.range(0), state.range(1)});
  timed(state, 4.0 * reads_and_writes * static_cast<double>(x.numel()), 0,
        [&] { benchmark::DoNotOptimize(f(x)); });
}
void product(benchmark::State& state) {
  const index_t n = state.range(0);
  const Matrix a = tensor({n, n}), b = tensor({n, n});
  timed(state, 12.0 * static_cast<double>(n * n), 2.0 * static_cast<double>(n * n * n),
        [&] { benchmark::DoNotOptimize(matmul(a, b)); });
}

// Whether both forms of a function come out the same, and their gradients by the inputs.
template <class F, class G>
bool same(const char* name, const std::vector<Variable>& x, F&& f, G&& composed) {
  const auto results = [&](auto&& form) {
    const Variable y = form();
    std::vector<float> all = y.value().template on<Cpu>().to_vector();
    for (const Variable& d : grad(y, x, Variable(Matrix::ones(y.shape())))) {
      const std::vector<float> more = d.value().template on<Cpu>().to_vector();
      all.insert(all.end(), more.begin(), more.end());
    }
    return all;
  };
  const std::vector<float> a = results(f), b = results(composed);
  float largest = 0, difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = std::fmax(largest, std::abs(b[i]));
    difference = std::fmax(difference, std::abs(a[i] - b[i]));
  }
  if (largest > 0 && difference <= 1e-4f * largest) return true;
  std::fprintf(stderr, "bench_cuda: %s and what it is composed of differ by %g of %g\n", name,
               static_cast<double>(difference), static_cast<double>(largest));
  return false;
}
bool all_same() {
  const Variable q = leaf({1, 2, 17, 16}), k = leaf({1, 2, 17, 16}), v = leaf({1, 2, 17, 16}),
                 s = leaf({16, 32}), t = leaf({16, 32});
  bool all = same(
      "attention", {q, k, v}, [&] { return attention(q, k, v); },
      [&] { return composed_attention(q, k, v); });
  all = same(
            "mmd", {s, t}, [&] { return mmd(s, t); }, [&] { return composed_mmd(s, t); }) &&
        all;
  return same(
             "coral", {s, t}, [&] { return coral(s, t); }, [&] { return composed_coral(s, t); }) &&
         all;
}

void register_all() {
  using benchmark::State;
  // UF-AMA's fusion, SST-LegoViT's maps, CLIP's text tower, a long one.
  const std::vector<Sizes> attentions = {
      {64, 2, 62, 64}, {768, 4, 16, 32}, {48, 8, 77, 64}, {4, 8, 1024, 64}};
  const std::vector<Sizes> large = {{65536, 64}, {16384, 512}, {4096, 4096}},
                           batches = {{64, 128}, {1024, 256}, {4096, 256}};
  const Sizes few_heads = {1, 2, 17, 16}, few = {16, 33};
  const auto fused = [](const auto& q, const auto& k, const auto& v) { return attention(q, k, v); };
  const auto composed = [](const auto& q, const auto& k, const auto& v) {
    return composed_attention(q, k, v);
  };
  add("attention", attentions, few_heads, [=](State& s) { attention_forward(s, fused); });
  add("attention_composed", attentions, few_heads, [=](State& s) { attention_forward(s, composed); });
  add("attention_tf32", attentions, few_heads, [=](State& s) {
    const Tf32Attention on_tensor_cores;
    attention_forward(s, fused);
  });
  add("attention_gradients", attentions, few_heads, [=](State& s) { attention_backward(s, fused); });
  add("attention_gradients_composed", attentions, few_heads,
      [=](State& s) { attention_backward(s, composed); });
  add("mmd_with_gradients", batches, few,
      [](State& s) { loss_step(s, true, [](const auto& a, const auto& b) { return mmd(a, b); }); });
  add("mmd_with_gradients_composed", batches, few, [](State& s) { loss_step(s, true, composed_mmd); });
  add("coral_with_gradients", batches, few,
      [](State& s) { loss_step(s, false, [](const auto& a, const auto& b) { return coral(a, b); }); });
  add("coral_with_gradients_composed", batches, few, [](State& s) { loss_step(s, false, composed_coral); });
  add("softmax", large, few, [](State& s) { rows(s, 2, [](const Matrix& x) { return softmax(x); }); });
  add("relu", large, few, [](State& s) { rows(s, 2, [](const Matrix& x) { return relu(x); }); });
  add("gelu", large, few, [](State& s) { rows(s, 2, [](const Matrix& x) { return gelu(x); }); });
  add("column_sums", large, few, [](State& s) { rows(s, 1, [](const Matrix& x) { return sum(x, {0}); }); });
  add("transposed_copy", large, few,
      [](State& s) { rows(s, 2, [](const Matrix& x) { return x.transpose(0, 1).contiguous(); }); });
  add("dropout", large, few, [](State& s) {
    RandomStream stream = Random(2).stream("dropout");
    rows(s, 2, [&](const Matrix& x) { return dropout(x, 0.1, stream); });
  });
  add("product", {{512}, {2048}, {8192}}, {24}, product);
}

}  // namespace

int main(int argc, char** argv) try {
  register_all();
  benchmark::Initialize(&argc, argv);
  if (!all_same()) return 1;
  benchmark::RunSpecifiedBenchmarks();
} catch (const limbic::Error& error) {
  std::fprintf(stderr, "bench_cuda: %s\n", error.what());
  return 1;
}
