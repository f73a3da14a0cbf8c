// Laws that every alignment loss obeys, checked on all of them in one table; and what all refuse.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/random.hpp>
#include <limbic/loss/alignment_modules.hpp>
#include <limbic/ops/index_select.hpp>

#include "loss/naive.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

using Data = Tensor<double>;

Data points(index_t n, index_t d, unsigned seed, double low = -1, double high = 1) {
  return Data::from({n, d}, random_values(n * d, low, high, 0, seed));
}
// Classes by position; class-wise losses need some. Row order is then to be kept within the batch.
Tensor<index_t> classes(index_t n) {
  std::vector<index_t> v;
  for (index_t i = 0; i < n; ++i) v.push_back(i * 3 / n);
  return Tensor<index_t>::from({n}, v);
}
Data one_hot_of(index_t n) {
  Data p = Data::full({n, 3}, 0.1);
  for (index_t i = 0; i < n; ++i) p.set({i, i * 3 / n}, 0.8);
  return p;
}

struct Law {
  std::string name;
  std::function<double(const Data&, const Data&)> loss;
  bool zero_when_equal = true, negative = false, by_class = false, symmetric = true, equal_sizes = false;
  bool row_order = true;
};

std::vector<Law> all_losses() {
  std::vector<Law> out;
  for (Kernel k : {Kernel::gaussian, Kernel::laplacian, Kernel::linear, Kernel::distance})
    for (MmdEstimator e : {MmdEstimator::biased, MmdEstimator::unbiased, MmdEstimator::linear}) {
      const MmdOptions o{.estimator = e, .kernel = {.kernel = k}};
      const bool biased = e == MmdEstimator::biased, linear = e == MmdEstimator::linear;
      out.push_back({.name = to_text(o),
                     .loss = [o](const Data& s, const Data& t) { return mmd(s, t, o).item(); },
                     .zero_when_equal = biased || linear,
                     .negative = !biased,
                     .equal_sizes = linear,
                     .row_order = !linear});
    }
  for (const char* preset : {"transferlearning", "tllib"})
    out.push_back(
        {.name = preset,
         .loss = [o = mmd_preset(preset)](const Data& s, const Data& t) { return mmd(s, t, o).item(); },
         .zero_when_equal = false,
         .negative = true,
         // tllib adds 2 / (n - 1) of the source's n.
         .symmetric = preset != std::string("tllib")});
  out.push_back({.name = "energy_distance",
                 .loss = [](const Data& s, const Data& t) { return energy_distance(s, t).item(); }});
  out.push_back(
      {.name = "jmmd", .loss = [](const Data& s, const Data& t) {
         return jmmd(std::vector<Data>{s, slice(s, 1, 0, 2)}, std::vector<Data>{t, slice(t, 1, 0, 2)}).item();
       }});
  out.push_back({.name = "class_mmd",
                 .loss =
                     [](const Data& s, const Data& t) {
                       return class_mmd(s, t, classes(s.size(0)), classes(t.size(0)), 3).item();
                     },
                 .by_class = true});
  out.push_back(
      {.name = "lmmd",
       .loss = [](const Data& s,
                  const Data& t) { return lmmd(s, t, classes(s.size(0)), one_hot_of(t.size(0))).item(); },
       .zero_when_equal = false,
       .by_class = true,
       .symmetric = false});
  out.push_back({.name = "coral", .loss = [](const Data& s, const Data& t) { return coral(s, t).item(); }});
  out.push_back({.name = "coral tllib", .loss = [](const Data& s, const Data& t) {
                   return coral(s, t, coral_preset("tllib")).item();
                 }});
  out.push_back(
      {.name = "log_coral", .loss = [](const Data& s, const Data& t) { return log_coral(s, t).item(); }});
  out.push_back({.name = "cmd", .loss = [](const Data& s, const Data& t) { return cmd(s, t).item(); }});
  return out;
}

}  // namespace

TEST_CASE("symmetry, row order, translation, equal batches, sign") {
  for (const Law& law : all_losses()) {
    CAPTURE(law.name);
    const auto s = points(30, 4, 1), t = points(law.equal_sizes ? 30 : 24, 4, 2) * 1.5 + 0.25;
    const double d = law.loss(s, t), close = 1e-11;
    auto near = [&](double v) { return std::fabs(v - d) <= close * std::max(1.0, std::fabs(d)); };
    CHECK(d > 0);
    if (law.symmetric) CHECK(near(law.loss(t, s)));
    if (law.zero_when_equal) CHECK(std::fabs(law.loss(s, s.clone())) <= 1e-14);
    CHECK(near(law.loss(s + 32.0, t + 32.0)));
    // Any order of rows; within a class for those that name rows by class; the neighbours stay for the linear
    // form.
    if (law.by_class) {
      const auto within = Tensor<index_t>::from({30}, [] {
        std::vector<index_t> v;
        for (index_t c = 0; c < 3; ++c)
          for (index_t i = 9; i >= 0; --i) v.push_back(c * 10 + i);
        return v;
      }());
      CHECK(near(law.loss(index_select(s, 0, within), t)));
    } else if (law.row_order) {
      CHECK(near(law.loss(flip(s, {0}), t)));
      CHECK(near(law.loss(s, index_select(t, 0, Random(1).stream("order").permutation(t.size(0))))));
    } else {
      CHECK(near(law.loss(concat({slice(s, 0, 7), slice(s, 0, 0, 7)}),
                          concat({slice(t, 0, 7), slice(t, 0, 0, 7)}))));
      CHECK_FALSE(near(law.loss(s, concat({slice(t, 0, 7), slice(t, 0, 0, 7)}))));
    }
    // Batches of one law: losses that may be negative are so now and then, the others never.
    double least = 1e9;
    for (unsigned seed = 10; seed < 60; ++seed)
      least = std::min(least, law.loss(points(9, 2, 2 * seed), points(9, 2, 2 * seed + 1)));
    if (!law.negative) CHECK(least >= 0);
    else if (law.name != "tllib" && law.name != "transferlearning") CHECK(least < 0);
  }
}

TEST_CASE("laws of scale") {
  const auto s = points(20, 4, 1), t = points(30, 4, 2) * 2.0;
  for (double a : {3.0, -0.5}) {
    CHECK(coral(s * a, t * a).item() == doctest::Approx(std::pow(a, 4) * coral(s, t).item()).epsilon(1e-12));
    CHECK(energy_distance(s * a, t * a).item() ==
          doctest::Approx(std::fabs(a) * energy_distance(s, t).item()).epsilon(1e-12));
    const MmdOptions linear{.kernel = {.kernel = Kernel::linear}}, free{.kernel = {.eps = 0}};
    CHECK(mmd(s * a, t * a, linear).item() ==
          doctest::Approx(a * a * mmd(s, t, linear).item()).epsilon(1e-12));
    CHECK(mmd(s * a, t * a, free).item() == doctest::Approx(mmd(s, t, free).item()).epsilon(1e-12));
    CHECK(log_coral(s * a, t * a, {.eps = 0.01 * a * a}).item() ==
          doctest::Approx(log_coral(s, t).item()).epsilon(1e-9));
  }
  // A rotation of both changes none of them but cmd.
  const double c = std::cos(0.7), q = std::sin(0.7);
  const auto turn = Data::from({4, 4}, {c, -q, 0, 0, q, c, 0, 0, 0, 0, 1, 0, 0, 0, 0, -1});
  const auto sr = matmul(s, turn), tr = matmul(t, turn);
  CHECK(coral(sr, tr).item() == doctest::Approx(coral(s, t).item()).epsilon(1e-12));
  CHECK(log_coral(sr, tr).item() == doctest::Approx(log_coral(s, t).item()).epsilon(1e-10));
  CHECK(mmd(sr, tr).item() == doctest::Approx(mmd(s, t).item()).epsilon(1e-12));
  CHECK(energy_distance(sr, tr).item() == doctest::Approx(energy_distance(s, t).item()).epsilon(1e-12));
}

TEST_CASE("one sample on a side has a value and a gradient") {
  for (index_t n : {1, 5})
    for (index_t m : {1, 5}) {
      if (n == 5 && m == 5) continue;
      auto defined = [&](const char* name, auto f) {
        CAPTURE(name);
        const auto s = Var<double>::leaf(points(n, 3, 1)), t = Var<double>::leaf(points(m, 3, 2));
        const auto y = f(s, t);
        backward(y);
        CHECK(std::isfinite(y.item()));
        CHECK(all_finite(Cpu{}, s.grad()));
        CHECK(all_finite(Cpu{}, t.grad()));
      };
      for (MmdEstimator e : {MmdEstimator::biased, MmdEstimator::unbiased, MmdEstimator::linear}) {
        if (e == MmdEstimator::linear && n != m) continue;
        defined("mmd", [&](const auto& s, const auto& t) { return mmd(s, t, {.estimator = e}); });
      }
      defined("tllib", [&](const auto& s, const auto& t) { return mmd(s, t, mmd_preset("tllib")); });
      defined("energy_distance", [](const auto& s, const auto& t) { return energy_distance(s, t); });
      defined("coral", [](const auto& s, const auto& t) { return coral(s, t); });
      defined("log_coral", [](const auto& s, const auto& t) { return log_coral(s, t); });
      defined("cmd", [](const auto& s, const auto& t) { return cmd(s, t); });
      defined("class_mmd", [](const auto& s, const auto& t) {
        return class_mmd(s, t, classes(s.size(0)), classes(t.size(0)), 3);
      });
      defined("jmmd", [](const auto& s, const auto& t) { return jmmd(std::vector{s}, std::vector{t}); });
    }
}

TEST_CASE("a class missing on one side does not count, and none in common gives 0") {
  const auto s = points(4, 3, 1), t = points(5, 3, 2);
  auto ints = [](std::vector<index_t> v) {
    return Tensor<index_t>::from({static_cast<index_t>(v.size())}, v);
  };
  const auto both = class_mmd(s, t, ints({0, 0, 1, 2}), ints({0, 0, 3, 3, 3}), 4);
  const KernelOptions k{.eps = 0, .bandwidth = Bandwidth::fixed, .fixed = 2};
  CHECK(class_mmd(s, t, ints({0, 0, 1, 2}), ints({0, 0, 3, 3, 3}), 4, k).item() ==
        doctest::Approx(mmd(slice(s, 0, 0, 2), slice(t, 0, 0, 2), {.kernel = k}).item()).epsilon(1e-12));
  CHECK(both.item() > 0);
  const auto x = Var<double>::leaf(s), y = Var<double>::leaf(t);
  const auto none = class_mmd(x, y, ints({0, 0, 1, 1}), ints({2, 2, 3, 3, 3}), 4);
  backward(none);
  CHECK(none.item() == 0);
  CHECK(max_abs(x.grad()) == 0);
  CHECK(max_abs(y.grad()) == 0);
  Data p = Data::zeros({5, 4});
  for (index_t i = 0; i < 5; ++i) p.set({i, 3}, 1);
  CHECK(lmmd(s, t, ints({0, 0, 1, 1}), p).item() == 0);
}

TEST_CASE("features that are not finite, and widths that differ, are named by every loss") {
  auto bad = points(6, 3, 1);
  bad.set({4, 1}, std::nan(""));
  auto far = points(6, 3, 1);
  far.set({2, 0}, INFINITY);
  const auto good = points(5, 3, 2), narrow = points(5, 2, 2);
  auto refuses = [&](const char* name, auto f) {
    CAPTURE(name);
    const std::string op = "[" + std::string(name) + "]";
    check_error([&] { f(bad, good); }, {op.c_str(), "finite"});
    check_error([&] { f(good, far); }, {op.c_str(), "finite"});
    check_error([&] { f(good, narrow); }, {op.c_str(), "(5, 3)", "(5, 2)"});
    check_error([&] { f(Data::zeros({0, 3}), good); }, {op.c_str(), "at least one sample", "(0, 3)"});
  };
  refuses("mmd", [](const auto& s, const auto& t) { return mmd(s, t); });
  refuses("energy_distance", [](const auto& s, const auto& t) { return energy_distance(s, t); });
  refuses("jmmd", [](const auto& s, const auto& t) { return jmmd(std::vector{s}, std::vector{t}); });
  refuses("class_mmd", [](const auto& s, const auto& t) {
    return class_mmd(s, t, classes(s.size(0)), classes(t.size(0)), 3);
  });
  refuses("coral", [](const auto& s, const auto& t) { return coral(s, t); });
  refuses("log_coral", [](const auto& s, const auto& t) { return log_coral(s, t); });
  refuses("cmd", [](const auto& s, const auto& t) { return cmd(s, t); });
  refuses("coral_matrix", [](const auto& s, const auto& t) { return coral_transform(s, t); });
  check_error([&] { coral(bad, good); }, {"source must be finite", "nan at (4, 1) of (6, 3)"});
  check_error([&] { cmd(good, far); }, {"target must be finite", "inf at (2, 0) of (6, 3)"});
  // Finite, but beyond the type.
  const auto huge = Tensor<float>::from({2, 1}, {1e20f, -1e20f}), plain = Tensor<float>::from({2, 1}, {1, 2});
  check_error([&] { coral(huge, plain); }, {"[coral]", "value must be finite", "scale"});
  check_error([&] { mmd(huge, plain); }, {"[mmd]", "squares"});
}
