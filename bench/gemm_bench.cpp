// Matrix products at the models' shapes: limbic, Eigen, OpenBLAS and oneDNN, one thread and two.
//
// A benchmark is one product (or 64 of a batch), named MxKxN/layout/threads/library. Time is the mean; the
// counters GFLOPS and of_peak (the fraction of what the threads reach in a loop of multiply-adds) are of
// the fastest iteration, which other work on the machine disturbs least. A table of all ends the output.
// Eigen is compiled with this program's flags (-march=native lets it use AVX-512) and uses one thread.
#include <benchmark/benchmark.h>
#include <limbic/backend/cpu/gemm.hpp>
#include <peak_flops.hpp>

#include <Eigen/Core>

#if defined(LIMBIC_BENCH_OPENBLAS)
#include <cblas.h>
extern "C" void openblas_set_num_threads(int);
extern "C" char* openblas_get_corename();
#endif
#if defined(LIMBIC_BENCH_DNNL)
#include <oneapi/dnnl/dnnl.h>
#endif

#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>
#include <vector>

using limbic::index_t;
using limbic::cpu::MatrixRef;

namespace {

struct Shape {
  index_t m, k, n, batch = 1;
};
constexpr Shape kShapes[] = {{1984, 64, 192},  {1984, 128, 64},    {1984, 64, 128},  {1984, 128, 128},
                             {32, 3968, 64},   {32, 7936, 128},    {62, 32, 62, 64}, {62, 62, 32, 64},
                             {62, 64, 62, 64}, {62, 62, 64, 64},   {64, 1984, 192},  {128, 1984, 128},
                             {512, 512, 512},  {1024, 1024, 1024}, {1, 16, 16},      {32, 16, 16}};
enum Layout { kAB, kABt, kAtB };
constexpr const char* kLayoutNames[] = {"A.B", "A.B'", "A'.B"};

struct Product {
  Shape s;
  Layout layout;
  const float *a, *b;
  float* c;
  bool a_transposed() const { return layout == kAtB; }
  bool b_transposed() const { return layout == kABt; }
  index_t lda() const { return a_transposed() ? s.m : s.k; }
  index_t ldb() const { return b_transposed() ? s.k : s.n; }
};

void by_limbic(const Product& p) {
  const MatrixRef<float> a =
      p.a_transposed() ? MatrixRef<float>{p.a, 1, p.s.m} : MatrixRef<float>{p.a, p.s.k, 1};
  const MatrixRef<float> b =
      p.b_transposed() ? MatrixRef<float>{p.b, 1, p.s.k} : MatrixRef<float>{p.b, p.s.n, 1};
  if (p.s.batch == 1) limbic::cpu::gemm<float>(p.s.m, p.s.n, p.s.k, a, b, p.c, p.s.n);
  else
    limbic::cpu::gemm_batched<float>(p.s.batch, p.s.m, p.s.n, p.s.k, a, p.s.m * p.s.k, b, p.s.k * p.s.n, p.c,
                                     p.s.n, p.s.m * p.s.n);
}

// The other libraries take a batch one by one: f(a, b, c) of each product.
template <class F>
void each(const Product& p, F&& f) {
  for (index_t i = 0; i < p.s.batch; ++i)
    f(p.a + i * p.s.m * p.s.k, p.b + i * p.s.k * p.s.n, p.c + i * p.s.m * p.s.n);
}

void by_eigen(const Product& p) {
  using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  using In = Eigen::Map<const Matrix>;
  each(p, [&](const float* pa, const float* pb, float* pc) {
    Eigen::Map<Matrix> c(pc, p.s.m, p.s.n);
    if (p.layout == kAB) c.noalias() = In(pa, p.s.m, p.s.k) * In(pb, p.s.k, p.s.n);
    if (p.layout == kABt) c.noalias() = In(pa, p.s.m, p.s.k) * In(pb, p.s.n, p.s.k).transpose();
    if (p.layout == kAtB) c.noalias() = In(pa, p.s.k, p.s.m).transpose() * In(pb, p.s.k, p.s.n);
  });
}

#if defined(LIMBIC_BENCH_OPENBLAS)
void by_openblas(const Product& p) {
  each(p, [&](const float* a, const float* b, float* c) {
    cblas_sgemm(CblasRowMajor, p.a_transposed() ? CblasTrans : CblasNoTrans,
                p.b_transposed() ? CblasTrans : CblasNoTrans, static_cast<int>(p.s.m),
                static_cast<int>(p.s.n), static_cast<int>(p.s.k), 1, a, static_cast<int>(p.lda()), b,
                static_cast<int>(p.ldb()), 0, c, static_cast<int>(p.s.n));
  });
}
#endif

#if defined(LIMBIC_BENCH_DNNL)
void by_onednn(const Product& p) {
  each(p, [&](const float* a, const float* b, float* c) {
    dnnl_sgemm(p.a_transposed() ? 'T' : 'N', p.b_transposed() ? 'T' : 'N', p.s.m, p.s.n, p.s.k, 1, a, p.lda(),
               b, p.ldb(), 0, c, p.s.n);
  });
}
#endif

struct Library {
  const char* name;
  void (*run)(const Product&);
};
constexpr Library kLibraries[] = {
    {"limbic", by_limbic},
    {"Eigen", by_eigen},
#if defined(LIMBIC_BENCH_OPENBLAS)
    {"OpenBLAS", by_openblas},
#endif
#if defined(LIMBIC_BENCH_DNNL)
    {"oneDNN", by_onednn},
#endif
};

void set_threads(int threads) {
  limbic::set_num_threads(threads);
#if defined(LIMBIC_BENCH_OPENBLAS)
  openblas_set_num_threads(threads);
#endif
  // oneDNN's threads are OpenMP's; this program itself need not be compiled with OpenMP.
  if (void* set = dlsym(RTLD_DEFAULT, "omp_set_num_threads")) reinterpret_cast<void (*)(int)>(set)(threads);
}

// The operands of all benchmarks: each takes the beginning.
float* operand(int which) {
  static std::vector<float> memory[3];
  auto& v = memory[which];
  if (v.empty()) {
    v.resize((1 << 20) + 16);
    std::mt19937 random(static_cast<unsigned>(which));
    std::uniform_real_distribution<float> uniform(-1, 1);
    for (auto& x : v) x = uniform(random);
  }
  return v.data() + (64 - reinterpret_cast<std::uintptr_t>(v.data()) % 64) % 64 / sizeof(float);
}

double peak = 0;
using Key = std::pair<std::string, std::string>;  // product, library
std::map<Key, double> best_seconds;

void product(benchmark::State& state, Shape s, Layout layout, int threads, const Library& library,
             const std::string& name) {
  using Clock = std::chrono::steady_clock;
  const Product p{s, layout, operand(0), operand(1), operand(2)};
  set_threads(threads);
  peak = std::max(peak, limbic::bench::peak_flops<float>());
  const double flops = 2.0 * static_cast<double>(s.m * s.n * s.k * s.batch);
  const int inner = flops < 1e6 ? 100 : 1;  // the clock itself takes some 30 ns
  double best = 1e9;
  library.run(p);
  for (auto _ : state) {
    const auto start = Clock::now();
    for (int i = 0; i < inner; ++i) library.run(p);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count() / inner);
  }
  auto& seconds = best_seconds.try_emplace({name, library.name}, 1e9).first->second;
  seconds = std::min(seconds, best);
  state.counters["GFLOPS"] = flops / best * 1e-9;
  state.counters["of_peak"] = flops / best / peak / threads;
}

void print_table(const std::vector<std::pair<std::string, double>>& products,
                 const std::vector<int>& threads) {
  std::printf("\nGFLOP/s of the fastest iteration; peak %.0f of one core\n%-26s", peak * 1e-9,
              "MxKxN/layout/threads");
  for (const Library& l : kLibraries) std::printf(" %9s", l.name);
  std::printf("  to best other  of peak\n");
  for (std::size_t i = 0; i < products.size(); ++i) {
    const auto& [name, flops] = products[i];
    const auto own = best_seconds.find({name, "limbic"});
    if (own == best_seconds.end()) continue;
    double other = 1e9;
    std::printf("%-26s", name.c_str());
    for (const Library& l : kLibraries) {
      const auto found = best_seconds.find({name, l.name});
      if (found == best_seconds.end()) std::printf(" %9s", "");
      else std::printf(" %9.1f", flops / found->second * 1e-9);
      if (found != best_seconds.end() && found != own) other = std::min(other, found->second);
    }
    if (other < 1e9) std::printf("  %13.2f", other / own->second);
    else std::printf("  %13s", "");
    std::printf("  %7.2f\n", flops / own->second / peak / threads[i]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  // Set on some machines for reproducible runs; they would keep OpenBLAS from its fastest kernel. It reads
  // them when it is loaded, so the program starts anew.
  if (std::getenv("OPENBLAS_CORETYPE") || std::getenv("OPENBLAS_L2_SIZE")) {
    unsetenv("OPENBLAS_CORETYPE");
    unsetenv("OPENBLAS_L2_SIZE");
    execv("/proc/self/exe", argv);
  }
  // The libraries take turns, several times; the options given come after these and win.
  std::vector<std::string> options = {argv[0], "--benchmark_enable_random_interleaving=true",
                                      "--benchmark_repetitions=4", "--benchmark_min_time=0.05",
                                      "--benchmark_report_aggregates_only=true"};
  options.insert(options.end(), argv + 1, argv + argc);
  std::vector<char*> pointers;
  for (auto& option : options) pointers.push_back(option.data());
  int count = static_cast<int>(pointers.size());
  benchmark::Initialize(&count, pointers.data());
  if (benchmark::ReportUnrecognizedArguments(count, pointers.data())) return 1;
#if defined(LIMBIC_BENCH_OPENBLAS)
  benchmark::AddCustomContext("openblas_kernels", openblas_get_corename());
#endif
  std::vector<std::pair<std::string, double>> products;
  std::vector<int> product_threads;
  for (const int threads : {1, 2})
    for (const Shape& s : kShapes)
      for (const Layout layout : {kAB, kABt, kAtB}) {
        std::string name = std::to_string(s.m) + "x" + std::to_string(s.k) + "x" + std::to_string(s.n);
        if (s.batch > 1) name += "(" + std::to_string(s.batch) + ")";
        name += std::string("/") + kLayoutNames[layout] + "/" + std::to_string(threads);
        products.emplace_back(name, 2.0 * static_cast<double>(s.m * s.n * s.k * s.batch));
        product_threads.push_back(threads);
        for (const Library& library : kLibraries)
          benchmark::RegisterBenchmark(
              (name + "/" + library.name).c_str(),
              [=, &library](benchmark::State& state) { product(state, s, layout, threads, library, name); })
              ->UseRealTime()
              ->Unit(benchmark::kMicrosecond);
      }
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  print_table(products, product_threads);
}
