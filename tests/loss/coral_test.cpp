// CORAL, its closed form, log-Euclidean CORAL, the logarithm of a matrix, and central moments.
#include <limbic/loss/cmd.hpp>
#include <limbic/loss/log_coral.hpp>
#include <limbic/ops/index_select.hpp>

#include "loss/naive.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

Tensor<double> points(index_t n, index_t d, unsigned seed) {
  return Tensor<double>::from({n, d}, random_values(n * d, -1, 1, 0, seed));
}

template <class T>
T column_mean(const Rows<T>& x, index_t c) {
  T s = 0;
  for (index_t i = 0; i < x.n; ++i) s += x(i, c);
  return s / static_cast<T>(x.n);
}
template <class T>
T covariance(const Rows<T>& x, index_t a, index_t b) {
  const T ma = column_mean(x, a), mb = column_mean(x, b);
  T s = 0;
  for (index_t i = 0; i < x.n; ++i) s += (x(i, a) - ma) * (x(i, b) - mb);
  return x.n > 1 ? s / static_cast<T>(x.n - 1) : T(0);
}
template <class T>
T covariance_difference(const Tensor<T>& source, const Tensor<T>& target) {
  const Rows<T> s(source), t(target);
  T sum = 0;
  for (index_t a = 0; a < s.d; ++a)
    for (index_t b = 0; b < s.d; ++b) sum += std::pow(covariance(s, a, b) - covariance(t, a, b), T(2));
  return sum;
}
Tensor<double> covariance_matrix(const Tensor<double>& x) {
  const Rows<double> r(x);
  Tensor<double> c = Tensor<double>::zeros({r.d, r.d});
  for (index_t a = 0; a < r.d; ++a)
    for (index_t b = 0; b < r.d; ++b) c.set({a, b}, covariance(r, a, b));
  return c;
}

const std::vector<OpCase> kCases = {
    {{{5, 3}, {7, 3}}}, {{{1, 2}, {4, 2}}}, {{{2, 1}, {3, 1}}}, {{{60, 9}, {33, 9}}}};

}  // namespace

TEST_CASE("coral") {
  check_op(
      "coral", [](const auto& x) { return coral(x[0], x[1]); },
      [](const auto& x) {
        using T = typename std::decay_t<decltype(x[0])>::value_type;
        const T d = static_cast<T>(x[0].size(1));
        return Tensor<T>::scalar(covariance_difference(x[0], x[1]) / (4 * d * d));
      },
      kCases);
  const auto tllib = coral_preset("tllib");
  check_op(
      "coral", [&](const auto& x) { return coral(x[0], x[1], tllib); },
      [](const auto& x) {
        using T = typename std::decay_t<decltype(x[0])>::value_type;
        const Rows<T> s(x[0]), t(x[1]);
        T means = 0;
        for (index_t c = 0; c < s.d; ++c) means += std::pow(column_mean(s, c) - column_mean(t, c), T(2));
        const T d = static_cast<T>(s.d);
        return Tensor<T>::scalar(means / d + covariance_difference(x[0], x[1]) / (d * d));
      },
      kCases);
}

TEST_CASE("laws of coral, log_coral and cmd") {
  const auto s = points(20, 4, 1), t = points(30, 4, 2) * 2.0;
  auto laws = [&](auto f) {
    const double d = f(s, t);
    CHECK(d > 0);
    CHECK(f(s, s.clone()) == 0);
    CHECK(f(t, s) == doctest::Approx(d).epsilon(1e-12));
    CHECK(f(flip(s, {0}), t) == doctest::Approx(d).epsilon(1e-12));
    CHECK(f(s + 7.0, t + 7.0) == doctest::Approx(d).epsilon(1e-9));
    return d;
  };
  const double d = laws([](const auto& a, const auto& b) { return coral(a, b).item(); });
  CHECK(coral(s * 3.0, t * 3.0).item() == doctest::Approx(81 * d).epsilon(1e-12));
  laws([](const auto& a, const auto& b) { return log_coral(a, b).item(); });
  laws([](const auto& a, const auto& b) { return cmd(a, b).item(); });
}

TEST_CASE("collapse has a value and a gradient") {
  for (index_t n : {1, 3}) {
    auto zero = [&](auto f) {
      const auto x = Var<double>::leaf(Tensor<double>::full({n, 3}, 0.1)),
                 y = Var<double>::leaf(Tensor<double>::full({n, 3}, 0.1));
      const auto d = f(x, y);
      backward(d);
      CHECK(d.item() == 0);
      CHECK(max_abs(x.grad()) == 0);
      CHECK(max_abs(y.grad()) == 0);
    };
    zero([](const auto& x, const auto& y) { return coral(x, y); });
    zero([](const auto& x, const auto& y) { return log_coral(x, y); });
    zero([](const auto& x, const auto& y) { return cmd(x, y); });
  }
}

TEST_CASE("sample weights of moments") {
  const auto s = points(4, 3, 7), t = points(5, 3, 8);
  const auto even = Tensor<double>::full({4}, 2.0);
  CHECK(coral(s, t, {}, {.source = even}).item() == doctest::Approx(coral(s, t).item()).epsilon(1e-12));
  CHECK(log_coral(s, t, {}, {.source = even}).item() ==
        doctest::Approx(log_coral(s, t).item()).epsilon(1e-12));
  CHECK(cmd(s, t, {}, {.source = even}).item() == doctest::Approx(cmd(s, t).item()).epsilon(1e-12));
  const auto first = Tensor<double>::from({4}, {1, 1, 1, 0});
  const auto part = slice(s, 0, 0, 3);
  CHECK(coral(s, t, {}, {.source = first}).item() == doctest::Approx(coral(part, t).item()).epsilon(1e-12));
  CHECK(cmd(s, t, {}, {.source = first}).item() == doctest::Approx(cmd(part, t).item()).epsilon(1e-12));
  gradcheck([&](const auto& x) { return coral(x[0], x[1], {}, {.source = first}); },
            std::vector<Tensor<double>>{s, t});
}

TEST_CASE("coral_transform gives the source the target's covariance") {
  const auto s = points(500, 3, 3),
             t = matmul(points(400, 3, 4), Tensor<double>::from({3, 3}, {40, 3, 0, 0, 20, 5, 1, 0, 30}));
  // Where the identity that is added does not count beside the covariances.
  const auto big = s * 1000.0;
  const auto got = covariance_matrix(coral_transform(big, t)),
             want = covariance_matrix(t) + Tensor<double>::eye(3);
  CHECK(error_of(got, want) < 1e-4);
  CHECK(error_of(coral_transform(s, s), s) < 1e-12);
  check_error([&] { coral_transform(s, points(3, 2, 1)); }, {"[coral_matrix]", "(500, 3)"});
}

TEST_CASE("logm_spd") {
  // Of A = x' x + I, so that all inputs are allowed: exp(log A) by its series.
  auto spd = [](const auto& x) {
    using X = std::decay_t<decltype(x[0])>;
    return matmul(transpose(x[0]), x[0]) * scalar_of<X>(0.2) +
           Tensor<scalar_of<X>, device_of<X>>::eye(x[0].size(1));
  };
  for (index_t d : {1, 2, 5}) {
    const auto a = spd(std::vector<Tensor<double>>{points(6, d, 9)});
    const auto log_a = logm_spd(a);
    Tensor<double> term = Tensor<double>::eye(d), sum_of = term;
    for (int k = 1; k < 40; ++k) {
      term = matmul(term, log_a) * (1.0 / k);
      sum_of = sum_of + term;
    }
    CHECK(error_of(sum_of, a) < 1e-12);
  }
  auto f = [&](const auto& x) { return logm_spd(spd(x)); };
  gradcheck(f, std::vector<Tensor<double>>{points(6, 4, 10)});
  gradgradcheck(f, std::vector<Tensor<double>>{points(6, 4, 10)});
  record_support("logm_spd", "cpu", true, true);
  check_device("logm_spd", f, {{{{6, 1}}}, {{{6, 4}}}, {{{30, 17}}}});
}

TEST_CASE("derivatives of logm_spd where eigenvalues are equal or close") {
  auto f = [](const auto& x) { return logm_spd(x[0]); };
  const auto eye = Tensor<double>::eye(3) * 2.0;
  for (const auto& a : {eye, eye + Tensor<double>::from({3, 3}, {0, 0, 0, 0, 1e-7, 0, 0, 0, 1e-3}),
                        eye + Tensor<double>::from({3, 3}, {0, 0.1, 0, 0.1, 0.5, 0, 0, 0, 9})}) {
    gradcheck(f, std::vector<Tensor<double>>{a});
    gradgradcheck(f, std::vector<Tensor<double>>{a});
    // Third: the gradient's own gradients of gradients.
    gradgradcheck(
        [&](const auto& x) {
          EnableGrad on;
          const auto v = x[0].requires_grad() ? x[0] : Var<double>::leaf(x[0].value());
          return grad(sum(square(logm_spd(v))), {v}, Var<double>(), true)[0];
        },
        std::vector<Tensor<double>>{a});
  }
}

TEST_CASE("divided differences of the logarithm are smooth") {
  auto d = [](std::vector<double> x) {
    return cpu::detail::log_divided_difference(x.data(), static_cast<int>(x.size()));
  };
  CHECK(d({2, 3}) == doctest::Approx(std::log(1.5)).epsilon(1e-14));
  CHECK(d({2, 2}) == doctest::Approx(0.5).epsilon(1e-14));
  CHECK(d({2, 2, 2}) == doctest::Approx(-0.125).epsilon(1e-14));
  CHECK(d({1, 2, 4}) == doctest::Approx((std::log(2.0) / 2 - std::log(2.0)) / 3).epsilon(1e-14));
  // Across the change from the series to the recursion (at 0.1 of the sum).
  const double below = d({1, 1.1, 1.2222}), above = d({1, 1.1, 1.2223});
  CHECK(std::fabs(below - above) < 1e-4);
  CHECK(d({1.2, 1, 1.1}) == d({1, 1.1, 1.2}));
}

TEST_CASE("log_coral") {
  check_op(
      "log_coral", [](const auto& x) { return log_coral(x[0], x[1], {.eps = 0.5}); },
      [](const auto& x) {
        // In one dimension the logarithm is that of a number.
        using T = typename std::decay_t<decltype(x[0])>::value_type;
        const Rows<T> s(x[0]), t(x[1]);
        const T u = std::log(covariance(s, 0, 0) + T(0.5)) - std::log(covariance(t, 0, 0) + T(0.5));
        return Tensor<T>::scalar(u * u / 4);
      },
      {{{{5, 1}, {7, 1}}}, {{{1, 1}, {40, 1}}}});
  auto f = [](const auto& x) { return log_coral(x[0], x[1]); };
  gradcheck(f, std::vector<Tensor<double>>{points(6, 4, 1), points(5, 4, 2)});
  gradgradcheck(f, std::vector<Tensor<double>>{points(6, 4, 1), points(5, 4, 2)});
}

TEST_CASE("cmd") {
  for (int moments : {1, 2, 5})
    check_op(
        "cmd", [&](const auto& x) { return cmd(x[0], x[1], {.moments = moments}); },
        [&](const auto& x) {
          using T = typename std::decay_t<decltype(x[0])>::value_type;
          const Rows<T> s(x[0]), t(x[1]);
          auto moment = [](const Rows<T>& r, index_t c, int k) {
            const T m = column_mean(r, c);
            if (k == 1) return m;
            T sum = 0;
            for (index_t i = 0; i < r.n; ++i) sum += std::pow(r(i, c) - m, static_cast<T>(k));
            return sum / static_cast<T>(r.n);
          };
          T total = 0;
          for (int k = 1; k <= moments; ++k) {
            T sum = 0;
            for (index_t c = 0; c < s.d; ++c) sum += std::pow(moment(s, c, k) - moment(t, c, k), T(2));
            total += std::sqrt(sum);
          }
          return Tensor<T>::scalar(total);
        },
        {{{{5, 3}, {7, 3}}}, {{{40, 6}, {31, 6}}}});
}

TEST_CASE("options as text, and what is refused") {
  CHECK(to_text(CoralOptions{}) == "coral(paper)");
  CHECK(to_text(coral_preset("tllib")) == "coral(tllib)");
  CHECK(to_text(LogCoralOptions{}) == "log_coral(eps 0.01)");
  CHECK(to_text(CmdOptions{}) == "cmd(moments 5)");
  const auto s = points(4, 3, 1), t = points(5, 3, 2);
  check_error([&] { coral(s, points(4, 2, 1)); }, {"[coral]", "(4, 3)", "(4, 2)"});
  check_error([&] { coral_preset("x"); }, {"[coral_preset]", "tllib"});
  check_error([&] { log_coral(s, t, {.eps = 0}); }, {"[log_coral]", "eps must be positive"});
  check_error([&] { cmd(s, t, {.moments = 0}); }, {"[cmd]", "at least one moment"});
  check_error([&] { cmd(s, t, {}, {.target = Tensor<double>::full({5}, -1)}); },
              {"[cmd]", "target weights", "-1"});
  check_error([&] { logm_spd(s); }, {"[logm_spd]", "square", "(4, 3)"});
  check_error([&] { logm_spd(Tensor<double>::eye(3) * -1.0); },
              {"[logm_spd]", "positive definite", "-1", "eps"});
  check_error([&] { logm_spd(Tensor<double>::full({2, 2}, std::nan(""))); }, {"[logm_spd]", "finite"});
}
