// max_pool1d, max_pool2d, avg_pool1d, avg_pool2d, adaptive_avg_pool2d.
#include <limbic/ops/pool.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// By the definition over (planes, H, W): every window, with the places outside left out.
template <class T, class F>
Tensor<T> naive(const Tensor<T>& x, const Shape& shape, index_t h, index_t w, HeightWidth k,
                HeightWidth stride, HeightWidth pad, const F& f) {
  const auto v = x.to_vector();
  const index_t planes = h * w > 0 ? x.numel() / (h * w) : 0;
  std::vector<T> y;
  for (index_t p = 0; p < planes; ++p)
    for (index_t i = -pad.h; i + k.h <= h + pad.h; i += stride.h)
      for (index_t j = -pad.w; j + k.w <= w + pad.w; j += stride.w) {
        std::vector<T> seen;
        for (index_t r = i; r < i + k.h; ++r)
          for (index_t c = j; c < j + k.w; ++c)
            if (r >= 0 && r < h && c >= 0 && c < w)
              seen.push_back(v[static_cast<std::size_t>((p * h + r) * w + c)]);
        y.push_back(f(seen));
      }
  return Tensor<T>::from(shape, y);
}

const auto kMax = [](const auto& v) { return *std::max_element(v.begin(), v.end()); };
template <class V>
auto total(const V& v) {
  typename V::value_type s = 0;
  for (auto e : v) s += e;
  return s;
}

}  // namespace

TEST_CASE("max_pool2d") {
  const Pool2dOptions padded{.stride = {2, 1}, .padding = {1, 0}};
  check_op(
      "max_pool2d", [](const auto& x) { return max_pool2d(x[0], 2); },
      [](const auto& x) {
        Shape s = x[0].shape();
        const index_t h = s[s.rank() - 2], w = s.back();
        s[s.rank() - 2] = h / 2;
        s[s.rank() - 1] = w / 2;
        return naive(x[0], s, h, w, 2, 2, 0, kMax);
      },
      {{{{2, 3, 4, 6}}}, {{{5, 7}}}, {{{2, 2}}}, {{{0, 4, 4}}}, {{{3, 40, 33}}}});
  check_op(
      "max_pool2d",
      [&](const auto& x) {
        return max_pool2d(x[0], {3, 2}, padded);
      },
      [](const auto& x) {
        return naive(x[0], {2, 3, 3, 3}, 5, 4, {3, 2}, {2, 1}, {1, 0}, kMax);
      },
      {{{{2, 3, 5, 4}}}});
}

TEST_CASE("max_pool1d") {
  check_op(
      "max_pool1d", [](const auto& x) { return max_pool1d(x[0], 3, {.stride = 2, .padding = 1}); },
      [](const auto& x) {
        Shape s = x[0].shape();
        const index_t n = s.back();
        s[s.rank() - 1] = (n - 1) / 2 + 1;
        return naive(x[0], s, 1, n, {1, 3}, {1, 2}, {0, 1}, kMax);
      },
      {{{{2, 3, 7}}}, {{{2}}}, {{{5, 8}}}});
}

TEST_CASE("avg_pool2d") {
  for (const bool count : {true, false})
    check_op(
        "avg_pool2d",
        [=](const auto& x) {
          return avg_pool2d(x[0], {3, 2}, {.stride = {2, 1}, .padding = {1, 1}, .count_include_pad = count});
        },
        [=](const auto& x) {
          const auto f = [=](const auto& v) {
            return total(v) / static_cast<scalar_of<decltype(x[0])>>(count ? 6 : v.size());
          };
          return naive(x[0], {2, 3, 3, 5}, 5, 4, {3, 2}, {2, 1}, 1, f);
        },
        {{{{2, 3, 5, 4}}}});
  check_op(
      "avg_pool2d", [](const auto& x) { return avg_pool2d(x[0], 2); },
      [](const auto& x) {
        return naive(x[0], {70, 5, 4}, 11, 9, 2, 2, 0, [](const auto& v) { return total(v) / 4; });
      },
      {{{{70, 11, 9}}}});
}

TEST_CASE("avg_pool1d") {
  check_op(
      "avg_pool1d", [](const auto& x) { return avg_pool1d(x[0], 3); },
      [](const auto& x) {
        return naive(x[0], {2, 2, 2}, 1, 8, {1, 3}, {1, 3}, 0, [](const auto& v) { return total(v) / 3; });
      },
      {{{{2, 2, 8}}}});
}

TEST_CASE("adaptive_avg_pool2d") {
  // Of 5 columns to 3, windows 0-1, 1-3, 3-4; of 4 rows to 2, pairs.
  check_op(
      "adaptive_avg_pool2d",
      [](const auto& x) {
        return adaptive_avg_pool2d(x[0], {2, 3});
      },
      [](const auto& x) {
        using V = std::decay_t<decltype(x[0])>;
        using T = scalar_of<V>;
        auto y = V::empty({3, 2, 3});
        const index_t first[] = {0, 1, 3}, last[] = {2, 4, 5};
        for (index_t p = 0; p < 3; ++p)
          for (index_t i = 0; i < 2; ++i)
            for (index_t j = 0; j < 3; ++j) {
              const auto w = x[0].select(0, p).slice(0, 2 * i, 2 * i + 2).slice(1, first[j], last[j]);
              y.set({p, i, j}, total(w.to_vector()) / static_cast<T>(w.numel()));
            }
        return y;
      },
      {{{{3, 4, 5}}}});
  CHECK(equal(adaptive_avg_pool2d(Tensor<float>::full({2, 7, 3}, 2.0f), 1),
              Tensor<float>::full({2, 1, 1}, 2.0f)));
}

TEST_CASE("ties and NaN") {
  const auto x = Var<double>::leaf(Tensor<double>::from({4}, {3.0, 3.0, 1.0, 3.0}));
  const auto y = max_pool1d(x, 2, {.stride = 1});
  CHECK(equal(grad(sum(y), {x})[0].value(), Tensor<double>::from({4}, {1.0, 1.0, 0.0, 1.0})));
  const float nan = std::nanf("");
  const auto z = max_pool1d(Tensor<float>::from({6}, {1.0f, nan, 2.0f, 0.0f, nan, 7.0f}), 2);
  CHECK_UNARY(std::isnan(z.at(0)));
  CHECK(z.at(1) == 2);
  CHECK_UNARY(std::isnan(z.at(2)));
}

TEST_CASE("bad arguments") {
  const auto x = Tensor<float>::ones({3, 4});
  check_error([&] { max_pool2d(x.select(0, 0), 2); }, {"[max_pool2d]", "(..., H, W)", "(4)"});
  check_error([&] { max_pool2d(x, 5); }, {"[max_pool2d]", "fit into", "(3, 4)", "kernel 5"});
  check_error([&] { avg_pool2d(x, 2, {.padding = 2}); },
              {"[avg_pool2d]", "padding must be in [0, kernel / 2]", "2"});
  check_error([&] { avg_pool1d(x, 0); }, {"[avg_pool1d]", "at least 1", "0"});
  check_error([&] { max_pool1d(Tensor<float>::scalar(1), 2); }, {"[max_pool1d]", "(..., L)", "()"});
  check_error([&] { adaptive_avg_pool2d(x, 0); }, {"[adaptive_avg_pool2d]", "at least 1"});
  check_error(
      [&] {
        adaptive_avg_pool2d(Tensor<float>::ones({2, 0, 3}), 1);
      },
      {"[adaptive_avg_pool2d]", "(2, 0, 3)"});
}
