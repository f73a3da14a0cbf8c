// Losses on the form over pairs: energy distance, class-wise, local and joint MMD; squared distances.
#include <limbic/loss/energy_distance.hpp>
#include <limbic/loss/jmmd.hpp>
#include <limbic/loss/lmmd.hpp>
#include <limbic/ops/index_select.hpp>
#include <limbic/ops/softmax.hpp>

#include "loss/naive.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

const KernelOptions kFixed{.bandwidth = Bandwidth::fixed, .fixed = 2};

Tensor<double> points(index_t n, index_t d, unsigned seed) {
  return Tensor<double>::from({n, d}, random_values(n * d, -1, 1, 0, seed));
}
Tensor<index_t> labels(const std::vector<index_t>& v) {
  return Tensor<index_t>::from({static_cast<index_t>(v.size())}, v);
}
// i mod k, so that every class comes up.
Tensor<index_t> cyclic(index_t n, index_t k) {
  std::vector<index_t> v;
  for (index_t i = 0; i < n; ++i) v.push_back(i % k);
  return labels(v);
}
Tensor<double> probabilities(index_t n, index_t k) { return softmax(points(n, k, 99) * 3.0); }

template <class T>
Tensor<T> rows_of(const Tensor<T>& x, const Tensor<index_t>& label, index_t c) {
  std::vector<index_t> at;
  for (index_t i = 0; i < x.size(0); ++i)
    if (label.at(i) == c) at.push_back(i);
  return index_select(x, 0, labels(at));
}

}  // namespace

TEST_CASE("energy_distance") {
  check_op(
      "energy_distance", [](const auto& x) { return energy_distance(x[0], x[1]); },
      [](const auto& x) {
        using T = typename std::decay_t<decltype(x[0])>::value_type;
        return Tensor<T>::scalar(naive_mmd(x[0], x[1], [](T d) { return -std::sqrt(d); }));
      },
      {{{{5, 3}, {7, 3}}}, {{{1, 2}, {3, 2}}}, {{{70, 5}, {40, 5}}}});
  const auto s = points(40, 3, 1), t = points(30, 3, 2);
  CHECK(std::fabs(energy_distance(s, s.clone()).item()) < 1e-12);
  CHECK(energy_distance(s, t).item() == doctest::Approx(energy_distance(t, s).item()).epsilon(1e-12));
  CHECK(energy_distance(s * 3.0, t * 3.0).item() ==
        doctest::Approx(3 * energy_distance(s, t).item()).epsilon(1e-12));
  const auto x = Var<double>::leaf(Tensor<double>::ones({4, 3}));
  backward(energy_distance(x, Tensor<double>::ones({2, 3})));
  CHECK(max_abs(x.grad()) == 0);
  check_error([&] { energy_distance(s, points(3, 2, 1)); }, {"[energy_distance]", "(40, 3)", "(3, 2)"});
}

TEST_CASE("squared_distances") {
  check_op(
      "squared_distances", [](const auto& x) { return squared_distances(x[0], x[1]); },
      [](const auto& x) {
        using T = typename std::decay_t<decltype(x[0])>::value_type;
        const Rows<T> a(x[0]), b(x[1]);
        std::vector<T> y;
        for (index_t i = 0; i < a.n; ++i)
          for (index_t j = 0; j < b.n; ++j) y.push_back(a.distance(i, b, j));
        return Tensor<T>::from({a.n, b.n}, y);
      },
      {{{{4, 3}, {6, 3}}}, {{{1, 1}, {1, 1}}}, {{{70, 9}, {33, 9}}}});
  const auto x = points(9, 3, 1).to<float>() + 100.0f;
  CHECK(max_abs(squared_distances(x, x).diagonal()) == 0);
}

TEST_CASE("class_mmd is the mean of the classes' own") {
  for (auto [n, m] : {std::pair<index_t, index_t>{7, 8}, {70, 75}}) {
    const auto ls = cyclic(n, 3), lt = cyclic(m, 4);  // class 3 is in the target only
    check_op(
        "class_mmd",
        [&](const auto& x) { return class_mmd(x[0], x[1], beside(x[0], ls), beside(x[0], lt), 5, kFixed); },
        [&](const auto& x) {
          using T = typename std::decay_t<decltype(x[0])>::value_type;
          T sum = 0;
          for (index_t c = 0; c < 3; ++c)
            sum += naive_mmd(rows_of(x[0], ls, c), rows_of(x[1], lt, c), NaiveGaussian{});
          return Tensor<T>::scalar(sum / T(3));
        },
        {{{{n, 3}, {m, 3}}}});
  }
  const auto x = Var<double>::leaf(points(2, 3, 1)), t = Var<double>::leaf(points(3, 3, 2));
  const auto none = class_mmd(x, t, labels({0, 0}), labels({1, 1, 2}), 3);
  backward(none);
  CHECK(none.item() == 0);
  CHECK(max_abs(x.grad()) == 0);
}

TEST_CASE("lmmd") {
  const auto ls = cyclic(6, 3);
  const auto p = probabilities(7, 4);
  check_op(
      "lmmd",
      [&](const auto& x) {
        using T = scalar_of<std::decay_t<decltype(x[0])>>;
        return lmmd(x[0], x[1], beside(x[0], ls), beside(x[0], p.template to<T>()), kFixed);
      },
      [&](const auto& x) {
        using T = typename std::decay_t<decltype(x[0])>::value_type;
        const Rows<T> s(x[0]), t(x[1]);
        const Rows<double> q(p);
        double sum = 0;
        index_t classes = 0;
        for (index_t c = 0; c < 3; ++c) {  // class 3 has no source sample
          bool present = false;
          double column = 0;
          for (index_t j = 0; j < 7; ++j) {
            column += q(j, c);
            bool best = true;
            for (index_t k = 0; k < 4; ++k) best = best && q(j, c) >= q(j, k);
            present = present || best;
          }
          if (!present) continue;
          ++classes;
          const NaiveGaussian k;
          auto ws = [&](index_t i) { return i % 3 == c ? 0.5 : 0.0; };
          auto wt = [&](index_t j) { return q(j, c) / column; };
          for (index_t i = 0; i < 6; ++i)
            for (index_t j = 0; j < 6; ++j)
              sum += ws(i) * ws(j) * static_cast<double>(k(s.distance(i, s, j)));
          for (index_t i = 0; i < 7; ++i)
            for (index_t j = 0; j < 7; ++j)
              sum += wt(i) * wt(j) * static_cast<double>(k(t.distance(i, t, j)));
          for (index_t i = 0; i < 6; ++i)
            for (index_t j = 0; j < 7; ++j)
              sum -= 2 * ws(i) * wt(j) * static_cast<double>(k(s.distance(i, t, j)));
        }
        REQUIRE(classes > 0);
        return Tensor<T>::scalar(static_cast<T>(sum / static_cast<double>(classes)));
      },
      {{{{6, 3}, {7, 3}}}});
  // With certain predictions it is class_mmd.
  const auto s = points(6, 3, 5), t = points(5, 3, 6);
  const auto lt = labels({0, 1, 2, 1, 0});
  Tensor<double> hot = Tensor<double>::zeros({5, 3});
  for (index_t i = 0; i < 5; ++i) hot.set({i, lt.at(i)}, 1);
  CHECK(lmmd(s, t, ls, hot).item() == doctest::Approx(class_mmd(s, t, ls, lt, 3).item()).epsilon(1e-12));
  const auto w = Tensor<double>::ones({6});
  CHECK(lmmd(s, t, ls, hot, kFixed, {.source = w}).item() ==
        doctest::Approx(lmmd(s, t, ls, hot, kFixed).item()).epsilon(1e-12));
}

TEST_CASE("jmmd multiplies the layers' kernels") {
  auto reference = [](const auto& x) {
    using T = typename std::decay_t<decltype(x[0])>::value_type;
    const Rows<T> s0(x[0]), t0(x[1]), s1(x[2]), t1(x[3]);
    const NaiveGaussian k;
    auto mean_of = [&](const Rows<T>& a0, const Rows<T>& b0, const Rows<T>& a1, const Rows<T>& b1) {
      T sum = 0;
      for (index_t i = 0; i < a0.n; ++i)
        for (index_t j = 0; j < b0.n; ++j) sum += k(a0.distance(i, b0, j)) * k(a1.distance(i, b1, j));
      return sum / static_cast<T>(a0.n * b0.n);
    };
    return Tensor<T>::scalar(mean_of(s0, s0, s1, s1) + mean_of(t0, t0, t1, t1) - 2 * mean_of(s0, t0, s1, t1));
  };
  check_op("jmmd",
           [](const auto& x) {
             using X = std::decay_t<decltype(x[0])>;
             return jmmd(std::vector<X>{x[0], x[2]}, std::vector<X>{x[1], x[3]}, {kFixed});
           },
           reference, {{{{4, 3}, {5, 3}, {4, 2}, {5, 2}}}, {{{70, 3}, {30, 3}, {70, 2}, {30, 2}}}});
  const std::vector<Tensor<double>> s{points(6, 3, 1)}, t{points(7, 3, 2)};
  CHECK(jmmd(s, t, {KernelOptions{}}).item() == doctest::Approx(mmd(s[0], t[0]).item()).epsilon(1e-12));
}

TEST_CASE("collapse and single samples have a value and a gradient") {
  const auto hot = [](index_t m) {
    auto p = Tensor<double>::full({m, 2}, 0.25);
    for (index_t i = 0; i < m; ++i) p.set({i, i % 2}, 0.75);
    return p;
  };
  const auto one = [&](const Tensor<double>& source, const Tensor<double>& target, bool equal) {
    const index_t n = source.size(0), m = target.size(0);
    CAPTURE(n);
    CAPTURE(m);
    for (Kernel k : {Kernel::gaussian, Kernel::laplacian, Kernel::distance})
      for (int which = 0; which < 3; ++which) {
        CAPTURE(which);
        const auto s = Var<double>::leaf(source), t = Var<double>::leaf(target);
        const BareKernelOptions o{.kernel = k};
        const auto y = which == 0
                           ? jmmd(std::vector{s, slice(s, 1, 0, 1)}, std::vector{t, slice(t, 1, 0, 1)}, {o})
                       : which == 1 ? class_mmd(s, t, cyclic(n, 2), cyclic(m, 2), 2, o)
                                    : lmmd(s, t, cyclic(n, 2), hot(m), o);
        backward(y);
        CHECK(std::isfinite(y.item()));
        CHECK(y.item() >= 0);
        CHECK(all_finite(Cpu{}, s.grad()));
        CHECK(all_finite(Cpu{}, t.grad()));
        if (!equal) continue;
        CHECK(y.item() < 1e-14);
        CHECK(max_abs(s.grad()) == 0);
        CHECK(max_abs(t.grad()) == 0);
      }
  };
  one(Tensor<double>::full({4, 3}, 0.1), Tensor<double>::full({5, 3}, 0.1), true);
  one(points(1, 3, 1), points(4, 3, 2), false);
  one(points(4, 3, 1), points(1, 3, 2), false);
  one(points(1, 3, 1), points(1, 3, 2), false);
  // Of one sample on each side the local form is their kernel's distance.
  const auto s = points(1, 3, 1), t = points(1, 3, 2);
  CHECK(lmmd(s, t, labels({1}), Tensor<double>::from({1, 2}, {0.1, 0.9}), kFixed).item() ==
        doctest::Approx(naive_mmd(s, t, NaiveGaussian{})).epsilon(1e-12));
}

TEST_CASE("none is negative in float, of batches that hardly differ") {
  double least = 1;
  for (unsigned seed = 0; seed < 40; ++seed) {
    const auto s = points(21, 4, 2 * seed).to<float>(),
               t = s + points(21, 4, 2 * seed + 1).to<float>() * 1e-6f;
    const auto l = cyclic(21, 3);
    Tensor<float> p = Tensor<float>::zeros({21, 3});
    for (index_t i = 0; i < 21; ++i) p.set({i, i % 3}, 1);
    for (float v : {energy_distance(s, t).item(), class_mmd(s, t, l, l, 3).item(), lmmd(s, t, l, p).item(),
                    jmmd(std::vector{s, s}, std::vector{t, t}).item()})
      least = std::min(least, static_cast<double>(v));
  }
  CHECK(least >= 0);
}

TEST_CASE("what they refuse") {
  const auto s = points(4, 3, 1), t = points(5, 3, 2);
  const auto ls = labels({0, 1, 2, 0}), lt = labels({0, 1, 1, 2, 2});
  check_error(
      [&] {
        class_mmd(s, t, ls, labels({0, 1}), 3);
      },
      {"[class_mmd]", "target labels", "(5)", "(2)"});
  check_error(
      [&] {
        class_mmd(s, t, labels({0, 1, 3, 0}), lt, 3);
      },
      {"[class_mmd]", "source labels", "[0, 3)", "got 3 at 2"});
  check_error([&] { class_mmd(s, t, ls, lt, 0); }, {"[class_mmd]", "one class"});
  check_error(
      [&] {
        class_mmd(s, t, ls, labels({0, 1, 1, 2, 7}), 3);
      },
      {"[class_mmd]", "target labels", "[0, 3)", "got 7 at 4"});
  const auto p = Tensor<double>::ones({5, 3});
  auto nan = s.clone(), far = t.clone();
  nan.set({1, 2}, NAN);
  far.set({3, 0}, -INFINITY);
  check_error([&] { lmmd(s, points(5, 2, 1), ls, p); }, {"[lmmd]", "one width", "(4, 3)", "(5, 2)"});
  check_error([&] { lmmd(nan, t, ls, p); }, {"[lmmd]", "source must be finite", "nan at (1, 2) of (4, 3)"});
  check_error([&] { lmmd(s, far, ls, p); }, {"[lmmd]", "target must be finite", "-inf at (3, 0) of (5, 3)"});
  check_error([&] { class_mmd(nan, t, ls, lt, 3); },
              {"[class_mmd]", "source must be finite", "nan at (1, 2)"});
  check_error([&] { energy_distance(s, far); },
              {"[energy_distance]", "target must be finite", "-inf at (3, 0)"});
  check_error(
      [&] {
        jmmd(std::vector{s, nan}, std::vector{t, t});
      },
      {"[jmmd]", "source layer 1 must be finite", "nan at (1, 2)"});
  check_error([&] { jmmd(std::vector{s}, std::vector{far}); },
              {"[jmmd]", "target must be finite", "-inf at (3, 0)"});
  check_error([&] { lmmd(s, t, ls, p, {.bandwidth = Bandwidth::fixed, .fixed = -1}); },
              {"[lmmd]", "bandwidth must be positive", "-1"});
  check_error([&] { jmmd(std::vector{s}, std::vector{t}, {{.bandwidth = Bandwidth::fixed, .fixed = NAN}}); },
              {"[jmmd]", "bandwidth must be positive", "nan"});
  check_error([&] { lmmd(s, t, ls, Tensor<double>::ones({4, 3})); }, {"[lmmd]", "(5, K)", "(4, 3)"});
  check_error(
      [&] {
        lmmd(s, t, ls, Tensor<double>::full({5, 3}, -1));
      },
      {"[lmmd]", "not negative", "softmax"});
  check_error([&] { lmmd(s, t, ls, Tensor<double>::zeros({5, 3})); }, {"[lmmd]", "not all be 0", "target 0"});
  check_error(
      [&] {
        lmmd(s, t, labels({0, 1, -1, 0}), Tensor<double>::ones({5, 3}));
      },
      {"[lmmd]", "got -1 at 2"});
  const std::vector<Tensor<double>> two{s, s}, one{t};
  check_error([&] { jmmd(two, one); }, {"[jmmd]", "2 and 1"});
  check_error([&] { jmmd(std::vector<Tensor<double>>{}, std::vector<Tensor<double>>{}); },
              {"[jmmd]", "at least one"});
  check_error([&] { jmmd(two, {t, points(6, 3, 1)}); }, {"[jmmd]", "same samples", "(6, 3)"});
  check_error(
      [&] {
        jmmd(two, two, {KernelOptions{}, KernelOptions{}, KernelOptions{}});
      },
      {"[jmmd]", "3 for 2"});
}
