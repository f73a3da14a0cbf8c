// Initialisers: bounds, moments, orthogonality, repeatability and errors.
#include <limbic/nn/init.hpp>

#include "support/op_check.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

struct Moments {
  double mean = 0, std = 0, low = 0, high = 0;
};
template <class T>
Moments moments(const Tensor<T>& t) {
  Moments m;
  const auto values = t.to_vector();
  m.low = m.high = static_cast<double>(values[0]);
  double squares = 0;
  for (T v : values) {
    const double x = static_cast<double>(v);
    m.mean += x;
    squares += x * x;
    m.low = std::min(m.low, x);
    m.high = std::max(m.high, x);
  }
  const double n = static_cast<double>(values.size());
  m.mean /= n;
  m.std = std::sqrt(squares / n - m.mean * m.mean);
  return m;
}

template <class F>
Moments drawn(const Shape& shape, F&& fill) {
  RandomStream random = Random(11).stream("init");
  auto t = Tensor<float>::empty(shape);
  fill(t, random);
  return moments(t);
}

// Uniform in +-bound: almost reached, never passed, mean 0.
void check_uniform(const Moments& m, double bound) {
  CHECK(m.low >= -bound);
  CHECK(m.high <= bound);
  CHECK(m.low < -0.99 * bound);
  CHECK(m.high > 0.99 * bound);
  CHECK(std::fabs(m.mean) < 0.02 * bound);
  CHECK(m.std == doctest::Approx(bound / std::sqrt(3.0)).epsilon(0.02));
}
void check_normal(const Moments& m, double mean, double std) {
  CHECK(std::fabs(m.mean - mean) < 0.03 * std);
  CHECK(m.std == doctest::Approx(std).epsilon(0.02));
}

using F = Tensor<float>;
using R = RandomStream;
using init::FanMode;
using init::Nonlinearity;
const Shape kWeight{120, 80}, kFilter{40, 30, 3, 3};

}  // namespace

TEST_CASE("fans and gains") {
  CHECK(init::fans({5, 7}).in == 7);
  CHECK(init::fans({5, 7}).out == 5);
  CHECK(init::fans(kFilter).in == 270);
  CHECK(init::fans(kFilter).out == 360);
  CHECK(thrown([] { init::fans({4}); }) == "[init] a weight of at least two dimensions is needed; got (4)");
  CHECK(init::gain(Nonlinearity::linear) == 1);
  CHECK(init::gain(Nonlinearity::sigmoid) == 1);
  CHECK(init::gain(Nonlinearity::tanh) == doctest::Approx(5.0 / 3));
  CHECK(init::gain(Nonlinearity::relu) == doctest::Approx(std::sqrt(2.0)));
  CHECK(init::gain(Nonlinearity::leaky_relu, 1) == doctest::Approx(1));
  CHECK(init::gain(Nonlinearity::selu) == 0.75);
}

TEST_CASE("constants") {
  auto t = F::empty({3, 2});
  init::zeros(t);
  CHECK(equal(t, F::zeros({3, 2})));
  init::ones(t);
  CHECK(equal(t, F::ones({3, 2})));
  init::constant(t, 2.5);
  CHECK(equal(t, F::full({3, 2}, 2.5f)));
}

TEST_CASE("uniform ones stay in their bounds and fill them") {
  check_uniform(drawn(kWeight, [](F& t, R& r) { init::uniform(t, r, -2, 2); }), 2);
  check_uniform(drawn(kWeight, [](F& t, R& r) { init::xavier_uniform(t, r); }), std::sqrt(6.0 / 200));
  check_uniform(drawn(kFilter, [](F& t, R& r) { init::xavier_uniform(t, r, 2); }), 2 * std::sqrt(6.0 / 630));
  check_uniform(drawn(kWeight, [](F& t, R& r) { init::kaiming_uniform(t, r); }), std::sqrt(6.0 / 80));
  check_uniform(drawn(kWeight, [](F& t, R& r) { init::kaiming_uniform(t, r, std::sqrt(5.0)); }),
                1 / std::sqrt(80.0));
  check_uniform(
      drawn(kFilter,
            [](F& t, R& r) { init::kaiming_uniform(t, r, 0, FanMode::fan_out, Nonlinearity::tanh); }),
      5.0 / 3 * std::sqrt(3.0 / 360));
}

TEST_CASE("normal ones have their mean and standard deviation") {
  check_normal(drawn(kWeight, [](F& t, R& r) { init::normal(t, r, 3, 0.5); }), 3, 0.5);
  check_normal(drawn(kWeight, [](F& t, R& r) { init::xavier_normal(t, r); }), 0, std::sqrt(2.0 / 200));
  check_normal(drawn(kWeight, [](F& t, R& r) { init::kaiming_normal(t, r); }), 0, std::sqrt(2.0 / 80));
  check_normal(
      drawn(kFilter, [](F& t, R& r) { init::kaiming_normal(t, r, 0, FanMode::fan_out, Nonlinearity::relu); }),
      0, std::sqrt(2.0 / 360));
}

TEST_CASE("the truncated normal stays inside and keeps its form") {
  const Moments m = drawn(kWeight, [](F& t, R& r) { init::trunc_normal(t, r); });
  CHECK(m.low >= -2);
  CHECK(m.high <= 2);
  CHECK(m.high > 1.95);
  // Of the standard normal cut at +-2.
  check_normal(m, 0, 0.8796);
  const Moments far = drawn({100, 10}, [](F& t, R& r) { init::trunc_normal(t, r, 0, 1, 9, 10); });
  CHECK(far.low >= 9);
  CHECK(far.high <= 10);
  CHECK(thrown([] {
          drawn({2, 2}, [](F& t, R& r) { init::trunc_normal(t, r, 0, 1, 2, 2); });
        }) == "[trunc_normal] low must be below high; got 2 and 2");
}

TEST_CASE("orthogonal rows or columns") {
  for (const Shape& shape : {Shape{5, 9}, Shape{9, 5}, Shape{6, 6}, Shape{4, 2, 3, 3}, Shape{1, 1}}) {
    CAPTURE(to_text(shape));
    RandomStream random = Random(3).stream("q");
    auto t = Tensor<double>::empty(shape);
    init::orthogonal(t, random, 2);
    const index_t rows = shape[0], columns = t.numel() / rows;
    const auto m = t.reshape({rows, columns});
    const index_t n = std::min(rows, columns), length = std::max(rows, columns);
    for (index_t i = 0; i < n; ++i) {
      for (index_t j = 0; j < n; ++j) {
        double dot = 0;
        for (index_t k = 0; k < length; ++k)
          dot += rows <= columns ? m.at(i, k) * m.at(j, k) : m.at(k, i) * m.at(k, j);
        CHECK(std::fabs(dot - (i == j ? 4.0 : 0.0)) < 1e-12);
      }
    }
  }
  CHECK(thrown([] {
          RandomStream random = Random(3).stream("q");
          auto t = Tensor<float>::empty({4});
          init::orthogonal(t, random);
        }) == "[orthogonal] a tensor of at least two dimensions is needed; got (4)");
}

TEST_CASE("a seed gives the same numbers again, in a view too") {
  auto fill = [](Tensor<float> t) {
    RandomStream random = Random(5).stream("same");
    init::kaiming_normal(t, random);
    return t;
  };
  const auto a = fill(F::empty({7, 5}));
  CHECK(identical(a, fill(F::empty({7, 5}))));
  CHECK(identical(a, fill(F::empty({5, 7}).transpose(0, 1))));
  RandomStream other = Random(6).stream("same");
  auto b = F::empty({7, 5});
  init::kaiming_normal(b, other);
  CHECK_FALSE(identical(a, b));
}
