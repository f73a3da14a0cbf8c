// Cross-entropy and the losses of predictions and pairs on the device against the CPU; errors that are told
// late.
#include <limbic/backend/cuda/class_structure.hpp>
#include <limbic/backend/cuda/contrast.hpp>
#include <limbic/backend/cuda/cross_entropy.hpp>
#include <limbic/backend/cuda/distillation.hpp>
#include <limbic/backend/cuda/pair_weights.hpp>
#include <limbic/loss/adversarial.hpp>
#include <limbic/loss/class_confusion.hpp>
#include <limbic/loss/contrastive.hpp>
#include <limbic/loss/distillation.hpp>

#if __has_include(<emulator/emulator.hpp>)
#include <emulator/emulator.hpp>
#endif

#include "losses.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

Tensor<index_t> some_labels(index_t n, index_t k) {
  std::vector<index_t> l;
  for (index_t i = 0; i < n; ++i) l.push_back(i * i % k);
  return Tensor<index_t>::from({n}, l);
}

}  // namespace

TEST_CASE("cross-entropy of labels") {
  for (const auto& [n, k] :
       std::vector<std::array<index_t, 2>>{{1, 1}, {2, 5}, {33, 4}, {7, 33}, {3, 1030}}) {
    const auto labels = some_labels(n, k);
    const auto x = leaves<double>({{n, k}}, -30, 30), w = leaves<double>({{k}, {n}}, 0, 2);
    check_loss(x, [&](const auto& v) { return cross_entropy(v[0], next_to(v[0], labels)); });
    for (auto reduction : {Reduction::mean, Reduction::sum, Reduction::none})
      check_loss(x, [&](const auto& v) {
        return cross_entropy(v[0], next_to(v[0], labels),
                             {.label_smoothing = 0.2, .ignore_index = 1, .reduction = reduction},
                             {next_to(v[0], w[0]), next_to(v[0], w[1])});
      });
    check_loss(leaves<float>({{n, k}}, -30, 30),
               [&](const auto& v) { return cross_entropy(v[0], next_to(v[0], labels)); });
  }
  // Nothing counts; a hopeless row.
  check_loss(leaves<double>({{3, 2}}), [&](const auto& v) {
    return cross_entropy(v[0], next_to(v[0], Tensor<index_t>::full({3}, -100)));
  });
  auto x = leaves<double>({{2, 3}});
  x[0].set({0, 1}, -std::numeric_limits<double>::infinity());
  check_loss(x,
             [&](const auto& v) { return cross_entropy(v[0], next_to(v[0], Tensor<index_t>::zeros({2}))); });
}
TEST_CASE("labels out of range are told late, and nothing is read for them") {
  const auto x = leaves<float>({{4, 3}})[0].on<Cuda>();
  const auto labels = Tensor<index_t>::from({4}, {0, -100, 2, 3}).on<Cuda>();
  CHECK(thrown([&] {
          cross_entropy(x, labels).item();
        }).find("[cross_entropy] labels must lie in [0, 3); got 3 at position 3") == 0);
  CHECK(thrown([&] {
          cross_entropy(x, labels, {.ignore_index = 3}).item();
        }).find("got -100 at position 1") != std::string::npos);
  auto v = Var<float, Cuda>::leaf(x);
  CHECK(thrown([&] { grad(cross_entropy(v, labels), {v})[0].value().to_vector(); }).find("[cross_entropy]") ==
        0);
  CHECK(thrown([&] {
          cross_entropy(x, labels, {}, {Tensor<float, Cuda>::ones({2})});
        }).find("class weights") != std::string::npos);
}
TEST_CASE("distillation, entropy and divergence") {
  const auto x = leaves<double>({{9, 5}, {9, 5}}, -4, 4), w = leaves<double>({{9}}, 0, 1);
  const auto labels = some_labels(9, 5);
  check_loss(x, [&](const auto& v) {
    return distillation(v[0], v[1], {}, next_to(v[0], w[0])) + distillation(v[1], v[0]);
  });
  check_loss(x, [](const auto& v) { return mutual_distillation(v[0], v[1]); });
  for (const auto& [n, k] : std::vector<std::array<index_t, 2>>{{1, 1}, {35, 3}, {2, 1100}})
    check_loss(leaves<double>({{n, k}, {n, k}}, -50, 50), [](const auto& v) {
      return mutual_distillation(v[0], v[1], {.temperature = 3}) +
             distillation(v[0], v[1], {.temperature = 1}) + distillation(v[1], v[0]);
    });
  check_loss(x, [](const auto& v) { return mutual_distillation(v[0], v[0]) + sum(v[1]); });
  auto never = leaves<double>({{2, 3}, {2, 3}});  // a class that one of them rules out
  never[0].set({0, 1}, -std::numeric_limits<double>::infinity());
  check_loss(never, [](const auto& v) { return distillation(v[1], v[0]) + sum(slice(v[0], 0, 1)); });
  check_loss(never, [](const auto& v) { return mutual_distillation(v[1] * 1e-3, v[0]) * 1e-30; });
  // Second derivatives are those of the composed form.
  const auto curvature = [](const auto& v) {
    return sum(square(grad(mutual_distillation(v[0], v[1]), {v[0], v[1]}, {}, true)[0]));
  };
  check_loss(x, curvature, 1e-11);
  check_loss(
      x,
      [&](const auto& v) {
        return decoupled_kd(v[0], v[1], next_to(v[0], labels)) +
               decoupled_kd(v[1], v[0], next_to(v[0], labels));
      },
      1e-11);
  check_loss(x, [](const auto& v) { return entropy(v[0]) + kl_div(log_softmax(v[0], 1), softmax(v[1], 1)); });
  check_loss(
      x, [&](const auto& v) { return minimum_class_confusion(v[0], {}, next_to(v[0], w[0])) + sum(v[1]); });
}
TEST_CASE("contrastive losses and class structure") {
  const auto x = leaves<double>({{12, 7}, {12, 7}, {}}), w = leaves<double>({{12}}, 0, 1);
  const auto labels = some_labels(12, 6);
  check_loss(x, [&](const auto& v) { return clip_loss(v[0], v[1], v[2], next_to(v[0], w[0])); });
  check_loss(x, [&](const auto& v) { return info_nce(v[0], v[1]) + v[2]; });
  for (const auto& [n, d] : std::vector<std::array<index_t, 2>>{{1, 1}, {33, 18}, {70, 5}})
    check_loss(
        leaves<double>({{n, d}, {n, d}, {}}),
        [](const auto& v) { return clip_loss(v[0], v[1], v[2] + 2.0) + info_nce(v[0], v[1], 0.05); }, 1e-11);
  check_loss(
      leaves<float>({{530, 3}, {530, 3}, {}}), [](const auto& v) { return clip_loss(v[0], v[1], v[2]); },
      1e-4);  // tiles of 64
  check_loss(leaves<double>({{9, 4}}), [](const auto& v) {
    return clip_loss(v[0], v[0], Tensor<double, device_of<decltype(v[0])>>::scalar(1.0));
  });
  check_loss(
      x,
      [](const auto& v) {
        return sum(square(grad(clip_loss(v[0], v[1], v[2]), {v[0], v[1], v[2]}, {}, true)[0]));
      },
      1e-11);
  check_loss(x, [&](const auto& v) {
    return supcon(v[0], next_to(v[0], labels)) +
           supcon(v[1], next_to(v[0], labels), 0.2, next_to(v[0], w[0])) * v[2];
  });
  check_loss(x, [&](const auto& v) {
    return class_structure(v[0], next_to(v[0], labels)) + sum(cosine_matrix(v[1])) * v[2];
  });
}
TEST_CASE("class structure in one pass, and what it is not for") {
  for (const auto& [n, k] :
       std::vector<std::array<index_t, 2>>{{1, 2}, {2, 3}, {33, 4}, {9, 5}, {70, 8}, {40, 9}, {31, 16}}) {
    const auto labels = some_labels(n, k);
    const auto loss = [&](const auto& v) { return class_structure(v[0], next_to(v[0], labels)); };
    check_loss(leaves<double>({{n, k}}, -3, 3), loss);
    check_loss(leaves<float>({{n, k}}, -3, 3), loss, 2e-4);  // logarithms of 1 - s, s near 1
    check_loss(leaves<double>({{k, n}}, -3, 3),
               [&](const auto& v) { return class_structure(transpose(v[0]), next_to(v[0], labels), 0.1); });
  }
  const auto labels = some_labels(12, 4);
  const auto x = leaves<double>({{12, 4}}, -2, 2), w = leaves<double>({{12}}, 0, 1);
  check_loss(x, [&](const auto& v) {
    return class_structure(v[0], next_to(v[0], labels), 1e-3, next_to(v[0], w[0]));
  });
  check_loss(leaves<double>({{12, 17}}),
             [&](const auto& v) { return class_structure(v[0], next_to(v[0], labels)); });
  check_loss(
      x,
      [&](const auto& v) {
        return sum(square(grad(class_structure(v[0], next_to(v[0], labels)), {v[0]}, {}, true)[0]));
      },
      1e-11);
  // Added to a gradient that is there; the value alone.
  check_loss(x,
             [&](const auto& v) { return class_structure(v[0], next_to(v[0], labels)) + sum(square(v[0])); });
  const auto there = x[0].on<Cuda>();
  CHECK(class_structure(there, labels.on<Cuda>()).item() ==
        doctest::Approx(class_structure(x[0], labels).item()).epsilon(1e-12));
#if __has_include(<emulator/emulator.hpp>)
  emulator::options().count = true;
  emulator::reset_counters();
  class_structure(there, labels.on<Cuda>());
  CHECK(emulator::counters("class_structure_pairs").launches == 1);
  CHECK(emulator::counters("class_structure_pairs").shared_conflicts == 0);
  CHECK(emulator::counters("cuBLAS gemm").launches == 0);
  emulator::options().count = false;
#endif
}
TEST_CASE("values that make a loss infinite are named") {
  auto x = leaves<float>({{3, 2}});
  x[0].set({1, 0}, std::numeric_limits<float>::quiet_NaN());
  const auto bad = x[0].on<Cuda>(), good = Tensor<float, Cuda>::ones({3, 2});
  CHECK(thrown([&] {
          distillation(good, bad).item();
        }).find("[distillation] teacher must be finite; got nan at position 2") == 0);
  CHECK(thrown([&] {
          clip_loss(good, good, Tensor<float, Cuda>::scalar(1e10f)).item();
        }).find("[clip_loss]") == 0);
  CHECK(
      thrown([&] {
        cosine_matrix(good * 0.0f).to_vector();
      }).find("[cosine_matrix] rows of x (3, 2) must have a positive, finite length; got 0 at position 0") ==
      0);
  CHECK(thrown([&] {
          class_structure(bad, Tensor<index_t, Cuda>::zeros({3})).item();
        }).find("[class_structure] logits must be finite; got nan at position 2") == 0);
  CHECK(thrown([&] {
          minimum_class_confusion(good, {}, Tensor<float, Cuda>::full({3}, -1)).item();
        }).find("[minimum_class_confusion] sample weights must be finite and not negative; got -1") == 0);
  CHECK(thrown([&] {
          clip_loss(good, good * 0.0f, Tensor<float, Cuda>::scalar(0)).item();
        }).find("[clip_loss] rows of b (3, 2) must") == 0);
  CHECK(thrown([&] {
          certainty_weights(bad).to_vector();
        }).find("[certainty_weights] logits must be finite; got nan at position 2") == 0);
  CHECK(thrown([&] {
          kl_div(good, good * -1.0f).item();
        }).find("[kl_div] q must be finite and not negative") == 0);
  CHECK(distillation(good, good).item() == 0);
}
