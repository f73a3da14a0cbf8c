// gather, take_along_dim, scatter_add.
#include <limbic/ops/gather.hpp>

#include "support/by_index.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
template <class X>
using scalar = typename std::decay_t<X>::value_type::value_type;

Tensor<index_t> some_indices(const Shape& shape, index_t size) {
  index_t n = 0;
  return by_index<index_t>(shape, [&](const Dims&) { return (n += 7, n * n) % size; });
}
}  // namespace

TEST_CASE("gather") {
  struct Case {
    Shape x, index;
    int dim;
  };
  for (const Case& c : {Case{{2, 3}, {2, 4}, 1}, Case{{4, 3, 2}, {4, 5, 1}, 1}, Case{{4, 3, 2}, {7, 3, 2}, 0},
                        Case{{5}, {9}, 0}, Case{{9, 33, 5}, {9, 33, 4}, 2}, Case{{4, 3}, {0, 3}, 0},
                        Case{{1, 1}, {1, 3}, 1}, Case{{33, 300}, {33, 300}, 1}}) {
    const auto index = some_indices(c.index, c.x[c.dim]);
    check_op(
        "gather", [&](const auto& x) { return gather(x[0], c.dim, beside(x[0], index)); },
        [&](const auto& x) {
          return by_index<scalar<decltype(x)>>(c.index, [&](Dims i) {
            i[c.dim] = element(index, i);
            return element(x[0], i);
          });
        },
        {{{c.x}}});
  }
  const auto t = Tensor<float>::zeros({2, 3});
  check_error(
      [&] {
        gather(t, 1, indices({2, 1}, {0, 3}));
      },
      {"[gather]", "in [0, 2]", "got 3 at position 1"});
  check_error(
      [&] {
        gather(t, 1, indices({3, 1}, {0, 0, 0}));
      },
      {"[gather]", "x (2, 3), index (3, 1) for dim 1"});
  check_error([&] { gather(t, 1, indices({2}, {0, 0})); }, {"[gather]", "x's rank"});
}

TEST_CASE("gather of integers") {
  const auto x = indices({2, 2}, {1, 2, 3, 4});
  CHECK(gather(x, 1, indices({2, 1}, {1, 0})).to_vector() == std::vector<index_t>{2, 3});
}

TEST_CASE("take_along_dim broadcasts its index") {
  const auto t = Tensor<float>::arange(6).reshape({2, 3});
  CHECK(take_along_dim(t, indices({1, 2}, {2, 0}), 1).to_vector() == std::vector<float>{2, 0, 5, 3});
  check_op(
      "take_along_dim",
      [](const auto& x) {
        return take_along_dim(x[0], beside(x[0], indices({1, 2}, {2, 0})), 1);
      },
      [](const auto& x) {
        return by_index<scalar<decltype(x)>>({4, 2}, [&](const Dims& i) {
          return element(x[0], {i[0], i[1] ? 0 : 2});
        });
      },
      {{{{4, 3}}}});
}

TEST_CASE("scatter_add") {
  for (int dim : {0, 1}) {
    Shape shape{3, 4};
    shape[dim] = 6;
    const auto index = some_indices(shape, dim == 0 ? 3 : 4);
    check_op(
        "scatter_add", [&](const auto& x) { return scatter_add(x[0], dim, beside(x[0], index), x[1]); },
        [&](const auto& x) {
          auto y = x[0].clone();
          for (index_t i = 0; i < shape[0]; ++i)
            for (index_t j = 0; j < shape[1]; ++j) {
              const index_t k = element(index, {i, j});
              const Dims to = dim == 0 ? Dims{k, j} : Dims{i, k};
              y.set(to, element(y, to) + element(x[1], {i, j}));
            }
          return y;
        },
        {{{{3, 4}, shape}}, {{{3, 4}, {7, 8}}}});
  }
  const auto t = Tensor<float>::zeros({2, 3});
  check_error(
      [&] {
        scatter_add(t, 1, indices({2, 4}, {0, 0, 0, 0, 0, 0, 0, 0}), t);
      },
      {"[scatter_add]", "index (2, 4), src (2, 3)"});
}
