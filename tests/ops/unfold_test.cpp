// unfold, fold.
#include <limbic/ops/unfold.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// Calls f(place in x, place in y) for every number of y that is not padding.
template <class F>
void for_places(const Shape& x, const Shape& y, HeightWidth k, const Conv2dOptions& o, const F& f) {
  const index_t width = (x[3] + 2 * o.padding.w - o.dilation.w * (k.w - 1) - 1) / o.stride.w + 1;
  for (index_t b = 0; b < y[0]; ++b)
    for (index_t r = 0; r < y[1]; ++r)
      for (index_t p = 0; p < y[2]; ++p) {
        const index_t c = r / (k.h * k.w),
                      i = p / width * o.stride.h - o.padding.h + r / k.w % k.h * o.dilation.h,
                      j = p % width * o.stride.w - o.padding.w + r % k.w * o.dilation.w;
        if (i >= 0 && i < x[2] && j >= 0 && j < x[3])
          f(static_cast<std::size_t>(((b * x[1] + c) * x[2] + i) * x[3] + j),
            static_cast<std::size_t>((b * y[1] + r) * y[2] + p));
      }
}

struct Case {
  Shape x, y;
  HeightWidth kernel;
  Conv2dOptions options;
};
const std::vector<Case> kCases = {
    {{2, 3, 5, 4}, {2, 18, 9}, {3, 2}, {.stride = {2, 1}, .padding = {1, 0}}},
    {{1, 2, 6, 7}, {1, 12, 10}, {2, 3}, {.dilation = {4, 1}}},
    {{2, 1, 4, 6}, {2, 4, 6}, 2, {.stride = 2}},
    {{1, 2, 8, 16}, {1, 32, 8}, 4, {.stride = 4}},
    {{2, 1, 16, 8}, {2, 64, 2}, 8, {.stride = 8}},
    {{3, 2, 40, 40}, {3, 18, 1600}, 3, {.padding = 1}},
    {{0, 1, 2, 2}, {0, 4, 1}, 2, {}},
    {{1, 2, 3, 3}, {1, 2, 9}, 1, {}},
};

}  // namespace

TEST_CASE("unfold") {
  for (const Case& c : kCases)
    check_op(
        "unfold", [&](const auto& x) { return unfold(x[0], c.kernel, c.options); },
        [&](const auto& x) {
          using V = std::decay_t<decltype(x[0])>;
          const auto from = x[0].to_vector();
          std::vector<scalar_of<V>> to(static_cast<std::size_t>(numel(c.y)));
          for_places(c.x, c.y, c.kernel, c.options, [&](std::size_t i, std::size_t j) { to[j] = from[i]; });
          return V::from(c.y, to);
        },
        {{{c.x}}});
}

TEST_CASE("fold") {
  for (const Case& c : kCases)
    check_op(
        "fold",
        [&](const auto& x) {
          return fold(x[0], {c.x[2], c.x[3]}, c.kernel, c.options);
        },
        [&](const auto& x) {
          using V = std::decay_t<decltype(x[0])>;
          const auto from = x[0].to_vector();
          std::vector<scalar_of<V>> to(static_cast<std::size_t>(numel(c.x)));
          for_places(c.x, c.y, c.kernel, c.options, [&](std::size_t i, std::size_t j) { to[i] += from[j]; });
          return V::from(c.x, to);
        },
        {{{c.y}}});
}

TEST_CASE("bad arguments") {
  const auto x = Tensor<float>::ones({2, 3, 4});
  check_error([&] { unfold(x, 2); }, {"[unfold]", "(B, C, H, W)", "(2, 3, 4)"});
  check_error([&] { unfold(x.unsqueeze(0), 5); }, {"[unfold]", "fit into"});
  check_error([&] { fold(x, 4, 2); }, {"[fold]", "(B, C KH KW, positions)", "(2, 3, 4)", "2 x 2"});
  check_error([&] { fold(x, {1, 7}, {1, 3}); }, {"[fold]", "a column for each position", "1 x 5"});
}
