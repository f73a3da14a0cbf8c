// map() and jvp(): functions of the caller's own.
#include <limbic/ops/activation.hpp>
#include <limbic/ops/jvp.hpp>
#include <limbic/ops/map.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
struct Bump {
  template <class S>
  S operator()(S a, S b) const {
    using math::choose, math::exp, math::tanh;
    return choose(a > S(0), S(a * exp(-b * b)), S(tanh(a) / (S(2) + b * b)));
  }
};
// The same as the CPU may write it.
struct BranchingBump {
  template <class S>
  S operator()(S a, S b) const {
    using math::exp, math::tanh;
    return a > S(0) ? S(a * exp(-b * b)) : S(tanh(a) / (S(2) + b * b));
  }
};
}  // namespace

TEST_CASE("map") {
  auto reference = [](const auto& x) {
    const Shape shape = broadcast_shapes("naive", x[0].shape(), x[1].shape());
    auto a = x[0].expand(shape).to_vector();
    const auto b = x[1].expand(shape).to_vector();
    for (std::size_t i = 0; i < a.size(); ++i)
      a[i] = a[i] > 0 ? a[i] * std::exp(-b[i] * b[i]) : std::tanh(a[i]) / (2 + b[i] * b[i]);
    return std::decay_t<decltype(x[0])>::from(shape, a);
  };
  check_op(
      "map", [](const auto& x) { return map(Bump{}, x[0], x[1]); }, reference,
      {{{{3, 5}, {5}}, -2, 2, 0.01}, {{{1}, {1}}, -2, 2, 0.01}, {{{0}, {1}}}, {{{67}, {67}}, -2, 2, 0.01}});
  const auto a = Tensor<double>::from({4}, {-1, 2, -0.5, 0.25}),
             b = Tensor<double>::from({4}, {1, -1, 0.5, 0});
  const auto both = [&](auto f) {
    const auto x = Var<double>::leaf(a), z = Var<double>::leaf(b);
    const auto y = map(f, x, z);
    const auto g = grad(y, {x, z}, Var<double>(Tensor<double>::ones({4})));
    return std::vector{y.value().to_vector(), g[0].value().to_vector(), g[1].value().to_vector()};
  };
  CHECK(both(BranchingBump{}) == both(Bump{}));
}

TEST_CASE("every function of dual numbers has the slope of its value") {
  auto f = [](const std::vector<Var<double>>& x) {
    return map(
        [](auto a) {
          using math::exp, math::expm1, math::log, math::log1p, math::sqrt, math::tanh, math::sigmoid,
              math::softplus;
          using math::abs, math::cos, math::erf, math::max, math::min, math::pow, math::sin;
          return exp(a) + expm1(a) * log(a) - log1p(a) / sqrt(a) + tanh(a) * sigmoid(a) + softplus(a) -
                 sin(a) * cos(a) + erf(a) + abs(-a) + max(a, a * a) - min(a, a * a) + pow(a, 1.5);
        },
        x[0]);
  };
  const std::vector<Tensor<double>> at = {Tensor<double>::from({3}, {0.3, 0.7, 1.9})};
  CHECK_NOTHROW(gradcheck(f, at));
  CHECK_NOTHROW(gradgradcheck(f, at));
}

TEST_CASE("powers have derivatives at 0") {
  const Var<double> x = Var<double>::leaf(Tensor<double>::zeros({1}));
  Var<double> y = map(
      [](auto a) {
        using math::pow;
        return pow(a, 2.0) + pow(a, 0.0);
      },
      x);
  for (double want : {0.0, 2.0, 0.0}) {
    y = grad(y, {x}, {}, true)[0];
    CHECK(y.value()(0) == want);
  }
}

TEST_CASE("third derivatives of a mapped function are the highest") {
  Var<double> x = Var<double>::leaf(Tensor<double>::from({1}, {2.0}));
  Var<double> y = map([](auto a) { return a * a * a * a; }, x);
  for (double want : {32.0, 48.0, 48.0}) {
    y = grad(y, {x}, {}, true)[0];
    CHECK(y.value()(0) == doctest::Approx(want));
  }
  check_error([&] { grad(y, {x}, {}, true); }, {"[map]", "third"});
}

TEST_CASE("jvp agrees with differences") {
  auto f = [](const std::vector<Var<double>>& x) { return tanh(x[0] * x[1]) * sum(x[1]); };
  const std::vector<Tensor<double>> x = {Tensor<double>::from({2, 3}, random_values(6, -1, 1, 0, 1)),
                                         Tensor<double>::from({3}, random_values(3, -1, 1, 0, 2))};
  const std::vector<Tensor<double>> v = {Tensor<double>::from({2, 3}, random_values(6, -1, 1, 0, 3)),
                                         Tensor<double>::from({3}, random_values(3, -1, 1, 0, 4))};
  const auto j = jvp(f, x, v);
  auto at = [&](double h) { return f({Var<double>(x[0] + v[0] * h), Var<double>(x[1] + v[1] * h)}).value(); };
  CHECK(error_of(j.value, at(0)) == 0);
  CHECK(error_of(j.derivative, (at(1e-6) - at(-1e-6)) * 0.5e6) < 1e-8);
  // Linear in x and constant in x: still right.
  CHECK(jvp([](const std::vector<Var<double>>& u) { return u[0] * 3; }, {x[1]}, {v[1]}).derivative(1) ==
        v[1](1) * 3);
  CHECK(max_abs(jvp([&](const std::vector<Var<double>>&) { return Var<double>(x[1]); }, {x[1]}, {v[1]})
                    .derivative) == 0);
  check_error([&] { jvp(f, x, {v[0], v[0]}); }, {"[jvp]", "(2, 3)", "(3)"});
}
