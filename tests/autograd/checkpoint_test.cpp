// checkpoint(): the same values and gradients with less memory.
#include <limbic/autograd/checkpoint.hpp>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/ops/activation.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;
using V = Var<double>;
using X = Tensor<double>;

namespace {
X values(index_t n, unsigned seed) { return X::from({n}, random_values(n, -1, 1, 0, seed)); }
}  // namespace

TEST_CASE("gradients of inputs and captured variables are those without") {
  V x = V::leaf(values(9, 1)), w = V::leaf(values(9, 2));
  const V outer = w * x;  // captured, with a history that meets the input's
  auto block = [&](const std::vector<V>& v) { return tanh(v[0] * w) * outer + sigmoid(v[0] * outer); };
  const auto plain = grad(sum(block({x * x}) * x), {x, w});
  const auto kept = grad(sum(checkpoint(block, {x * x}) * x), {x, w});
  for (std::size_t i = 0; i < 2; ++i) CHECK(error_of(kept[i].value(), plain[i].value()) < 1e-14);
  backward(sum(checkpoint(block, {x})));
  const auto again = grad(sum(block({x})), {x, w});
  CHECK(error_of(x.grad(), again[0].value()) < 1e-14);
  CHECK(error_of(w.grad(), again[1].value()) < 1e-14);
}

TEST_CASE("gradients of gradients, and checkpoints within checkpoints") {
  auto inner = [](const std::vector<V>& v) { return tanh(v[0]) * v[1]; };
  auto f = [&](const std::vector<V>& x) {
    return checkpoint(
        [&](const std::vector<V>& v) {
          return checkpoint(inner, {v[0] * v[1], v[1]}) * v[0];
        },
        x);
  };
  const std::vector<X> at = {values(4, 3), values(4, 4)};
  CHECK_NOTHROW(gradcheck(f, at));
  CHECK_NOTHROW(gradgradcheck(f, at));
}

TEST_CASE("random draws come out the same, and the stream goes on as without") {
  RandomStream a = Random(1).stream("noise"), b = Random(1).stream("noise");
  V x = V::leaf(values(50, 5));
  auto noisy = [](RandomStream& s) {
    return [&s](const std::vector<V>& v) { return v[0] * v[0] * s.uniform<double>({50}); };
  };
  const auto plain = grad(sum(noisy(a)({x})), {x});
  const auto kept = grad(sum(checkpoint(noisy(b), {x})), {x});
  CHECK(identical(kept[0].value(), plain[0].value()));
  CHECK(identical(a.uniform<double>({3}), b.uniform<double>({3})));
}

TEST_CASE("recomputing() is set in the second evaluation only") {
  std::vector<bool> seen;
  V x = V::leaf(values(2, 6));
  backward(sum(checkpoint(
      [&](const std::vector<V>& v) {
        seen.push_back(recomputing());
        return v[0] * 2;
      },
      {x})));
  CHECK(seen == std::vector<bool>{false, true});
}

TEST_CASE("it keeps less memory") {
  V x = V::leaf(values(10000, 7));
  auto deep = [](const std::vector<V>& v) {
    V y = v[0];
    for (int i = 0; i < 20; ++i) y = tanh(y);
    return y;
  };
  auto held = [&](auto&& f) {
    const auto before = memory_stats().bytes_in_use;
    const V y = f();
    return memory_stats().bytes_in_use - before;
  };
  const auto plain = held([&] { return deep({x}); });
  const auto kept = held([&] { return checkpoint(deep, {x}); });
  CHECK(kept * 10 < plain);
}

TEST_CASE("an input modified in between is refused") {
  V x = V::leaf(values(2, 8));
  const V y = sum(checkpoint([](const std::vector<V>& v) { return v[0] * v[0]; }, {x}));
  x.mutable_value().fill(1);
  check_error([&] { backward(y); }, {"[checkpoint]", "modified in place"});
}
