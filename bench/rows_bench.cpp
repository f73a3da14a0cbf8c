// Row kernels on one thread: GB/s of the arrays read and written (each once), at the fastest iteration, and
// the fraction of what std::memcpy reaches between arrays of the same size just before and after. The large
// arrays (128 MB) lie in memory; those of 1984 x 64, a batch of tokens, in the caches, where a copy is no
// limit.
#include <benchmark/benchmark.h>
#include <limbic/backend/cpu/norms.hpp>
#include <limbic/backend/cpu/rows.hpp>

#include <functional>
#include <vector>

#include "copy_rate.hpp"

namespace {

using namespace limbic;
using namespace limbic::cpu;

struct Data {
  index_t rows, cols;
  std::vector<float> x, y, z, scale, shift, a, b, c, d;
  std::vector<index_t> labels;

  Data(index_t rows_, index_t cols_) : rows(rows_), cols(cols_) {
    const auto n = static_cast<std::size_t>(rows * cols), r = static_cast<std::size_t>(rows);
    x.resize(n);
    for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>(i * 37 % 101) * 0.05f - 2.5f;
    y = z = x;
    scale.assign(static_cast<std::size_t>(cols), 1.5f);
    shift = scale;
    a.assign(r, 1.0f);
    b = c = d = a;
    labels.assign(r, 1);
  }
};

// `arrays`: how many (rows, cols) arrays the kernel reads and writes.
void run(benchmark::State& state, int arrays, const std::function<void(Data&)>& kernel) {
  set_num_threads(1);
  Data data(state.range(0), state.range(1));
  const index_t n = data.rows * data.cols;
  const double bytes = arrays * static_cast<double>(sizeof(float)) * static_cast<double>(n);
  double best = 1e30, copy = bench::copy_rate(n);
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    kernel(data);
    benchmark::ClobberMemory();
    const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
    best = std::min(best, time.count());
  }
  copy = std::max(copy, bench::copy_rate(n));
  state.counters["best_GB/s"] = bytes / best * 1e-9;
  state.counters["copy_GB/s"] = copy * 1e-9;
  state.counters["of_copy"] = bytes / best / copy;
}

void add(const char* name, int arrays, void (*kernel)(Data&)) {
  for (auto shape : {std::pair{32768, 1024}, {524288, 64}, {1984, 64}})
    benchmark::RegisterBenchmark(
        (std::string(name) + "/" + std::to_string(shape.first) + "x" + std::to_string(shape.second)).c_str(),
        [=](benchmark::State& state) { run(state, arrays, kernel); })
        ->Args({shape.first, shape.second});
}

const int kRegistered = [] {
  add("softmax_fwd", 2, [](Data& m) { softmax_fwd(m.x.data(), m.y.data(), m.rows, m.cols); });
  add("softmax_bwd", 3,
      [](Data& m) { softmax_bwd(m.x.data(), m.y.data(), m.z.data(), m.rows, m.cols, false); });
  add("log_softmax_fwd", 2, [](Data& m) { log_softmax_fwd(m.x.data(), m.y.data(), m.rows, m.cols); });
  add("log_softmax_bwd", 3,
      [](Data& m) { log_softmax_bwd(m.x.data(), m.y.data(), m.z.data(), m.rows, m.cols, false); });
  add("cross_entropy_fwd", 1, [](Data& m) {
    cross_entropy_fwd(m.x.data(), m.labels.data(), m.a.data(), m.b.data(), m.rows, m.cols);
  });
  add("cross_entropy_bwd", 2, [](Data& m) {
    cross_entropy_bwd(m.x.data(), m.labels.data(), m.b.data(), m.a.data(), m.y.data(), m.rows, m.cols, false);
  });
  add("layer_norm_fwd", 2, [](Data& m) {
    layer_norm_fwd(m.x.data(), m.scale.data(), m.shift.data(), 1e-5f, m.y.data(), m.a.data(), m.b.data(),
                   m.rows, m.cols);
  });
  add("layer_norm_bwd", 3, [](Data& m) {
    layer_norm_bwd(m.x.data(), m.scale.data(), m.c.data(), m.d.data(), m.y.data(), m.z.data(), false,
                   m.scale.data(), m.shift.data(), false, m.rows, m.cols);
  });
  add("rms_norm_fwd", 2, [](Data& m) {
    rms_norm_fwd(m.x.data(), m.scale.data(), 1e-5f, m.y.data(), m.b.data(), m.rows, m.cols);
  });
  add("rms_norm_bwd", 3, [](Data& m) {
    rms_norm_bwd(m.x.data(), m.scale.data(), m.d.data(), m.y.data(), m.z.data(), false, m.shift.data(), false,
                 m.rows, m.cols);
  });
  return 0;
}();

}  // namespace

BENCHMARK_MAIN();
