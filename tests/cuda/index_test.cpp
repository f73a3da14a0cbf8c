// Indexing, order and running sums on the device beyond the cases of the operations: faults that are told
// late, integers and masks, NaN and ties, long lines, repeated indices.
#include "on_both.hpp"

#include <limbic/core/compare.hpp>
#include <limbic/ops/arg.hpp>
#include <limbic/ops/cast.hpp>
#include <limbic/ops/compare.hpp>
#include <limbic/ops/cumulative.hpp>
#include <limbic/ops/gather.hpp>
#include <limbic/ops/gradient_reversal.hpp>
#include <limbic/ops/index_put.hpp>
#include <limbic/ops/one_hot.hpp>
#include <limbic/ops/sort.hpp>

#include "support/by_index.hpp"
#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

template <class D>
Tensor<index_t, D> list(const std::vector<index_t>& values) {
  return Tensor<index_t, D>::from({static_cast<index_t>(values.size())}, values);
}

// NaN, both zeros, infinities, many ties.
template <class T>
Tensor<T> awkward(const Shape& shape, unsigned seed) {
  const T kinds[] = {T(kNan), T(-0.0), T(0), T(kInf), T(-kInf), T(1), T(1), T(-2), T(2), T(0.5)};
  auto v = random_values(numel(shape), 0, 10, 0, seed);
  std::vector<T> x;
  for (double at : v) x.push_back(kinds[static_cast<std::size_t>(at)]);
  return Tensor<T>::from(shape, x);
}

struct Lines {
  Shape shape;
  index_t dim;
};
const std::vector<Lines> kLines = {{{1}, 0},        {{33}, 0},      {{3, 129}, 1}, {{129, 3}, 0},
                                   {{2, 40, 3}, 1}, {{2, 1025}, 1}, {{0, 4}, 1},   {{5, 300}, 0}};

}  // namespace

// ---- faults ----------------------------------------------------------------------------------------

TEST_CASE("an index out of range is told by the next call that waits") {
  const auto x = Tensor<float, Cuda>::ones({4, 3});
  const auto told = [&](auto&& use, std::initializer_list<const char*> parts) {
    Tensor<float, Cuda> y;
    CHECK_NOTHROW(y = use());
    check_error([] { cuda::synchronize(); }, parts);
    CHECK_NOTHROW(cuda::synchronize());  // once
    CHECK(x.to_vector() == std::vector<float>(12, 1.0f));
    return y;
  };
  const auto y = told(
      [&] {
        return index_select(x, 0, list<Cuda>({0, 4, 1}));
      },
      {"[index_select]", "in [0, 3]", "got 4", "position 1", "told late"});
  CHECK(y.to_vector() == std::vector<float>{1, 1, 1, 0, 0, 0, 1, 1, 1});
  told([&] { return index_select(x, 1, list<Cuda>({-1})); }, {"[index_select]", "in [0, 2]", "got -1"});
  told(
      [&] {
        return gather(x, 1, Tensor<index_t, Cuda>::full({4, 2}, 3));
      },
      {"[gather]", "in [0, 2]", "got 3", "position 0"});
  told(
      [&] {
        return scatter_add(x, 0, Tensor<index_t, Cuda>::full({4, 3}, 9), x);
      },
      {"[scatter_add]", "in [0, 3]", "got 9"});
  told(
      [&] {
        return index_get(x, {list<Cuda>({0, -5})});
      },
      {"[index_get]", "in [-4, 3]", "got -5", "position 1"});
  told([&] { return index_put(x, {list<Cuda>({7})}, Tensor<float, Cuda>::scalar(2)); },
       {"[index_put]", "in [-4, 3]", "got 7"});
  told([&] { return index_fill(x, 0, list<Cuda>({4}), 2); }, {"[index_fill]", "in [0, 3]", "got 4"});
  told(
      [&] {
        return index_add(x, 0, list<Cuda>({0, 1, 2, 4}), x);
      },
      {"[index_add]", "in [0, 3]", "got 4", "position 3"});
  told([&] { return embedding(x, list<Cuda>({2, 40})); }, {"[embedding]", "got 40"});
  told([&] { return one_hot<float>(list<Cuda>({0, 5}), 5); }, {"[one_hot]", "in [0, 4]", "got 5"});
}
TEST_CASE("asking for a value tells a fault, too; of several the first stays") {
  const auto x = Tensor<float, Cuda>::ones({4});
  const auto five = list<Cuda>({5}), six = list<Cuda>({6});
  const auto y = index_select(x, 0, five);
  const auto z = index_select(x, 0, six);
  check_error([&] { (void)z.to_vector(); }, {"[index_select]", "got 5"});
  CHECK(z.to_vector() == std::vector<float>{0});
}

// ---- integers, masks, repeated indices ---------------------------------------------------------------

TEST_CASE("integers and masks are picked, gathered and selected") {
  const auto numbers = Tensor<index_t>::arange(12, -3, (index_t{1} << 53) + 1).reshape({3, 4});
  const auto mask = Tensor<bool>::from(
      {3, 4}, {true, false, false, true, false, true, false, false, true, true, true, false});
  const auto columns = list<Cpu>({3, 0, 0, 2, 1});
  const auto there = columns.on<Cuda>();
  CHECK(index_select(numbers.on<Cuda>(), 1, there).to_vector() ==
        index_select(numbers, 1, columns).to_vector());
  CHECK(index_select(mask.on<Cuda>(), 1, there).to_vector() == index_select(mask, 1, columns).to_vector());
  const auto at = indices({3, 2}, {0, 3, 1, 1, 2, 0});
  CHECK(gather(numbers.on<Cuda>(), 1, at.on<Cuda>()).to_vector() == gather(numbers, 1, at).to_vector());
  const auto x = Tensor<float>::arange(12).reshape({3, 4});
  CHECK(masked_select(x.on<Cuda>(), mask.on<Cuda>()).to_vector() == masked_select(x, mask).to_vector());
  CHECK(one_hot<double>(at.on<Cuda>(), 4).to_vector() == one_hot<double>(at, 4).to_vector());
  CHECK(one_hot<float>(list<Cuda>({}), 4).shape() == Shape{0, 4});
  record_support("one_hot", "cuda", false, false);
}
TEST_CASE("true elements of a long mask keep their order") {
  for (index_t n : {1, 255, 256, 257, 3001}) {
    std::vector<bool> v(static_cast<std::size_t>(n));
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = i * i % 7 < 3;
    const auto mask = Tensor<bool>::from({n}, v);
    const auto x = Tensor<float>::arange(n);
    CHECK(masked_select(x.on<Cuda>(), mask.on<Cuda>()).to_vector() == masked_select(x, mask).to_vector());
  }
}
TEST_CASE("rows that are named often are added in one order") {
  for (const Shape& shape : {Shape{700, 3}, Shape{40, 130}, Shape{513, 1}}) {
    const index_t rows = shape[0], width = shape[1];
    std::vector<index_t> which;
    for (index_t i = 0; i < rows; ++i) which.push_back(i * i % 11);
    const auto host = list<Cpu>(which);
    const auto f = [&](const auto& x) { return index_add(x[0], 0, beside(x[0], host), x[1]); };
    const auto g = [&](const auto& x) {
      return scatter_add(x[0], 0, beside(x[0], host).unsqueeze(1).expand(shape), x[1]);
    };
    for (const bool rows_at_a_time : {true, false}) {
      const auto h = [&](const auto& x) { return rows_at_a_time ? f(x) : g(x); };
      check_on_both({{11, width}, shape}, h);
      check_repeats({{11, width}, shape}, h);
    }
  }
}
TEST_CASE("of values written twice the last stays") {
  std::vector<index_t> which;
  for (index_t i = 0; i < 600; ++i) which.push_back(i * i % 37);
  const auto at = list<Cpu>(which);
  const auto values = Tensor<float>::arange(600);
  const auto x = Tensor<float>::full({40}, -1);
  CHECK(identical(index_put(x.on<Cuda>(), {at.on<Cuda>()}, values.on<Cuda>()).on<Cpu>(),
                  index_put(x, {at}, values)));
}

// ---- order -----------------------------------------------------------------------------------------

TEST_CASE("sort, topk and extremes with NaN, infinities, zeros and ties") {
  const auto check = [&]<class T>(T) {
    unsigned seed = 1;
    for (const Lines& c : kLines) {
      CAPTURE(c.shape);
      const index_t dim = c.dim;
      const Tensor<T> x = awkward<T>(c.shape, seed++);
      const Tensor<T, Cuda> there = x.template on<Cuda>();
      for (bool descending : {false, true}) {
        const auto got = sort(there, dim, descending);
        const auto want = sort(x, dim, descending);
        CHECK(got.indices.to_vector() == want.indices.to_vector());
        CHECK(identical(got.values.template on<Cpu>(), want.values));
        CHECK(argsort(there, dim, descending).to_vector() == argsort(x, dim, descending).to_vector());
        for (index_t k : {index_t{1}, x.size(dim) / 2})
          CHECK(topk(there, k, dim, descending).indices.to_vector() ==
                topk(x, k, dim, descending).indices.to_vector());
      }
      CHECK(argmax(there, dim).to_vector() == argmax(x, dim).to_vector());
      CHECK(argmin(there, dim, true).to_vector() == argmin(x, dim, true).to_vector());
      if (x.numel()) CHECK(argmax(there).item() == argmax(x).item());
    }
  };
  check(float{});
  check(double{});
  for (const char* op : {"argsort", "argmax", "argmin"}) record_support(op, "cuda", false, false);
}
TEST_CASE("extremes of one value, and over nothing") {
  const auto none = Tensor<float, Cuda>::full({5, 300}, static_cast<float>(-kInf));
  CHECK(argmax(none, 1).to_vector() == std::vector<index_t>(5, 0));
  CHECK(argmin(none, 0).to_vector() == std::vector<index_t>(300, 0));
  CHECK(argmax(Tensor<float, Cuda>::zeros({0, 3}), 1).shape() == Shape{0});
  check_error([] { argmax(Tensor<float, Cuda>::zeros({0, 3}), 0); }, {"[argmax]", "at least one element"});
  CHECK(topk(none, 0, 1).values.shape() == Shape{5, 0});
}

// ---- running sums ------------------------------------------------------------------------------------

TEST_CASE("running sums and products of long lines") {
  for (const Lines& c : kLines) {
    const auto run = [&](const auto& x) { return cumsum(x[0], c.dim); };
    check_on_both({c.shape}, run, 2e-5);
    check_on_both(
        {c.shape}, [&](const auto& x) { return cumprod(x[0] * 0.1f + 0.98f, c.dim); }, 2e-4);
    if (numel(c.shape) < 500) check_repeats({c.shape}, run);
  }
}
TEST_CASE("running products through zeros have the CPU's gradients") {
  for (const auto& values : {std::vector<double>{2, 0, 3, -1}, {0, 2, 0, 3}, {0, 0, 0, 1}, {1, 2, 3, 0}}) {
    const auto slopes = [&]<class D>(D) {
      const auto x = Var<double, D>::leaf(Tensor<double, D>::from({4}, values));
      return grad(cumprod(x, 0), {x}, Var<double, D>(Tensor<double, D>::arange(4, 1)))[0].value().to_vector();
    };
    CHECK(slopes(Cuda{}) == slopes(Cpu{}));
  }
}

// ---- comparisons, conversions of variables -----------------------------------------------------------

TEST_CASE("comparisons and masks") {
  const auto a = awkward<double>({7, 13}, 1), b = awkward<double>({7, 13}, 2);
  const auto p = a.on<Cuda>(), q = b.on<Cuda>();
  CHECK(eq(p, q).to_vector() == eq(a, b).to_vector());
  CHECK(ne(p, q).to_vector() == ne(a, b).to_vector());
  CHECK(lt(p, q).to_vector() == lt(a, b).to_vector());
  CHECK(ge(p, 1).to_vector() == ge(a, 1).to_vector());
  CHECK(isnan(p).to_vector() == isnan(a).to_vector());
  CHECK(isinf(p).to_vector() == isinf(a).to_vector());
  CHECK(isfinite(p).to_vector() == isfinite(a).to_vector());
  CHECK(logical_and(gt(p, q), le(p, 0)).to_vector() == logical_and(gt(a, b), le(a, 0)).to_vector());
  CHECK(logical_xor(gt(p, q), logical_not(le(p, 0))).to_vector() ==
        logical_xor(gt(a, b), logical_not(le(a, 0))).to_vector());
  CHECK(logical_or(gt(p, q), le(p, 0)).to_vector() == logical_or(gt(a, b), le(a, 0)).to_vector());
}
TEST_CASE("cast and gradient_reversal") {
  const auto f = [](const auto& x) {
    using T = scalar_of<decltype(x[0])>;
    return cast<T>(cast<double>(gradient_reversal(x[0], T(0.3))) * 3.0);
  };
  check_on_both({{3, 5}}, f, 4e-6);
  record_support("cast", "cuda", true, true);
  record_support("gradient_reversal", "cuda", true, true);
}
