// slice, select, permute, transpose, movedim, unsqueeze, squeeze, flatten, broadcast_to, meshgrid.
#include <limbic/ops/arithmetic.hpp>
#include <limbic/ops/view.hpp>

#include "support/by_index.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
template <class X>
using scalar = typename std::decay_t<X>::value_type::value_type;
}

TEST_CASE("slice") {
  auto reference = [](const auto& x) {
    const auto& t = x[0];
    return by_index<scalar<decltype(x)>>({t.shape()[0], 2, t.shape()[2]}, [&](Dims i) {
      i[1] = 1 + 3 * i[1];
      return element(t, i);
    });
  };
  check_op("slice", [](const auto& x) { return slice(x[0], -2, 1, 7, 3); }, reference,
           {{{{2, 7, 3}}}, {{{1, 5, 1}}}, {{{0, 6, 2}}}, {{{33, 7, 17}}}});
  const auto t = Tensor<float>::arange(6);
  CHECK(slice(t, 0, -2).to_vector() == std::vector<float>{4, 5});
  CHECK(slice(t, 0, 0, -4).to_vector() == std::vector<float>{0, 1});
  CHECK(slice(t, 0, 4, 2).numel() == 0);
  CHECK(slice(t, 0, -100, 100).numel() == 6);
  CHECK(slice(t, 0, 2, 4).data() == t.data() + 2);
  check_error([&] { slice(t, 1, 0); }, {"[slice]", "dim must be in [-1, 0]", "got 1"});
  check_error([&] { slice(t, 0, 0, 6, 0); }, {"[slice]", "step must be positive", "got 0"});
}

TEST_CASE("overlapping slices add up") {
  const auto x = Var<double>::leaf(Tensor<double>::arange(5));
  backward(sum(slice(x, 0, 0, 3) * 2.0) + sum(slice(x, 0, 1, 5, 2) * 3.0) + sum(x));
  CHECK(x.grad().to_vector() == std::vector<double>{3, 6, 3, 4, 1});
}

TEST_CASE("select") {
  auto reference = [](const auto& x) {
    const auto& t = x[0];
    return by_index<scalar<decltype(x)>>({t.shape()[0], t.shape()[2]}, [&](const Dims& i) {
      return element(t, {i[0], t.shape()[1] - 2, i[1]});
    });
  };
  check_op("select", [](const auto& x) { return select(x[0], 1, -2); }, reference,
           {{{{2, 4, 3}}}, {{{1, 2, 1}}}, {{{0, 2, 5}}}, {{{9, 3, 65}}}});
  const auto t = Tensor<float>::zeros({2, 3});
  check_error([&] { select(t, 1, 3); }, {"[select]", "index must be in [-3, 2]", "got 3", "(2, 3)"});
}

TEST_CASE("permute") {
  auto reference = [](const auto& x) {
    const auto& s = x[0].shape();
    return by_index<scalar<decltype(x)>>({s[2], s[0], s[1]}, [&](const Dims& i) {
      return element(x[0], {i[1], i[2], i[0]});
    });
  };
  const std::vector<OpCase> cases = {{{{2, 3, 4}}}, {{{1, 1, 5}}}, {{{0, 3, 2}}}, {{{17, 33, 5}}}};
  check_op(
      "permute",
      [](const auto& x) {
        return permute(x[0], {2, -3, 1});
      },
      reference, cases);
  check_op(
      "movedim", [](const auto& x) { return movedim(x[0], -1, 0); }, reference, cases);
  CHECK(permute(Tensor<float>::scalar(3), {}).item() == 3);
  const auto t = Tensor<float>::zeros({2, 3});
  check_error([&] { permute(t, {0}); }, {"[permute]", "every dimension", "(0)", "(2, 3)"});
  check_error([&] { permute(t, {0, 0}); }, {"[permute]", "repeat", "(0, 0)"});
}

TEST_CASE("transpose") {
  auto reference = [](const auto& x) {
    const auto& s = x[0].shape();
    return by_index<scalar<decltype(x)>>({s[2], s[1], s[0]}, [&](const Dims& i) {
      return element(x[0], {i[2], i[1], i[0]});
    });
  };
  const std::vector<OpCase> cases = {{{{2, 3, 4}}}, {{{1, 4, 5}}}, {{{0, 3, 2}}}};
  check_op(
      "transpose", [](const auto& x) { return transpose(x[0], 0, -1); }, reference, cases);
  check_op(
      "swapaxes", [](const auto& x) { return swapaxes(x[0], 0, 2); }, reference, cases);
  CHECK(transpose(Tensor<float>::zeros({2, 3})).shape() == Shape{3, 2});
  check_error([&] { transpose(Tensor<float>::zeros({2})); }, {"[transpose]", "dim must be in [-1, 0]", "-2"});
}

TEST_CASE("unsqueeze, squeeze, flatten") {
  auto as = [](const Shape& shape) { return [shape](const auto& x) { return x[0].reshape(shape); }; };
  check_op("unsqueeze", [](const auto& x) { return unsqueeze(x[0], -1); }, as({2, 3, 1}), {{{{2, 3}}}});
  check_op("squeeze", [](const auto& x) { return squeeze(x[0], 1); }, as({2, 3, 1}), {{{{2, 1, 3, 1}}}});
  check_op("squeeze", [](const auto& x) { return squeeze(x[0]); }, as({2, 3}), {{{{2, 1, 3, 1}}}});
  check_op("flatten", [](const auto& x) { return flatten(x[0], 1, -2); }, as({2, 12, 5}), {{{{2, 3, 4, 5}}}});
  CHECK(flatten(Tensor<float>::scalar(1)).shape() == Shape{1});
  CHECK(unsqueeze(Tensor<float>::scalar(1), 0).shape() == Shape{1});
  const auto t = Tensor<float>::zeros({2, 3});
  check_error([&] { squeeze(t, 0); }, {"[squeeze]", "size 1", "dim 0 of (2, 3)"});
  check_error([&] { unsqueeze(t, 3); }, {"[unsqueeze]", "dim must be in [-3, 2]", "got 3"});
  check_error([&] { flatten(t, 1, 0); }, {"[flatten]", "first must not come after last"});
}

TEST_CASE("broadcast_to") {
  auto reference = [](const auto& x) {
    return by_index<scalar<decltype(x)>>({3, 2, 5}, [&](const Dims& i) { return element(x[0], {i[1], 0}); });
  };
  check_op("broadcast_to",
           [](const auto& x) {
             return broadcast_to(x[0], {3, 2, 5});
           },
           reference, {{{{2, 1}}}});
}

TEST_CASE("meshgrid") {
  auto reference = [](const auto& x) {
    return by_index<scalar<decltype(x)>>({x[0].shape()[0], x[1].shape()[0]}, [&](const Dims& i) {
      return element(x[0], {i[0]}) * element(x[1], {i[1]});
    });
  };
  check_op("meshgrid",
           [](const auto& x) {
             const auto grid = meshgrid(x);
             return grid[0] * grid[1];
           },
           reference, {{{{3}, {4}}}});
  check_error(
      [&] {
        meshgrid(std::vector{Tensor<float>::zeros({2, 2})});
      },
      {"[meshgrid]", "rank 1", "(2, 2)"});
}
