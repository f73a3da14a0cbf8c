// pad in all modes.
#include <limbic/ops/pad.hpp>

#include "support/by_index.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
template <class X>
using scalar = typename std::decay_t<X>::value_type::value_type;

// Which element of 0..n-1 stands at place i, found by walking there; -1: none.
index_t walk(PadMode mode, index_t i, index_t n) {
  if (i >= 0 && i < n) return i;
  if (mode == PadMode::constant) return -1;
  index_t at = i < 0 ? 0 : n - 1, step = i < 0 ? 1 : -1;
  if (mode == PadMode::replicate) return at;
  if (mode == PadMode::circular) {
    at = i < 0 ? n : -1;
    step = -step;
  }
  for (index_t left = i < 0 ? -i : i - n + 1; left > 0; --left) at += step;
  return at;
}
}  // namespace

TEST_CASE("pad") {
  const std::vector<Padding> pads = {{2, 1}, {0, 3}};
  for (PadMode mode : {PadMode::constant, PadMode::reflect, PadMode::replicate, PadMode::circular}) {
    check_op(
        "pad", [&](const auto& x) { return pad(x[0], pads, mode, 5); },
        [&](const auto& x) {
          const Shape s = x[0].shape();
          return by_index<scalar<decltype(x)>>({s[0], s[1] + 3, s[2] + 3}, [&](Dims i) {
            i[1] = walk(mode, i[1] - 2, s[1]);
            i[2] = walk(mode, i[2], s[2]);
            return i[1] < 0 || i[2] < 0 ? scalar<decltype(x)>(5) : element(x[0], i);
          });
        },
        {{{{2, 3, 4}}}, {{{0, 3, 4}}}, {{{5, 17, 33}}}});
  }
  const auto x = Tensor<float>::from({3}, {1, 2, 3});
  CHECK(pad(x, {{2, 2}}).to_vector() == std::vector<float>{0, 0, 1, 2, 3, 0, 0});
  CHECK(pad(x, {{2, 2}}, PadMode::reflect).to_vector() == std::vector<float>{3, 2, 1, 2, 3, 2, 1});
  CHECK(pad(x, {{2, 2}}, PadMode::replicate).to_vector() == std::vector<float>{1, 1, 1, 2, 3, 3, 3});
  CHECK(pad(x, {{2, 2}}, PadMode::circular).to_vector() == std::vector<float>{2, 3, 1, 2, 3, 1, 2});
  CHECK(pad(Tensor<float>::zeros({0}), {{1, 1}}, PadMode::constant, 2).to_vector() ==
        std::vector<float>{2, 2});
  check_error(
      [&] {
        pad(x, {{3, 0}}, PadMode::reflect);
      },
      {"[pad]", "too few elements", "3 and 0 for dim 0 of (3)"});
  check_error([&] { pad(x, {{0, 4}}, PadMode::circular); }, {"[pad]", "too few"});
  check_error([&] { pad(Tensor<float>::zeros({0}), {{1, 0}}, PadMode::replicate); }, {"[pad]", "too few"});
  check_error([&] { pad(x, {{-1, 0}}); }, {"[pad]", "from 0 to 2^46", "-1 and 0"});
  check_error([&] { pad(x, {{1, 0}, {1, 0}}); }, {"[pad]", "as many pads as dimensions", "2 for (3)"});
}
