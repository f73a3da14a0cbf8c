// Comparisons, logic, isnan and its kin, any, all, count_nonzero.
#include <limbic/ops/any_all.hpp>

#include "support/naive.hpp"

using namespace limbic;
using namespace limbic::test;

using Bools = std::vector<bool>;

TEST_CASE("comparisons of tensors, which broadcast, and with numbers") {
  const auto a = Tensor<float>::from({2, 2}, {1, 2, 3, static_cast<float>(kNan)});
  const auto b = Tensor<float>::from({2}, {1, 3});
  CHECK(eq(a, b).to_vector() == Bools{true, false, false, false});
  CHECK(ne(a, b).to_vector() == Bools{false, true, true, true});
  CHECK(lt(a, b).to_vector() == Bools{false, true, false, false});
  CHECK(le(a, b).to_vector() == Bools{true, true, false, false});
  CHECK(gt(a, b).to_vector() == Bools{false, false, true, false});
  CHECK(ge(a, b).to_vector() == Bools{true, false, true, false});
  CHECK(eq(a, 2).to_vector() == Bools{false, true, false, false});
  CHECK(ne(a, 2).to_vector() == Bools{true, false, true, true});
  CHECK(lt(a, 2).to_vector() == Bools{true, false, false, false});
  CHECK(le(a, 2).to_vector() == Bools{true, true, false, false});
  CHECK(gt(a, 2).to_vector() == Bools{false, false, true, false});
  CHECK(ge(a, 2).to_vector() == Bools{false, true, true, false});
  CHECK(gt(Var<float>::leaf(a), Var<float>(b)).to_vector() == gt(a, b).to_vector());
  CHECK(eq(Tensor<index_t>::from({3}, {1, 2, 1}), 1).to_vector() == Bools{true, false, true});
  CHECK(eq(Tensor<double>::zeros({0, 2}), 0).shape() == Shape{0, 2});
  check_error([&] { lt(a, Tensor<float>::ones({3})); }, {"[lt]", "(2, 2)", "(3)", "broadcast"});
}
TEST_CASE("comparison of many elements, dense and strided") {
  const auto values = random_values(1000, -1, 1, 0, 3);
  const auto x = Tensor<double>::from({10, 100}, values), t = x.transpose(0, 1);
  const auto m = gt(x, 0).to_vector(), mt = gt(t, 0).to_vector();
  for (std::size_t i = 0; i < 10; ++i)
    for (std::size_t j = 0; j < 100; ++j) {
      CHECK(m[i * 100 + j] == (values[i * 100 + j] > 0));
      CHECK(mt[j * 10 + i] == m[i * 100 + j]);
    }
}
TEST_CASE("logic") {
  const auto a = Tensor<bool>::from({4}, Bools{true, true, false, false});
  const auto b = Tensor<bool>::from({4}, Bools{true, false, true, false});
  CHECK(logical_and(a, b).to_vector() == Bools{true, false, false, false});
  CHECK(logical_or(a, b).to_vector() == Bools{true, true, true, false});
  CHECK(logical_xor(a, b).to_vector() == Bools{false, true, true, false});
  CHECK(logical_not(a).to_vector() == Bools{false, false, true, true});
  check_error([&] { logical_and(a, Tensor<bool>::full({3}, true)); }, {"[logical_and]", "(4)", "(3)"});
}
TEST_CASE("isnan, isinf, isfinite") {
  const auto x = Tensor<double>::from({4}, {1, kNan, kInf, -kInf});
  CHECK(isnan(x).to_vector() == Bools{false, true, false, false});
  CHECK(isinf(x).to_vector() == Bools{false, false, true, true});
  CHECK(isfinite(x).to_vector() == Bools{true, false, false, false});
}
TEST_CASE("any, all, count_nonzero over dimensions") {
  const auto x = Tensor<float>::from({2, 3}, {0, 1, static_cast<float>(kNan), 0, 0, 0});
  const auto m = ne(x, 0);
  CHECK(any(m).item());
  CHECK_FALSE(all(m).item());
  CHECK(any(m, {1}).to_vector() == Bools{true, false});
  CHECK(any(m, {0}).to_vector() == Bools{false, true, true});
  CHECK(all(logical_not(m), {-1}, true).shape() == Shape{2, 1});
  CHECK(all(logical_not(m), {1}).to_vector() == Bools{false, true});
  CHECK(count_nonzero(x).item() == 2);
  CHECK(count_nonzero(Var<float>::leaf(x), {1}).to_vector() == std::vector<index_t>{2, 0});
  CHECK(count_nonzero(m, {0}, true).to_vector() == std::vector<index_t>{0, 1, 1});
  CHECK_FALSE(any(Tensor<bool>::full({0}, true)).item());
  CHECK(all(Tensor<bool>::full({0}, false)).item());
  check_error([&] { any(m, {2}); }, {"[any]", "dim must be in [-2, 1]", "got 2"});
}
TEST_CASE("large masks") {
  for (index_t n : {15, 16, 63, 64, 129, 200000}) {
    CAPTURE(n);
    auto m = Tensor<bool>::full({n}, true);
    CHECK(all(m).item());
    CHECK(count_nonzero(m).item() == n);
    m.set({n - 1}, false);
    CHECK_FALSE(all(m).item());
    CHECK(any(m).item() == (n > 1));
    CHECK(count_nonzero(m).item() == n - 1);
    CHECK_FALSE(any(logical_and(m, logical_not(m))).item());
  }
}
