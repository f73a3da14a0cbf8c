// Optimisers on the device against the CPU: many tensors in one launch, clipping without a wait.
#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/optim.hpp>
#include <limbic/backend/cuda/random.hpp>
#include <limbic/nn/linear.hpp>
#include <limbic/optim/optim.hpp>

#include "on_both.hpp"
#include "support/same_state.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

template <class T, class D>
std::vector<Var<T, D>> parameters(const std::vector<index_t>& sizes) {
  std::vector<Var<T, D>> p;
  for (index_t n : sizes) p.push_back(Var<T, D>::leaf(random_on<T, D>({n}, static_cast<unsigned>(n + 1))));
  return p;
}
template <class T, class D>
void set_gradients(std::vector<Var<T, D>>& p, unsigned seed) {
  for (auto& v : p) v.set_grad(random_on<T, D>(v.shape(), seed++));
}

// Odd sizes, none, and ones of several blocks.
const std::vector<index_t> kSizes = {1, 0, 5, 4096, 33, 9001, 64};

// Values of all parameters after some steps.
template <class Optimizer, class T, class D, class Options>
std::vector<Tensor<T>> after_steps(const Options& options, double max_norm) {
  auto p = parameters<T, D>(kSizes);
  Optimizer optimizer(p, options);
  for (unsigned step = 0; step < 3; ++step) {
    set_gradients(p, 100 * step);
    if (step == 1) p[2].zero_grad();  // its own count of steps from now on
    if (max_norm > 0) optimizer.step_clipped(max_norm);
    else optimizer.step();
  }
  std::vector<Tensor<T>> values;
  for (const auto& v : p) values.push_back(v.value().template on<Cpu>());
  return values;
}
template <template <class, class> class Optimizer, class Options>
void check_steps(const Options& options) {
  for (double max_norm : {0.0, 2.0, 1e6}) {
    CAPTURE(max_norm);
    const auto want = after_steps<Optimizer<double, Cpu>, double, Cpu>(options, max_norm);
    const auto narrow = after_steps<Optimizer<float, Cuda>, float, Cuda>(options, max_norm);
    const auto wide = after_steps<Optimizer<double, Cuda>, double, Cuda>(options, max_norm);
    for (std::size_t i = 0; i < want.size(); ++i) {
      CHECK(error_of(narrow[i], want[i]) < 4e-6);
      CHECK(error_of(wide[i], want[i]) < 1e-13);
    }
  }
}
template <class T, class D>
using AdamOf = Adam<T, D>;
template <class T, class D>
using AdamWOf = AdamW<T, D>;
template <class T, class D>
using SgdOf = Sgd<T, D>;

}  // namespace

TEST_CASE("steps") {
  check_steps<AdamOf>(AdamOptions{.lr = 0.1, .eps = 1e-3, .weight_decay = 0.1});
  check_steps<AdamWOf>(AdamWOptions{.lr = 0.1, .eps = 1e-3});
  check_steps<SgdOf>(SgdOptions{.lr = 0.1, .weight_decay = 0.1, .maximize = true});
  check_steps<SgdOf>(SgdOptions{.lr = 0.1, .momentum = 0.9});
  check_steps<SgdOf>(SgdOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.1, .nesterov = true});
}
TEST_CASE("more tensors than a launch takes") {
  const std::vector<index_t> sizes(170, 7);
  auto here = parameters<double, Cpu>(sizes);
  auto there = parameters<float, Cuda>(sizes);
  set_gradients(here, 1);
  set_gradients(there, 1);
  AdamW<double, Cpu> a(here);
  AdamW<float, Cuda> b(there);
  a.step_clipped(1);
  b.step_clipped(1);
  for (std::size_t i = 0; i < sizes.size(); ++i)
    CHECK(error_of(there[i].value().on<Cpu>(), here[i].value()) < 1e-6);
  CHECK(b.clipped_norm() == doctest::Approx(a.clipped_norm()).epsilon(1e-12));
#if __has_include(<emulator/emulator.hpp>)
  emulator::options().count = true;
  emulator::reset_counters();
  b.step_clipped(1);
  CHECK(emulator::counters("update_adam").launches == 3);
  CHECK(emulator::counters("sum_squares").launches == 3);
  CHECK(emulator::counters("clip_factor").launches == 1);
  emulator::options().count = false;
#endif
}
TEST_CASE("memory that begins anywhere") {
  Tensor<float, Cuda> memory = random_on<float, Cuda>({101}, 3);
  std::vector<Var<float, Cuda>> p = {Var<float, Cuda>::leaf(memory.slice(0, 1))};
  Var<double> q = Var<double>::leaf(p[0].value().on<Cpu>().to<double>());
  p[0].set_grad(random_on<float, Cuda>({100}, 4));
  q.set_grad(random_on<double, Cpu>({100}, 4));
  Adam<float, Cuda>(p).step();
  Adam<double>({q}).step();
  CHECK(error_of(p[0].value().on<Cpu>(), q.value()) < 1e-6);
}
TEST_CASE("norms that are not finite: nothing is updated, and the next wait throws") {
  auto p = parameters<float, Cuda>({3, 5});
  set_gradients(p, 1);
  Sgd<float, Cuda> optimizer(p, {.momentum = 0.5});
  CHECK(thrown([&] { optimizer.clipped_norm(); }) == "[clip_grad_norm] step_clipped() must come first");
  optimizer.step_clipped(1);
  const auto value = p[0].value().to_vector();
  p[1].grad().fill(std::numeric_limits<float>::infinity());
  optimizer.step_clipped(1);
  CHECK(thrown([&] {
          p[0].value().to_vector();
        }).find("[clip_grad_norm] the gradients' norm must be finite; got inf") == 0);
  CHECK(p[0].value().to_vector() == value);
  set_gradients(p, 2);
  optimizer.step_clipped(1);
  CHECK(p[0].value().to_vector() != value);
  CHECK(optimizer.clipped_norm() > 0);
  CHECK(thrown([&] { optimizer.step_clipped(0); }) == "[clip_grad_norm] max_norm must be positive; got 0");
}
TEST_CASE("clipping before the step; strided gradients") {
  auto here = parameters<double, Cpu>({6, 5000});
  auto there = parameters<float, Cuda>({6, 5000});
  const auto strided = [](auto& p, const auto& g) {
    p[0].set_grad(g.reshape({2, 3}).transpose(0, 1).contiguous().transpose(0, 1).reshape({6}));
  };
  set_gradients(here, 1);
  set_gradients(there, 1);
  strided(here, here[0].grad());
  strided(there, there[0].grad());
  CHECK(clip_grad_norm(there, 3) == doctest::Approx(clip_grad_norm(here, 3)).epsilon(1e-7));
  for (std::size_t i = 0; i < 2; ++i) CHECK(error_of(there[i].grad().on<Cpu>(), here[i].grad()) < 1e-6);
  clip_grad_value(here, 0.01);
  clip_grad_value(there, 0.01);
  CHECK(error_of(there[1].grad().on<Cpu>(), here[1].grad()) < 1e-6);
}
TEST_CASE("averages; state goes to the host and back") {
  auto p = parameters<float, Cuda>({7, 4100});
  auto q = parameters<float, Cpu>({7, 4100});
  Ema<float, Cuda> there(p, 0.75);
  Ema<float> here(q, 0.75);
  set_gradients(p, 1);
  set_gradients(q, 1);
  Adam<float, Cuda> a(p);
  Adam<float> b(q);
  for (int i = 0; i < 2; ++i) {
    a.step();
    b.step();
    there.update();
    here.update();
  }
  for (std::size_t i = 0; i < 2; ++i)
    CHECK(error_of(there.averages()[i].on<Cpu>(), here.averages()[i].to<double>()) < 1e-6);
  Ema<float, Cuda> other(p, 0.75);
  other.load_state_dict(there.state_dict());
  CHECK(same_state(other.state_dict(), there.state_dict()));
  Adam<float, Cuda> c(p);
  c.load_state_dict(a.state_dict());
  CHECK(same_state(c.state_dict(), a.state_dict()));
  CHECK(c.state_dict().size() == b.state_dict().size());
}
TEST_CASE("a module's state dict is a copy on the CPU, and goes back") {
  RandomStream random = Random(1).stream("module");
  Linear<float, Cuda> there(3, 2, random), other(3, 2, random);
  const StateDict state = state_dict(there);
  CHECK(identical(state.get<float>("weight"), there.weight.value().on<Cpu>()));
  CHECK(!same_state(state_dict(other), state));
  load_state_dict(other, state);
  CHECK(same_state(state_dict(other), state));
  Linear<float> here(3, 2, random);
  load_state_dict(here, state);
  CHECK(identical(here.weight.value(), there.weight.value().on<Cpu>()));
}
TEST_CASE("bit for bit in any order") {
  std::vector<double> norms;
  std::vector<std::vector<float>> values;
  for (unsigned schedule : {0u, 7u, 8u}) {
#if __has_include(<emulator/emulator.hpp>)
    emulator::options().schedule = schedule;
#endif
    auto p = parameters<float, Cuda>(kSizes);
    set_gradients(p, 1);
    AdamW<float, Cuda> optimizer(p);
    optimizer.step_clipped(2);
    norms.push_back(optimizer.clipped_norm());
    values.push_back(p[5].value().to_vector());
    static_cast<void>(schedule);
  }
#if __has_include(<emulator/emulator.hpp>)
  emulator::options().schedule = 0;
#endif
  CHECK((norms[1] == norms[0] && norms[2] == norms[0]));
  CHECK((values[1] == values[0] && values[2] == values[0]));
}
