// batch_norm in training and evaluation, its running statistics.
#include <limbic/ops/batch_norm.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// By the definition, x as (B, C, L); statistics of the batch, or given.
template <class T>
Tensor<T> naive(const std::vector<Tensor<T>>& in, const std::vector<double>& means = {},
                const std::vector<double>& variances = {}) {
  const Shape& s = in[0].shape();
  const std::size_t batch = static_cast<std::size_t>(s[0]), channels = static_cast<std::size_t>(s[1]);
  const std::size_t length =
      batch * channels > 0 ? static_cast<std::size_t>(in[0].numel()) / (batch * channels) : 0;
  const auto x = in[0].to_vector(), w = in[1].to_vector(), b = in[2].to_vector();
  auto y = x;
  for (std::size_t c = 0; c < channels; ++c) {
    const auto for_all = [&](auto f) {
      for (std::size_t n = 0; n < batch; ++n)
        for (std::size_t l = 0; l < length; ++l) f((n * channels + c) * length + l);
    };
    T mean = 0, variance = 0;
    const T count = static_cast<T>(batch * length);
    for_all([&](std::size_t i) { mean += x[i] / count; });
    for_all([&](std::size_t i) { variance += (x[i] - mean) * (x[i] - mean) / count; });
    if (!means.empty()) {
      mean = static_cast<T>(means[c]);
      variance = static_cast<T>(variances[c]);
    }
    for_all([&](std::size_t i) { y[i] = (x[i] - mean) / std::sqrt(variance + T(1e-5)) * w[c] + b[c]; });
  }
  return Tensor<T>::from(s, y);
}

// A layout each: few and many rows, blocks of columns, long rows, odd sizes.
const std::vector<OpCase> kCases = {
    {{{3, 2}, {2}, {2}}},           {{{4, 3, 5, 5}, {3}, {3}}},  {{{2, 1}, {1}, {1}}},
    {{{1, 3, 2}, {3}, {3}}},        {{{2, 2, 67}, {2}, {2}}},    {{{131, 37}, {37}, {37}}},
    {{{70, 33, 3, 3}, {33}, {33}}}, {{{3, 5, 9, 11}, {5}, {5}}}, {{{1, 2, 9001}, {2}, {2}}},
    {{{2, 3, 0}, {3}, {3}}},        {{{130, 5}, {5}, {5}}}};

}  // namespace

TEST_CASE("batch_norm in training") {
  auto cases = kCases;
  cases.erase(cases.begin() + 9);
  OpOptions options;
  options.tolerance = 1e-9;
  options.grad_tolerance = 1e-5;
  check_op(
      "batch_norm", [](const auto& x) { return batch_norm(x[0], x[1], x[2]); },
      [](const auto& x) { return naive(x); }, cases, options);
}

TEST_CASE("batch_norm in evaluation") {
  const std::vector<double> means(40, 0.25), variances(40, 1.5);
  auto f = [&](const auto& x) {
    using X = std::decay_t<decltype(x[0])>;
    using T = scalar_of<X>;
    using S = Tensor<T, device_of<X>>;
    const index_t c = x[0].shape()[1];
    return batch_norm(x[0], x[1], x[2], S::full({c}, T(0.25)), S::full({c}, T(1.5)), {.training = false});
  };
  check_op(
      "batch_norm", f, [&](const auto& x) { return naive(x, means, variances); }, kCases);
}

TEST_CASE("without weight and bias") {
  const auto ones = [](const auto& x) {
    using T = scalar_of<decltype(x[0])>;
    const index_t c = x[0].shape()[1];
    return naive<T>({x[0], Tensor<T>::ones({c}), Tensor<T>::zeros({c})});
  };
  OpOptions options;
  options.tolerance = 1e-9;
  options.grad_tolerance = 1e-5;
  check_op(
      "batch_norm",
      [](const auto& x) {
        using X = std::decay_t<decltype(x[0])>;
        return batch_norm(x[0], X{}, X{});
      },
      ones, {{{{5, 3}}}, {{{2, 3, 70}}}}, options);
}

TEST_CASE("a large mean costs no digits") {
  for (const Shape& shape : {Shape{500, 7}, Shape{3, 7, 5000}}) {
    const auto values = random_values(numel(shape), -1, 1, 0, 5);
    std::vector<float> shifted(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) shifted[i] = static_cast<float>(values[i] + 4096.0);
    const auto x = Tensor<float>::from(shape, shifted);
    const auto y = batch_norm(x, Tensor<float>(), Tensor<float>());
    CHECK(error_of(y, batch_norm(x.to<double>(), Tensor<double>(), Tensor<double>())) < 2e-3);
  }
}

TEST_CASE("running statistics") {
  const auto x = Tensor<double>::from({3, 2}, {1.0, 2.0, 3.0, 4.0, 8.0, 3.0});
  auto mean = Tensor<double>::zeros({2}), var = Tensor<double>::ones({2});
  const auto w = Var<double>::leaf(Tensor<double>::ones({2}));
  const auto y = batch_norm(x, w, Tensor<double>(), mean, var);
  // Means 4 and 3; unbiased variances 13 and 1.
  CHECK(all_close(mean, Tensor<double>::from({2}, {0.4, 0.3}), 1e-12));
  CHECK(all_close(var, Tensor<double>::from({2}, {0.9 + 1.3, 1.0}), 1e-12));
  backward(sum(y));

  // Of a strided view, at another momentum.
  auto both = Tensor<double>::zeros({2, 2});
  batch_norm(x, w, Tensor<double>(), both.select(1, 0), both.select(1, 1), {.momentum = 0.5});
  CHECK(all_close(both, Tensor<double>::from({2, 2}, {2.0, 6.5, 1.5, 0.5}), 1e-12));

  // Not while a checkpoint recomputes, and not in evaluation.
  const auto before = mean.clone();
  {
    detail::ModeGuard<&detail::Mode::recomputing> again(true);
    batch_norm(x, w, Tensor<double>(), mean, var);
  }
  const auto z = batch_norm(x, w, Tensor<double>(), mean, var, {.training = false});
  CHECK(equal(mean, before));

  // What evaluation kept is not what a later training step changes.
  batch_norm(x, w, Tensor<double>(), mean, var);
  CHECK_NOTHROW(backward(sum(z)));
}

TEST_CASE("NaN stays in its channel") {
  auto x = Tensor<float>::ones({4, 3, 70});
  x.set({1, 1, 5}, std::nanf(""));
  const auto y = batch_norm(x, Tensor<float>(), Tensor<float>());
  CHECK(std::isnan(y.at(0, 1, 0)));
  CHECK(y.at(0, 0, 0) == 0);
  CHECK(y.at(1, 2, 5) == 0);
}

TEST_CASE("bad arguments") {
  const auto x = Tensor<float>::ones({4, 3});
  const Tensor<float> none, three = Tensor<float>::ones({3}), two = Tensor<float>::ones({2});
  check_error([&] { batch_norm(three, none, none); }, {"[batch_norm]", "(B, C)", "(3)"});
  check_error([&] { batch_norm(x, two, none); }, {"[batch_norm]", "weight must be (C)", "(4, 3)", "(2)"});
  check_error([&] { batch_norm(x, three, two); }, {"bias must be (C)", "(2)"});
  check_error([&] { batch_norm(x, three, three, two, three); }, {"running_mean must be (C)", "(2)"});
  check_error([&] { batch_norm(x, three, three, three, none); }, {"both or neither"});
  check_error([&] { batch_norm(x, three, three, -1e-5); }, {"[batch_norm]", "eps must not be negative"});
  check_error(
      [&] {
        batch_norm(Tensor<float>::ones({1, 3}), none, none);
      },
      {"more than one value", "(1, 3)"});
  check_error(
      [&] {
        batch_norm(Tensor<float>::ones({0, 3}), none, none);
      },
      {"more than one value", "(0, 3)"});
}
