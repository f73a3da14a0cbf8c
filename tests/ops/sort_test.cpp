// sort, argsort, topk.
#include <limbic/core/compare.hpp>
#include <limbic/ops/sort.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// Positions in order, with NaN above all; equal elements keep theirs.
std::vector<index_t> naive_order(const std::vector<double>& v, bool descending) {
  std::vector<index_t> order(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) order[i] = static_cast<index_t>(i);
  auto less = [&](index_t i, index_t j) {
    const double a = v[static_cast<std::size_t>(i)], b = v[static_cast<std::size_t>(j)];
    if (std::isnan(a) || std::isnan(b)) return std::isnan(b) && !std::isnan(a);
    return a < b;
  };
  // (Not std::stable_sort: clang++ 19 warns of what libstdc++ writes it with.)
  std::sort(order.begin(), order.end(), [&](index_t i, index_t j) {
    const bool first = descending ? less(j, i) : less(i, j), second = descending ? less(i, j) : less(j, i);
    return first || (!second && i < j);
  });
  return order;
}

// f(x) with the order of each line along dim, the first k of it.
auto naive_sorted(index_t dim, index_t k, bool descending) {
  return [=](const auto& x) {
    using X = std::decay_t<decltype(x[0])>;
    const X moved = x[0].transpose(dim, -1).contiguous();
    const auto v = moved.to_vector();
    const index_t n = moved.size(-1);
    Shape shape = moved.shape();
    shape[shape.rank() - 1] = k;
    auto y = v;
    y.clear();
    for (index_t r = 0; n && r < moved.numel() / n; ++r) {
      const std::vector<double> line(v.begin() + r * n, v.begin() + (r + 1) * n);
      const auto order = naive_order(line, descending);
      for (index_t i = 0; i < k; ++i)
        y.push_back(v[static_cast<std::size_t>(r * n + order[static_cast<std::size_t>(i)])]);
    }
    return X::from(shape, y).transpose(dim, -1).clone();
  };
}

}  // namespace

TEST_CASE("sort") {
  for (bool descending : {false, true})
    for (const auto& [shape, dim] : std::vector<std::pair<Shape, index_t>>{{{7}, 0},
                                                                           {{1}, 0},
                                                                           {{0}, 0},
                                                                           {{3, 5}, 0},
                                                                           {{3, 5}, -1},
                                                                           {{2, 4, 3}, 1},
                                                                           {{3, 300}, 1},
                                                                           {{2, 3, 0}, 0}})
      check_op("sort", [d = dim, descending](const auto& x) { return sort(x[0], d, descending).values; },
               naive_sorted(dim, shape[normalize_dim("", dim, shape.rank())], descending), {{{shape}}});
  CHECK(sort(Tensor<float>::scalar(3)).values.item() == 3);
  CHECK(argsort(Tensor<float>::scalar(3)).item() == 0);
  check_error([] { sort(Tensor<float>::ones({2}), 1); }, {"[sort]", "dim must be in [-1, 0]", "got 1"});
}
TEST_CASE("topk") {
  for (bool largest : {true, false})
    for (const auto& [shape, dim, k] : std::vector<std::tuple<Shape, index_t, index_t>>{
             {{7}, 0, 3}, {{3, 5}, 0, 2}, {{3, 5}, -1, 5}, {{2, 4, 3}, 1, 1}, {{3, 300}, 1, 17}, {{4}, 0, 0}})
      check_op("topk",
               [d = dim, count = k, largest](const auto& x) { return topk(x[0], count, d, largest).values; },
               naive_sorted(dim, k, largest), {{{shape}}});
  check_error(
      [] {
        topk(Tensor<float>::ones({2, 3}), 4);
      },
      {"[topk]", "k must be in [0, size]", "got 4", "(2, 3)"});
  check_error([] { topk(Tensor<float>::ones({2, 3}), -1); }, {"[topk]", "got -1"});
  check_error([] { topk(Tensor<float>::ones({2, 3}), 1, 2); }, {"[topk]", "dim must be in [-2, 1]"});
}
TEST_CASE("order of ties, signed zeros, infinities and NaN") {
  const std::vector<double> v = {2, kNan, -0.0, 0.0, -kInf, 2, kInf, -1, kNan, 0.0, 1e-310, -1e-310};
  const auto n = static_cast<index_t>(v.size());
  for (bool descending : {false, true}) {
    CHECK(argsort(Tensor<double>::from({n}, v), 0, descending).to_vector() == naive_order(v, descending));
    const auto f = Tensor<double>::from({n}, v).to<float>();  // the denormal doubles become zeros
    const auto rounded = f.to<double>().to_vector();
    CHECK(argsort(f, 0, descending).to_vector() == naive_order(rounded, descending));
    CHECK(std::signbit(sort(f, 0, descending).values.to_vector()[descending ? 5 : 2]));
    for (index_t k = 0; k <= n; ++k) {
      auto want = naive_order(v, descending);
      want.resize(static_cast<std::size_t>(k));
      CHECK(topk(Tensor<double>::from({n}, v), k, 0, descending).indices.to_vector() == want);
      auto got = topk(Tensor<double>::from({n}, v), k, 0, descending, false).indices.to_vector();
      std::sort(got.begin(), got.end());
      std::sort(want.begin(), want.end());
      CHECK(got == want);
    }
  }
}
TEST_CASE("long rows with many equal elements, on any number of threads") {
  auto v = random_values(40 * 1000, 0, 50, 0, 5);
  for (double& e : v) e = std::floor(e);
  const auto x = Tensor<double>::from({40, 1000}, v).to<float>();
  set_num_threads(1);
  const auto one = argsort(x);
  set_num_threads(3);
  CHECK(equal(argsort(x), one));
  set_num_threads(2);
  const std::vector<double> row(v.begin() + 3000, v.begin() + 4000);
  CHECK(one.select(0, 3).to_vector() == naive_order(row, false));
  record_support("argsort", "cpu", false, false);
}
