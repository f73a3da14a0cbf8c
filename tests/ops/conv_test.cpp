// conv1d, conv2d, conv_transpose2d.
#include <limbic/ops/conv.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// By the definition. Tap (k, l) at output (i, j) sees (i stride - pad + k dilation, ...).
template <class T>
Tensor<T> naive_conv(const std::vector<Tensor<T>>& in, const Conv2dOptions& o) {
  const Tensor<T>&x = in[0], &w = in[1];
  const auto out = [](index_t n, index_t k, index_t stride, index_t pad, index_t dilation) {
    return pad == kSame ? n : (n + 2 * pad - dilation * (k - 1) - 1) / stride + 1;
  };
  const auto before = [](index_t k, index_t pad, index_t dilation) {
    return pad == kSame ? dilation * (k - 1) / 2 : pad;
  };
  const index_t h = x.size(2), v = x.size(3), kh = w.size(2), kw = w.size(3), c = w.size(1),
                f = w.size(0) / o.groups;
  const Shape shape{x.size(0), w.size(0), out(h, kh, o.stride.h, o.padding.h, o.dilation.h),
                    out(v, kw, o.stride.w, o.padding.w, o.dilation.w)};
  const index_t ph = before(kh, o.padding.h, o.dilation.h), pw = before(kw, o.padding.w, o.dilation.w);
  const auto xs = x.to_vector(), ws = w.to_vector();
  const auto bias = in.size() > 2 ? in[2].to_vector() : std::vector<T>(static_cast<std::size_t>(shape[1]));
  std::vector<T> y;
  for (index_t b = 0; b < shape[0]; ++b)
    for (index_t q = 0; q < shape[1]; ++q)
      for (index_t i = 0; i < shape[2]; ++i)
        for (index_t j = 0; j < shape[3]; ++j) {
          T sum = bias[static_cast<std::size_t>(q)];
          for (index_t a = 0; a < c; ++a)
            for (index_t k = 0; k < kh; ++k)
              for (index_t l = 0; l < kw; ++l) {
                const index_t r = i * o.stride.h - ph + k * o.dilation.h,
                              s = j * o.stride.w - pw + l * o.dilation.w;
                if (r < 0 || r >= h || s < 0 || s >= v) continue;
                sum += xs[static_cast<std::size_t>(((b * x.size(1) + q / f * c + a) * h + r) * v + s)] *
                       ws[static_cast<std::size_t>(((q * c + a) * kh + k) * kw + l)];
              }
          y.push_back(sum);
        }
  return Tensor<T>::from(shape, y);
}

void check_conv2d(const std::vector<OpCase>& cases, const Conv2dOptions& o, const OpOptions& options = {}) {
  check_op(
      "conv2d",
      [&](const auto& x) {
        using X = std::decay_t<decltype(x[0])>;
        return conv2d(x[0], x[1], x.size() > 2 ? x[2] : X(), o);
      },
      [&](const auto& x) { return naive_conv(x, o); }, cases, options);
}

OpOptions longer_sums() {
  OpOptions o;
  o.float_slack = 64;
  o.float_grad_tolerance = 1e-3;
  return o;
}

}  // namespace

TEST_CASE("conv2d, the shapes of the sizes, strides, padding") {
  check_conv2d({{{{2, 3, 6, 6}, {4, 3, 3, 3}, {4}}}, {{{1, 2, 4, 5}, {3, 2, 3, 1}}}}, {.padding = 1});
  check_conv2d({{{{2, 1, 8, 8}, {4, 1, 2, 2}, {4}}}, {{{1, 1, 5, 7}, {2, 1, 2, 2}}}}, {.stride = 2});
  check_conv2d({{{{1, 4, 4, 4}, {2, 4, 1, 1}, {2}}},
                {{{3, 2, 3, 3}, {5, 2, 1, 1}}},
                {{{2, 1, 1, 1}, {1, 1, 1, 1}, {1}}}},
               {});
  check_conv2d({{{{1, 2, 9, 8}, {2, 2, 3, 2}, {2}}}},
               {.stride = {2, 3}, .padding = {2, 1}, .dilation = {2, 3}});
  check_conv2d({{{{2, 2, 5, 6}, {2, 2, 4, 3}, {2}}}}, {.padding = kSame, .dilation = {1, 2}});
  check_conv2d({{{{2, 4, 5, 5}, {6, 2, 3, 3}, {6}}}}, {.stride = {1, 2}, .padding = 1, .groups = 2});
  check_conv2d({{{{2, 3, 4, 4}, {3, 1, 3, 3}}}}, {.padding = 1, .groups = 3});
  check_conv2d({{{{0, 3, 4, 4}, {2, 3, 3, 3}, {2}}}, {{{2, 3, 4, 4}, {0, 3, 3, 3}, {0}}}}, {.padding = 1});
}

TEST_CASE("conv2d of patches") {
  check_conv2d({{{{3, 1, 64, 64}, {16, 1, 2, 2}, {16}}}, {{{5, 16, 32, 32}, {8, 16, 2, 2}}}}, {.stride = 2},
               longer_sums());
  check_conv2d({{{{37, 8, 16, 16}, {12, 8, 4, 4}, {12}}}}, {.stride = 4}, longer_sums());
}

TEST_CASE("conv2d in tiles of an image") {
  check_conv2d({{{{2, 3, 70, 70}, {5, 3, 3, 3}, {5}}}, {{{1, 40, 33, 35}, {9, 40, 3, 5}}}},
               {.padding = {1, 2}}, longer_sums());
  check_conv2d({{{{2, 40, 50, 50}, {4, 40, 1, 1}, {4}}}, {{{67, 20, 4, 4}, {9, 20, 1, 1}, {9}}}}, {},
               longer_sums());
}

TEST_CASE("conv2d of small images, position by position") {
  REQUIRE(
      cpu::detail::conv_skips_padding(detail::conv_shape("", {9, 8, 2, 2}, {8, 8, 3, 3}, {.padding = 1})));
  OpOptions few = longer_sums();
  few.max_numel_for_differences = 1000;
  check_conv2d({{{{9, 8, 2, 2}, {8, 8, 3, 3}, {8}}}}, {.padding = 1}, few);
  check_conv2d({{{{131, 8, 4, 4}, {10, 8, 5, 5}, {10}}}, {{{67, 9, 3, 5}, {8, 9, 3, 3}}}}, {.padding = kSame},
               longer_sums());
  check_conv2d({{{{30, 8, 5, 5}, {8, 8, 3, 3}, {8}}}}, {.stride = 2, .padding = 2, .dilation = 2},
               longer_sums());
}

TEST_CASE("conv1d") {
  auto check = [](const std::vector<OpCase>& cases, const Conv1dOptions& o) {
    auto f = [&](const auto& x) {
      using X = std::decay_t<decltype(x[0])>;
      return conv1d(x[0], x[1], x.size() > 2 ? x[2] : X(), o);
    };
    auto g = [&](const auto& x) {
      auto in = x;
      for (std::size_t i = 0; i < 2; ++i) in[i] = x[i].unsqueeze(2);
      return naive_conv(in, detail::with_height(o)).squeeze(2);
    };
    check_op("conv1d", f, g, cases, longer_sums());
  };
  check({{{{2, 3, 7}, {4, 3, 3}, {4}}}, {{{1, 1, 1}, {1, 1, 1}}}, {{{2, 5, 5000}, {3, 5, 3}, {3}}}},
        {.padding = 1});
  check({{{{2, 4, 9}, {2, 2, 3}}}}, {.stride = 2, .padding = 3, .dilation = 2, .groups = 2});
  check({{{{2, 2, 6}, {3, 2, 4}, {3}}}}, {.padding = kSame});
}

TEST_CASE("conv_transpose2d") {
  auto check = [](const std::vector<OpCase>& cases, const Conv2dOptions& o, HeightWidth more = 0) {
    auto f = [&](const auto& x) {
      using X = std::decay_t<decltype(x[0])>;
      return conv_transpose2d(x[0], x[1], x.size() > 2 ? x[2] : X(), o, more);
    };
    // As the convolution of x, spread and padded, with the kernel turned: one group.
    auto g = [&](const auto& x) {
      using V = std::decay_t<decltype(x[0])>;
      using T = scalar_of<V>;
      const auto& w = x[1];
      const HeightWidth reach{o.dilation.h * (w.size(2) - 1), o.dilation.w * (w.size(3) - 1)};
      auto spread =
          V::zeros({x[0].size(0), x[0].size(1), (x[0].size(2) - 1) * o.stride.h + 1 + 2 * reach.h + more.h,
                    (x[0].size(3) - 1) * o.stride.w + 1 + 2 * reach.w + more.w});
      spread.slice(2, reach.h, reach.h + (x[0].size(2) - 1) * o.stride.h + 1, o.stride.h)
          .slice(3, reach.w, reach.w + (x[0].size(3) - 1) * o.stride.w + 1, o.stride.w)
          .copy_from(x[0]);
      auto turned = V::empty({w.size(1), w.size(0), w.size(2), w.size(3)});
      for (index_t k = 0; k < w.size(2); ++k)
        for (index_t l = 0; l < w.size(3); ++l)
          turned.select(2, w.size(2) - 1 - k)
              .select(2, w.size(3) - 1 - l)
              .copy_from(w.select(2, k).select(2, l).transpose(0, 1));
      std::vector<Tensor<T>> in{spread, turned};
      if (x.size() > 2) in.push_back(x[2]);
      const auto y = naive_conv(in, {.dilation = o.dilation});
      return y.slice(2, o.padding.h, y.size(2) - o.padding.h)
          .slice(3, o.padding.w, y.size(3) - o.padding.w)
          .clone();
    };
    check_op("conv_transpose2d", f, g, cases, longer_sums());
  };
  check({{{{2, 3, 4, 3}, {3, 2, 3, 3}, {2}}}, {{{1, 2, 1, 1}, {2, 2, 2, 2}}}}, {});
  check({{{{2, 2, 3, 4}, {2, 3, 3, 2}, {3}}}}, {.stride = {2, 3}, .padding = {1, 0}, .dilation = {1, 2}},
        {1, 2});
}

TEST_CASE("gradients of constants are not asked for") {
  const auto x = Tensor<double>::ones({2, 1, 4, 4});
  const auto w = Var<double>::leaf(Tensor<double>::ones({1, 1, 3, 3}));
  const auto y = conv2d(x, w);
  CHECK(equal(grad(sum(y), {w})[0].value(), Tensor<double>::full({1, 1, 3, 3}, 8.0)));
  CHECK(equal(conv2d(Var<double>(x), w.value()).value(), Tensor<double>::full({2, 1, 2, 2}, 9.0)));
}

TEST_CASE("bad arguments") {
  const auto x = Tensor<float>::ones({2, 3, 4, 4}), w = Tensor<float>::ones({4, 3, 3, 3});
  check_error([&] { conv2d(x.select(0, 0), w); }, {"[conv2d]", "(B, C, H, W)", "(3, 4, 4)", "(4, 3, 3, 3)"});
  check_error(
      [&] {
        conv2d(x, Tensor<float>::ones({4, 2, 3, 3}));
      },
      {"[conv2d]", "C / groups", "(4, 2, 3, 3)", "groups 1"});
  check_error([&] { conv2d(x, w, Tensor<float>::ones({3})); }, {"[conv2d]", "bias must be (O)", "(3)"});
  check_error(
      [&] {
        conv2d(x, Tensor<float>::ones({4, 3, 5, 5}));
      },
      {"[conv2d]", "fit into", "(4, 3, 5, 5)", "padding 0"});
  check_error([&] { conv2d(x, w, {}, {.stride = 0}); }, {"stride", "at least 1"});
  check_error([&] { conv2d(x, w, {}, {.padding = -2}); }, {"padding must not be negative", "-2"});
  check_error([&] { conv2d(x, w, {}, {.stride = 2, .padding = kSame}); }, {"kSame needs stride 1", "2"});
  check_error([&] { conv2d(x, w, {}, {.groups = 0}); }, {"groups must be at least 1"});
  check_error([&] { conv2d(x, Tensor<float>::ones({4, 3, 0, 3})); }, {"kernel of at least 1"});
  check_error([&] { conv1d(x, w); }, {"[conv1d]", "(B, C, L)", "(2, 3, 4, 4)"});
  check_error([&] { conv_transpose2d(x, w); }, {"[conv_transpose2d]", "(B, O, H, W)"});
  check_error(
      [&] {
        conv_transpose2d(x, Tensor<float>::ones({3, 1, 2, 2}), {}, {}, 1);
      },
      {"output_padding", "below the stride"});
}
