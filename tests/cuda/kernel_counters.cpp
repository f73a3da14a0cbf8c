// What kernels do with memory, counted by the emulator at the models' shapes: prints a table, for kernels/README.md.
//
//   moved      sectors of 32 bytes that warps ask for, over the bytes that a launch touches at all (at least 1);
//              a block's repeated reads come from cache: "moved, cached" counts each block's bytes once
//   sectors    bytes asked for, over those of the sectors
//   conflicts  cycles lost to shared-memory bank conflicts, for 100 accesses
//   lanes      threads that take part in accesses, of those that could
//
// Exits 1 where memory is the limit and a kernel moves more than it may (cached), uses less than 0.9 of its sectors or
// has a bank conflict.
#include <limbic/cuda.hpp>

#include <emulator/emulator.hpp>

#include <cstdio>

using namespace limbic;

namespace {

RandomStream& numbers() {
  static RandomStream stream = Random(1).stream("counted");
  return stream;
}
Tensor<float, Cuda> tensor(const Shape& shape) { return numbers().normal<float>(shape).on<Cuda>(); }
Var<float, Cuda> leaf(const Shape& shape) { return Var<float, Cuda>::leaf(tensor(shape)); }
Tensor<index_t, Cuda> labels(index_t n, index_t classes) { return numbers().integers({n}, 0, classes).on<Cuda>(); }

bool all_good = true;

// Runs f and prints what each kernel did since. limit: how much more than the least each of them may move; 0: they
// compute, or are small.
template <class F>
void counted(const char* what, double limit, F&& f) {
  emulator::reset_counters();
  f();
  for (const auto& c : emulator::counters()) {
    const double least = static_cast<double>(c.bytes_distinct());
    const double cached = static_cast<double>(c.read_block + c.write_block);
    const double accesses = static_cast<double>(c.shared_accesses);
    std::printf("| %s | %s | %.2f | %.2f | %.2f | %.1f | %.0f %% |\n", what, c.kernel.c_str(),
                static_cast<double>(c.bytes_moved()) / std::max(1.0, least), cached / std::max(1.0, least), c.sector_efficiency(),
                accesses > 0 ? 100 * static_cast<double>(c.shared_conflicts) / accesses : 0.0, 100 * c.lane_use());
    if (limit > 0 && (cached > limit * least || c.sector_efficiency() < 0.9 || c.shared_conflicts > 0)) {
      std::fprintf(stderr, "%s at %s: more than %.2f, below 0.9, or conflicts\n", c.kernel.c_str(), what, limit);
      all_good = false;
    }
  }
}

}  // namespace

int main() {
  emulator::options().count = true;
  std::printf("| at | kernel | moved | moved, cached | sectors | conflicts | lanes |\n|---|---|---|---|---|---|---|\n");

  {
    const auto x = tensor({128, 62, 64});
    counted("(128, 62, 64)", 1.1, [&] { softmax(x); });
    // Weight and bias are read again by every block, from cache.
    const auto v = leaf({128, 62, 64}), w = leaf({64}), b = leaf({64});
    counted("(128, 62, 64), with gradients", 1.15, [&] { backward(layer_norm(v, w, b), Var<float, Cuda>(x)); });
    counted("(128, 62, 64)", 1.1, [&] { relu(x); });
    counted("(128, 62, 64) to (64)", 1.1, [&] { sum(x, {0, 1}); });
    counted("(128, 62, 64) to ()", 1.1, [&] { sum(x); });
    counted("(128, 62, 64) transposed", 1.1, [&] { x.transpose(1, 2).contiguous(); });
    counted("(128, 62, 64)", 1.1, [&] { dropout(x, 0.1, numbers()); });
  }
  // UF-AMA's fusion, an encoder of EmotionCLIP, CLIP's text tower.
  const struct {
    const char* name;
    index_t batch, heads, queries, keys, size;
  } attentions[] = {{"UF-AMA, 62 on 33", 8, 2, 62, 33, 64}, {"SST-LegoViT, 16", 16, 4, 16, 16, 32}, {"CLIP text, 77", 2, 8, 77, 77, 64}};
  for (const auto& a : attentions) {
    const auto q = leaf({a.batch, a.heads, a.queries, a.size}), k = leaf({a.batch, a.heads, a.keys, a.size}),
               v = leaf({a.batch, a.heads, a.keys, a.size});
    const auto dy = tensor({a.batch, a.heads, a.queries, a.size});
    counted(a.name, 1.25, [&] { backward(attention(q, k, v), Var<float, Cuda>(dy)); });
  }
  {
    const auto s = leaf({64, 128}), t = leaf({64, 128});
    counted("MMD, 64 + 64 of 128", 0, [&] { backward(mmd(s, t)); });
    counted("CORAL, 64 + 64 of 128", 0, [&] { backward(coral(s, t)); });
    const auto logits = leaf({64, 4});
    const auto label = labels(64, 4);
    counted("cross-entropy, (64, 4)", 0, [&] { backward(cross_entropy(logits, label)); });
  }
  {
    const auto x = leaf({32, 32, 4, 4}), w = leaf({64, 32, 3, 3});
    counted("conv 3 x 3 on 4 x 4", 0, [&] { backward(sum(conv2d(x, w, {}, {.padding = {1, 1}}))); });
  }
  {
    std::vector<Var<float, Cuda>> parameters = {leaf({128, 128}), leaf({128})};
    AdamW<float, Cuda> optimizer(parameters);
    for (auto& p : parameters) p.set_grad(tensor(p.shape()));
    counted("AdamW, (128, 128) and (128)", 1.1, [&] { optimizer.step(); });
  }
  return all_good ? 0 : 1;
}
