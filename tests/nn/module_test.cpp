// Modules as values: names, order, counting, freezing, modes, state dicts, copies and random states.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/nn/activation.hpp>
#include <limbic/nn/dropout.hpp>
#include <limbic/nn/linear.hpp>
#include <limbic/nn/norm.hpp>
#include <limbic/nn/sequential.hpp>

#include "support/same_state.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

template <class T>
struct Block {
  Linear<T> fc;
  BatchNorm1d<T> norm;
  Dropout drop;
  explicit Block(RandomStream& random) : fc(3, 3, random, false), norm(3), drop(0.5, random) {}
  template <class V>
  void visit(V&& v) {
    v("fc", fc);
    v("norm", norm);
    v("drop", drop);
  }
};

template <class T>
struct Net {
  Linear<T> first;
  std::vector<Block<T>> blocks;
  Var<T> scale;
  explicit Net(RandomStream& random) : first(2, 3, random), scale(Var<T>::leaf(Tensor<T>::ones({}))) {
    for (int i = 0; i < 2; ++i) blocks.emplace_back(random);
  }
  template <class V>
  void visit(V&& v) {
    v("first", first);
    v("blocks", blocks);
    v("scale", scale);
  }
};

template <class T = float>
Net<T> make(std::uint64_t seed = 1) {
  RandomStream random = Random(seed).stream("net");
  return Net<T>(random);
}

// Two names for one parameter.
struct Tied {
  Linear<float> in, out;
  explicit Tied(RandomStream& random) : in(4, 4, random), out(4, 4, random) { out.weight = in.weight; }
  template <class V>
  void visit(V&& v) {
    v("in", in);
    v("out", out);
  }
};

template <class List>
std::vector<std::string> names_of(const List& list) {
  std::vector<std::string> names;
  for (const auto& p : list) names.push_back(p.name);
  return names;
}

}  // namespace

TEST_CASE("names follow visit(), with positions for vectors") {
  auto net = make();
  CHECK(names_of(named_parameters<float>(net)) ==
        std::vector<std::string>{"first.weight", "first.bias", "blocks.0.fc.weight", "blocks.0.norm.weight",
                                 "blocks.0.norm.bias", "blocks.1.fc.weight", "blocks.1.norm.weight",
                                 "blocks.1.norm.bias", "scale"});
  CHECK(names_of(named_buffers<float>(net)) ==
        std::vector<std::string>{"blocks.0.norm.running_mean", "blocks.0.norm.running_var",
                                 "blocks.1.norm.running_mean", "blocks.1.norm.running_var"});
  CHECK(names_of(named_buffers<index_t>(net)).size() == 2);
  CHECK(named_parameters<double>(net).empty());
  CHECK(parameters<float>(net).size() == 9);
  CHECK(count_parameters(net) == 6 + 3 + 2 * (9 + 3 + 3) + 1);
}

TEST_CASE("train, eval, freeze and zero_grad reach every part") {
  auto net = make();
  CHECK(net.blocks[1].norm.training.on);
  eval(net);
  for (auto& b : net.blocks) {
    CHECK_FALSE(b.norm.training.on);
    CHECK_FALSE(b.drop.training.on);
  }
  train(net);
  CHECK(net.blocks[0].drop.training.on);
  set_training(net.blocks[0], false);
  CHECK_FALSE(net.blocks[0].drop.training.on);
  CHECK(net.blocks[1].drop.training.on);

  freeze(net.blocks[0]);
  CHECK_FALSE(net.blocks[0].fc.weight.requires_grad());
  CHECK(net.first.weight.requires_grad());
  freeze(net, false);
  CHECK(net.blocks[0].fc.weight.requires_grad());

  backward(sum(net.first(Tensor<float>::ones({1, 2}))));
  CHECK(net.first.weight.grad().defined());
  zero_grad(net);
  CHECK_FALSE(net.first.weight.grad().defined());
}

TEST_CASE("a state dict goes into another module, whatever its precision") {
  auto net = make(1);
  net.blocks[0].norm.running_mean.fill(2);
  net.blocks[1].norm.num_batches_tracked.fill(7);
  const StateDict state = state_dict(net);
  CHECK(state.size() == 9 + 4 + 2);

  auto same = make(2);
  CHECK_FALSE(identical(same.first.weight.value(), net.first.weight.value()));
  load_state_dict(same, state);
  CHECK(same_state(state_dict(same), state));
  CHECK(same.blocks[1].norm.num_batches_tracked.item() == 7);
  CHECK_FALSE(same.first.weight.value().storage().same(net.first.weight.value().storage()));

  auto wide = make<double>(3);
  load_state_dict(wide, state);
  CHECK(identical(wide.first.weight.value(), net.first.weight.value().to<double>()));
  auto narrow = make(4);
  load_state_dict(narrow, state_dict(wide));
  CHECK(identical(narrow.first.weight.value(), net.first.weight.value()));
  CHECK(narrow.blocks[0].norm.running_mean.at(2) == 2);
}

TEST_CASE("a state dict that does not fit is refused and changes nothing") {
  auto net = make(1), other = make(2);
  const auto before = net.first.weight.value().clone();
  StateDict state = state_dict(other), less, more, wrong;
  for (const auto& [name, value] : state.values()) {
    std::visit(
        [&, &n = name]<class V>(const V& v) {
          if constexpr (requires { v.shape(); }) {
            if (n != "scale") less.put(n, v);
            more.put(n, v);
            if (n != "scale") wrong.put(n, v);
          }
        },
        value);
  }
  more.put("old.weight", Tensor<float>::ones({2}));
  wrong.put("scale", Tensor<float>::ones({2}));
  CHECK(thrown([&] { load_state_dict(net, less); }) ==
        "[state_dict] the names must be those expected; missing: scale; not expected: none");
  CHECK(thrown([&] { load_state_dict(net, more); }) ==
        "[state_dict] the names must be those expected; missing: none; not expected: old.weight");
  CHECK(thrown([&] { load_state_dict(net, wrong); }) ==
        "[state_dict] 'scale' must be float32 (); got float32 (2)");
  CHECK(identical(net.first.weight.value(), before));
  const std::string ignored[] = {"old."};
  CHECK_NOTHROW(load_state_dict(net, more, true, ignored));
  CHECK(identical(net.first.weight.value(), other.first.weight.value()));
  CHECK_NOTHROW(load_state_dict(net, less, false));
}

TEST_CASE("a state dict shares memory until it is cloned") {
  auto net = make();
  const StateDict live = state_dict(net), snapshot = live.clone();
  net.scale.mutable_value().fill(5);
  CHECK(live.get<float>("scale").item() == 5);
  CHECK(snapshot.get<float>("scale").item() == 1);
}

TEST_CASE("copies share parameters, clones do not") {
  auto net = make();
  freeze(net.blocks[0]);
  auto copy = net;
  auto own = clone(net);
  net.scale.mutable_value().fill(3);
  net.blocks[1].norm.running_var.fill(9);
  CHECK(copy.scale.item() == 3);
  CHECK(copy.blocks[1].norm.running_var.at(0) == 9);
  CHECK(own.scale.item() == 1);
  CHECK(own.blocks[1].norm.running_var.at(0) == 1);
  CHECK(identical(own.first.weight.value(), net.first.weight.value()));
  CHECK_FALSE(own.blocks[0].fc.weight.requires_grad());
  CHECK(own.blocks[1].fc.weight.requires_grad());
  backward(sum(own.first(Tensor<float>::ones({1, 2}))));
  CHECK(own.first.weight.grad().defined());
  CHECK_FALSE(net.first.weight.grad().defined());
  CHECK(own.blocks[0].drop.random.state() == net.blocks[0].drop.random.state());
}

TEST_CASE("tied weights count once, are saved under both names, and stay tied in a clone") {
  RandomStream random = Random(1).stream("tied");
  Tied net(random);
  CHECK(names_of(named_parameters<float>(net)) ==
        std::vector<std::string>{"in.weight", "in.bias", "out.bias"});
  CHECK(count_parameters(net) == 16 + 4 + 4);
  CHECK(state_dict(net).contains("out.weight"));
  Tied own = clone(net);
  CHECK(own.in.weight.node() == own.out.weight.node());
  CHECK_FALSE(own.in.weight.node() == net.in.weight.node());
  own.in.weight.mutable_value().fill(2);
  CHECK(own.out.weight.value().at(1, 1) == 2);
}

TEST_CASE("random states go out and in") {
  auto net = make();
  const StateDict state = random_state(net).clone();
  CHECK(state.size() == 4);
  const auto x = Var<float>(Tensor<float>::ones({64}));
  const auto first = net.blocks[0].drop(x).value();
  const auto second = net.blocks[0].drop(x).value();
  CHECK_FALSE(identical(first, second));
  load_random_state(net, state);
  CHECK(identical(net.blocks[0].drop(x).value(), first));
  CHECK(thrown([&] {
          load_random_state(net, StateDict());
        }).find("no entry is named 'blocks.0.drop.random.key'") != std::string::npos);
}

TEST_CASE("Sequential names by position and runs in order, on tensors too") {
  RandomStream random = Random(1).stream("seq");
  Sequential net(Linear<float>(2, 4, random), Tanh(), Linear<float>(4, 3, random), Identity());
  CHECK(names_of(named_parameters<float>(net)) ==
        std::vector<std::string>{"0.weight", "0.bias", "2.weight", "2.bias"});
  const auto x = Tensor<float>::from({2, 2}, {0.5f, -1, 2, 0.25f});
  const auto& [a, f, b, i] = net.parts;
  const auto want =
      linear(tanh(linear(x, a.weight.value(), a.bias.value())), b.weight.value(), b.bias.value());
  CHECK(identical(net(x).value(), want));
  CHECK(identical(net(Var<float>(x)).value(), want));
  const NoGrad off;
  CHECK(identical(net(x).value(), want));
  CHECK_FALSE(net(x).requires_grad());
}

TEST_CASE("activations are the operations of their names") {
  const auto x = Tensor<double>::from({2, 3}, {-2, -0.5, 0, 0.25, 1, 30});
  CHECK(identical(Relu()(x), relu(x)));
  CHECK(identical(Tanh()(x), tanh(x)));
  CHECK(identical(Sigmoid()(x), sigmoid(x)));
  CHECK(identical(Silu()(x), silu(x)));
  CHECK(identical(Gelu()(x), gelu(x)));
  CHECK(identical(QuickGelu()(x), quick_gelu(x)));
  CHECK(identical(LeakyRelu()(x), leaky_relu(x)));
  CHECK(identical(LeakyRelu(0.2)(x), leaky_relu(x, 0.2)));
  CHECK(identical(Elu(1.5)(x), elu(x, 1.5)));
  CHECK(identical(Softplus(2)(x), softplus(x, 2)));
  CHECK(identical(Softmax(0)(x), softmax(x, 0)));
  CHECK(identical(Identity()(x), x));
  CHECK(Flatten()(Tensor<double>::ones({2, 3, 4})).shape() == Shape{2, 12});
  CHECK(Flatten(0, 1)(Var<double>(Tensor<double>::ones({2, 3, 4}))).shape() == Shape{6, 4});
  CHECK(thrown([] { Softplus(0); }) == "[softplus] beta must be positive; got 0");
}
