// Batch normalisation and dropout: GB/s of the arrays that must be read and written at the fastest iteration,
// and the fraction of what copying by as many threads reaches between arrays of the same size in the same
// run.
//
// Batch statistics cost one more reading: in training the forward reads x twice and the backward x and dy
// twice.
#include <benchmark/benchmark.h>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/ops/batch_norm.hpp>
#include <limbic/ops/dropout.hpp>

#include <chrono>
#include <cstring>
#include <functional>
#include <string>

namespace {

using namespace limbic;

double seconds(const std::function<void()>& f) {
  const auto begin = std::chrono::steady_clock::now();
  f();
  benchmark::ClobberMemory();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct Data {
  Tensor<float> x, dy, y, weight, mean, rstd, sum, dot;
  explicit Data(const Shape& s) : weight(Tensor<float>::ones({s[1]})) {
    RandomStream random = Random(1).stream("bench");
    x = random.normal<float>(s);
    dy = random.normal<float>(s);
    y = x.clone();
    mean = rstd = sum = dot = Tensor<float>::zeros({s[1]});
    for (auto* t : {&rstd, &sum, &dot}) *t = mean.clone();
  }
};

void run(benchmark::State& state, const Shape& shape, int threads, int arrays, void (*kernel)(Data&)) {
  const int before = num_threads();
  set_num_threads(threads);
  Data data(shape);
  double best = 1e30, copy = 1e30;
  const auto copying = [&] {
    float* to = data.y.mutable_data();
    parallel_for(data.x.numel(), 65536, [&](index_t b, index_t e) {
      std::memcpy(to + b, data.x.data() + b, static_cast<std::size_t>(e - b) * sizeof(float));
    });
  };
  for (auto _ : state) {
    best = std::min(best, seconds([&] { kernel(data); }));
    copy = std::min(copy, seconds(copying));
  }
  const double bytes = static_cast<double>(data.x.numel()) * sizeof(float);
  state.counters["best_GB/s"] = arrays * bytes / best * 1e-9;
  state.counters["copy_GB/s"] = 2 * bytes / copy * 1e-9;
  state.counters["of_copy"] = arrays * copy / (2 * best);
  set_num_threads(before);
}

void add(const char* name, int arrays, void (*kernel)(Data&)) {
  const std::pair<const char*, Shape> shapes[] = {
      {"64x64x64x64", {64, 64, 64, 64}}, {"3072x256x4x4", {3072, 256, 4, 4}}, {"65536x128", {65536, 128}}};
  for (const auto& s : shapes)
    for (int threads : {1, 2})
      benchmark::RegisterBenchmark(
          (std::string(name) + "/" + s.first + "/threads:" + std::to_string(threads)).c_str(),
          [=](benchmark::State& state) { run(state, s.second, threads, arrays, kernel); })
          ->UseRealTime();
}

const int kRegistered = [] {
  add("batch_norm_fwd", 3, [](Data& d) {
    batch_norm_moments(Cpu{}, d.mean, d.rstd, d.x);
    batch_norm_apply(Cpu{}, d.y, d.x, d.mean, d.weight, d.weight);
  });
  add("batch_norm_eval", 2, [](Data& d) { batch_norm_apply(Cpu{}, d.y, d.x, d.mean, d.weight, d.weight); });
  add("batch_norm_bwd", 5, [](Data& d) {
    batch_norm_sums(Cpu{}, d.sum, d.dot, d.x, d.dy, d.mean);
    batch_norm_gradient(Cpu{}, d.y, d.x, d.dy, d.mean, d.weight, d.weight, d.sum, d.dot);
  });
  add("dropout", 2, [](Data& d) { dropout_scale(Cpu{}, d.y, d.x, PhiloxKey{1, 2}, 0.1, 1.1f); });
  return 0;
}();

}  // namespace

BENCHMARK_MAIN();
