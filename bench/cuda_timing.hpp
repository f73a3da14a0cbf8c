// Times work on the device by CUDA events, for Google Benchmark with UseManualTime().
#pragma once

#include <limbic/cuda.hpp>

#include <benchmark/benchmark.h>

#include <vector>

namespace limbic::bench {

#if __has_include(<emulator/emulator.hpp>)
constexpr bool kEmulated = true;
#else
constexpr bool kEmulated = false;
#endif

// Runs work() between two events, again and again, after ten runs that are not counted (none on the emulator).
template <class F>
void time_on_device(benchmark::State& state, F&& work) {
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
}

// A benchmark with the sizes in `sizes`, nine repetitions of each; on the emulator once, with `small`.
template <class F>
void add(const char* name, const std::vector<std::vector<index_t>>& sizes, const std::vector<index_t>& small,
         F&& f) {
  auto* b = benchmark::RegisterBenchmark(name, f)->UseManualTime()->Unit(benchmark::kMicrosecond);
  if (kEmulated) {
    b->Args(small)->Iterations(1);
    return;
  }
  b->MinTime(0.05)->Repetitions(9)->ReportAggregatesOnly();
  for (const auto& s : sizes) b->Args(s);
}

}  // namespace limbic::bench
