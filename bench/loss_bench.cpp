// Alignment losses on one thread, forward and backward through the tape, in processor time, at the fastest
// iteration.
//
//   mmd<estimator>/n/d   five Gaussian kernels, n = m.
//     biased             of_peak: of a plain multiply-add loop in the same run; operations counted: 4 N^2 d
//                        (distances, and weights times points), N = 2n. of_product: time over that of limbic's
//                        own product of (N, d) and (d, N) into memory, in the same run
//     linear             bytes of features a second; of_copy: over what copies of as many floats reach in the
//                        same run
//   coral/n/d            operations counted: 4 n d^2 forward (two Gram products), as many backward.
//                        of_product: time over that of limbic's two Gram products, in the same run
//   memory/n/d           highest bytes in limbic's pool, and resident memory, of one biased forward and backward
//
// The same in PyTorch: bench/peers/loss_torch.py.
#include <benchmark/benchmark.h>
#include <copy_rate.hpp>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/random.hpp>
#include <limbic/loss/coral.hpp>
#include <limbic/loss/mmd.hpp>
#include <peak_flops.hpp>

#include <sys/resource.h>

#include <ctime>

namespace {

using namespace limbic;

// Processor time, so that other work on the machine counts less.
double now() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}
// Of one call, as the mean of several where one is too short for the clock.
template <class F>
double seconds(int calls, F&& f) {
  const double begin = now();
  for (int i = 0; i < calls; ++i) {
    f();
    benchmark::ClobberMemory();
  }
  return (now() - begin) / calls;
}
template <class F>
double best_of(int repeats, F&& f) {
  double best = 1e30;
  for (int i = 0; i < repeats; ++i) best = std::min(best, seconds(1, f));
  return best;
}

struct Batches {
  Var<float> source, target;
  Batches(index_t n, index_t d) {
    RandomStream random = Random(1).stream("batches");
    source = Var<float>::leaf(random.normal<float>({n, d}));
    target = Var<float>::leaf(random.normal<float>({n, d}, 0.5f));
  }
  void clear() {
    source.zero_grad();
    target.zero_grad();
  }
};

// Seconds of the product of z (N, d) and its transpose into memory that is there already.
double gram_seconds(index_t rows, index_t d) {
  std::vector<float> z(static_cast<std::size_t>(rows * d), 0.5f), out(static_cast<std::size_t>(rows * rows));
  return best_of(rows > 1000 ? 3 : 50, [&] {
    cpu::gemm<float>(rows, rows, d, {z.data(), d, 1}, {z.data(), 1, d}, out.data(), rows);
  });
}
// Seconds of the product of z' (d, n) and z.
double covariance_seconds(index_t n, index_t d) {
  std::vector<float> z(static_cast<std::size_t>(n * d), 0.5f), out(static_cast<std::size_t>(d * d));
  return best_of(20, [&] { cpu::gemm<float>(d, d, n, {z.data(), 1, d}, {z.data(), d, 1}, out.data(), d); });
}

enum Part { kForward, kBoth };

template <MmdEstimator kEstimator, Part kPart>
void run_mmd(benchmark::State& state) {
  set_num_threads(1);
  const index_t n = state.range(0), d = state.range(1);
  const MmdOptions options{.estimator = kEstimator};
  Batches x(n, d);
  double limit = bench::peak_flops<float>(), product = gram_seconds(2 * n, d), best = 1e30;
  for (auto _ : state) {
    best = std::min(best, seconds(n < 1000 ? 100 : 1, [&] {
                      if (kPart == kForward)
                        benchmark::DoNotOptimize(mmd(x.source.value(), x.target.value(), options).item());
                      else backward(mmd(x.source, x.target, options)), x.clear();
                    }));
  }
  limit = std::max(limit, bench::peak_flops<float>());
  product = std::min(product, gram_seconds(2 * n, d));
  const double rows = static_cast<double>(2 * n), width = static_cast<double>(d);
  state.counters["best_us"] = best * 1e6;
  if (kEstimator == MmdEstimator::linear) {
    const double rate = (kPart == kBoth ? 3 : 1) * rows * width * sizeof(float) / best;
    state.counters["GB/s"] = rate * 1e-9;
    state.counters["of_copy"] = rate / bench::copy_rate(2 * n * d);
    return;
  }
  const double operations = (kPart == kBoth ? 4 : 2) * rows * rows * width;
  state.counters["GFLOP/s"] = operations / best * 1e-9;
  state.counters["of_peak"] = operations / best / limit;
  state.counters["of_product"] = best / product;
}

template <Part kPart>
void run_coral(benchmark::State& state) {
  set_num_threads(1);
  const index_t n = state.range(0), d = state.range(1);
  Batches x(n, d);
  double limit = bench::peak_flops<float>(), product = covariance_seconds(n, d), best = 1e30;
  for (auto _ : state) {
    best = std::min(best, seconds(n < 1000 ? 100 : 1, [&] {
                      if (kPart == kForward)
                        benchmark::DoNotOptimize(coral(x.source.value(), x.target.value()).item());
                      else backward(coral(x.source, x.target)), x.clear();
                    }));
  }
  limit = std::max(limit, bench::peak_flops<float>());
  product = 2 * std::min(product, covariance_seconds(n, d));
  const double operations = (kPart == kBoth ? 8 : 4) * static_cast<double>(n) * static_cast<double>(d * d);
  state.counters["best_us"] = best * 1e6;
  state.counters["GFLOP/s"] = operations / best * 1e-9;
  state.counters["of_peak"] = operations / best / limit;
  state.counters["of_product"] = best / product;
}

void run_memory(benchmark::State& state) {
  set_num_threads(1);
  const index_t n = state.range(0), d = state.range(1);
  for (auto _ : state) {
    Batches x(n, d);
    reset_peak_memory();
    backward(mmd(x.source, x.target));
  }
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  state.counters["pool_MB"] = static_cast<double>(memory_stats().peak_bytes) * 1e-6;
  state.counters["resident_MB"] = static_cast<double>(usage.ru_maxrss) * 1e-3;
}

// First: the resident memory is the highest so far of the program.
BENCHMARK(run_memory)
    ->Name("memory")
    ->ArgNames({"n", "d"})
    ->Args({16384, 256})
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

void sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({32, 64})->Args({32, 256})->Args({4096, 256});
}
BENCHMARK(run_mmd<MmdEstimator::biased, kForward>)->Name("mmd_biased_forward")->Apply(sizes);
BENCHMARK(run_mmd<MmdEstimator::biased, kBoth>)->Name("mmd_biased")->Apply(sizes);
BENCHMARK(run_mmd<MmdEstimator::linear, kForward>)->Name("mmd_linear_forward")->Apply(sizes);
BENCHMARK(run_mmd<MmdEstimator::linear, kBoth>)->Name("mmd_linear")->Apply(sizes);
void covariance_sizes(benchmark::internal::Benchmark* b) {
  b->ArgNames({"n", "d"})->Args({32, 64})->Args({32, 256})->Args({4096, 256});
}
BENCHMARK(run_coral<kForward>)->Name("coral_forward")->Apply(covariance_sizes);
BENCHMARK(run_coral<kBoth>)->Name("coral")->Apply(covariance_sizes);

}  // namespace

BENCHMARK_MAIN();
