// What kernels do with memory, counted by the emulator at the models' shapes: prints a table, for
// kernels/QUALITY.md.
//
//   moved      sectors of 32 bytes that warps ask for, over the bytes that a launch touches at all (at least
//              1); a block's repeated reads come from cache: "moved, cached" counts each block's bytes once
//   sectors    bytes asked for, over those of the sectors
//   conflicts  cycles lost to shared-memory bank conflicts, for 100 accesses
//   lanes      threads that take part in accesses, of those that could
//
// Exits 1 where memory is the limit and a kernel that touches 64 KB or more moves more than it may (cached),
// uses less than 0.9 of its sectors or has a bank conflict. With --roofline it prints what kernels/quality
// makes estimates from, at whole batches: at, kernel, launches, blocks, bytes touched, operations.
#include <limbic/cuda.hpp>

#include <emulator/emulator.hpp>

#include <cstdio>
#include <string_view>

using namespace limbic;
using Variable = Var<float, Cuda>;

namespace {

RandomStream& numbers() {
  static RandomStream stream = Random(1).stream("counted");
  return stream;
}
Tensor<float, Cuda> tensor(const Shape& shape) { return numbers().normal<float>(shape).on<Cuda>(); }
Variable leaf(const Shape& shape) { return Variable::leaf(tensor(shape)); }
Tensor<index_t, Cuda> labels(index_t n, index_t classes) {
  return numbers().integers({n}, 0, classes).on<Cuda>();
}

constexpr double kSmall = 65536;  // bytes: fewer take less time than the launch
bool for_roofline = false;
bool all_good = true;

// Runs f and prints what each kernel did since. limit: how much more than the least each of them may move; 0:
// they compute, or are small.
template <class F>
void counted(const char* what, double limit, F&& f) {
  emulator::reset_counters();
  f();
  for (const auto& c : emulator::counters()) {
    if (for_roofline) {
      std::printf("%s\t%s\t%llu\t%llu\t%llu\t%llu\n", what, c.kernel.c_str(),
                  static_cast<unsigned long long>(c.launches), static_cast<unsigned long long>(c.blocks),
                  static_cast<unsigned long long>(c.bytes_distinct()),
                  static_cast<unsigned long long>(c.flops));
      continue;
    }
    const double least = static_cast<double>(c.bytes_distinct());
    const double cached = static_cast<double>(c.read_block + c.write_block);
    const double accesses = static_cast<double>(c.shared_accesses);
    std::printf("| %s | %s | %.2f | %.2f | %.2f | %.1f | %.0f %% |\n", what, c.kernel.c_str(),
                static_cast<double>(c.bytes_moved()) / std::max(1.0, least), cached / std::max(1.0, least),
                c.sector_efficiency(),
                accesses > 0 ? 100 * static_cast<double>(c.shared_conflicts) / accesses : 0.0,
                100 * c.lane_use());
    if (limit > 0 && least >= kSmall &&
        (cached > limit * least || c.sector_efficiency() < 0.9 || c.shared_conflicts > 0)) {
      std::fprintf(stderr, "%s at %s: more than %.2f, below 0.9, or conflicts\n", c.kernel.c_str(), what,
                   limit);
      all_good = false;
    }
  }
}

void count_passes() {
  const auto x = tensor({128, 62, 64});
  counted("(128, 62, 64)", 1.1, [&] { softmax(x); });
  // Weight and bias are read again by every block, from cache.
  const auto v = leaf({128, 62, 64}), w = leaf({64}), b = leaf({64});
  counted("(128, 62, 64), with gradients", 1.15, [&] { backward(layer_norm(v, w, b), Variable(x)); });
  counted("(128, 62, 64)", 1.1, [&] { relu(x); });
  counted("(128, 62, 64), with gradients", 1.1, [&] { backward(gelu(v), Variable(x)); });
  counted("(128, 62, 64) to (64)", 1.1, [&] { sum(x, {0, 1}); });
  counted("(128, 62, 64) to ()", 1.1, [&] { sum(x); });
  counted("(128, 62, 64) transposed", 1.1, [&] { x.transpose(1, 2).contiguous(); });
  counted("(128, 62, 64)", 1.1, [&] { dropout(x, 0.1, numbers()); });
  // A feed-forward layer's end, with dropout and the residual.
  const auto wide = leaf({64});
  counted("(128, 62, 64), with gradients", 1.1, [&] {
    backward(residual_branch(v, wide, BranchGate::gelu, 0.1, numbers(), true, Variable(x)), Variable(x));
  });
  const auto table = tensor({1024, 512});
  const auto words = labels(16 * 77, 1024);
  counted("CLIP text's embedding", 0, [&] { embedding(table, words); });
  const auto maps = leaf({96, 64, 16, 16}), scale = leaf({64}), shift = leaf({64});
  const auto dy = tensor({96, 64, 16, 16});
  counted("(96, 64, 16, 16), with gradients", 1.15,
          [&] { backward(batch_norm(maps, scale, shift), Variable(dy)); });
  std::vector<Variable> parameters = {leaf({128, 128}), leaf({128})};
  AdamW<float, Cuda> optimizer(parameters);
  for (auto& p : parameters) p.set_grad(tensor(p.shape()));
  counted("AdamW, (128, 128) and (128)", 1.1, [&] { optimizer.step(); });
}

// UF-AMA's fusion, an encoder of EmotionCLIP, CLIP's text tower; on tensor cores too.
void count_attention() {
  const struct {
    const char* name;
    index_t batch, whole_batch, heads, queries, keys, size;
    bool tf32;
  } all[] = {{"UF-AMA, 62 on 33", 8, 64, 2, 62, 33, 64, false},
             {"SST-LegoViT, 16", 16, 192, 4, 16, 16, 32, false},
             {"CLIP text, 77", 2, 16, 8, 77, 77, 64, false},
             {"CLIP text, 77, tf32", 2, 16, 8, 77, 77, 64, true}};
  for (const auto& a : all) {
    const index_t batch = for_roofline ? a.whole_batch : a.batch;
    const auto q = leaf({batch, a.heads, a.queries, a.size}), k = leaf({batch, a.heads, a.keys, a.size}),
               v = leaf({batch, a.heads, a.keys, a.size});
    const auto dy = tensor({batch, a.heads, a.queries, a.size});
    const auto run = [&] { backward(attention(q, k, v), Variable(dy)); };
    if (a.tf32) {
      const Tf32Attention on_tensor_cores;
      counted(a.name, 1.25, run);
    } else {
      counted(a.name, 1.25, run);
    }
  }
}

void count_losses() {
  const auto s = leaf({64, 128}), t = leaf({64, 128});
  counted("MMD, 64 + 64 of 128", 0, [&] { backward(mmd(s, t)); });
  counted("CORAL, 64 + 64 of 128", 0, [&] { backward(coral(s, t)); });
  counted("CLIP's loss, 64 of 128", 0, [&] { backward(clip_loss(s, t, leaf({}))); });
  const auto logits = leaf({64, 4}), teacher = leaf({64, 4});
  const auto label = labels(64, 4);
  counted("cross-entropy, (64, 4)", 0, [&] { backward(cross_entropy(logits, label)); });
  counted("distillation, (64, 4)", 0, [&] { backward(distillation(logits, teacher)); });
  counted("class structure, (64, 4)", 0, [&] { backward(class_structure(logits, label)); });
  counted("screening, 64 of 4", 0, [&] {
    screen_predictions(Cuda{}, "counted", logits.value(), teacher.value(), logits.value(), 64, {});
  });
}

void count_convolution() {
  const index_t batch = for_roofline ? 96 : 32, channels = for_roofline ? 128 : 32,
                filters = for_roofline ? 256 : 64;
  const auto x = leaf({batch, channels, 4, 4}), w = leaf({filters, channels, 3, 3});
  counted("conv 3 x 3 on 4 x 4", 0, [&] { backward(sum(conv2d(x, w, {}, {.padding = {1, 1}}))); });
}

}  // namespace

int main(int argc, char** argv) {
  for_roofline = argc > 1 && std::string_view(argv[1]) == "--roofline";
  emulator::options().count = true;
  if (!for_roofline)
    std::printf(
        "| at | kernel | moved | moved, cached | sectors | conflicts | lanes "
        "|\n|---|---|---|---|---|---|---|\n");
  count_passes();
  count_attention();
  count_losses();
  count_convolution();
  return all_good ? 0 : 1;
}
