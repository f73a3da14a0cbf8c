// Confusion matrices against values worked out by hand, and what classes that do not occur do.
#include <limbic/core/compare.hpp>
#include <limbic/data/metrics.hpp>

#include "support/throws.hpp"

#include <doctest/doctest.h>

using limbic::index_t;
using limbic::Tensor;
using limbic::data::Confusion;

TEST_CASE("accuracy, macro-F1, kappa, recall and precision of a worked example") {
  // Truth in rows:  a 20 5,  b 10 15  (the classical example: p_o 0.7, p_e 0.5, kappa 0.4)
  Confusion c(2);
  c.add(0, 0, 20);
  c.add(0, 1, 5);
  c.add(1, 0, 10);
  c.add(1, 1, 15);
  CHECK(c.total() == 50);
  CHECK(c.accuracy() == doctest::Approx(0.7));
  CHECK(c.kappa() == doctest::Approx(0.4));
  CHECK(*c.recall(0) == doctest::Approx(0.8));
  CHECK(*c.recall(1) == doctest::Approx(0.6));
  CHECK(*c.precision(0) == doctest::Approx(20.0 / 30));
  CHECK(*c.precision(1) == doctest::Approx(15.0 / 20));
  CHECK(*c.f1(0) == doctest::Approx(40.0 / 55));
  CHECK(*c.f1(1) == doctest::Approx(30.0 / 45));
  CHECK(c.macro_f1() == doctest::Approx((40.0 / 55 + 30.0 / 45) / 2));
  CHECK(equal(c.matrix(), Tensor<index_t>::from({2, 2}, {20, 5, 10, 15})));
}

TEST_CASE("tensors are counted, matrices of folds are added") {
  const auto truth = Tensor<index_t>::from({5}, {0, 1, 2, 2, 1}),
             predicted = Tensor<index_t>::from({5}, {0, 2, 2, 2, 1});
  Confusion a(3), sum;
  a.add(truth, predicted);
  CHECK(a.count(1, 2) == 1);
  CHECK(a.count(2, 2) == 2);
  sum += a;
  sum += a;
  sum += Confusion();
  CHECK(sum.total() == 10);
  CHECK(sum.count(2, 2) == 4);
  CHECK(sum.accuracy() == doctest::Approx(0.8));
}

TEST_CASE("classes that do not occur") {
  Confusion c(4);  // 2 is predicted only, 3 is nowhere
  c.add(0, 0, 3);
  c.add(1, 1, 2);
  c.add(1, 2, 1);
  CHECK_FALSE(c.recall(2));
  CHECK(*c.precision(2) == 0);
  CHECK(*c.f1(2) == 0);
  CHECK_FALSE(c.f1(3));
  CHECK(c.macro_f1() == doctest::Approx((1 + 0.8 + 0) / 3));

  Confusion one(2);  // truth and predictions are one class: nothing beyond chance
  one.add(0, 0, 5);
  CHECK(one.accuracy() == 1);
  CHECK(one.kappa() == 0);
}

TEST_CASE("errors") {
  Confusion c(3);
  CHECK(thrown([&] { Confusion(0); }) == "[confusion] the number of classes must be 1 to 65535; got 0");
  CHECK(thrown([&] { c.add(0, 3); }) == "[confusion] classes must be in [0, 2]; got truth 0 and predicted 3");
  CHECK(thrown([&] { c.add(-1, 0); }) ==
        "[confusion] classes must be in [0, 2]; got truth -1 and predicted 0");
  CHECK(thrown([&] { c.accuracy(); }) == "[confusion] at least one window must have been counted; got none");
  CHECK(thrown([&] { c.macro_f1(); }) != "");
  CHECK(thrown([&] { c.kappa(); }) != "");
  CHECK(thrown([&] { c += Confusion(2); }) ==
        "[confusion] matrices of one number of classes are needed; got 3 and 2");
  CHECK(thrown([&] { c.add(Tensor<index_t>::zeros({2}), Tensor<index_t>::zeros({3})); }) ==
        "[confusion] one prediction for each window is needed; got truth (2) and predicted (3)");
}
