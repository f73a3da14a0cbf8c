// Training steps of UF-AMA and of SST-LegoViT at their published sizes on the device, float: forward, all
// losses, zero_grad, backward, Adam; launched op by op, and replayed as one CUDA graph. By CUDA events around
// a step, medians of the repetitions. peers/cuda_models_torch.py does the same steps in PyTorch.
//
// On the emulator everything runs once, at small sizes: only to see that it runs.
#include "cuda_timing.hpp"
#include "emotion_clip/step.hpp"
#include "uf_ama/step.hpp"

#include <limbic/backend/cpu/random.hpp>
#include <limbic/optim/adam.hpp>

#include <cstdio>

using namespace limbic;
using bench::add;

namespace {

// step() as it is, or what a graph recorded of it.
template <class F>
void time_step(benchmark::State& state, bool graph, F&& step) {
  if (!graph) return bench::time_on_device(state, step);
  for (int i = 0; i < 2; ++i) step();
  cuda::Graph recorded = cuda::capture(step);
  bench::time_on_device(state, [&] { recorded.replay(); });
  cuda::synchronize();
}

// Arguments: layers (1 SEED, 3 SEED-IV), windows of source and of target, whether replayed.
void uf_ama_step(benchmark::State& state) {
  using namespace uf_ama;
  const Config c = state.range(0) == 1 ? Config::seed() : Config::seed_iv();
  const index_t n = state.range(1);
  RandomStream random = Random(1).stream("bench");
  Network<float, Cuda> net(c, random);
  Step<float, Cuda> step(StepOptions::limbic(), c, random);
  Adam<float, Cuda> adam(step.trained_parameters(net), {.lr = 5e-4});
  const auto eeg = [&] { return random.normal<float, Cuda>({n, c.channels, c.bands}); };
  const auto eye = [&] { return random.normal<float, Cuda>({n, c.eye_features}); };
  const SourceBatch<float, Cuda> source{{eeg(), eye()}, random.integers({n}, 0, c.classes).on<Cuda>()};
  const TargetBatch<float, Cuda> target{eeg(), eye()};
  time_step(state, state.range(2) != 0, [&] {
    StepResult<float, Cuda> r = step(net, source, target, {.epoch = 1, .progress = 0.5});
    adam.zero_grad();
    backward(std::move(r.total));
    adam.step();
  });
}

// Arguments: windows of 4 frames x 12 maps of 64 x 64 (on the emulator 1 frame of 2), whether replayed.
void lego_vit_step(benchmark::State& state) {
  using namespace emotion_clip;
  Config c;
  if (bench::kEmulated) {
    c.frames = 1;
    c.maps = 2;
    c.image = 16;
    c.width = 8;
  }
  RandomStream random = Random(1).stream("bench");
  Step<float, Cuda> step(c, random, {.weight_decay = 0.003});
  const Prompts<float, Cuda> prompts(random.normal<float, Cuda>({48, c.embed}), 3);
  const index_t n = state.range(0);
  const auto x = random.normal<float, Cuda>({n, c.frames, c.maps, c.image, c.image});
  const auto label = random.integers({n}, 0, 3).on<Cuda>();
  time_step(state, state.range(1) != 0,
            [&] { step.update(step.loss(x, label, &prompts, {}).total, 1e-4); });
}

}  // namespace

int main(int argc, char** argv) try {
  add("uf_ama_step", {{1, 32, 0}, {1, 32, 1}, {3, 32, 0}, {3, 32, 1}, {3, 512, 0}, {3, 512, 1}}, {1, 2, 1},
      uf_ama_step);
  add("lego_vit_step", {{16, 0}, {16, 1}, {64, 0}, {64, 1}}, {2, 1}, lego_vit_step);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
} catch (const limbic::Error& error) {
  std::fprintf(stderr, "bench_cuda_models: %s\n", error.what());
  return 1;
}
