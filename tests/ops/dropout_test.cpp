// dropout, feature_dropout, drop_path.
#include <limbic/ops/drop_path.hpp>
#include <limbic/ops/dropout.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

constexpr double kP = 0.3;
const PhiloxKey kStart{12345, 67};

// The definition: word r of the draw decides over row r, of the elements after `dims` dimensions; of
// elements, half a word.
auto naive(int dims, double p = kP) {
  return [=](const auto& x) {
    auto v = x[0].to_vector();
    using T = typename decltype(v)::value_type;
    index_t rows = 1;
    for (int d = 0; d < std::min(dims, x[0].rank()); ++d) rows *= x[0].shape()[d];
    const index_t length = rows ? static_cast<index_t>(v.size()) / rows : 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      const bool dropped = dims == kMaxRank
                               ? (philox_bits(kStart, i / 2) >> i % 2 * 16 & 0xffff) + 0.5 < p * 0x1p16
                               : philox_bits(kStart, i / static_cast<std::size_t>(length)) < p * 0x1p32;
      v[i] = dropped ? T(0) : v[i] * static_cast<T>(1 / (1 - p));
    }
    return std::decay_t<decltype(x[0])>::from(x[0].shape(), v);
  };
}

const std::vector<OpCase> kCases = {{{{2, 3}}},    {{{1, 1}}},     {{{0, 3}}},      {{{5, 0}}},
                                    {{{3, 5, 7}}}, {{{129, 257}}}, {{{2, 3, 4, 5}}}};

}  // namespace

TEST_CASE("dropout") {
  auto f = [](const auto& x) {
    RandomStream s(kStart);
    return dropout(x[0], kP, s);
  };
  auto cases = kCases;
  cases.push_back({{{}}});
  cases.push_back({{{127}}});
  cases.push_back({{{128}}});
  cases.push_back({{{40000}}});
  check_op("dropout", f, naive(kMaxRank), cases);
}
TEST_CASE("feature_dropout") {
  auto f = [](const auto& x) {
    RandomStream s(kStart);
    return feature_dropout(x[0], kP, s);
  };
  check_op("feature_dropout", f, naive(2), kCases);
}
TEST_CASE("drop_path") {
  auto f = [](const auto& x) {
    RandomStream s(kStart);
    return drop_path(x[0], kP, s);
  };
  check_op("drop_path", f, naive(1), kCases);
}

TEST_CASE("p = 0, p = 1, evaluation") {
  const auto x = Tensor<float>::ones({7, 300});
  RandomStream s(kStart);
  CHECK(dropout(x, 0.0, s).data() == x.data());
  CHECK(dropout(x, 0.5, s, false).data() == x.data());
  CHECK(drop_path(x, 0.5, s, false).data() == x.data());
  CHECK(s.state() == kStart);
  CHECK(equal(dropout(x, 1.0, s), Tensor<float>::zeros({7, 300})));
  CHECK(equal(feature_dropout(x, 1.0, s), Tensor<float>::zeros({7, 300})));
  CHECK(equal(drop_path(x, 1.0, s), Tensor<float>::zeros({7, 300})));
  const auto v = Var<float>::leaf(x);
  CHECK(max_abs(grad(dropout(v, 1.0, s), {v}, Var<float>(x))[0].value()) == 0);
}

TEST_CASE("how many are dropped, and another draw drops others") {
  const auto x = Tensor<float>::ones({100000});
  RandomStream s = Random(3).stream("dropout");
  const auto a = dropout(x, 0.2, s).to_vector(), b = dropout(x, 0.2, s).to_vector();
  index_t zeros = 0, different = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK_UNARY(a[i] == 0.0f || a[i] == 1.25f);
    zeros += a[i] == 0.0f;
    different += a[i] != b[i];
  }
  CHECK(std::abs(zeros - 20000) < 500);  // four standard deviations
  CHECK(std::abs(different - 32000) < 600);
}

TEST_CASE("a dropped NaN is zero, Inf stays") {
  const float inf = std::numeric_limits<float>::infinity();
  const auto x = Tensor<float>::full({1000}, std::nanf(""));
  RandomStream s(kStart);
  index_t zeros = 0;
  for (float v : dropout(x, 0.5, s).to_vector()) {
    CHECK_UNARY(v == 0.0f || std::isnan(v));
    zeros += v == 0.0f;
  }
  CHECK(zeros > 400);
  for (float v : dropout(Tensor<float>::full({100}, inf), 0.5, s).to_vector())
    CHECK_UNARY(v == 0.0f || v == inf);
}

TEST_CASE("bad arguments") {
  RandomStream s(kStart);
  const auto x = Tensor<float>::ones({3});
  check_error([&] { dropout(x, 1.5, s); }, {"[dropout]", "p must be in [0, 1]", "1.5"});
  check_error([&] { drop_path(x, -0.5, s); }, {"[drop_path]", "-0.5"});
  check_error([&] { dropout(x, std::nan(""), s); }, {"[dropout]", "nan"});
  check_error([&] { feature_dropout(x, 0.5, s); }, {"[feature_dropout]", "(B, C, ...)", "(3)"});
  check_error([&] { drop_path(Tensor<float>::scalar(1), 0.5, s); }, {"[drop_path]", "(B, ...)", "()"});
}
