// Random numbers and dropout on the device: the CPU's, bit for bit, whatever the size and the order of
// blocks.
#include "on_both.hpp"

#include <limbic/core/compare.hpp>
#include <limbic/ops/dropout.hpp>

using namespace limbic;
using namespace limbic::test;

namespace {

// A block has four words, a thread makes a few blocks, a block of threads many.
const std::vector<index_t> kSizes = {0, 1, 2, 3, 4, 5, 7, 31, 129, 1001, 4099};

template <class T>
bool same_bits(const Tensor<T, Cuda>& there, const Tensor<T>& here) {
  return identical(there.template on<Cpu>(), here);
}

// f(stream, shape, device) -> tensor, on both devices from one state; later draws go on from the same state.
template <class F>
void check_draws(const F& f) {
  for (index_t n : kSizes) {
    CAPTURE(n);
    // Positions whose low 32 bits are about to overflow, too.
    for (const PhiloxKey start : {PhiloxKey{77, 0}, PhiloxKey{0xfedcba9876543210u, 0xfffffffeu},
                                  PhiloxKey{5, ~std::uint64_t{0} - 1}}) {
      RandomStream here(start), there(start);
      const auto want = f(here, Shape{n}, Cpu{});
      CHECK(same_bits(f(there, Shape{n}, Cuda{}), want));
      CHECK(here.state() == there.state());
#if __has_include(<emulator/emulator.hpp>)
      if (n > 130) continue;
      RandomStream again(start);
      emulator::options().schedule = 11;
      CHECK(same_bits(f(again, Shape{n}, Cuda{}), want));
      emulator::options().schedule = 0;
#endif
    }
  }
}

}  // namespace

TEST_CASE("uniform") {
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) { return s.uniform<float, D>(n); });
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) { return s.uniform<float, D>(n, -3, 0.1f); });
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) { return s.uniform<double, D>(n, -1, 1e9); });
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) { return s.uniform<double, D>(n, 2, 2); });
}
TEST_CASE("normal") {
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) { return s.normal<float, D>(n); });
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) { return s.normal<float, D>(n, 10, 0.3f); });
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) { return s.normal<double, D>(n); });
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) { return s.normal<double, D>(n, -1, 0); });
}
TEST_CASE("events") {
  for (double p : {0.0, 0.3, 1.0})
    check_draws([p]<class D>(RandomStream& s, const Shape& n, D) { return s.bernoulli<D>(n, p); });
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) {
    auto t = Tensor<float, D>::empty(n);
    s.fill_bernoulli(t, 0.5);
    return t;
  });
}
TEST_CASE("integers and permutations") {
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) { return s.integers<D>(n, -5, 5); });
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) { return s.integers<D>(n, 3, 4); });
  constexpr index_t kMost = std::numeric_limits<index_t>::max();
  check_draws(
      []<class D>(RandomStream& s, const Shape& n, D) { return s.integers<D>(n, -kMost - 1, kMost); });
  check_draws([]<class D>(RandomStream& s, const Shape& n, D) { return s.permutation<D>(n[0]); });
}
TEST_CASE("numbers into a view") {
  const auto filled = []<class D>(D) {
    RandomStream s(PhiloxKey{1, 2});
    auto t = Tensor<float, D>::zeros({7, 10});
    auto view = t.transpose(0, 1).slice(0, 1, 10, 3);
    s.fill_normal(view);
    return t.template on<Cpu>();
  };
  CHECK(identical(filled(Cuda{}), filled(Cpu{})));
}
TEST_CASE("dropout keeps the same elements, forward and backward") {
  const auto f = []<class T, class D>(T, D) {
    return [](double p, index_t n) {
      RandomStream s(PhiloxKey{9, 0xfffffff0u});
      const auto x = Var<T, D>::leaf(Tensor<T, D>::ones({n}));
      const auto y = dropout(x, p, s);
      backward(y, Var<T, D>(Tensor<T, D>::full({n}, T(3))));
      auto both = y.value().to_vector();
      for (T v : x.grad().to_vector()) both.push_back(v);
      return both;
    };
  };
  for (index_t n : kSizes)
    for (double p : {0.1, 0.5, 0.999999, 1.0}) {
      CAPTURE(n);
      CAPTURE(p);
      CHECK(f(float{}, Cuda{})(p, n) == f(float{}, Cpu{})(p, n));
      CHECK(f(double{}, Cuda{})(p, n) == f(double{}, Cpu{})(p, n));
    }
}
