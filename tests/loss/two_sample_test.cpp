// The estimators of MMD as statistics, and the permutation test built on them. All data is drawn from fixed
// streams.
#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/loss/two_sample_test.hpp>

#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

constexpr MmdEstimator kAll[] = {MmdEstimator::biased, MmdEstimator::unbiased, MmdEstimator::linear};

// The bandwidth must not follow the data where the expectation has to be exact.
MmdOptions fixed(MmdEstimator e) {
  return {.estimator = e, .kernel = {.eps = 0, .bandwidth = Bandwidth::fixed, .fixed = 4}};
}

// How many of `tests` data sets are told apart at 5 %, target = source law * spread + shift.
int rejections(MmdEstimator e, int tests, index_t n, double shift, double spread) {
  RandomStream random = Random(11).stream(to_text(e));
  int rejected = 0;
  for (int i = 0; i < tests; ++i) {
    const auto s = random.normal<double>({n, 2}), t = random.normal<double>({n, 2}) * spread + shift;
    const auto result =
        mmd_permutation_test(s, t, random, {.estimator = e, .kernel = {.bandwidth = Bandwidth::median}}, 99);
    rejected += result.p_value <= 0.05;
  }
  return rejected;
}

}  // namespace

TEST_CASE("on one law, unbiased and linear estimates average to zero and the biased one is never below it") {
  RandomStream random = Random(5).stream("same law");
  constexpr int kDraws = 3000;
  for (MmdEstimator e : kAll) {
    CAPTURE(to_text(e));
    double sum = 0, squares = 0, least = 1e9;
    for (int i = 0; i < kDraws; ++i) {
      const auto s = random.normal<double>({12, 3});
      const auto t = random.normal<double>({e == MmdEstimator::linear ? 12 : 9, 3});
      const double v = mmd(s, t, fixed(e)).item();
      sum += v;
      squares += v * v;
      least = std::min(least, v);
    }
    const double average = sum / kDraws, error = std::sqrt((squares / kDraws - average * average) / kDraws);
    CAPTURE(average);
    CAPTURE(error);
    REQUIRE(error > 0);
    if (e == MmdEstimator::biased) {
      CHECK(least >= 0);
      CHECK(average > 20 * error);  // its bias: E k(x, x) (1/n + 1/m) less what the pairs share
    } else {
      CHECK(std::fabs(average) < 3.5 * error);
      CHECK(least < 0);
    }
  }
}

TEST_CASE("the permutation test keeps its level and has power") {
  for (MmdEstimator e : kAll) {
    CAPTURE(to_text(e));
    // 400 tests at 5 %: 20 expected, standard deviation 4.4.
    const int by_chance = rejections(e, 400, 12, 0, 1);
    CHECK(by_chance <= 20 + 3.5 * 4.4);
    CHECK(by_chance >= 20 - 3.5 * 4.4);
    // Linear time costs power: it sees 2 n of the n^2 pairs.
    const bool linear = e == MmdEstimator::linear;
    CHECK(rejections(e, 40, linear ? 120 : 30, 1.0, 1) >= 36);
    if (!linear) CHECK(rejections(e, 40, 40, 0, 2.5) >= 36);
  }
}

TEST_CASE("the statistic is mmd(), permuted statistics are those of relabelled samples") {
  RandomStream random = Random(3).stream("data");
  const auto s = random.normal<double>({70, 4}), t = random.normal<double>({50, 4}) + 0.3;
  const auto z = concat({s, t});
  for (Kernel k : {Kernel::gaussian, Kernel::laplacian, Kernel::linear, Kernel::distance})
    for (MmdOptions o :
         {MmdOptions{}, MmdOptions{.estimator = MmdEstimator::unbiased}, mmd_preset("tllib")}) {
      o.kernel.kernel = k;
      RandomStream draws = Random(4).stream("relabel"), again = draws;
      const auto result = mmd_permutation_test(s, t, draws, o, 5);
      CHECK(result.statistic == doctest::Approx(mmd(s, t, o).item()).epsilon(1e-9));
      REQUIRE(result.permuted.size() == 5);
      for (double v : result.permuted) {
        const auto order = again.permutation(120);
        const auto a = index_select(z, 0, order.slice(0, 0, 70)),
                   b = index_select(z, 0, order.slice(0, 70, 120));
        CHECK(v == doctest::Approx(mmd(a, b, o).item()).epsilon(1e-9));
      }
    }
  RandomStream draws = Random(4).stream("relabel");
  const auto half = slice(s, 0, 0, 50);
  CHECK(mmd_permutation_test(half, t, draws, mmd_preset("uf_ama"), 9).statistic ==
        doctest::Approx(mmd(half, t, mmd_preset("uf_ama")).item()).epsilon(1e-9));
  const MmdOptions offset{.estimator = MmdEstimator::linear,
                          .unbiased_offset = true};  // which it has none of
  CHECK(mmd_permutation_test(half, t, draws, offset, 9).statistic ==
        doctest::Approx(mmd(half, t, offset).item()).epsilon(1e-9));
}

TEST_CASE("p values") {
  RandomStream random = Random(6).stream("p");
  const auto far = random.normal<float>({20, 2}), near = random.normal<float>({20, 2}) + 50.0f;
  CHECK(mmd_permutation_test(far, near, random, {}, 199).p_value == doctest::Approx(1.0 / 200));
  // Equal samples, and one of each: every relabelling is as good.
  const auto same = Tensor<float>::ones({4, 2});
  CHECK(mmd_permutation_test(same, same, random).p_value == 1);
  CHECK(mmd_permutation_test(slice(far, 0, 0, 1), slice(near, 0, 0, 1), random).p_value == 1);
  auto with_threads = [&](int n) {
    set_num_threads(n);
    RandomStream fresh = Random(7).stream("threads");
    const auto a = fresh.normal<float>({150, 3}), b = fresh.normal<float>({140, 3});
    return mmd_permutation_test(a, b, fresh, {}, 19).permuted;
  };
  const auto one = with_threads(1), three = with_threads(3);
  set_num_threads(1);
  CHECK(one == three);
}

TEST_CASE("what the test refuses") {
  RandomStream random = Random(8).stream("x");
  const auto s = random.normal<double>({5, 2}), t = random.normal<double>({6, 2});
  check_error(
      [&] {
        mmd_permutation_test(s, random.normal<double>({5, 3}), random);
      },
      {"[mmd_permutation_test]", "(5, 2)", "(5, 3)"});
  check_error([&] { mmd_permutation_test(s, t, random, {}, 0); }, {"at least one permutation", "got 0"});
  check_error([&] { mmd_permutation_test(s, t, random, mmd_preset("uf_ama")); },
              {"one size", "(5, 2)", "(6, 2)"});
  check_error([&] { mmd_permutation_test(s, t * std::nan(""), random); },
              {"[mmd_permutation_test]", "target must be finite", "nan at (0, 0)"});
  RunningBandwidth r;
  check_error(
      [&] {
        mmd_permutation_test(s, t, random, {.kernel = {.bandwidth = Bandwidth::running, .running = &r}});
      },
      {"bandwidth", "fixed"});
}
