// Reductions on the device at sizes that are cut into parts (few results of many elements), and of masks.
#include "on_both.hpp"

#include <limbic/ops/any_all.hpp>
#include <limbic/ops/extremum.hpp>
#include <limbic/ops/prod.hpp>
#include <limbic/ops/statistics.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// Of more than 8192 elements to a result parts are folded first. All of it, rows, columns, the middle.
struct Long {
  Shape shape;
  Dims dims;
};
const std::vector<Long> kLong = {{{20011}, {}},    {{3, 9001}, {1}},      {{9001, 3}, {0}},
                                 {{8193, 1}, {0}}, {{2, 8200, 3}, {1}},   {{1, 12289}, {1}},
                                 {{70, 301}, {}},  {{4, 2, 2500}, {0, 2}}};

template <class T>
Tensor<T> values(const Shape& shape, double low, double high) {
  const auto v = random_values(numel(shape), low, high, 0, 3);
  return Tensor<T>::from(shape, std::vector<T>(v.begin(), v.end()));
}

// f in T on the device against double on the CPU; again, with the same bits, in other orders of the blocks.
template <class T, class F>
void check_long(const F& f, double low, double high) {
  for (const Long& c : kLong) {
    CAPTURE(c.shape);
    const Tensor<T> x = values<T>(c.shape, low, high);
    const auto want = f(x.template to<double>(), c.dims);
    const Tensor<T> got = f(x.template on<Cuda>(), c.dims).template on<Cpu>();
    CHECK(error_of(got, want) <= (sizeof(T) == 8 ? 1e-12 : 2e-5) * std::max(1.0, max_abs(want)));
#if __has_include(<emulator/emulator.hpp>)
    for (unsigned schedule : {3u, 4u}) {
      emulator::options().schedule = schedule;
      CHECK(identical(f(x.template on<Cuda>(), c.dims).template on<Cpu>(), got));
    }
    emulator::options().schedule = 0;
#endif
  }
}

}  // namespace

TEST_CASE("sums, means and extremes in parts") {
  check_long<float>([](const auto& x, const Dims& d) { return sum(x, d); }, 0, 1);
  check_long<double>([](const auto& x, const Dims& d) { return mean(x, d); }, -1, 1);
  check_long<double>([](const auto& x, const Dims& d) { return amax(x, d) * amin(x, d); }, -1, 1);
}
TEST_CASE("variances and norms in parts") {
  check_long<double>([](const auto& x, const Dims& d) { return var(x, d); }, 5, 6);
  check_long<float>([](const auto& x, const Dims& d) { return norm(x, d); }, -1, 1);
}
TEST_CASE("products in parts") {
  check_long<double>([](const auto& x, const Dims& d) { return prod(x, d); }, 0.9995, 1.0005);
}
TEST_CASE("NaN and infinity go through every part") {
  for (index_t at : {0, 5000, 20010}) {
    auto x = Tensor<double>::zeros({20011});
    x.set({at}, kNan);
    const auto there = x.on<Cuda>();
    CHECK(std::isnan(sum(there).item()));
    CHECK(std::isnan(amax(there, {}).item()));
    CHECK(std::isnan(amin(there, {}).item()));
    CHECK(std::isnan(prod(there).item()));
    CHECK(!all_finite(Cuda{}, there));
    x.set({at}, kInf);
    CHECK(amax(x.on<Cuda>(), {}).item() == kInf);
    CHECK(!all_finite(Cuda{}, x.on<Cuda>()));
  }
  CHECK(all_finite(Cuda{}, Tensor<double, Cuda>::zeros({20011})));
  CHECK(all_finite(Cuda{}, Tensor<double, Cuda>::zeros({0})));
}
TEST_CASE("any, all and counts") {
  for (index_t n : {1, 31, 257, 20011}) {
    CAPTURE(n);
    const auto none = Tensor<bool, Cuda>::zeros({n}), every = Tensor<bool, Cuda>::ones({n});
    auto last = Tensor<bool>::zeros({n});
    last.set({n - 1}, true);
    const auto one = last.on<Cuda>();
    CHECK(!any(none).item());
    CHECK(any(one).item());
    CHECK(any(every).item());
    CHECK(all(every).item());
    CHECK(all(one).item() == (n == 1));
    CHECK(!all(none).item());
    CHECK(count_nonzero(one).item() == 1);
    CHECK(count_nonzero(every).item() == n);
    CHECK(count_nonzero(one.to<index_t>()).item() == 1);
    CHECK(count_nonzero(one.to<float>()).item() == 1);
  }
  const auto mask = Tensor<bool>::from({2, 3}, std::vector<bool>{true, false, true, false, false, true});
  CHECK(any(mask.on<Cuda>(), {0}).to_vector() == any(mask, {0}).to_vector());
  CHECK(all(mask.on<Cuda>(), {1}).to_vector() == all(mask, {1}).to_vector());
  CHECK(count_nonzero(mask.on<Cuda>(), {0}).to_vector() == count_nonzero(mask, {0}).to_vector());
}
