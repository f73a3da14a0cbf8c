// Normalisation: statistics, constant features, names.
#include <limbic/core/compare.hpp>
#include <limbic/data/scaler.hpp>

#include "support/throws.hpp"

#include <doctest/doctest.h>

using limbic::Tensor;
using namespace limbic::data;

TEST_CASE("z-score: mean 0, population standard deviation 1, per feature, over all parts") {
  const std::vector<Tensor<float>> parts{Tensor<float>::from({2, 1, 2}, {1, 10, 2, 20}),
                                         Tensor<float>::from({1, 1, 2}, {6, 60})};
  const Scaler s = Scaler::fit(ScaleMethod::z_score, parts);
  CHECK(s.shift() == std::vector<double>{3, 30});
  CHECK(1 / s.scale()[0] == doctest::Approx(std::sqrt(14.0 / 3)));
  auto x = Tensor<float>::from({2, 2}, {3, 30, 6, 0});
  s.apply(x);
  CHECK(all_close(x, Tensor<float>::from({2, 2}, {0, 0, 1.3887302f, -1.3887302f})));
}

TEST_CASE("far from zero nothing is lost") {
  std::vector<float> v;
  for (int i = 0; i < 1000; ++i) v.push_back(1e6f + static_cast<float>(i % 2));
  auto x = Tensor<float>::from({1000, 1}, v);
  Scaler::fit(ScaleMethod::z_score, x).apply(x);
  CHECK(x.at(0, 0) == doctest::Approx(-1));
  CHECK(x.at(1, 0) == doctest::Approx(1));
}

TEST_CASE("min-max and none") {
  auto x = Tensor<float>::from({3, 2}, {1, 5, 2, 7, 3, 9});
  Scaler::fit(ScaleMethod::min_max, x).apply(x);
  CHECK(all_close(x, Tensor<float>::from({3, 2}, {0, 0, 0.5, 0.5, 1, 1})));
  auto same = x.clone();
  const Scaler none = Scaler::fit(ScaleMethod::none, x);
  CHECK(none.identity());
  none.apply(same);
  CHECK(equal(same, x));
}

TEST_CASE("constant features become 0 and are counted, elsewhere too") {
  for (ScaleMethod m : {ScaleMethod::z_score, ScaleMethod::min_max}) {
    const Scaler s = Scaler::fit(m, Tensor<float>::from({3, 2}, {0.1f, 1, 0.1f, 2, 0.1f, 3}));
    CHECK(s.constant_features() == 1);
    auto other = Tensor<float>::from({1, 2}, {7, 2});
    s.apply(other);
    CHECK(other.at(0, 0) == 0);
    const Scaler saved = Scaler::from(s.shift(), s.scale());
    CHECK(saved.constant_features() == 1);
  }
}

TEST_CASE("names and sentences") {
  for (const char* name : {"z-score", "z-score-source", "min-max", "min-max-source", "none"}) {
    CHECK(to_text(normalisation_of(name)) == name);
    CHECK(describe(normalisation_of(name)).back() == '.');
  }
  CHECK(Normalisation{} == normalisation_of("z-score"));
  CHECK(describe({}).find("transductive") != std::string::npos);
  CHECK(thrown([] { normalisation_of("zscore"); }) ==
        "[normalisation] one of z-score, z-score-source, min-max, min-max-source, none is needed; got "
        "'zscore'");
}

TEST_CASE("errors") {
  const float kNan = std::numeric_limits<float>::quiet_NaN();
  CHECK(thrown([&] {
          Scaler::fit(ScaleMethod::z_score, Tensor<float>::from({2, 2}, {1, kNan, 2, 3}));
        }) == "[scaler] finite values are needed; feature 1 of 2 has some that are not");
  CHECK(thrown([] {
          Scaler::fit(ScaleMethod::z_score, Tensor<float>::zeros({0, 2}));
        }) == "[scaler] at least one window is needed; got none");
  CHECK(thrown([] { Scaler::fit(ScaleMethod::z_score, std::span<const Tensor<float>>()); }) != "");
  const std::vector<Tensor<float>> differ{Tensor<float>::zeros({2, 31}), Tensor<float>::zeros({2, 33})};
  CHECK(thrown([&] { Scaler::fit(ScaleMethod::min_max, differ); }) ==
        "[scaler] parts with the same features are needed; got (2, 33) after (2, 31)");
  auto x = Tensor<float>::zeros({2, 3});
  CHECK(thrown([&] {
          Scaler::fit(ScaleMethod::z_score, Tensor<float>::zeros({2, 2})).apply(x);
        }) == "[scaler] windows of 2 features are needed; got (2, 3)");
}
