// backward() and grad(): values, modes, memory, depth, misuse.
#include <limbic/ops/activation.hpp>

#include <thread>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;
using V = Var<double>;
using X = Tensor<double>;

namespace {
V leaf(std::initializer_list<double> v) { return V::leaf(X::from({static_cast<index_t>(v.size())}, v)); }
V ones_like(const V& v) { return V(X::ones(v.shape())); }
}  // namespace

TEST_CASE("a constant is not recorded, a leaf is") {
  const V c(X::ones({2})), x = leaf({1, 2});
  CHECK_FALSE((c * c).requires_grad());
  CHECK((c * x).requires_grad());
  CHECK(x.is_leaf());
  CHECK_FALSE((x * c).is_leaf());
  CHECK_FALSE((x * c).detach().requires_grad());
}

TEST_CASE("gradients add up over paths and over passes") {
  V x = leaf({1, 2, 3});
  const V y = sum(x * x * x + x);
  backward(y);
  CHECK(x.grad().to_vector() == std::vector<double>{4, 13, 28});
  backward(y);
  CHECK(x.grad().to_vector() == std::vector<double>{8, 26, 56});
  x.zero_grad();
  CHECK_FALSE(x.grad().defined());
  backward(y);
  CHECK(x.grad()(2) == 28);
}

TEST_CASE("grad() leaves grad() of the leaves alone, and gives zero where nothing depends") {
  V x = leaf({2}), z = leaf({5, 6});
  const V y = sum(x * x);
  const auto g = grad(y, {x, z, x});
  CHECK(g[0].value()(0) == 4);
  CHECK(g[1].value().to_vector() == std::vector<double>{0, 0});
  CHECK(g[2].value()(0) == 4);
  CHECK_FALSE(x.grad().defined());
}

TEST_CASE("grad() with respect to a value in the middle, and to one that depends on another") {
  V x = leaf({3});
  const V a = x * x, b = a * x;
  const auto g = grad(sum(b * a), {a, x, b});
  CHECK(g[0].value()(0) == doctest::Approx(27 + 9 * 3));  // b + a db/da
  CHECK(g[1].value()(0) == doctest::Approx(5 * 81));
  CHECK(g[2].value()(0) == 9);
  CHECK(grad(b, {b})[0].value()(0) == 1);
}

TEST_CASE("derivatives up to the fifth") {
  V x = leaf({2});
  V y = x * x * x * x * x;
  double want[] = {80, 160, 240, 240, 120};
  for (double w : want) {
    y = grad(y, {x}, ones_like(y), true)[0];
    CHECK(y.value()(0) == doctest::Approx(w));
  }
  CHECK_THROWS_AS(grad(grad(y, {x}, ones_like(y), true)[0], {x}), Error);  // a constant has no history
}

TEST_CASE("backward with create_graph leaves gradients that can be differentiated") {
  V x = leaf({3});
  backward(x * x * x, V{}, true);
  CHECK(grad(x.grad_var(), {x})[0].value()(0) == 18);
  x.zero_grad();  // unties the leaf from the graph that it holds
}

TEST_CASE("NoGrad and EnableGrad") {
  const V x = leaf({1});
  {
    NoGrad off;
    CHECK_FALSE((x * x).requires_grad());
    EnableGrad on;
    CHECK((x * x).requires_grad());
  }
  CHECK((x * x).requires_grad());
}

TEST_CASE("freezing a leaf") {
  V x = leaf({2}), w = leaf({3});
  w.set_requires_grad(false);
  backward(x * w);
  CHECK(x.grad()(0) == 3);
  CHECK_FALSE(w.grad().defined());
  w.set_requires_grad(true);
  backward(x * w);
  CHECK(w.grad()(0) == 2);
  V y = x * w;
  check_error([&] { y.set_requires_grad(false); }, {"[set_requires_grad]", "leaf"});
}

TEST_CASE("hooks change a gradient on its way, retain_grad keeps it") {
  V x = leaf({2});
  V y = x * x;
  y.retain_grad();
  y.register_hook([](const V& g) { return g * 10; });
  int calls = 0;
  x.register_hook([&](const V& g) {
    ++calls;
    return g;
  });
  backward(sum(y * 3));
  CHECK(y.grad()(0) == 30);
  CHECK(x.grad()(0) == 120);
  CHECK(calls == 1);
  y.register_hook([](const V&) { return V(X::ones({7})); });
  check_error([&] { backward(sum(y)); }, {"[hook]", "(7)", "(1)"});
}

TEST_CASE("a kept value that was modified in place is refused, with both places") {
  V x = leaf({1, 2});
  const V y = sum(tanh(x) * x);
  x.mutable_value().fill(5);
  check_error([&] { backward(y); },
              {"[mul]", "modified in place", "engine_test.cpp", "float64 (2)", "clone()"});
  // Through a view of the same memory too.
  V z = leaf({1, 2});
  const V w = sum(z * z);
  z.value().slice(0, 0, 1).fill(3);
  CHECK_THROWS_AS(backward(w), Error);
  // What backward does not need may change.
  V a = leaf({1, 2});
  const V b = sum(a + a);
  a.mutable_value().fill(5);
  CHECK_NOTHROW(backward(b));
}

TEST_CASE("anomaly mode names the operation, its inputs and the place, forward and backward") {
  V x = leaf({1, 0});
  AnomalyMode on;
  check_error([&] { x / (x - x); },
              {"[div]", "engine_test.cpp", "NaN or Inf", "float64 (2) in [0, 1]", "in [0, 0]"});
  // Forward is finite here, the slope is not.
  V tiny = leaf({1e-200});
  const V y = sum(1 / (tiny * 1e-5 + 1e-170));
  check_error([&] { backward(y); }, {"backward made the first NaN or Inf", "[div]", "engine_test.cpp"});
}

TEST_CASE("misuse") {
  const V x = leaf({1, 2}), c(X::ones({2}));
  check_error([&] { backward(x * x); }, {"[backward]", "one element", "float64 (2)"});
  check_error([&] { backward(c * c); }, {"[backward]", "requires a gradient"});
  check_error([&] { backward(x * x, V(X::ones({3}))); }, {"cotangent", "(3)", "(2)"});
  check_error([&] { grad(sum(x), {c}); }, {"[grad]", "every x"});
  check_error([&] { grad(sum(x), std::vector<V>{}); }, {"[grad]", "at least one"});
}

TEST_CASE("an error on the way leaves nothing behind") {
  V x = leaf({1, 2});
  const V bad = sum(tanh(x) * x), good = sum(x * 2);
  x.mutable_value().fill(1);
  CHECK_THROWS_AS(backward(bad), Error);
  CHECK_FALSE(x.grad().defined());
  backward(good);
  CHECK(x.grad().to_vector() == std::vector<double>{2, 2});
}

TEST_CASE("a pass inside another may not reach its graph") {
  V x = leaf({2});
  const V y = x * x;
  V z = y * y;
  z.register_hook([&](const V& g) {
    CHECK_THROWS_AS(grad(sum(y), {x}), Error);
    V own = leaf({3});
    CHECK(grad(own * own, {own})[0].value()(0) == 6);
    return g;
  });
  backward(sum(z));
  CHECK(x.grad()(0) == 32);
}

TEST_CASE("a chain of a million operations") {
  V x = leaf({1});
  V y = x;
  for (int i = 0; i < 1000000; ++i) y = y + x;
  backward(std::move(y));
  CHECK(x.grad()(0) == 1000001);
  V z = x;
  for (int i = 0; i < 1000000; ++i) z = z * x;  // destroyed without a backward
}

TEST_CASE("memory is freed on the way back when nobody holds the graph") {
  V x = V::leaf(X::ones({1000}));
  auto peak_of = [&](bool hold) {
    V y = x;
    for (int i = 0; i < 50; ++i) y = tanh(y);
    V s = sum(y);
    y = {};
    const V held = hold ? s : V();
    backward(std::move(s));
    return memory_stats().bytes_in_use;
  };
  const auto before = memory_stats().bytes_in_use;
  CHECK(peak_of(false) - before < peak_of(true) + 100000 - before);
}

TEST_CASE("steady state takes no memory from the system") {
  V w = V::leaf(X::ones({64, 64}));
  auto step = [&] {
    w.zero_grad();
    backward(sum(tanh(w * w) + w));
  };
  for (int i = 0; i < 3; ++i) step();
  const auto before = memory_stats().system_allocations;
  for (int i = 0; i < 100; ++i) step();
  CHECK(memory_stats().system_allocations == before);
}

TEST_CASE("independent tapes in different threads") {
  std::vector<std::thread> threads;
  std::vector<double> results(4);
  const X shared = X::full({100}, 0.5);
  for (std::size_t t = 0; t < results.size(); ++t) {
    threads.emplace_back([&, t] {
      V x = V::leaf(shared);  // memory shared, tape not
      for (int i = 0; i < 50; ++i) backward(sum(tanh(x * x) * static_cast<double>(t + 1)));
      results[t] = x.grad()(7);
    });
  }
  for (auto& t : threads) t.join();
  for (std::size_t t = 1; t < results.size(); ++t)
    CHECK(results[t] == doctest::Approx(results[0] * double(t + 1)));
}

TEST_CASE("a graph made in one thread goes back in another") {
  V y;
  V x = leaf({2});
  std::thread([&] { y = sum(x * x * x); }).join();
  backward(std::move(y));
  CHECK(x.grad()(0) == 12);
}
