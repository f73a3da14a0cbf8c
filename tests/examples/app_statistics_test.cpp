// Means and paired tests against SciPy 1.15; components and embeddings against scikit-learn and by what they
// must do.
#include <app/embedding.hpp>
#include <app/statistics.hpp>

#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/random.hpp>
#include <support/throws.hpp>

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace limbic;
using namespace limbic::app;

namespace {
const std::vector<double> kA{0.61, 0.72, 0.583, 0.841, 0.655, 0.777, 0.69, 0.512};
const std::vector<double> kB{0.583, 0.691, 0.601, 0.773, 0.66, 0.702, 0.611, 0.486};
doctest::Approx near(double v) { return doctest::Approx(v).epsilon(1e-10); }
}  // namespace

TEST_CASE("mean and deviation") {
  const std::vector<double> x{1, 2, 4}, one{3};
  CHECK(mean_of(x) == near(7.0 / 3));
  CHECK(deviation_of(x) == near(std::sqrt(7.0 / 3)));
  CHECK(deviation_of(one) == 0);
  CHECK(thrown([] { mean_of({}); }).find("at least one value") != std::string::npos);
}

TEST_CASE("paired t-test") {
  const PairedTest t = paired_t_test(kA, kB);
  CHECK(t.pairs == 8);
  CHECK(t.statistic == near(2.7382028757083643));
  CHECK(t.p == near(0.028993281031631173));
  CHECK(paired_t_test(kB, kA).p == near(t.p));
  CHECK(paired_t_test(kA, kA).p == 1);
  CHECK(paired_t_test(std::vector<double>{1, 2, 3}, std::vector<double>{0, 1, 2}).p == 0);
  CHECK(thrown([] {
          paired_t_test(std::vector<double>{1}, std::vector<double>{2});
        }).find("at least 2 pairs") != std::string::npos);
  CHECK(thrown([] { paired_t_test(kA, std::vector<double>{2}); }).find("as many values") !=
        std::string::npos);
  CHECK(thrown([] {
          paired_t_test(std::vector<double>{1, HUGE_VAL}, std::vector<double>{2, 3});
        }).find("finite") != std::string::npos);
}

TEST_CASE("Wilcoxon's signed-rank test") {
  const PairedTest w = wilcoxon_test(kA, kB);
  CHECK(w.exact);
  CHECK(w.statistic == 3.0);
  CHECK(w.p == near(0.0390625));

  // A zero and ties: the share of all 2^11 signs, counted one by one.
  const PairedTest ties = wilcoxon_test(std::vector<double>{1.5, 2.5, 3, 4, 5, 6.5, 7, 8, 9.25, 10, 11, 12},
                                        std::vector<double>{1, 3, 2, 2, 6, 5, 7, 5.5, 7, 12, 8, 8});
  CHECK(ties.pairs == 11);
  CHECK(ties.statistic == 11.5);
  CHECK(ties.p == near(0.0615234375));

  std::vector<double> x, y, d, zero(60, 0.0);
  for (int i = 1; i <= 60; ++i) {
    x.push_back(std::sin(i * 1.7) + 0.25);
    y.push_back(std::cos(i * 0.9) * 0.8);
    d.push_back(std::round((std::round(10 * x.back()) / 10 - std::round(10 * y.back()) / 10) * 10));
  }
  const PairedTest many = wilcoxon_test(x, y);
  CHECK(!many.exact);
  CHECK(many.statistic == 613.0);
  CHECK(many.p == near(0.02620204006469242));
  const PairedTest many_ties = wilcoxon_test(d, zero);  // ties, four zeros
  CHECK(many_ties.statistic == 529.0);
  CHECK(many_ties.p == near(0.02812463526141349));
  CHECK(wilcoxon_test(kA, kA).p == 1);
  // The smallest p of five pairs.
  CHECK(wilcoxon_test(std::vector<double>{1, 2, 3, 4, 5}, std::vector<double>(5, 0.0)).p == near(0.0625));
}

TEST_CASE("p as text") {
  CHECK(p_text(0.0004) == "p < 0.001");
  CHECK(p_text(0.0132) == "p = 0.013");
  CHECK(p_text(0.617) == "p = 0.62");
}

TEST_CASE("principal components") {
  const auto x = Tensor<float>::from(
      {5, 3}, {2.f, .5f, 1.f, 1.f, 3.f, -1.f, 0.f, 1.f, 4.f, 5.f, 2.f, 2.f, 3.f, -1.f, .5f});
  const PcaResult p = pca(x, 2);
  const std::vector<double> directions{0.76344421, 0.07698032,  -0.64126981,
                                       0.59731101, -0.46186728, 0.6556662};
  const std::vector<double> points{-0.00649609, -0.03904169, 0.70505013, -3.10235331, -3.41870378,
                                   0.50240124,  1.75803721,  1.71575662, 0.96211253,  0.92323715};
  for (std::size_t i = 0; i < directions.size(); ++i)
    CHECK(static_cast<double>(p.directions.to_vector()[i]) == doctest::Approx(directions[i]).epsilon(1e-5));
  for (std::size_t i = 0; i < points.size(); ++i)
    CHECK(std::abs(static_cast<double>(p.points.to_vector()[i]) - points[i]) < 1e-5);
  CHECK(p.explained.at(0) == doctest::Approx(0.42859864));
  CHECK(p.explained.at(1) == doctest::Approx(0.36176495));

  // More dimensions than points: the other matrix, the same components.
  Tensor<float> wide = Tensor<float>::zeros({5, 9});
  wide.slice(1, 0, 3).copy_from(x);
  const PcaResult q = pca(wide, 2);
  for (std::size_t i = 0; i < points.size(); ++i)
    CHECK(std::abs(static_cast<double>(q.points.to_vector()[i]) - points[i]) < 1e-5);
  // Points that are all the same.
  CHECK(pca(Tensor<float>::ones({4, 3}), 2).points.to_vector() == std::vector<float>(8, 0.0f));
  CHECK(thrown([&] { pca(x, 4); }).find("components") != std::string::npos);
  CHECK(thrown([] { pca(Tensor<float>::full({3, 2}, NAN)); }).find("finite") != std::string::npos);
}

TEST_CASE("t-SNE keeps clusters together, and is the same every time, on any number of threads") {
  RandomStream random = Random(3).stream("clusters");
  const index_t n = 90;
  Tensor<float> x = random.normal<float>({n, 60});
  for (index_t i = 0; i < n; ++i) x.set({i, i % 3}, x.at(i, i % 3) + 12.0f);
  const Tensor<float> y = tsne(x, {.perplexity = 12});
  const auto distance = [&](index_t i, index_t j) {
    return std::hypot(static_cast<double>(y.at(i, 0) - y.at(j, 0)),
                      static_cast<double>(y.at(i, 1) - y.at(j, 1)));
  };
  int own = 0;  // points whose nearest neighbour is of their cluster
  double within = 0, between = HUGE_VAL;
  for (index_t i = 0; i < n; ++i) {
    index_t nearest = -1;
    for (index_t j = 0; j < n; ++j) {
      if (i == j) continue;
      if (nearest < 0 || distance(i, j) < distance(i, nearest)) nearest = j;
      if (i % 3 == j % 3) within = std::max(within, distance(i, j));
      else between = std::min(between, distance(i, j));
    }
    own += nearest % 3 == i % 3;
  }
  CHECK(own == n);
  CHECK(between > 0.3 * within);
  CHECK(within > 1);  // it spread at all

  const int before = num_threads();
  set_num_threads(before == 1 ? 2 : 1);
  CHECK(tsne(x, {.perplexity = 12}).to_vector() == y.to_vector());
  set_num_threads(before);

  // Copies of one point, and few points.
  for (float v : tsne(Tensor<float>::ones({6, 3})).to_vector()) CHECK(std::isfinite(v));
  CHECK(thrown([] { tsne(Tensor<float>::ones({4, 3})); }).find("N at least 5") != std::string::npos);
}
