// Convolutions on the device against the CPU: every form of the kernels, odd sizes, what padding hides.
#include <limbic/backend/cuda/conv.hpp>
#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/unfold.hpp>
#include <limbic/ops/unfold.hpp>
#include <limbic/ops/view.hpp>

#include "on_both.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

struct Case {
  Shape x, w;
  Conv2dOptions options{};
  bool bias = true;
};
auto function(const Case& c) {
  return [o = c.options, bias = c.bias](const auto& at) {
    return bias ? conv2d(at[0], at[1], at[2], o) : conv2d(at[0], at[1], {}, o);
  };
}
Case padded(index_t padding) { return {{}, {}, {.padding = padding}}; }
std::vector<Shape> shapes(const Case& c) {
  return c.bias ? std::vector<Shape>{c.x, c.w, {c.w[0]}} : std::vector<Shape>{c.x, c.w};
}

// Of each form of the kernels one, with more images than a tile has columns where that makes a difference.
const std::vector<Case>& cases() {
  static const std::vector<Case> all = {
      {{2, 3, 5, 7}, {4, 3, 3, 3}, {.padding = 1}},
      {{3, 4, 9, 8}, {18, 2, 3, 2}, {.stride = {2, 1}, .padding = {2, 1}, .dilation = {1, 2}, .groups = 2}},
      {{2, 6, 5, 5}, {6, 1, 3, 3}, {.padding = kSame, .groups = 6}, false},  // a channel a group
      {{1, 1, 1, 1}, {1, 1, 1, 1}},
      {{2, 2, 2, 2}, {3, 2, 1, 1}, {.padding = 3}},  // most positions see padding only
      {{2, 1, 1, 150}, {5, 1, 1, 64}},               // few filters, long kernels: flat tiles
      {{3, 2, 7, 6}, {20, 2, 2, 3}, {.stride = {3, 2}}},
      {{5, 2, 8, 12}, {7, 2, 4, 4}, {.stride = 4}},  // patches
      {{3, 4, 6, 4}, {66, 2, 2, 2}, {.stride = 2, .groups = 2}},
      {{2, 5, 6, 6}, {9, 5, 1, 1}},                    // products of planes
      {{9, 5, 3, 3}, {9, 5, 1, 1}},                    // planes too small for these
      {{67, 9, 4, 4}, {17, 9, 5, 5}, {.padding = 2}},  // images last, padding skipped
      {{130, 8, 3, 4}, {70, 8, 3, 3}, {.padding = kSame}, false},
      {{64, 20, 4, 3}, {8, 20, 3, 2}, {.stride = 2, .padding = 1, .dilation = {2, 1}}},
  };
  return all;
}

}  // namespace

TEST_CASE("values and gradients") {
  for (const Case& c : cases()) {
    CAPTURE(c.w);
    check_on_both(shapes(c), function(c));
  }
}
TEST_CASE("large tiles") {
  // 66 tiles of 128 x 128, forward and backward; of float only.
  check_float_on_both({{33, 3, 16, 16}, {70, 3, 3, 3}, {70}}, function(padded(1)));
  check_float_on_both({{33, 70, 16, 16}, {3, 70, 2, 2}, {3}}, function(padded(kSame)));
}
TEST_CASE("nothing to do") {
  check_on_both({{0, 3, 4, 4}, {5, 3, 3, 3}, {5}}, function(padded(0)));
  check_on_both({{2, 3, 4, 4}, {0, 3, 3, 3}, {0}}, function(padded(0)));
  check_on_both({{0, 3, 4, 4}, {5, 3, 1, 1}, {5}}, function(padded(0)));
}
TEST_CASE("one dimension, and transposes") {
  check_on_both({{3, 2, 33}, {4, 2, 5}, {4}},
                [](const auto& at) { return conv1d(at[0], at[1], at[2], {.stride = 2, .padding = 3}); });
  check_on_both({{3, 4, 5, 6}, {4, 3, 3, 2}, {3}}, [](const auto& at) {
    return conv_transpose2d(at[0], at[1], at[2], {.stride = {2, 3}, .padding = {1, 0}}, {1, 2});
  });
  check_on_both({{2, 6, 4, 3}, {6, 2, 2, 2}, {4}}, [](const auto& at) {
    return conv_transpose2d(at[0], at[1], at[2], {.stride = 2, .groups = 2});
  });
}
TEST_CASE("strided operands") {
  check_on_both({{4, 5, 3, 2}, {2, 2, 3, 4}}, [](const auto& at) {
    return conv2d(permute(at[0], {3, 2, 1, 0}), permute(at[1], {3, 2, 1, 0}), {}, {.padding = 1});
  });
}
TEST_CASE("gradients of gradients") {
  const auto f = [](const auto& at) {
    using X = std::decay_t<decltype(at[0])>;
    const X y = conv2d(at[0], at[1], at[2], {.stride = 2, .padding = 1});
    const std::vector<X> d = grad(y, {at[0], at[1]}, y, true);
    return mul(conv2d(d[0], d[1], {}, {.padding = 1}), conv2d(at[0], at[1], {}, {.padding = 1}));
  };
  check_on_both({{2, 3, 5, 4}, {4, 3, 3, 3}, {4}}, f, 2e-5);
}
TEST_CASE("bit for bit in any order") {
  for (std::size_t i : {1, 7, 11}) check_repeats(shapes(cases()[i]), function(cases()[i]));
  check_repeats({{300, 4, 3, 3}, {3, 4, 3, 3}},
                function({{}, {}, {}, false}));  // the sum over images in parts
}
TEST_CASE("columns and back") {
  const Conv2dOptions odd{.stride = {2, 1}, .padding = {1, 2}, .dilation = {1, 2}};
  check_on_both({{2, 3, 7, 6}}, [&](const auto& at) { return unfold(at[0], {3, 2}, odd); });
  check_on_both({{1, 1, 1, 1}}, [](const auto& at) { return unfold(at[0], 1); });
  check_on_both({{0, 2, 3, 3}}, [](const auto& at) { return unfold(at[0], 2); });
  check_on_both({{2, 12, 6}}, [](const auto& at) { return fold(at[0], {4, 3}, 2); });
  check_repeats({{3, 2, 9, 9}}, [](const auto& at) { return unfold(at[0], 3, {.padding = 1}); });
}
