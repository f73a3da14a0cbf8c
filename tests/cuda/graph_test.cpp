// Steps that are recorded once and replayed: what they read and write, whose the memory is, random numbers,
// optimisers.
#include <limbic/backend/cuda/backend.hpp>
#include <limbic/nn/linear.hpp>
#include <limbic/ops/attention.hpp>
#include <limbic/ops/dropout.hpp>
#include <limbic/ops/power.hpp>
#include <limbic/optim/optim.hpp>

#include "on_both.hpp"
#include "support/same_state.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;
using Device = Tensor<float, Cuda>;

namespace {

std::vector<float> twice_plus_one(const std::vector<float>& x) {
  std::vector<float> y;
  for (float v : x) y.push_back(2 * v + 1);
  return y;
}

// A small network that learns a fixed batch; one optimiser for all of it.
struct Learner {
  RandomStream random = Random(3).stream("learner");
  Linear<float, Cuda> first{6, 9, random}, last{9, 2, random};
  AdamW<float, Cuda> optimizer{
      std::vector<Var<float, Cuda>>{first.weight, first.bias, last.weight, last.bias},
      AdamWOptions{.lr = 0.01}};
  Device x = random_on<float, Cuda>({5, 6}, 1), y = random_on<float, Cuda>({5, 2}, 2);
  Device loss;

  void step() {
    const auto l = mean(square(last(linear_relu(Var<float, Cuda>(x), first.weight, first.bias)) - y));
    loss = l.value();
    optimizer.zero_grad();
    backward(l);
    optimizer.step_clipped(0.5);
  }
  std::vector<float> values() const {
    std::vector<float> all;
    for (const auto* p : {&first.weight, &first.bias, &last.weight, &last.bias})
      for (float v : p->value().to_vector()) all.push_back(v);
    return all;
  }
};

}  // namespace

TEST_CASE("a replay reads and writes the tensors of the one call") {
  Device x = random_on<float, Cuda>({7, 3}, 1), y;
  auto graph = cuda::capture([&] { y = x * 2.0f + 1.0f; });
  CHECK(graph);
  CHECK(graph.bytes() > 0);
  for (unsigned seed = 2; seed < 5; ++seed) {
    graph.replay();
    CHECK(y.to_vector() == twice_plus_one(x.to_vector()));
    x.copy_from(random_on<float, Cuda>({7, 3}, seed));
    // Memory of the graph is nobody else's meanwhile.
    std::vector<Device> others;
    for (int i = 0; i < 20; ++i) others.push_back(Device::full({7, 3}, 9));
    for (const auto& o : others) CHECK(o.data() != y.data());
  }
  CHECK(graph.replays() == 3);
}
TEST_CASE("results outlive the graph, graphs outlive each other") {
  Device x = random_on<float, Cuda>({100}, 1), y, z;
  {
    auto graph = cuda::capture([&] { y = x + 1.0f; });
    auto other = cuda::capture([&] { z = y * 2.0f; });
    graph.replay();
    other.replay();
    cuda::Graph moved = std::move(other);
    moved.replay();
  }
  const auto from = x.to_vector();
  CHECK(z.to_vector()[3] == (from[3] + 1) * 2);
  CHECK(y.to_vector()[3] == from[3] + 1);
  // Memory that is freed while something is recorded is still there at the replays.
  Device held = x + 5.0f;
  auto graph = cuda::capture([&] {
    y = held * 1.0f;
    held = Device();
  });
  for (int i = 0; i < 20; ++i) (void)Device::full({100}, 0);
  graph.replay();
  CHECK(y.to_vector()[3] == from[3] + 5);
}
TEST_CASE("memory of one graph in another; graphs that end while something is recorded") {
  const Device x = random_on<float, Cuda>({100}, 1);
  Device y, z;
  auto first = cuda::capture([&] { y = x + 1.0f; });
  first.replay();
  auto second = cuda::capture([&] {
    z = y * 2.0f;
    y = Device();
    first = cuda::Graph();
  });
  const Device others[] = {Device::full({100}, 7), Device::full({100}, 7)};
  second.replay();
  CHECK(z.to_vector()[3] == (x.to_vector()[3] + 1) * 2);
}
TEST_CASE("what cannot be recorded is refused by name, and nothing stays behind") {
  Device x = Device::ones({3});
  const auto refused = [&](auto&& f, const char* what) {
    const std::string text = thrown([&] { cuda::capture(f); });
    CAPTURE(text);
    CHECK(text.find(what) == 0);
    CHECK(!cuda::capturing());
    CHECK((x + 1.0f).to_vector() == std::vector<float>(3, 2));
  };
  refused([&] { sum(x).item(); },
          "[copy_to_host] work that is captured as a graph must not wait for the device");
  refused([&] { Device::from({1}, {2.0f}); }, "[copy_from_host]");
  refused([&] { cuda::synchronize(); }, "[synchronize]");
  refused([&] { cuda::capture([] {}); }, "[capture] something is captured already");
  refused([&] { x.reshape({2}); }, "[reshape]");
  auto graph = cuda::capture([&] { x.fill(4); });
  refused([&] { graph.replay(); }, "[graph] a replay cannot be captured");
  CHECK(thrown([] { cuda::Graph().replay(); }).find("[graph] there is nothing to replay") == 0);
  Learner learner;
  CHECK(thrown([&] {
          cuda::capture([&] { learner.step(); });
        }).find("[adamw] the first step makes the state") == 0);
  learner.step();
  CHECK(learner.optimizer.steps() == 1);
}
TEST_CASE("checks of values tell of a replay, late") {
  Device x = Device::ones({3, 2});
  auto graph = cuda::capture([&] { require_finite(Cuda{}, "test", "x", x); });
  graph.replay();
  cuda::synchronize();
  x.fill(std::numeric_limits<float>::infinity());
  graph.replay();
  CHECK(thrown([] { cuda::synchronize(); }).find("[test] x must be finite; got inf") == 0);
}
TEST_CASE("random numbers: the first replay's are those of the call, each later one has its own") {
  const Device x = Device::ones({40, 10}), q = random_on<float, Cuda>({1, 2, 9, 4}, 5);
  const auto draw = [&](RandomStream& random) {
    const Var<float, Cuda> v(q);
    return std::vector<Device>{dropout(x, 0.5, random),
                               attention(v, v, v, {.dropout = 0.4, .random = &random}).value(),
                               random.normal<float, Cuda>({33}), random.uniform<float, Cuda>({5}),
                               random.bernoulli<Cuda>({64}, 0.5).to<float>()};
  };
  const auto read = [](const std::vector<Device>& all) {
    std::vector<std::vector<float>> values;
    for (const auto& t : all) values.push_back(t.to_vector());
    return values;
  };
  RandomStream eager = Random(1).stream("graph"), recorded = eager, again = eager;
  const auto want = read(draw(eager));
  std::vector<Device> got, same;
  auto graph = cuda::capture([&] { got = draw(recorded); });
  auto twin = cuda::capture([&] { same = draw(again); });
  CHECK(recorded.state() == eager.state());
  graph.replay();
  CHECK(read(got) == want);
  std::vector<std::vector<std::vector<float>>> seen = {want};
  for (int replay = 0; replay < 3; ++replay) {
    graph.replay();
    const auto now = read(got);
    for (const auto& earlier : seen)
      for (std::size_t i = 0; i < now.size(); ++i) CHECK(now[i] != earlier[i]);
    seen.push_back(now);
  }
  for (const auto& values : seen) {
    twin.replay();
    CHECK(read(same) == values);
  }
  CHECK(read(draw(recorded))[0] != want[0]);
}
TEST_CASE("the gradient has the mask of its forward pass, in every replay") {
  RandomStream random = Random(2).stream("graph");
  auto x = Var<float, Cuda>::leaf(Device::ones({50}));
  Device y, dx;
  auto graph = cuda::capture([&] {
    const auto v = dropout(x, 0.5, random);
    y = v.value();
    dx = grad(sum(v), {x})[0].value();
  });
  for (int i = 0; i < 3; ++i) {
    graph.replay();
    CHECK(y.to_vector() == dx.to_vector());
  }
}
TEST_CASE("training: replays are steps, bit for bit, with the learning rate and the count of their time") {
  Learner eager, replayed;
  for (int i = 0; i < 2; ++i) {
    eager.step();
    replayed.step();
  }
  auto graph = cuda::capture([&] { replayed.step(); });
  CHECK(replayed.optimizer.steps() == 2);
  std::vector<float> losses;
  for (int i = 0; i < 10; ++i) {
    const double lr = 0.01 / (1 + i);
    eager.optimizer.set_lr(lr);
    replayed.optimizer.set_lr(lr);
    const auto x = random_on<float, Cuda>({5, 6}, static_cast<unsigned>(10 + i));
    eager.x.copy_from(x);
    replayed.x.copy_from(x);
    eager.step();
    if (i == 4) replayed.step();  // steps and replays mix
    else graph.replay();
    // That step has left a loss of its own: the graph writes to the one it was recorded with.
    if (i < 4) CHECK(eager.loss.item() == replayed.loss.item());
    CHECK(eager.values() == replayed.values());
    losses.push_back(eager.loss.item());
  }
  CHECK(losses.back() != losses.front());
  CHECK(graph.replays() == 9);
  CHECK(replayed.optimizer.steps() == 12);
  CHECK(same_state(replayed.optimizer.state_dict(), eager.optimizer.state_dict()));
  CHECK(replayed.optimizer.clipped_norm() > 0);

  // One parameter alone has moved on: its count is no longer the others'.
  replayed.optimizer.zero_grad();
  replayed.first.bias.set_grad(Device::ones({9}));
  replayed.optimizer.step();
  CHECK(thrown([&] { graph.replay(); }).find("[adamw] parameters that were updated together in a graph") ==
        0);
}
TEST_CASE("momentum, and an average of the weights") {
  const auto run = [](bool captured) {
    auto p = Var<float, Cuda>::leaf(random_on<float, Cuda>({300}, 1));
    Sgd<float, Cuda> sgd({p}, {.lr = 0.1, .momentum = 0.9});
    Ema<float, Cuda> ema({p}, 0.5);
    const auto step = [&] {
      sgd.zero_grad();
      backward(sum(square(p)));
      sgd.step();
      ema.update();
    };
    step();
    cuda::Graph graph;
    if (captured) graph = cuda::capture(step);
    for (int i = 0; i < 3; ++i) {
      sgd.set_lr(0.1 / (i + 1));
      if (captured) graph.replay();
      else step();
    }
    return std::pair(p.value().to_vector(), ema.averages()[0].to_vector());
  };
  CHECK(run(true) == run(false));
}

#if __has_include(<emulator/emulator.hpp>)
TEST_CASE("memory comes back when graph and tensors have gone") {
  struct Restore {
    std::uint64_t bytes = emulator::options().memory_bytes;
    ~Restore() { emulator::options().memory_bytes = bytes; }
  } restore;
  emulator::options().memory_bytes = 64 << 20;
  Device y;
  for (int i = 0; i < 5; ++i) {
    auto graph = cuda::capture([&] { y = Device::full({10 << 20}, 1); });  // 40 MB
    CHECK(graph.bytes() >= 40 << 20);
    y = Device();
  }
  auto graph = cuda::capture([&] { y = Device::full({10 << 20}, 1); });
  check_error([] { cuda::capture([] { (void)Device::empty({10 << 20}); }); },
              {"[allocate]", "out of memory"});
  graph = cuda::Graph();
  check_error([] { (void)Device::empty({10 << 20}); }, {"[allocate]", "out of memory"});  // y has it still
  y = Device();
  (void)Device::empty({10 << 20});
}
#endif
