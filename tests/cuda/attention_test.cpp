// attention on the device against the CPU: values, gradients, dropout; short and long sequences.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/backend/cuda/attention.hpp>
#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/index.hpp>
#include <limbic/backend/cuda/matmul.hpp>
#include <limbic/backend/cuda/random.hpp>
#include <limbic/backend/cuda/rows.hpp>
#include <limbic/ops/attention.hpp>

#include "cuda/on_both.hpp"
#include "support/op_check.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

struct Sizes {
  index_t B = 1, H = 1, Lq = 1, Lk = 1, E = 8, Ev = 8;
};
struct Extras {
  bool causal = false;
  Tensor<bool> mask{};
  Shape bias{};  // empty: none
  double dropout = 0;
};

// y, then the gradients of q, k, v and the bias, for a fixed cotangent. Odd operands have the memory of
// (B, L, H, E), as projections leave them.
template <class T, class D>
std::vector<Tensor<T>> results(const Sizes& s, const Extras& x) {
  std::vector<Var<T, D>> at;
  unsigned seed = 1;
  const auto leaf = [&](const Shape& shape, bool heads) {
    const auto values = random_values(numel(shape), -1, 1, 0, seed++);
    const Tensor<T> t = Tensor<T>::from(shape, std::vector<T>(values.begin(), values.end()));
    const Tensor<T> memory = heads ? t.transpose(1, 2).contiguous().transpose(1, 2) : t;
    at.push_back(Var<T, D>::leaf(memory.template on<D>()));
  };
  leaf({s.B, s.H, s.Lq, s.E}, true);
  leaf({s.B, s.H, s.Lk, s.E}, false);
  leaf({s.B, s.H, s.Lk, s.Ev}, true);
  if (x.bias.rank()) leaf(x.bias, false);
  RandomStream random = Random(3).stream("dropout");
  AttentionOptions<D> options;
  options.causal = x.causal;
  if (x.mask.defined()) options.mask = x.mask.template on<D>();
  options.dropout = x.dropout;
  options.random = &random;
  const Var<T, D> y = attention(at[0], at[1], at[2], options, x.bias.rank() ? at[3] : Var<T, D>{});
  const auto dy = random_values(y.value().numel(), -1, 1, 0, 99);
  const Var<T, D> cotangent(
      Tensor<T>::from(y.shape(), std::vector<T>(dy.begin(), dy.end())).template on<D>());
  std::vector<Tensor<T>> all = {y.value().template on<Cpu>()};
  for (const auto& d : grad(y, at, cotangent)) all.push_back(d.value().template on<Cpu>());
  return all;
}

// float on the device against double on the CPU.
void check_sizes(const Sizes& s, const Extras& x = {}) {
  INFO("B ", s.B, ", H ", s.H, ", Lq ", s.Lq, ", Lk ", s.Lk, ", E ", s.E, ", Ev ", s.Ev, ", causal ",
       x.causal);
  const auto here = results<double, Cpu>(s, x);
  const auto there = results<float, Cuda>(s, x);
  for (std::size_t i = 0; i < here.size(); ++i) {
    CAPTURE(i);
    CHECK(error_of(there[i], here[i]) < 4e-6);
  }
}

// Every third entry of some (B, H, Lq, Lk) masked, and query 1 of the first head altogether.
Tensor<bool> some_mask(const Shape& shape) {
  std::vector<std::uint8_t> may(static_cast<std::size_t>(numel(shape)));
  for (std::size_t i = 0; i < may.size(); ++i)
    may[i] = i % 3 != 0 && !(shape[2] > 1 && i / static_cast<std::size_t>(shape[3]) == 1);
  return Tensor<std::uint8_t>::from(shape, may).to<bool>();
}

}  // namespace

TEST_CASE("self attention of short and long sequences") {
  for (index_t length : {1, 31, 33, 62, 77, 128, 129}) {
    check_sizes({1, 2, length, length});
    check_sizes({1, 1, length, length}, {.causal = true});
  }
}
TEST_CASE("so many heads that all processors are busy") {
#if __has_include(<emulator/emulator.hpp>)
  constexpr index_t kHeads = 4;
#else
  constexpr index_t kHeads = 264;
#endif
  for (const index_t head : {30, 64})
    for (bool causal : {false, true})
      check_sizes({1, kHeads, 131, 45, head, head}, {.causal = causal, .dropout = 0.2});
  check_sizes({1, 4 * kHeads, 9, 7});
}
TEST_CASE("cross attention") {
  for (const auto& [lq, lk] :
       std::vector<std::pair<index_t, index_t>>{{1, 33}, {33, 1}, {62, 31}, {129, 20}, {20, 129}, {40, 7}})
    for (bool causal : {false, true}) check_sizes({2, 1, lq, lk, 8, 12}, {.causal = causal});
}
TEST_CASE("heads of any size up to 256") {
  for (const auto& [e, ev] : std::vector<std::pair<index_t, index_t>>{
           {1, 1}, {3, 5}, {32, 32}, {64, 33}, {10, 64}, {128, 100}, {256, 256}, {7, 200}})
    check_sizes({1, 2, 17, 35, e, ev});
  check_sizes({1, 1, 130, 20, 70, 30});
  check_sizes({1, 1, 20, 150, 130, 250}, {.causal = true});
  using X = Tensor<float, Cuda>;
  CHECK(thrown([] {
          attention(X::zeros({1, 1, 2, 257}), X::zeros({1, 1, 2, 257}), X::zeros({1, 1, 2, 8}));
        }).find("at most 256") != std::string::npos);
}
TEST_CASE("double") {
  for (const Sizes& s :
       {Sizes{1, 2, 33, 20, 8, 5}, Sizes{1, 1, 70, 130, 40, 64}, Sizes{1, 1, 9, 12, 256, 256}})
    for (bool causal : {false, true}) {
      const Extras x{.causal = causal, .mask = some_mask({1, 1, s.Lq, s.Lk}), .bias = {s.Lk}, .dropout = 0.3};
      const auto here = results<double, Cpu>(s, x), there = results<double, Cuda>(s, x);
      for (std::size_t i = 0; i < here.size(); ++i) CHECK(error_of(there[i], here[i]) < 1e-13);
    }
}
TEST_CASE("masks and biases of every broadcast, with the gradient of the bias") {
  for (index_t lq : {6, 140})
    for (const Shape& shape : {Shape{2, 3, lq, 37}, Shape{1, 3, lq, 37}, Shape{2, 1, 1, 37},
                               Shape{2, 1, lq, 1}, Shape{37}, Shape{1}})
      check_sizes({2, 3, lq, 37, 8, 4},
                  {.causal = lq == 6, .mask = some_mask({1, 1, lq, 37}), .bias = shape});
  check_sizes({2, 3, 6, 37, 8, 4}, {.mask = some_mask({2, 3, 6, 37})});
  check_sizes({2, 3, 6, 37, 8, 4}, {.mask = some_mask({2, 1, 1, 37})});
}
TEST_CASE("dropout is that of the CPU") {
  for (const Sizes& s : {Sizes{2, 2, 33, 33}, Sizes{1, 3, 5, 62}, Sizes{1, 2, 131, 30}, Sizes{1, 2, 30, 131},
                         Sizes{1, 2, 20, 21, 256, 256}})
    for (bool causal : {false, true}) check_sizes(s, {.causal = causal, .dropout = 0.4});
  AttentionPlan<float, Cpu> here{.dropout = 0.3, .draw = Random(7).stream("words").draw(100)};
  AttentionPlan<float, Cuda> there{.dropout = here.dropout, .draw = here.draw};
  Tensor<float> a = Tensor<float>::empty({1, 1, 9, 11});
  Tensor<float, Cuda> b = Tensor<float, Cuda>::empty({1, 1, 9, 11});
  attention_kept(Cpu{}, a, here);
  attention_kept(Cuda{}, b, there);
  CHECK(identical(a, b.on<Cpu>()));
}
TEST_CASE("what may be attended to") {
  AttentionPlan<float, Cpu> here{.causal = true, .mask = some_mask({2, 1, 5, 7})};
  AttentionPlan<float, Cuda> there{.causal = true, .mask = here.mask.on<Cuda>()};
  Tensor<float> a = Tensor<float>::empty({2, 3, 5, 7});
  Tensor<float, Cuda> b = Tensor<float, Cuda>::empty({2, 3, 5, 7});
  attention_allowed(Cpu{}, a, here);
  attention_allowed(Cuda{}, b, there);
  CHECK(identical(a, b.on<Cpu>()));
}
TEST_CASE("the map") {
  for (index_t lq : {5, 133}) {
    const Tensor<float> q =
        Tensor<float>::from({1, 2, lq, 4}, std::vector<float>(static_cast<std::size_t>(8 * lq), 0.5f));
    const auto values = random_values(2 * 70 * 4, -1, 1, 0, 7);
    const Tensor<float> k =
        Tensor<float>::from({1, 2, 70, 4}, std::vector<float>(values.begin(), values.end()));
    const auto [y, map] = attention_with_map(q, k, k, {.causal = true});
    const Tensor<float, Cuda> dq = q.on<Cuda>(), dk = k.on<Cuda>();
    const auto [z, there] = attention_with_map(dq, dk, dk, {.causal = true});
    CHECK(error_of(there.on<Cpu>(), map) < 1e-6);
    CHECK(error_of(z.on<Cpu>(), y) < 1e-6);
  }
}
TEST_CASE("second derivatives, by the composed form") {
  const auto second = [](auto device) {
    using D = decltype(device);
    using X = Var<double, D>;
    const auto t = [](const Shape& shape, unsigned seed) {
      return Tensor<double>::from(shape, random_values(numel(shape), -1, 1, 0, seed)).template on<D>();
    };
    const std::vector<X> x = {X::leaf(t({1, 2, 5, 4}, 1)), X::leaf(t({1, 2, 7, 4}, 2)),
                              X::leaf(t({1, 2, 7, 3}, 3))};
    RandomStream random = Random(3).stream("dropout");
    const X y = attention(x[0], x[1], x[2], {.causal = true, .dropout = 0.3, .random = &random});
    const X dq = grad(y, x, X(t({1, 2, 5, 3}, 4)), true)[0];
    std::vector<Tensor<double>> all;
    for (const X& d : grad(dq, x, X(t({1, 2, 5, 4}, 5)))) all.push_back(d.value().template on<Cpu>());
    return all;
  };
  const auto here = second(Cpu{}), there = second(Cuda{});
  for (std::size_t i = 0; i < here.size(); ++i) CHECK(error_of(there[i], here[i]) < 1e-13);
  CHECK(max_abs(here[0]) > 0.01);
}
TEST_CASE("the same bits in any order of blocks and threads") {
  for (index_t length : {33, 130})
    check_repeats({{1, 2, length, 8}, {1, 2, 40, 8}, {1, 2, 40, 8}, {length, 40}}, [](const auto& x) {
      RandomStream random = Random(3).stream("dropout");
      return attention(x[0], x[1], x[2], {.dropout = 0.2, .random = &random}, x[3]);
    });
}
TEST_CASE("nothing to attend to, and nothing that attends") {
  check_sizes({0, 2, 3, 3});
  check_sizes({1, 2, 3, 0});
  check_sizes({1, 2, 0, 3}, {.bias = {2, 1, 3}});
  check_sizes({0, 2, 3, 4}, {.bias = {1, 4}});
}
TEST_CASE("a long sequence") { check_sizes({1, 1, 1000, 300, 8, 8}); }
