// The tiles that forms over pairs are cut into: every size of tile and number of groups, against plain loops.
#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/loss/jmmd.hpp>

#include "loss/naive.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

using Data = Tensor<double>;

Data points(index_t n, index_t d, unsigned seed) {
  return Data::from({n, d}, random_values(n * d, -1, 1, 0, seed));
}

const KernelOptions kFixed{.num = 1, .eps = 0, .bandwidth = Bandwidth::fixed, .fixed = 2};

struct Result {
  double value;
  Data ds, dt;
};
Result run(const Data& s, const Data& t, bool joint, bool unbiased) {
  const auto x = Var<double>::leaf(s), y = Var<double>::leaf(t);
  const MmdOptions o{.estimator = unbiased ? MmdEstimator::unbiased : MmdEstimator::biased, .kernel = kFixed};
  const auto loss = joint
                        ? jmmd(std::vector{x, slice(x, 1, 0, 1)}, std::vector{y, slice(y, 1, 0, 1)}, {kFixed})
                        : mmd(x, y, o);
  backward(loss);
  return {loss.item(), x.grad(), y.grad()};
}

}  // namespace

TEST_CASE("values and gradients of all tilings") {
  // One tile; tiles of 64 in an odd and an even number; of 128; of 256 in groups, the last not full.
  for (const auto& sizes :
       {std::pair<index_t, index_t>{30, 34}, {100, 92}, {100, 129}, {400, 299}, {1100, 1005}})
    for (bool joint : {false, true}) {
      const index_t n = sizes.first, m = sizes.second;
      CAPTURE(n + m);
      const auto s = points(n, 2, 1), t = points(m, 2, 2) + 0.2;
      const bool unbiased = !joint && n % 3 == 1;
      const Result got = run(s, t, joint, unbiased);
      const Rows<double> z(concat({s, t}));
      const double a = static_cast<double>(n), b = static_cast<double>(m);
      // w_ij, the kernel, and its part of the gradient.
      auto weight = [&](index_t i, index_t j) {
        const bool is = i < n, js = j < n;
        if (is != js) return -1 / (a * b);
        const double c = is ? a : b;
        return unbiased ? (i == j ? 0 : 1 / (c * (c - 1))) : 1 / (c * c);
      };
      auto kernel = [&](index_t i, index_t j) {
        const double u = z(i, 0) - z(j, 0);
        return std::exp(-z.distance(i, z, j) / 2) * (joint ? std::exp(-u * u / 2) : 1);
      };
      double value = 0;
      for (index_t i = 0; i < z.n; ++i)
        for (index_t j = 0; j < z.n; ++j) value += weight(i, j) * kernel(i, j);
      CHECK(got.value == doctest::Approx(value).epsilon(1e-11));
      for (index_t i : {index_t{0}, n - 1, n, n + m / 2, n + m - 1})
        for (index_t c = 0; c < 2; ++c) {
          double g = 0;
          for (index_t j = 0; j < z.n; ++j)
            g -= 2 * weight(i, j) * kernel(i, j) * (z(i, c) - z(j, c)) * (joint && c == 0 ? 2 : 1);
          CHECK((i < n ? got.ds.at(i, c) : got.dt.at(i - n, c)) == doctest::Approx(g).epsilon(1e-9));
        }
    }
}

TEST_CASE("any number of threads gives the same bits, in every tiling") {
  for (index_t n : {120, 700, 1300}) {
    const auto s = points(n, 3, 1), t = points(n + 7, 3, 2);
    set_num_threads(1);
    const Result one = run(s, t, false, false);
    for (int threads : {2, 5}) {
      set_num_threads(threads);
      const Result many = run(s, t, false, false);
      CHECK(one.value == many.value);
      CHECK(identical(one.ds, many.ds));
      CHECK(identical(one.dt, many.dt));
    }
    set_num_threads(1);
  }
}

TEST_CASE("points that fall together lose no digits beside the diagonal either") {
  // Two tight groups far from each other, in rows that land in different tiles.
  auto s = (points(200, 3, 1) * 1e-4).to<float>(), t = (points(200, 3, 2) * 1e-4 + 1.0).to<float>();
  const auto z = concat({slice(s, 0, 0, 100), slice(t, 0, 0, 100)}),
             y = concat({slice(s, 0, 100), slice(t, 0, 100)});
  const MmdOptions o{.kernel = {.kernel = Kernel::distance}};
  const auto f = [&](const auto& x) { return mmd(x[0], x[1], o); };
  const auto narrow = gradients_of<float>(f, {z, y});
  const auto wide = gradients_of<double>(f, {z.to<double>(), y.to<double>()});
  for (std::size_t i = 0; i < 2; ++i) CHECK(error_of(narrow[i], wide[i]) < 1e-4);
}
