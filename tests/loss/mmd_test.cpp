// MMD: estimators, kernels, bandwidths, weights, presets; the laws it obeys; collapse; bad input.
#include <limbic/loss/mmd.hpp>
#include <limbic/ops/index_select.hpp>

#include "loss/naive.hpp"
#include "support/op_check.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

// A bandwidth of 2 that does not depend on the data, so that differences see the same function.
MmdOptions fixed(MmdEstimator e = MmdEstimator::biased, Kernel k = Kernel::gaussian, int num = 5,
                 double mul = 2) {
  return {.estimator = e,
          .kernel = {.kernel = k, .mul = mul, .num = num, .bandwidth = Bandwidth::fixed, .fixed = 2}};
}

Tensor<double> points(index_t n, index_t d, unsigned seed, double shift = 0) {
  return Tensor<double>::from({n, d}, random_values(n * d, -1 + shift, 1 + shift, 0, seed));
}

double value(const Tensor<double>& s, const Tensor<double>& t, const MmdOptions& o = {}) {
  return mmd(s, t, o).item();
}

// Few, one, unequal; and more than a tile of 64 rows and 256 columns.
const std::vector<OpCase> kCases = {
    {{{5, 3}, {7, 3}}}, {{{1, 2}, {4, 2}}}, {{{1, 1}, {1, 1}}}, {{{70, 5}, {230, 5}}}};
const std::vector<OpCase> kEqual = {
    {{{5, 3}, {5, 3}}}, {{{1, 2}, {1, 2}}}, {{{2, 3}, {2, 3}}}, {{{90, 17}, {90, 17}}}};

template <class K>
void check_kernel_of(const MmdOptions& o, const K& k, const OpOptions& options = {}) {
  check_op(
      "mmd", [&](const auto& x) { return mmd(x[0], x[1], o); },
      [&](const auto& x) {
        using T = typename std::decay_t<decltype(x[0])>::value_type;
        return Tensor<T>::scalar(o.estimator == MmdEstimator::linear
                                     ? naive_linear_mmd(x[0], x[1], k)
                                     : naive_mmd(x[0], x[1], k, o.estimator == MmdEstimator::unbiased));
      },
      o.estimator == MmdEstimator::linear ? kEqual : kCases, options);
}

const std::vector<MmdEstimator> kEstimators = {MmdEstimator::biased, MmdEstimator::unbiased,
                                               MmdEstimator::linear};
const std::vector<Kernel> kKernels = {Kernel::gaussian, Kernel::laplacian, Kernel::linear, Kernel::distance};

}  // namespace

TEST_CASE("mmd by its definition") {
  for (MmdEstimator e : kEstimators) check_kernel_of(fixed(e), NaiveGaussian{});
}
TEST_CASE("mmd with bandwidths that are no powers of two apart") {
  check_kernel_of(fixed(MmdEstimator::biased, Kernel::gaussian, 3, 1.5), NaiveGaussian{.mul = 1.5, .num = 3});
}
TEST_CASE("mmd with other kernels") {
  for (MmdEstimator e : {MmdEstimator::unbiased, MmdEstimator::linear}) {
    check_kernel_of(fixed(e, Kernel::laplacian, 2), [](auto d) {
      using T = decltype(d);
      return std::exp(-std::sqrt((d + T(1e-5)) / T(1))) + std::exp(-std::sqrt((d + T(1e-5)) / T(2)));
    });
    check_kernel_of(fixed(e, Kernel::distance), [](auto d) { return -std::sqrt(d); });
    check_kernel_of(fixed(e, Kernel::linear), [](auto d) { return d / -2; });
  }
}

TEST_CASE("the linear kernel gives the squared distance of means") {
  const auto s = points(6, 4, 1), t = points(9, 4, 2, 0.5);
  const double want = sum(square(mean(s, {0}) - mean(t, {0}))).item();
  CHECK(value(s, t, fixed(MmdEstimator::biased, Kernel::linear)) == doctest::Approx(want).epsilon(1e-12));
}

TEST_CASE("equal batches are at distance 0, whatever their order and place") {
  const auto s = points(40, 3, 3), t = points(30, 3, 4, 0.3);
  for (Kernel k : kKernels) CHECK(std::fabs(value(s, s.clone(), fixed(MmdEstimator::biased, k))) < 1e-14);
  for (MmdEstimator e : {MmdEstimator::biased, MmdEstimator::unbiased}) {
    const MmdOptions o{.estimator = e};
    const double d = value(s, t, o);
    CHECK(value(t, s, o) == doctest::Approx(d).epsilon(1e-12));
    CHECK(value(flip(s, {0}), t, o) == doctest::Approx(d).epsilon(1e-12));
    CHECK(value(s + 1000.0, t + 1000.0, o) == doctest::Approx(d).epsilon(1e-10));
    // The bandwidth follows the scale, if nothing is added to the distances.
    MmdOptions bare = o;
    bare.kernel.eps = 0;
    CHECK(value(s * 8.0, t * 8.0, bare) == doctest::Approx(value(s, t, bare)).epsilon(1e-12));
  }
  CHECK(value(s, t) > 0);
  CHECK(value(s + 1000.0, s + 1000.0, fixed(MmdEstimator::linear)) == doctest::Approx(0.0));
}

TEST_CASE("what is never negative is not negative in float either") {
  // Batches that hardly differ: what is left of the sums is roundings.
  const auto zero_at_least = [](const auto& f) {
    double least = 1;
    for (unsigned seed = 0; seed < 60; ++seed) {
      const auto s = points(20 + seed % 3, 4, 2 * seed).to<float>();
      const auto t = s + points(20 + seed % 3, 4, 2 * seed + 1).to<float>() * 1e-6f;
      least = std::min(least, static_cast<double>(f(s, t)));
    }
    return least;
  };
  for (Kernel k : kKernels)
    CHECK(zero_at_least([&](const auto& s, const auto& t) {
            return mmd(s, t, {.kernel = {.kernel = k}}).item();
          }) >= 0);
  CHECK(zero_at_least([&](const auto& s, const auto& t) {
          return mmd(s, t, {}, {.source = Tensor<float>::full({s.size(0)}, 0.3f)}).item();
        }) >= 0);
  CHECK(zero_at_least([](const auto& s, const auto& t) {
          return mmd(s, t, {.estimator = MmdEstimator::unbiased}).item();
        }) < 0);
}

TEST_CASE("points close to each other and far from the rest keep their digits in float") {
  // Two tight groups: the matrix product alone would lose their distances.
  auto in_float = [](const Tensor<double>& x) { return x.to<float>().to<double>(); };
  const auto s = in_float(points(8, 3, 5) * 1e-4), t = in_float(points(8, 3, 6) * 1e-4 + 1.0);
  const auto o = fixed(MmdEstimator::biased, Kernel::distance);
  const auto wide = gradients_of<double>([&](const auto& x) { return mmd(x[0], x[1], o); }, {s, t});
  const auto narrow =
      gradients_of<float>([&](const auto& x) { return mmd(x[0], x[1], o); }, {s.to<float>(), t.to<float>()});
  for (std::size_t i = 0; i < 2; ++i) CHECK(error_of(narrow[i], wide[i]) < 1e-4);
}

TEST_CASE("collapse has a value and a gradient") {
  for (MmdEstimator e : kEstimators)
    for (Kernel k : kKernels)
      for (Bandwidth b : {Bandwidth::mean_offdiag, Bandwidth::mean_all, Bandwidth::median})
        for (double eps : {0.0, 1e-5}) {
          const MmdOptions o{.estimator = e, .kernel = {.kernel = k, .eps = eps, .bandwidth = b}};
          CAPTURE(to_text(o));
          for (index_t n : {1, 4}) {
            const auto x = Var<float>::leaf(Tensor<float>::full({n, 3}, 0.1f)),
                       y = Var<float>::leaf(Tensor<float>::full({n, 3}, 0.1f));
            const auto d = mmd(x, y, o);
            backward(d);
            // A single sample has no pairs within its batch, so the unbiased form is not 0 there.
            if (e != MmdEstimator::unbiased || n > 1) CHECK(std::fabs(d.item()) < 1e-6f);
            CHECK(std::isfinite(d.item()));
            CHECK(max_abs(x.grad()) == 0);
            CHECK(max_abs(y.grad()) == 0);
          }
        }
}

TEST_CASE("sample weights") {
  const auto s = points(4, 3, 7), t = points(5, 3, 8);
  const auto o = fixed();
  // Integer weights are repetitions; a weight of 0 leaves a sample out.
  const auto w = Tensor<double>::from({4}, {2, 1, 0, 1});
  const auto repeated = concat({slice(s, 0, 0, 1), slice(s, 0, 0, 2), slice(s, 0, 3, 4)});
  CHECK(mmd(s, t, o, {.source = w}).item() == doctest::Approx(value(repeated, t, o)).epsilon(1e-12));
  for (MmdEstimator e : {MmdEstimator::biased, MmdEstimator::unbiased})
    CHECK(mmd(s, t, fixed(e),
              {.source = Tensor<double>::full({4}, 3.0), .target = Tensor<double>::full({5}, 0.1)})
              .item() == doctest::Approx(value(s, t, fixed(e))).epsilon(1e-12));
  gradcheck([&](const auto& x) { return mmd(x[0], x[1], fixed(MmdEstimator::unbiased), {.source = w}); },
            std::vector<Tensor<double>>{s, t});
}

TEST_CASE("rules of the bandwidth") {
  const auto s = points(5, 3, 9), t = points(6, 3, 10);
  const Rows<double> z(concat({s, t}));
  std::vector<double> all;
  for (index_t i = 0; i < z.n; ++i)
    for (index_t j = i + 1; j < z.n; ++j) all.push_back(z.distance(i, z, j));
  double total = 0;
  for (double d : all) total += 2 * d;
  std::sort(all.begin(), all.end());
  const double n = static_cast<double>(z.n);
  auto with = [&](KernelOptions k, double b) {
    CHECK(value(s, t, {.kernel = k}) ==
          doctest::Approx(naive_mmd(s, t, NaiveGaussian{.b = b, .eps = k.eps})).epsilon(1e-11));
  };
  with({}, (total + n * n * 1e-5) / (n * n - n));
  with({.eps = 0}, total / (n * n - n));
  with({.eps = 0.5, .bandwidth_with_eps = false}, total / (n * n - n));
  with({.eps = 0, .bandwidth = Bandwidth::mean_all, .scale = 2}, 2 * total / (n * n));
  with({.eps = 0, .bandwidth = Bandwidth::median}, all[(all.size() - 1) / 2]);
  RunningBandwidth running{.momentum = 0.5};
  const double now = total / (n * n - n);
  with({.eps = 0, .bandwidth = Bandwidth::running, .running = &running}, now);
  CHECK(running.value == doctest::Approx(now));
  running.value = 3;
  with({.eps = 0, .bandwidth = Bandwidth::running, .running = &running}, 0.5 * (3 + now));
}

TEST_CASE("the bandwidth is a constant of the graph") {
  const auto s = points(5, 3, 11), t = points(6, 3, 12);
  RunningBandwidth seen;
  const MmdOptions moving{.kernel = {.eps = 0, .bandwidth = Bandwidth::running, .running = &seen}};
  const auto g = gradients_of<double>([&](const auto& x) { return mmd(x[0], x[1], moving); }, {s, t});
  const MmdOptions still{.kernel = {.eps = 0, .bandwidth = Bandwidth::fixed, .fixed = seen.value}};
  const auto h = gradients_of<double>([&](const auto& x) { return mmd(x[0], x[1], still); }, {s, t});
  for (std::size_t i = 0; i < 2; ++i) CHECK(error_of(g[i], h[i]) < 1e-14);
}

TEST_CASE("memory grows with the samples, not with their pairs") {
  const index_t n = 3000;
  for (index_t d : {4, 256}) {
    const auto s = Var<float>::leaf(points(n, d, 13).to<float>()),
               t = Var<float>::leaf(points(n, d, 14).to<float>());
    reset_peak_memory();
    const auto before = memory_stats().bytes_in_use;
    {
      const auto y = mmd(s, t);
      backward(y);
    }
    // Points and gradients are 8 n d bytes each, gradients twice; the rest is norms, weights and tiles.
    const auto most = d == 4 ? 40 : 10;
    CHECK(memory_stats().peak_bytes - before < static_cast<std::uint64_t>(most * n * d) * sizeof(float));
  }
}

TEST_CASE("options as text") {
  CHECK(to_text(MmdOptions{}) ==
        "mmd(biased, gaussian(mul 2, num 5, eps 1e-05, bandwidth mean_offdiag of D + eps))");
  CHECK(to_text(mmd_preset("uf_ama")) ==
        "mmd(linear, gaussian(mul 2, num 5, eps 1e-05, bandwidth mean_offdiag of D + eps))");
  CHECK(to_text(mmd_preset("transferlearning")) ==
        "mmd(biased, gaussian(mul 2, num 5, eps 0, bandwidth mean_offdiag))");
  CHECK(to_text(mmd_preset("tllib")) ==
        "mmd(unbiased, gaussian(mul 2, num 3, eps 0, bandwidth mean_all times 2), plus 2 / (n - 1))");
  CHECK(to_text(fixed(MmdEstimator::biased, Kernel::laplacian)) ==
        "mmd(biased, laplacian(mul 2, num 5, eps 1e-05, bandwidth fixed 2))");
  CHECK(to_text(fixed(MmdEstimator::biased, Kernel::linear)) == "mmd(biased, linear)");
}

TEST_CASE("what mmd refuses") {
  const auto s = points(4, 3, 1), t = points(5, 3, 2);
  check_error([&] { mmd(s, points(4, 2, 1)); }, {"[mmd]", "one width", "(4, 3)", "(4, 2)"});
  check_error([&] { mmd(s, Tensor<double>::zeros({0, 3})); }, {"[mmd]", "at least one sample", "(0, 3)"});
  check_error([&] { mmd(s.reshape({12}), t); }, {"[mmd]", "(12)"});
  check_error([&] { mmd(s, t, fixed(MmdEstimator::linear)); }, {"[mmd]", "one size", "(5, 3)"});
  auto o = fixed();
  o.kernel.fixed = 0;
  check_error([&] { mmd(s, t, o); }, {"[mmd]", "bandwidth must be positive", "got 0"});
  for (double b : {-2.0, static_cast<double>(NAN), static_cast<double>(INFINITY)}) {
    o.kernel.fixed = b;
    check_error([&] { mmd(s, t, o); }, {"[mmd]", "bandwidth must be positive"});
    check_error([&] { mmd(s, t, {.kernel = {.scale = b}}); }, {"[mmd]", "scale must be positive"});
    check_error([&] { mmd(s, t, {.kernel = {.mul = b}}); }, {"[mmd]", "mul must be positive"});
  }
  check_error([&] { mmd(s, t, {.kernel = {.num = 17}}); }, {"[mmd]", "num", "17"});
  check_error([&] { mmd(s, t, {.kernel = {.mul = -1}}); }, {"[mmd]", "mul must be positive", "-1"});
  check_error([&] { mmd(s, t, {.kernel = {.eps = -1}}); }, {"[mmd]", "eps"});
  check_error([&] { mmd(s, t, {.kernel = {.bandwidth = Bandwidth::running}}); },
              {"[mmd]", "RunningBandwidth"});
  check_error([&] { mmd(s, t, {}, {.source = Tensor<double>::ones({5})}); },
              {"[mmd]", "source weights", "(4)", "(5)"});
  check_error([&] { mmd(s, t, {}, {.target = Tensor<double>::zeros({5})}); },
              {"[mmd]", "target weights", "all be 0"});
  check_error(
      [&] {
        mmd(s, t, {}, {.source = Tensor<double>::from({4}, {1, 1, -2, 1})});
      },
      {"[mmd]", "source weights", "-2 at 2"});
  check_error([&] { mmd(s, s, fixed(MmdEstimator::linear), {.source = Tensor<double>::ones({4})}); },
              {"[mmd]", "no sample weights"});
  check_error([&] { mmd_preset("other"); }, {"[mmd_preset]", "tllib", "other"});
  auto bad = s.clone();
  bad.set({1, 1}, std::nan(""));
  check_error([&] { mmd(bad, t); }, {"[mmd]", "source must be finite", "nan at (1, 1) of (4, 3)"});
  check_error([&] { mmd(t, bad); }, {"[mmd]", "target must be finite", "nan at (1, 1) of (4, 3)"});
  check_error([&] { squared_distances(t, bad); },
              {"[squared_distances]", "b must be finite", "nan at (1, 1)"});
  // Finite features whose distances are not.
  const auto far = Tensor<float>::from({2, 1}, {1.3e19f, -1.3e19f});
  check_error([&] { mmd(far, far, {.kernel = {.kernel = Kernel::linear}}); },
              {"[mmd]", "squares of the features", "scale"});
}
