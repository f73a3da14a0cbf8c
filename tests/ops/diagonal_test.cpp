// diagonal, diag_embed, trace, tril, triu.
#include <limbic/ops/diagonal.hpp>

#include "support/by_index.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
template <class X>
using scalar = typename std::decay_t<X>::value_type::value_type;
}

TEST_CASE("diagonal") {
  for (index_t k : {-5, -2, 0, 1, 3, 9}) {
    check_op(
        "diagonal", [=](const auto& x) { return diagonal(x[0], k, 0, -1); },
        [=](const auto& x) {
          index_t n = 0;
          for (index_t i = 0; i < x[0].shape()[0]; ++i) n += i + k >= 0 && i + k < x[0].shape()[2];
          return by_index<scalar<decltype(x)>>({x[0].shape()[1], n}, [&](const Dims& i) {
            return element(x[0], {i[1] - std::min<index_t>(k, 0), i[0], i[1] + std::max<index_t>(k, 0)});
          });
        },
        {{{{3, 2, 4}}}, {{{5, 1, 2}}}, {{{0, 2, 3}}}});
  }
  const auto t = Tensor<float>::arange(6).reshape({2, 3});
  CHECK(diagonal(t, 1, 1, 0).to_vector() == std::vector<float>{3});
  CHECK(diagonal(t, std::numeric_limits<index_t>::min()).numel() == 0);
  CHECK(diagonal(t).data() == t.data());
  check_error([&] { diagonal(t, 0, 1, -1); }, {"[diagonal]", "two different dimensions", "(2, 3)"});
  check_error([&] { diagonal(Tensor<float>::zeros({2})); }, {"[diagonal]", "dim must be in [-1, 0]"});
}

TEST_CASE("diag_embed") {
  for (index_t k : {-1, 0, 2})
    check_op(
        "diag_embed", [=](const auto& x) { return diag_embed(x[0], k, 0, -1); },
        [=](const auto& x) {
          const index_t n = x[0].shape()[1] + std::abs(k);
          return by_index<scalar<decltype(x)>>({n, x[0].shape()[0], n}, [&](const Dims& i) {
            return i[2] - i[0] == k ? element(x[0], {i[1], std::min(i[0], i[2])}) : 0;
          });
        },
        {{{{2, 3}}}, {{{1, 1}}}});
  check_error([&] { diag_embed(Tensor<float>::scalar(1)); }, {"[diag_embed]", "at least one dimension"});
  check_error([&] { diag_embed(Tensor<float>::zeros({2}), 0, 1, 1); }, {"[diag_embed]", "two different"});
}

TEST_CASE("trace") {
  check_op(
      "trace", [](const auto& x) { return trace(x[0]); },
      [](const auto& x) {
        auto s = element(x[0], {0, 0}) + element(x[0], {1, 1});
        return std::decay_t<decltype(x[0])>::scalar(s);
      },
      {{{{2, 3}}}});
}

TEST_CASE("tril and triu") {
  for (index_t k : {-9, -1, 0, 2, 9}) {
    auto reference = [=](bool lower) {
      return [=](const auto& x) {
        return by_index<scalar<decltype(x)>>(x[0].shape(), [&](const Dims& i) {
          const index_t right = i[i.rank() - 1] - i[i.rank() - 2];
          return (lower ? right <= k : right >= k) ? element(x[0], i) : 0;
        });
      };
    };
    const std::vector<OpCase> cases = {{{{3, 4}}}, {{{2, 4, 3}}}, {{{0, 3}}}, {{{1, 1}}}};
    check_op(
        "tril", [=](const auto& x) { return tril(x[0], k); }, reference(true), cases);
    check_op(
        "triu", [=](const auto& x) { return triu(x[0], k); }, reference(false), cases);
  }
  check_error([&] { tril(Tensor<float>::zeros({2})); }, {"[tril]", "two dimensions", "(2)"});
  check_error([&] { triu(Tensor<float>::zeros({2})); }, {"[triu]"});
}
