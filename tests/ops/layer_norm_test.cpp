// layer_norm and rms_norm.
#include <limbic/ops/layer_norm.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
template <bool Centre>
auto norm_by_loops() {
  return [](const auto& x) {
    auto v = x[0].to_vector();
    using T = typename decltype(v)::value_type;
    const auto w = x[1].to_vector();
    const auto b = x.size() > 2 ? x[2].to_vector() : std::vector<T>(w.size(), T(0));
    const std::size_t cols = w.size();
    for (std::size_t r = 0; r + cols <= v.size() && cols; r += cols) {
      T m = 0, s = 0;
      if (Centre) {
        for (std::size_t i = 0; i < cols; ++i) m += v[r + i];
        m /= static_cast<T>(cols);
      }
      for (std::size_t i = 0; i < cols; ++i) s += (v[r + i] - m) * (v[r + i] - m);
      const T rstd = 1 / std::sqrt(s / static_cast<T>(cols) + T(1e-5));
      for (std::size_t i = 0; i < cols; ++i) v[r + i] = (v[r + i] - m) * rstd * w[i] + b[i];
    }
    return Tensor<T>::from(x[0].shape(), v);
  };
}
OpOptions looser() {
  OpOptions o;
  o.float_slack = 64;
  return o;
}
}  // namespace

TEST_CASE("layer_norm") {
  check_op(
      "layer_norm", [](const auto& x) { return layer_norm(x[0], x[1], x[2]); }, norm_by_loops<true>(),
      {{{{3, 5}, {5}, {5}}},
       {{{2, 3, 16}, {16}, {16}}},
       {{{0, 4}, {4}, {4}}},
       {{{37, 65}, {65}, {65}}},
       {{{4}, {4}, {4}}}},
      looser());
}
TEST_CASE("rms_norm") {
  check_op(
      "rms_norm", [](const auto& x) { return rms_norm(x[0], x[1]); }, norm_by_loops<false>(),
      {{{{3, 5}, {5}}}, {{{2, 3, 16}, {16}}}, {{{0, 4}, {4}}}, {{{37, 65}, {65}}}}, looser());
}
TEST_CASE("without weight and bias") {
  const auto x = Tensor<double>::from({4, 6}, random_values(24, -2, 2, 0, 1));
  const auto y = layer_norm(x);
  CHECK(max_abs(mean(y, {1})) < 1e-14);
  const std::vector<Tensor<double>> at = {x};
  CHECK_NOTHROW(gradgradcheck([](const std::vector<Var<double>>& v) { return layer_norm(v[0]); }, at));
  CHECK_NOTHROW(
      gradgradcheck([](const std::vector<Var<double>>& v) { return rms_norm(v[0], Var<double>()); }, at));
}
TEST_CASE("shapes that do not fit are named") {
  const auto x = Tensor<float>::zeros({2, 3}), w = Tensor<float>::zeros({2});
  check_error([&] { layer_norm(x, w, Tensor<float>()); }, {"[layer_norm]", "(3)", "weight (2)"});
  check_error([&] { rms_norm(x, w); }, {"[rms_norm]", "(2, 3)", "(2)"});
  check_error([&] { rms_norm(x, Tensor<float>(), -1.0); }, {"eps", "-1"});
}
