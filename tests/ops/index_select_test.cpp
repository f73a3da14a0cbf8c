// index_select, take, index_add, embedding, flip, roll, repeat, repeat_interleave.
#include <limbic/ops/index_select.hpp>

#include "support/by_index.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
template <class X>
using scalar = typename std::decay_t<X>::value_type::value_type;

// x with source(i) in place of index i along a dimension whose size becomes n.
template <class F>
auto mapped(int dim, index_t n, F source) {
  return [=](const auto& x) {
    Shape s = x[0].shape();
    s[dim] = n;
    return by_index<scalar<decltype(x)>>(s, [&](Dims i) {
      i[dim] = source(i[dim]);
      return element(x[0], i);
    });
  };
}
}  // namespace

TEST_CASE("index_select") {
  const std::vector<index_t> which = {3, 0, 3, 1, 3};
  const auto index = indices({5}, which);
  auto from = [&](index_t i) { return which[static_cast<std::size_t>(i)]; };
  for (int dim : {0, 1, 2}) {
    Shape small{2, 3, 5}, big{9, 17, 33}, empty{2, 0, 3};
    small[dim] = big[dim] = empty[dim] = 4;
    empty[dim == 1 ? 0 : 1] = 0;
    check_op("index_select", [&](const auto& x) { return index_select(x[0], dim, beside(x[0], index)); },
             mapped(dim, 5, from), {{{small}}, {{big}}, {{empty}}});
  }
  check_op("index_select",
           [&](const auto& x) { return index_select(x[0], -1, beside(x[0], indices({0}, {}))); },
           mapped(1, 0, from), {{{{2, 3}}}});
  const auto t = Tensor<float>::zeros({2, 3});
  check_error(
      [&] {
        index_select(t, 0, indices({3}, {0, 1, 2}));
      },
      {"[index_select]", "in [0, 1]", "got 2 at position 2", "index (3)"});
  check_error([&] { index_select(t, 0, indices({1}, {-1})); }, {"[index_select]", "got -1"});
  check_error(
      [&] {
        index_select(t, 0, indices({1, 1}, {0}));
      },
      {"[index_select]", "rank 1", "(1, 1)", "(2, 3)"});
  check_error([&] { index_select(t, 2, indices({1}, {0})); }, {"[index_select]", "dim must be in [-2, 1]"});
}

TEST_CASE("index_select of integers and masks") {
  const auto index = indices({3}, {2, 0, 2});
  CHECK(index_select(indices({3}, {5, 6, 7}), 0, index).to_vector() == std::vector<index_t>{7, 5, 7});
  const auto mask = Tensor<bool>::from({3}, std::vector<bool>{true, false, false});
  CHECK(index_select(mask, 0, index).to_vector() == std::vector<bool>{false, true, false});
}

TEST_CASE("many rows are added by several threads in one order") {
  const index_t n = 20000;
  std::vector<index_t> which(static_cast<std::size_t>(n));
  for (std::size_t i = 0; i < which.size(); ++i) which[i] = static_cast<index_t>(i * i % 97);
  const auto index = indices({n}, which);
  check_op("index_select", [&](const auto& x) { return index_select(x[0], 0, beside(x[0], index)); },
           mapped(0, n, [&](index_t i) { return which[static_cast<std::size_t>(i)]; }), {{{{97, 5}}}});
}

TEST_CASE("take") {
  check_op(
      "take",
      [](const auto& x) {
        return take(x[0], 1, beside(x[0], indices({2, 2}, {2, 0, 0, 1})));
      },
      [](const auto& x) {
        const index_t which[2][2] = {{2, 0}, {0, 1}};
        return by_index<scalar<decltype(x)>>({2, 2, 2, 4}, [&](const Dims& i) {
          return element(x[0], {i[0], which[i[1]][i[2]], i[3]});
        });
      },
      {{{{2, 3, 4}}}});
}

TEST_CASE("index_add") {
  const auto index = indices({3}, {1, 0, 1});
  check_op(
      "index_add", [&](const auto& x) { return index_add(x[0], 1, beside(x[0], index), x[1]); },
      [](const auto& x) {
        auto y = x[0].clone();
        const index_t which[] = {1, 0, 1};
        for (index_t j = 0; j < 3; ++j)
          for (index_t i = 0; i < 2; ++i)
            y.set({i, which[j]}, element(y, {i, which[j]}) + element(x[1], {i, j}));
        return y;
      },
      {{{{2, 4}, {2, 3}}}});
  const auto t = Tensor<float>::zeros({2, 4});
  check_error([&] { index_add(t, 1, index, t); }, {"[index_add]", "src must have x's shape", "src (2, 4)"});
}

TEST_CASE("embedding") {
  const auto index = indices({2, 3}, {4, 0, 4, 1, 2, 4});
  const auto reference = [&](const auto& x) {
    return by_index<scalar<decltype(x)>>({2, 3, x[0].shape()[1]}, [&](const Dims& i) {
      return element(x[0], {element(index, {i[0], i[1]}), i[2]});
    });
  };
  check_op("embedding", [&](const auto& x) { return embedding(x[0], beside(x[0], index)); }, reference,
           {{{{5, 3}}}, {{{5, 1}}}, {{{6, 65}}}});
  // The padding row is used, but is a constant.
  const auto table = Var<double>::leaf(Tensor<double>::arange(10).reshape({5, 2}));
  const auto y = embedding(table, index, 4);
  CHECK(y.value()(0, 0, 1) == 9);
  const auto w = Var<double>::leaf(Tensor<double>::ones({2, 3, 2}));
  const auto g = grad(y, {table}, w, true)[0];
  CHECK(g.value().to_vector() == std::vector<double>{1, 1, 1, 1, 1, 1, 0, 0, 0, 0});
  const auto gg = grad(g, {w}, Var<double>(Tensor<double>::ones({5, 2})))[0];
  CHECK(gg.value().to_vector() == std::vector<double>{0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 0, 0});
  const auto t = Tensor<float>::zeros({5, 2});
  check_error([&] { embedding(t, indices({1}, {5})); }, {"[embedding]", "in [0, 4]", "got 5"});
  check_error([&] { embedding(Tensor<float>::zeros({5}), index); }, {"[embedding]", "table (K, C)", "(5)"});
  check_error([&] { embedding(t, index, 5); }, {"[embedding]", "padding", "5"});
}

TEST_CASE("an index changed before backward is found") {
  auto index = indices({2}, {0, 1});
  const auto x = Var<float>::leaf(Tensor<float>::zeros({2, 3}));
  const auto y = index_select(x, 0, index);
  index.fill(1000);
  check_error([&] { backward(sum(y)); }, {"[index_select]", "modified in place"});
}

TEST_CASE("flip, roll, repeat, repeat_interleave") {
  check_op("flip", [](const auto& x) { return flip(x[0], {1}); },
           mapped(1, 4, [](index_t i) { return 3 - i; }), {{{{2, 4, 3}}}, {{{0, 4, 3}}}});
  CHECK(flip(Tensor<float>::arange(4).reshape({2, 2})).to_vector() == std::vector<float>{3, 2, 1, 0});
  check_op("roll", [](const auto& x) { return roll(x[0], -7, 1); },
           mapped(1, 4, [](index_t i) { return (i + 7) % 4; }), {{{{2, 4, 3}}}});
  CHECK(roll(Tensor<float>::arange(4), 1, 0).to_vector() == std::vector<float>{3, 0, 1, 2});
  CHECK(roll(Tensor<float>::zeros({0}), 1, 0).numel() == 0);
  check_op(
      "repeat",
      [](const auto& x) {
        return repeat(x[0], {2, 1, 3});
      },
      [](const auto& x) {
        return by_index<scalar<decltype(x)>>({2, 2, 9}, [&](const Dims& i) {
          return element(x[0], {i[1], i[2] % 3});
        });
      },
      {{{{2, 3}}}});
  CHECK(repeat(Tensor<float>::arange(2), {0}).numel() == 0);
  CHECK(repeat(Tensor<float>::zeros({2, 3}), {2}).shape() == Shape{2, 6});
  check_op("repeat_interleave", [](const auto& x) { return repeat_interleave(x[0], 3, -1); },
           mapped(1, 12, [](index_t i) { return i / 3; }), {{{{2, 4}}}});
  const auto t = Tensor<float>::zeros({2, 3});
  check_error([&] { flip(t, {0, 0}); }, {"[flip]", "repeat"});
  check_error([&] { roll(t, 1, 2); }, {"[roll]", "dim must be in"});
  check_error([&] { repeat(t, {-1, 1}); }, {"[repeat]", "negative"});
  check_error([&] { repeat_interleave(t, -1, 0); }, {"[repeat_interleave]", "negative"});
}
