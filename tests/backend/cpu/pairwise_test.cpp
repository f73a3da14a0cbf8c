// The median of distances by digits, and tiles of distances at their edges.
#include <limbic/backend/cpu/pairwise_median.hpp>

#include <doctest/doctest.h>

#include <random>

using namespace limbic;

namespace {

template <class T>
Tensor<T> random_points(index_t n, index_t d, double scale) {
  std::mt19937 engine(7);
  std::normal_distribution<double> normal(0, scale);
  std::vector<T> v;
  for (index_t i = 0; i < n * d; ++i) v.push_back(static_cast<T>(normal(engine)));
  return Tensor<T>::from({n, d}, v);
}

template <class T>
void check_median(index_t n, index_t d, double scale) {
  const auto x = random_points<T>(n, d, scale), none = Tensor<T>::zeros({0, d});
  auto points = Tensor<T>::empty({n, d}), norms = Tensor<T>::empty({n});
  centre_rows(Cpu{}, points, norms, x, none);
  const double collected = median_distance(Cpu{}, points, norms);
  CHECK(median_distance(Cpu{}, points, norms, 0) == collected);
  std::vector<double> all;
  const auto v = x.to_vector();
  for (index_t i = 0; i < n; ++i)
    for (index_t j = i + 1; j < n; ++j) {
      double s = 0;
      for (index_t c = 0; c < d; ++c) {
        const double u = static_cast<double>(v[static_cast<std::size_t>(i * d + c)]) -
                         static_cast<double>(v[static_cast<std::size_t>(j * d + c)]);
        s += u * u;
      }
      all.push_back(s);
    }
  std::sort(all.begin(), all.end());
  CHECK(collected == doctest::Approx(all[(all.size() - 1) / 2]).epsilon(1e-5));
}

}  // namespace

TEST_CASE("the median of distances, collected or by digits") {
  for (index_t n : {2, 3, 65, 300})
    for (double scale : {1e-10, 1.0, 1e10}) {
      check_median<float>(n, 3, scale);
      check_median<double>(n, 3, scale);
    }
}

TEST_CASE("equal points have distance 0 and median 0") {
  const auto x = Tensor<float>::full({5, 3}, 0.1f);
  auto points = Tensor<float>::empty({5, 3}), norms = Tensor<float>::empty({5});
  CHECK(centre_rows(Cpu{}, points, norms, x, Tensor<float>::zeros({0, 3})) == 0);
  CHECK(median_distance(Cpu{}, points, norms, 0) == 0);
}

TEST_CASE("distances of two sets, whatever the tile they lie in") {
  const index_t n = 130, m = 70, d = 5;
  const auto a = random_points<double>(n, d, 1), b = random_points<double>(m, d, 3);
  auto points = Tensor<double>::empty({n + m, d}), norms = Tensor<double>::empty({n + m});
  centre_rows(Cpu{}, points, norms, a, b);
  auto y = Tensor<double>::empty({n, m});
  squared_distances(Cpu{}, y, points, norms);
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < m; ++j) {
      double s = 0;
      for (index_t c = 0; c < d; ++c) s += (a.at(i, c) - b.at(j, c)) * (a.at(i, c) - b.at(j, c));
      REQUIRE(y.at(i, j) == doctest::Approx(s).epsilon(1e-12));
    }
}
