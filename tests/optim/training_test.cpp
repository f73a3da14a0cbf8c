// Whole training runs: no memory from the system once warm, resumed bit for bit from a file, the same bits
// whatever the number of threads.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/io/checkpoint.hpp>
#include <limbic/loss/cross_entropy.hpp>
#include <limbic/nn/nn.hpp>
#include <limbic/optim/optim.hpp>

#include "io/temporary_folder.hpp"
#include "support/same_state.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// A patch of everything: convolution, batch norm, transformer with dropout, and an MLP on top.
struct Net {
  Conv1d<float> conv;
  BatchNorm1d<float> norm;
  TransformerEncoder<float> encoder;
  DropPath path;
  Linear<float> fc1, fc2;

  explicit Net(RandomStream& random)
      : conv(3, 16, 3, random, {.padding = 1}),
        norm(16),
        encoder(
            16, 2,
            {.heads = 2, .hidden = 32, .dropout = 0.1, .activation = Activation::gelu, .norm_first = true},
            random),
        path(0.2, random),
        fc1(16, 24, random),
        fc2(24, 4, random) {}
  template <class V>
  void visit(V&& v) {
    v("conv", conv);
    v("norm", norm);
    v("encoder", encoder);
    v("path", path);
    v("fc1", fc1);
    v("fc2", fc2);
  }
  // x (B, 3, L) -> (B, 4).
  Var<float> operator()(const Tensor<float>& x) {
    const Var<float> tokens = transpose(norm(conv(x)), 1, 2);
    return fc2(path(relu(fc1(mean(encoder(tokens), {1})))));
  }
};

struct Run {
  RandomStream random, data;
  Net net;
  AdamW<float> optimizer;
  Ema<float> ema;
  index_t batch, length;
  std::uint64_t epoch = 0;

  explicit Run(std::uint64_t seed, index_t batch_ = 6, index_t length_ = 10)
      : random(Random(seed).stream("init")),
        data(Random(seed).stream("data")),
        net(random),
        optimizer(parameters<float>(net), AdamWOptions{.lr = 1e-2, .weight_decay = 0.1}),
        ema(parameters<float>(net), 0.9),
        batch(batch_),
        length(length_) {}

  void step() {
    const auto x = data.normal<float>({batch, 3, length});
    const auto label = data.integers({batch}, 0, 4);
    optimizer.set_lr(1e-2 * warmup_cosine(optimizer.steps(), 20, 3));
    Var<float> loss = cross_entropy(net(x), label);
    optimizer.zero_grad();
    backward(std::move(loss));
    clip_grad_norm(parameters_, 1.0);
    optimizer.step();
    ema.update();
    ++epoch;
  }

  Checkpoint checkpoint() {
    Checkpoint c;
    c.state.merge("model.", state_dict(net));
    c.state.merge("random.", random_state(net));
    c.state.merge("optimizer.", optimizer.state_dict());
    c.state.merge("ema.", ema.state_dict());
    c.state.put_u64("data.key", data.state().key);
    c.state.put_u64("data.position", data.state().position);
    c.state.put_u64("epoch", epoch);
    return c;
  }
  void resume(const Checkpoint& c) {
    load_state_dict(net, c.state.part("model."));
    load_random_state(net, c.state.part("random."));
    optimizer.load_state_dict(c.state.part("optimizer."));
    ema.load_state_dict(c.state.part("ema."));
    data.set_state({c.state.get_u64("data.key"), c.state.get_u64("data.position")});
    epoch = c.state.get_u64("epoch");
  }

 private:
  std::vector<Var<float>> parameters_ = parameters<float>(net);
};

}  // namespace

TEST_CASE("a training step takes no memory from the system once warm") {
  Run run(1);
  for (int i = 0; i < 5; ++i) run.step();
  const auto before = memory_stats();
  for (int i = 0; i < 20; ++i) run.step();
  const auto after = memory_stats();
  CHECK(after.system_allocations == before.system_allocations);
  CHECK(after.bytes_in_use == before.bytes_in_use);
}

TEST_CASE("a run goes on from its file bit for bit") {
  Run whole(1);
  for (int i = 0; i < 10; ++i) whole.step();

  const TemporaryFolder folder;
  {
    Run first(1);
    for (int i = 0; i < 5; ++i) first.step();
    first.checkpoint().save(folder / "run.safetensors");
  }
  Run second(2);
  CHECK_FALSE(same_state(state_dict(second.net), state_dict(whole.net)));
  second.resume(Checkpoint::load(folder / "run.safetensors"));
  CHECK(second.epoch == 5);
  for (int i = 0; i < 5; ++i) second.step();
  CHECK(same_state(second.checkpoint().state, whole.checkpoint().state));
}

TEST_CASE("the same bits with one thread and with several") {
  const int threads = num_threads();
  auto trained = [](int n) {
    set_num_threads(n);
    Run run(3, 64, 62);  // large enough to be cut
    for (int i = 0; i < 5; ++i) run.step();
    return run.checkpoint().state.clone();
  };
  const StateDict one = trained(1);
  CHECK(same_state(trained(2), one));
  CHECK(same_state(trained(3), one));
  set_num_threads(threads);
}

TEST_CASE("it learns") {
  Run run(4);
  RandomStream data = Random(4).stream("fixed");
  const auto x = data.normal<float>({12, 3, 10});
  const auto label = data.integers({12}, 0, 4);
  Adam<float> optimizer(parameters<float>(run.net), {.lr = 3e-3});
  for (int i = 0; i < 60; ++i) {
    optimizer.zero_grad();
    backward(cross_entropy(run.net(x), label));
    optimizer.step();
  }
  eval(run.net);
  const NoGrad off;
  CHECK(cross_entropy(run.net(x), label).item() < 0.5);
}
