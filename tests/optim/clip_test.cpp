// Gradient clipping by norm and by value, and the sum of squares behind it.
#include <limbic/optim/clip.hpp>
#include <limbic/optim/sgd.hpp>

#include "support/op_check.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {
std::vector<Var<double>> with_gradients() {
  std::vector<Var<double>> p;
  for (index_t n : {2, 1, 3}) p.push_back(Var<double>::leaf(Tensor<double>::ones({n})));
  p[0].set_grad(Tensor<double>::from({2}, {3, -4}));
  p[2].set_grad(Tensor<double>::from({3}, {0, 12, 0}));
  return p;
}
}  // namespace

TEST_CASE("by norm: PyTorch's factor, missing gradients left alone") {
  auto p = with_gradients();
  CHECK(clip_grad_norm(p, 20) == doctest::Approx(13).epsilon(1e-15));
  CHECK(p[0].grad().at(1) == -4);
  CHECK(clip_grad_norm(p, 6.5) == doctest::Approx(13).epsilon(1e-15));
  const double factor = 6.5 / (13 + 1e-6);
  CHECK(p[0].grad().at(0) == doctest::Approx(3 * factor).epsilon(1e-15));
  CHECK(p[2].grad().at(1) == doctest::Approx(12 * factor).epsilon(1e-15));
  CHECK_FALSE(p[1].grad().defined());
  CHECK(clip_grad_norm(std::vector<Var<double>>{p[1]}, 1) == 0);
}

TEST_CASE("inside the step: the same as before it") {
  auto p = with_gradients(), q = with_gradients();
  Sgd<double> inside(p), after(q);
  CHECK(thrown([&] { inside.clipped_norm(); }) == "[clip_grad_norm] step_clipped() must come first");
  inside.step_clipped(6.5);
  const double norm = clip_grad_norm(q, 6.5);
  after.step();
  for (std::size_t i = 0; i < p.size(); ++i) CHECK(p[i].value().to_vector() == q[i].value().to_vector());
  CHECK(inside.clipped_norm() == norm);
  p[0].set_grad(Tensor<double>::from({2}, {std::nan(""), 0}));
  CHECK(thrown([&] { inside.step_clipped(1); }) ==
        "[clip_grad_norm] the gradients must be finite; their norm is nan");
  CHECK(inside.steps() == 1);
}

TEST_CASE("by value") {
  auto p = with_gradients();
  clip_grad_value(p, 3.5);
  CHECK(p[0].grad().to_vector() == std::vector<double>{3, -3.5});
  CHECK(p[2].grad().to_vector() == std::vector<double>{0, 3.5, 0});
}

TEST_CASE("what is not finite is refused before anything is scaled") {
  auto p = with_gradients();
  p[1].set_grad(Tensor<double>::from({1}, {std::nan("")}));
  CHECK(thrown([&] { clip_grad_norm(p, 1); }) ==
        "[clip_grad_norm] the gradients must be finite; their norm is nan");
  CHECK(p[0].grad().at(0) == 3);
  CHECK(thrown([&] { clip_grad_norm(p, 0); }) == "[clip_grad_norm] max_norm must be positive; got 0");
  CHECK(thrown([&] { clip_grad_value(p, -1); }) == "[clip_grad_value] the limit must be positive; got -1");
}

TEST_CASE("sums of squares: any size, any number of threads bit for bit, no overflow of float") {
  for (const index_t n : {0, 1, 31, 32, 33, 100, 32768, 32769, 100003}) {
    CAPTURE(n);
    const auto values = random_values(n, -2, 2, 0, 3);
    double want = 0;
    for (double v : values) want += v * v;
    const auto x = Tensor<double>::from({n}, values);
    const int threads = num_threads();
    for (cpu::Isa isa : {cpu::Isa::portable, cpu::Isa::avx2, cpu::Isa::avx512}) {
      cpu::set_isa(isa);
      set_num_threads(1);
      const double one = squared_norm(Cpu{}, x), narrow = squared_norm(Cpu{}, x.to<float>());
      CHECK(one == doctest::Approx(want).epsilon(1e-12));
      CHECK(narrow == one);
      set_num_threads(3);
      CHECK(squared_norm(Cpu{}, x) == one);
    }
    set_num_threads(threads);
  }
  CHECK(squared_norm(Cpu{}, Tensor<float>::full({100}, 1e30f)) == doctest::Approx(1e62).epsilon(1e-6));
}
