// Bias, activation, dropout and residual in one pass on the device, against the CPU's operations one by one.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/backend/cuda/index.hpp>
#include <limbic/backend/cuda/matmul.hpp>
#include <limbic/backend/cuda/residual_branch.hpp>
#include <limbic/nn/transformer.hpp>
#include <limbic/ops/power.hpp>

#include <limbic/backend/cuda/attention.hpp>
#include <limbic/backend/cuda/rows.hpp>

#include "on_both.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

constexpr BranchGate kGates[] = {BranchGate::identity, BranchGate::relu, BranchGate::gelu,
                                 BranchGate::quick_gelu};

// The same draw on both devices.
RandomStream draws() { return Random(7).stream("branch"); }

}  // namespace

TEST_CASE("every part, with and without the others") {
  for (const auto& shape : std::vector<Shape>{{1}, {3, 1}, {2, 3, 5}, {7, 64}, {1, 4097}}) {
    const index_t c = shape.back();
    for (BranchGate gate : kGates)
      for (double p : {0.0, 0.3}) {
        CAPTURE(p);
        check_on_both({shape, {c}, shape}, [&](const auto& v) {
          RandomStream random = draws();
          return residual_branch(v[0], v[1], gate, p, random, true, v[2]);
        });
      }
    check_on_both({shape}, [&](const auto& v) {
      RandomStream random = draws();
      return residual_branch(v[0], {}, BranchGate::relu, 0.5, random, true);
    });
    check_on_both({shape, {c}}, [&](const auto& v) {
      RandomStream random = draws();
      return residual_branch(v[0], v[1], BranchGate::gelu, 0.5, random, false);
    });
  }
  check_on_both({{4, 0}, {0}}, [](const auto& v) {
    RandomStream random = draws();
    return residual_branch(v[0], v[1], BranchGate::relu, 0.5, random, true);
  });
}
TEST_CASE("operands that are views, one in two places, all dropped") {
  check_on_both({{6, 5}, {10}}, [](const auto& v) {
    RandomStream random = draws();
    return residual_branch(transpose(v[0]), slice(v[1], 0, 2, 8), BranchGate::relu, 0.2, random, true,
                           transpose(v[0]));
  });
  check_on_both({{3, 4}, {4}}, [](const auto& v) {
    RandomStream random = draws();
    return residual_branch(v[0], v[1], BranchGate::identity, 1, random, true, square(v[0]));
  });
}
TEST_CASE("gradients of gradients") {
  check_on_both({{5, 3}, {3}, {5, 3}}, [](const auto& v) {
    RandomStream random = draws();
    const auto y = residual_branch(v[0], v[1], BranchGate::quick_gelu, 0.3, random, true, square(v[2]));
    return grad(sum(square(y)), {v[0]}, {}, true)[0] + sum(v[1]) + v[2];
  });
}
TEST_CASE("a transformer's layer: fewer passes, the same numbers and draws") {
  for (const bool norm_first : {false, true}) {
    const auto run = [&](auto device) {
      using D = decltype(device);
      RandomStream random = Random(2).stream("layer");
      TransformerEncoderLayer<float, D> layer(8,
                                              {.heads = 2,
                                               .hidden = 12,
                                               .dropout = 0.2,
                                               .activation = norm_first ? Activation::gelu : Activation::relu,
                                               .norm_first = norm_first},
                                              random);
      std::vector<Tensor<float>> all;
      for (int i = 0; i < 2; ++i) {
        const auto x = Var<float, D>::leaf(random_on<float, D>({3, 7, 8}, 1));
        const auto y = layer(x);
        all.push_back(y.value().template on<Cpu>());
        zero_grad(layer);
        backward(y, Var<float, D>(random_on<float, D>({3, 7, 8}, 2)));
        for (auto& p : parameters<float, D>(layer)) all.push_back(p.grad().template on<Cpu>());
        all.push_back(x.grad().template on<Cpu>());
      }
      return all;
    };
    const auto here = run(Cpu{}), there = run(Cuda{});
    for (std::size_t i = 0; i < here.size(); ++i) {
      CAPTURE(i);
      CHECK(error_of(there[i], here[i].to<double>()) < 3e-5);
    }
  }
}
TEST_CASE("what does not fit") {
  const auto x = Tensor<float, Cuda>::ones({2, 3});
  RandomStream random = draws();
  const auto error = [&](const Tensor<float, Cuda>& bias, const Tensor<float, Cuda>& residual,
                         double p = 0.5) {
    return thrown([&] { residual_branch(x, bias, BranchGate::relu, p, random, true, residual); });
  };
  CHECK(error(Tensor<float, Cuda>::ones({2}), {}) ==
        "[residual_branch] x (..., C) and bias (C) are needed; got x (2, 3), bias (2)");
  CHECK(error({}, Tensor<float, Cuda>::ones({3})) ==
        "[residual_branch] the residual must be of x's shape; got (3) for (2, 3)");
  CHECK(error({}, {}, 1.5).find("p must be in [0, 1]; got 1.5") != std::string::npos);
  CHECK(random.state() == draws().state());
}

#if __has_include(<emulator/emulator.hpp>)
TEST_CASE("one launch, 128 bits at once") {
  const auto x = random_on<float, Cuda>({64, 64}, 1), b = random_on<float, Cuda>({64}, 2);
  RandomStream random = draws();
  emulator::options().count = true;
  emulator::reset_counters();
  residual_branch(x, b, BranchGate::relu, 0.1, random, true, x);
  const auto c = emulator::counters("residual_branch_fwd");
  CHECK(emulator::counters().size() == 1);
  CHECK(c.launches == 1);
  CHECK(c.wide_accesses == 4 * 64 * 64 / 4 / 32);
  CHECK(c.write_sectors * 32 == c.write_distinct);
  emulator::options().count = false;
}
#endif
