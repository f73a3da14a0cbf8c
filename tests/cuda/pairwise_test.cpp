// MMD in its forms, and what it is made of, on the device against the CPU.
#include <limbic/backend/cpu/pair_products.hpp>
#include <limbic/backend/cuda/pair_products.hpp>
#include <limbic/backend/cuda/pair_weights.hpp>
#include <limbic/backend/cuda/pairwise_linear.hpp>
#include <limbic/loss/energy_distance.hpp>
#include <limbic/loss/jmmd.hpp>
#include <limbic/loss/lmmd.hpp>

#include "losses.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

void check_mmd(index_t n, index_t m, index_t d, const MmdOptions& o) {
  INFO(to_text(o), ", n ", n, ", m ", m, ", d ", d);
  const auto loss = [&](const auto& x) { return mmd(x[0], x[1], o); };
  check_loss(leaves<double>({{n, d}, {m, d}}), loss);
}

}  // namespace

TEST_CASE("MMD of batches of any size and width") {
  for (const auto& [n, m, d] : std::vector<std::array<index_t, 3>>{
           {1, 1, 1}, {1, 2, 3}, {5, 3, 7}, {16, 16, 16}, {17, 20, 33}, {40, 33, 4}, {70, 1, 18}})
    check_mmd(n, m, d, {});
  check_mmd(300, 230, 6, {});  // tiles of 64
  const auto loss = [](const auto& x) { return mmd(x[0], x[1]); };
  for (const auto& [n, d] : std::vector<std::array<index_t, 2>>{{9, 20}, {33, 5}, {270, 3}})
    check_loss(leaves<float>({{n, d}, {n, d}}), loss);
}
TEST_CASE("estimators, kernels and bandwidths") {
  for (auto estimator : {MmdEstimator::biased, MmdEstimator::unbiased, MmdEstimator::linear}) {
    for (auto kernel : {Kernel::gaussian, Kernel::laplacian, Kernel::linear, Kernel::distance})
      check_mmd(12, 12, 5, {estimator, {.kernel = kernel}});
    for (auto bandwidth : {Bandwidth::mean_offdiag, Bandwidth::mean_all, Bandwidth::median, Bandwidth::fixed})
      check_mmd(9, 9, 5,
                {estimator, {.mul = 1.7, .num = 3, .bandwidth = bandwidth, .fixed = 2.5, .scale = 0.8}});
    check_mmd(1, 1, 4, {estimator, {.bandwidth = Bandwidth::mean_all}});
  }
  for (const char* preset : {"uf_ama", "transferlearning", "tllib"}) check_mmd(20, 20, 9, mmd_preset(preset));
  RunningBandwidth here, there;
  const auto x = leaves<double>({{6, 3}, {6, 3}});
  for (int step = 0; step < 2; ++step) {
    KernelOptions k{.bandwidth = Bandwidth::running, .running = &here};
    const double a = mmd(x[0], x[1], {.kernel = k}).item();
    k.running = &there;
    CHECK(mmd(x[0].on<Cuda>(), x[1].on<Cuda>(), {.kernel = k}).item() == doctest::Approx(a).epsilon(1e-12));
  }
  CHECK(there.value == doctest::Approx(here.value).epsilon(1e-12));
}
TEST_CASE("equal points, points far from the origin, and points close to each other") {
  Leaves<float> same(2, Tensor<float>::full({7, 3}, 0.1f));
  check_loss(same, [](const auto& x) { return mmd(x[0], x[1], {.kernel = {.kernel = Kernel::distance}}); });
  check_loss(same, [](const auto& x) { return mmd(x[0], x[1]); });
  Leaves<double> far = leaves<double>({{8, 3}, {8, 3}}, 1000, 1001);
  check_loss(
      far, [](const auto& x) { return mmd(x[0], x[1]); }, 1e-9);
  Leaves<float> close = leaves<float>({{20, 3}, {20, 3}});
  for (auto& t : close) t.slice(0, 0, 10).copy_from(t.slice(0, 10, 20) + 1e-5f);
  const auto loss = [](const auto& x) {
    return mmd(x[0], x[1], {.kernel = {.bandwidth = Bandwidth::fixed, .fixed = 1e-8}});
  };
  const auto want = results<Cpu>(Leaves<double>{close[0].to<double>(), close[1].to<double>()}, loss);
  const auto got = results<Cuda>(close, loss);
  for (std::size_t i = 0; i < want.size(); ++i) CHECK(difference(got[i].to<double>(), want[i]) < 1e-3);
}
TEST_CASE("sample weights") {
  const auto w = leaves<double>({{11}, {14}}, 0, 2);
  for (auto estimator : {MmdEstimator::biased, MmdEstimator::unbiased})
    check_loss(leaves<double>({{11, 3}, {14, 3}}), [&](const auto& x) {
      return mmd(x[0], x[1], {.estimator = estimator}, {next_to(x[0], w[0]), next_to(x[0], w[1])});
    });
  check_loss(leaves<double>({{11, 3}, {14, 3}}),
             [&](const auto& x) { return energy_distance(x[0], x[1], {next_to(x[0], w[0])}); });
}
TEST_CASE("class by class") {
  std::vector<index_t> labels, others;
  for (index_t i = 0; i < 24; ++i) labels.push_back(i * i % 5), others.push_back(i % 3);
  const auto ls = Tensor<index_t>::from({24}, labels), lt = Tensor<index_t>::from({24}, others);
  const auto w = leaves<double>({{24}}, 0, 2);
  auto p = leaves<double>({{24, 6}}, 0, 1)[0];
  check_loss(leaves<double>({{24, 4}, {24, 4}}),
             [&](const auto& x) { return lmmd(x[0], x[1], next_to(x[0], ls), next_to(x[0], p)); });
  check_loss(leaves<double>({{24, 4}, {24, 4}}), [&](const auto& x) {
    return class_mmd(x[0], x[1], next_to(x[0], ls), next_to(x[0], lt), 6, {.eps = 0}, {next_to(x[0], w[0])});
  });
  const auto none = Tensor<index_t>::full({24}, 4);
  check_loss(leaves<double>({{24, 4}, {24, 4}}),
             [&](const auto& x) { return class_mmd(x[0], x[1], next_to(x[0], ls), next_to(x[0], none), 7); });
}
TEST_CASE("joint MMD of several layers") {
  const auto loss = [](const auto& x) {
    using X = std::remove_cvref_t<decltype(x[0])>;
    return jmmd(std::vector<X>{x[0], x[1], x[2]}, std::vector<X>{x[3], x[4], x[5]},
                {{.eps = 0}, {.num = 1}, {.kernel = Kernel::laplacian}});
  };
  check_loss(leaves<double>({{13, 3}, {13, 20}, {13, 1}, {30, 3}, {30, 20}, {30, 1}}), loss);
}
TEST_CASE("a strip of pairs at a time, and values without gradients") {
  const index_t n = 150, d = 5;
  const auto x = leaves<float>({{n, d}, {n, 1}});
  const Tensor<float, Cuda> points = x[0].on<Cuda>(), weights = x[1].on<Cuda>();
  std::vector<Tensor<float>> gradients;
  std::vector<float> values;
  for (std::int64_t room : {std::int64_t{1} << 22, std::int64_t{1}}) {
    Tensor<float, Cuda> y = Tensor<float, Cuda>::empty({}), g = Tensor<float, Cuda>::empty({n, d});
    cuda::PairCall<float> call;
    call.points = n;
    call.layers = 1;
    call.layer[0] = {
        .points = points.data(), .width = d, .gradient = g.mutable_data(), .kernel = {.inverse = {0.4}}};
    call.left = call.right = weights.data();
    call.room = room;
    cuda::pair_form(call, 0.0, y.mutable_data());
    values.push_back(y.item());
    gradients.push_back(g.on<Cpu>());
    call.layer[0].gradient = nullptr;
    cuda::pair_form(call, 0.0, y.mutable_data());
    CHECK(y.item() == doctest::Approx(values[0]).epsilon(1e-6));
  }
  CHECK(values[1] == doctest::Approx(values[0]).epsilon(1e-6));
  CHECK(difference(gradients[1], gradients[0]) < 1e-6);
}
TEST_CASE("distances, products with the kernel matrix, medians") {
  for (const auto& [n, m, d] : std::vector<std::array<index_t, 3>>{{1, 1, 1}, {3, 40, 7}, {66, 35, 18}}) {
    check_loss(leaves<double>({{n, d}, {m, d}}), [](const auto& x) { return squared_distances(x[0], x[1]); });
    const auto x = leaves<double>({{n + m, d}, {n + m, 3}});
    auto points = Tensor<double>::empty({n + m, d}), norms = Tensor<double>::empty({n + m});
    centre_rows(Cpu{}, points, norms, x[0], x[0].slice(0, 0, 0));
    const auto here = pair_products(Cpu{}, points, norms, {{.inverse = {0.5}, .eps = 0.1}}, x[1]);
    const auto there = pair_products(Cuda{}, points.on<Cuda>(), norms.on<Cuda>(),
                                     {{.inverse = {0.5}, .eps = 0.1}}, x[1].on<Cuda>());
    CHECK(difference(there.on<Cpu>(), here) < 1e-13);
    CHECK(median_distance(Cuda{}, points.on<Cuda>(), norms.on<Cuda>()).item() ==
          doctest::Approx(median_distance(Cpu{}, points, norms)).epsilon(1e-13));
    const auto small = points.to<float>();
    CHECK(median_distance(Cuda{}, small.on<Cuda>(), small.on<Cuda>()).item() ==
          doctest::Approx(median_distance(Cpu{}, points, norms)).epsilon(1e-5));
  }
}
TEST_CASE("biased forms are not negative, of batches that hardly differ") {
  const auto x = leaves<float>({{21, 4}, {21, 4}});
  float least = 1;
  for (int i = 1; i < 25; ++i)
    least = std::min(least,
                     mmd(x[0].on<Cuda>(), (x[0] + x[1] * (static_cast<float>(i) * 1e-7f)).on<Cuda>()).item());
  CHECK(least >= 0);
}
TEST_CASE("what is wrong is told by the next call that waits") {
  auto x = leaves<float>({{4, 2}});
  x[0].set({2, 1}, std::numeric_limits<float>::quiet_NaN());
  const auto bad = x[0].on<Cuda>(), good = Tensor<float, Cuda>::ones({4, 2}),
             p = Tensor<float, Cuda>::ones({4, 3});
  const auto labels = Tensor<index_t>::from({4}, {0, 1, 3, 2}).on<Cuda>();
  CHECK(thrown([&] { mmd(good, bad).item(); }).find("[mmd] the features must be finite") == 0);
  CHECK(thrown([&] {
          lmmd(good, good, labels, p).item();
        }).find("[lmmd] source labels must lie in [0, 3); got 3 at position 2") == 0);
  CHECK(thrown([&] {
          mmd(good, good, {}, {Tensor<float, Cuda>::zeros({4})}).item();
        }).find("[mmd] source weights must not all be 0") == 0);
  CHECK(thrown([&] {
          mmd(good, good, {}, {Tensor<float, Cuda>::full({4}, -1)}).item();
        }).find("[mmd] source weights must be finite and not negative; got -1") == 0);
  CHECK(thrown([&] {
          lmmd(good, good, Tensor<index_t, Cuda>::zeros({4}), p * 0.0f).item();
        }).find("[lmmd] probabilities of a target must not all be 0") == 0);
  CHECK(mmd(good, good).item() == 0);  // told once
}
TEST_CASE("the same bits again") {
  const auto x = leaves<float>({{37, 6}, {40, 6}});
  const auto loss = [](const auto& v) {
    return mmd(v[0], v[1], {.estimator = MmdEstimator::unbiased, .kernel = {.bandwidth = Bandwidth::median}});
  };
  const auto first = results<Cuda>(x, loss);
  for (int again = 0; again < 2; ++again) {
    const auto next = results<Cuda>(x, loss);
    for (std::size_t i = 0; i < first.size(); ++i) CHECK(identical(first[i], next[i]));
  }
}
