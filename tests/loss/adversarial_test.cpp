// Domain classification and what it is conditioned on.
#include <limbic/loss/adversarial.hpp>

#include "loss/naive.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

Tensor<double> points(index_t n, index_t d, unsigned seed) {
  return Tensor<double>::from({n, d}, random_values(n * d, -2, 2, 0, seed));
}
template <class X>
using Scalar = typename std::decay_t<X>::value_type;

}  // namespace

TEST_CASE("adversarial alignment") {
  CHECK(dann_coefficient(0) == 0);
  CHECK(dann_coefficient(1) == doctest::Approx(2 / (1 + std::exp(-10.0)) - 1));
  check_error([] { dann_coefficient(1.5); }, {"[dann_coefficient]", "[0, 1]", "1.5"});
  check_op(
      "domain_loss", [](const auto& x) { return domain_loss(x[0], x[1]); },
      [](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        T s = 0, t = 0;
        for (T v : x[0].to_vector()) s += std::log(1 + std::exp(-v));
        for (T v : x[1].to_vector()) t += std::log(1 + std::exp(v));
        return Tensor<T>::scalar((s / static_cast<T>(x[0].numel()) + t / static_cast<T>(x[1].numel())) / 2);
      },
      {{{{4}, {3, 1}}}, {{{1}, {1}}}});
  check_op(
      "conditional_map", [](const auto& x) { return conditional_map(x[0], x[1]); },
      [](const auto& x) {
        using T = Scalar<decltype(x[0])>;
        const Rows<T> f(x[0]), p(x[1]);
        std::vector<T> y;
        for (index_t i = 0; i < f.n; ++i)
          for (index_t a = 0; a < f.d; ++a)
            for (index_t b = 0; b < p.d; ++b) y.push_back(f(i, a) * p(i, b));
        return Tensor<T>::from({f.n, f.d * p.d}, y);
      },
      {{{{4, 3}, {4, 2}}}});
  const auto f = points(4, 3, 1), p = points(4, 2, 2);
  const auto through = conditional_map(f, p, Tensor<double>::eye(3), Tensor<double>::ones({2, 3}));
  CHECK(error_of(through, f * sum(p, {1}, true) * (1 / std::sqrt(3.0))) < 1e-14);
  const auto w = certainty_weights(Tensor<double>::from({2, 2}, {0, 0, 100, 0}));
  CHECK(w.at(1) / w.at(0) == doctest::Approx(2 / 1.5));
  CHECK(sum(w).item() == doctest::Approx(2));
  check_error([&] { domain_loss(f, f); }, {"[domain_loss]", "one logit", "(4, 3)"});
  check_error([&] { conditional_map(f, points(3, 2, 1)); }, {"[conditional_map]", "(4, 3)", "(3, 2)"});
  check_error(
      [&] {
        conditional_map(slice(f, 0, 0, 1), p, Tensor<double>::eye(3), Tensor<double>::ones({2, 3}));
      },
      {"[conditional_map]", "(1, 3)", "(4, 2)"});
}
