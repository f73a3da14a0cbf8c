// SGD, Adam and AdamW against loops in double and golden vectors; groups, frozen parameters, states, errors.
#include <limbic/io/safetensors.hpp>
#include <limbic/ops/sum.hpp>
#include <limbic/optim/adam.hpp>
#include <limbic/optim/sgd.hpp>

#include "support/same_state.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

namespace {

std::vector<double> values(index_t n, unsigned seed) { return random_values(n, -1, 1, 0, seed); }

template <class T>
Var<T> parameter(index_t n, unsigned seed = 1) {
  return Var<T>::leaf(Tensor<double>::from({n}, values(n, seed)).template to<T>());
}
template <class T>
void set_gradient(Var<T>& p, unsigned seed) {
  p.set_grad(Tensor<double>::from(p.shape(), values(p.numel(), seed)).template to<T>());
}

// The definitions, element by element.
struct Naive {
  std::vector<double> p, first, second;
  int t = 0;
  explicit Naive(std::vector<double> start) : p(std::move(start)), first(p.size()), second(p.size()) {}
  void step(const SgdOptions& o, const std::vector<double>& g) {
    ++t;
    for (std::size_t i = 0; i < p.size(); ++i) {
      double d = (o.maximize ? -g[i] : g[i]) + o.weight_decay * p[i];
      if (o.momentum != 0) {
        first[i] = t == 1 ? d : o.momentum * first[i] + d;
        d = o.nesterov ? d + o.momentum * first[i] : first[i];
      }
      p[i] -= o.lr * d;
    }
  }
  template <class Options>
  void step(const Options& o, const std::vector<double>& g, bool decoupled) {
    ++t;
    for (std::size_t i = 0; i < p.size(); ++i) {
      const double d = decoupled ? g[i] : g[i] + o.weight_decay * p[i];
      if (decoupled) p[i] *= 1 - o.lr * o.weight_decay;
      first[i] = o.beta1 * first[i] + (1 - o.beta1) * d;
      second[i] = o.beta2 * second[i] + (1 - o.beta2) * d * d;
      const double m = first[i] / (1 - std::pow(o.beta1, t)), v = second[i] / (1 - std::pow(o.beta2, t));
      p[i] -= o.lr * m / (std::sqrt(v) + o.eps);
    }
  }
  void step(const AdamOptions& o, const std::vector<double>& g) { step(o, g, false); }
  void step(const AdamWOptions& o, const std::vector<double>& g) { step(o, g, true); }
};

// On every instruction set, with sizes around vectors and pieces.
template <template <class, class> class Optimizer, class Options>
void check_steps(const Options& options) {
  for (const index_t n : {1, 15, 16, 31, 200, 40000}) {
    CAPTURE(n);
    Naive naive(values(n, 1));
    for (unsigned s = 0; s < 5; ++s) naive.step(options, values(n, 10 + s));
    const auto want = Tensor<double>::from({n}, naive.p);
    for (cpu::Isa isa : {cpu::Isa::portable, cpu::Isa::avx2, cpu::Isa::avx512}) {
      cpu::set_isa(isa);
      auto run = [&]<class T>(T) {
        Var<T> p = parameter<T>(n);
        Optimizer<T, Cpu> optimizer({p}, options);
        for (unsigned s = 0; s < 5; ++s) {
          set_gradient(p, 10 + s);
          optimizer.step();
        }
        CHECK(optimizer.steps() == 5);
        return error_of(p.value(), want);
      };
      CHECK(run(0.0) < 1e-13);
      CHECK(run(0.0f) < 1e-5);  // d may be a small difference, and Adam divides by its size
    }
    cpu::set_isa(cpu::detected_isa());
  }
}

template <class Optimizer, class Options>
void check_golden(const char* name, const Options& options) {
  const auto file =
      SafetensorsFile::open(LIMBIC_SOURCE_DIR "/tests/golden/" + std::string(name) + ".safetensors");
  Var<double> p = Var<double>::leaf(file.load<double>("in.param"));
  const auto grads = file.load<double>("in.grads");
  Optimizer optimizer({p}, options);
  for (index_t i = 0; i < grads.size(0); ++i) {
    p.set_grad(grads.select(0, i));
    optimizer.step();
  }
  CHECK(error_of(p.value(), file.load<double>("out.y")) < 1e-13);
}

}  // namespace

TEST_CASE("SGD: plain, weight decay, momentum, Nesterov, maximise") {
  check_steps<Sgd>(SgdOptions{.lr = 0.1});
  check_steps<Sgd>(SgdOptions{.lr = 0.1, .weight_decay = 0.2});
  check_steps<Sgd>(SgdOptions{.lr = 0.1, .momentum = 0.9});
  check_steps<Sgd>(
      SgdOptions{.lr = 0.1, .momentum = 0.8, .weight_decay = 0.1, .nesterov = true, .maximize = true});
}
TEST_CASE("Adam and AdamW") {
  check_steps<Adam>(AdamOptions{.lr = 0.05});
  check_steps<Adam>(AdamOptions{.lr = 0.05, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-6, .weight_decay = 0.3});
  check_steps<AdamW>(AdamWOptions{});
  check_steps<AdamW>(AdamWOptions{.lr = 0.05, .weight_decay = 0.3});
}
TEST_CASE("golden vectors") {
  check_golden<Sgd<double>>("sgd",
                            SgdOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = 0.01, .nesterov = true});
  check_golden<Adam<double>>("adam", AdamOptions{.lr = 0.05, .weight_decay = 0.01});
  check_golden<AdamW<double>>("adamw", AdamWOptions{.lr = 0.05, .beta2 = 0.98, .weight_decay = 0.05});
}

TEST_CASE("parameter groups have options of their own") {
  Var<double> a = parameter<double>(5, 1), b = parameter<double>(5, 1);
  Sgd<double> optimizer({{{a}, {.lr = 0.5}}, {{b}, {.lr = 0.25, .weight_decay = 1}}});
  set_gradient(a, 2);
  set_gradient(b, 2);
  optimizer.step();
  Naive first(values(5, 1)), second(values(5, 1));
  first.step(SgdOptions{.lr = 0.5}, values(5, 2));
  second.step(SgdOptions{.lr = 0.25, .weight_decay = 1}, values(5, 2));
  CHECK(error_of(a.value(), Tensor<double>::from({5}, first.p)) < 1e-15);
  CHECK(error_of(b.value(), Tensor<double>::from({5}, second.p)) < 1e-15);
  optimizer.set_lr(0);
  optimizer.groups()[1].options.weight_decay = 0;
  const auto before = b.value().clone();
  optimizer.step();
  CHECK(identical(b.value(), before));
  optimizer.zero_grad();
  CHECK_FALSE(a.grad().defined());
}

TEST_CASE("frozen parameters and those without a gradient stay, and their steps do not count") {
  Var<double> a = parameter<double>(5, 1), b = parameter<double>(5, 2), c = parameter<double>(5, 3);
  Adam<double> optimizer({a, b, c}, {.lr = 0.1});
  const auto before_b = b.value().clone(), before_c = c.value().clone();
  set_gradient(a, 4);
  set_gradient(b, 5);
  b.set_requires_grad(false);
  optimizer.step();
  CHECK(identical(b.value(), before_b));
  CHECK(identical(c.value(), before_c));
  b.set_requires_grad(true);
  optimizer.step();
  Naive naive(values(5, 2));
  naive.step(AdamOptions{.lr = 0.1}, values(5, 5));
  CHECK(error_of(b.value(), Tensor<double>::from({5}, naive.p)) < 1e-14);
}

TEST_CASE("a gradient that is a view") {
  Var<double> p = Var<double>::leaf(Tensor<double>::zeros({2, 3}));
  Sgd<double> optimizer({p}, {.lr = 1});
  const auto wide = Tensor<double>::from({3, 2}, {1, 4, 2, 5, 3, 6});
  p.set_grad(wide.transpose(0, 1));
  optimizer.step();
  CHECK(equal(p.value(), Tensor<double>::from({2, 3}, {-1, -2, -3, -4, -5, -6})));
  CHECK(wide.at(0, 1) == 4);
}

TEST_CASE("a state is resumed bit for bit") {
  auto check = [](auto make) {
    // b has no gradient in the first two steps: its own count of steps differs.
    auto steps = [](auto& optimizer, Var<float>& a, Var<float>& b, unsigned from, unsigned to) {
      for (unsigned s = from; s < to; ++s) {
        set_gradient(a, 10 + s);
        if (s > 1) set_gradient(b, 50 + s);
        optimizer.step();
      }
    };
    Var<float> a = parameter<float>(33, 1), b = parameter<float>(7, 2);
    auto whole = make(a, b);
    steps(whole, a, b, 0, 4);
    const StateDict state = whole.state_dict().clone();
    Var<float> c = Var<float>::leaf(a.value().clone()), d = Var<float>::leaf(b.value().clone());
    steps(whole, a, b, 4, 8);
    auto resumed = make(c, d);
    resumed.load_state_dict(state);
    CHECK(resumed.steps() == 4);
    steps(resumed, c, d, 4, 8);
    CHECK(identical(c.value(), a.value()));
    CHECK(identical(d.value(), b.value()));
    CHECK(same_state(resumed.state_dict(), whole.state_dict()));
  };
  check([](auto& a, auto& b) {
    return Sgd<float>({{{a}, {.lr = 0.1, .momentum = 0.9}}, {{b}, {.lr = 0.2}}});
  });
  check([](auto& a, auto& b) { return Adam<float>({a, b}, {.lr = 0.1}); });
}

TEST_CASE("a state that does not fit is refused and changes nothing") {
  Var<double> a = parameter<double>(5, 1), b = parameter<double>(6, 2);
  Adam<double> one({a}, {}), two({a, b}, {}), other({b}, {});
  set_gradient(a, 3);
  set_gradient(b, 3);
  one.step();
  two.step();
  CHECK(thrown([&] { one.load_state_dict(two.state_dict()); }) ==
        "[state_dict] the names must be those expected; missing: none; not expected: 0.1.mean, 0.1.square, "
        "0.1.steps");
  CHECK(thrown([&] { two.load_state_dict(one.state_dict()); }) ==
        "[state_dict] the names must be those expected; missing: 0.1.steps; not expected: none");
  CHECK(thrown([&] { other.load_state_dict(one.state_dict()); }) ==
        "[state_dict] '0.0.mean' must be float64 (6); got float64 (5)");
  Sgd<double> sgd({a}, {.momentum = 0.5});
  CHECK(thrown([&] { sgd.load_state_dict(one.state_dict()); }) ==
        "[state_dict] the names must be those expected; missing: none; not expected: 0.0.mean, 0.0.square");
  CHECK(two.steps() == 1);
}

TEST_CASE("options and parameters are checked") {
  Var<double> a = parameter<double>(5, 1);
  CHECK(thrown([&] { Sgd<double>({a}, {.lr = -1}); }) ==
        "[sgd] lr, momentum and weight_decay must not be negative; got -1, 0 and 0");
  CHECK(thrown([&] { Sgd<double>({a}, {.nesterov = true}); }) == "[sgd] nesterov needs a momentum; got 0");
  CHECK(thrown([&] { Adam<double>({a}, {.eps = -1}); }).find("[adam] lr, eps and weight_decay") == 0);
  CHECK(thrown([&] { AdamW<double>({a}, AdamWOptions{.beta1 = 1}); }) ==
        "[adamw] betas must be in [0, 1); got 1 and 0.999");
  CHECK(thrown([&] { Sgd<double>({Var<double>(a.value())}, SgdOptions{}); }) ==
        "[sgd] parameters must be leaves; got float64 (5)");
  CHECK(thrown([&] {
          Sgd<double>({reshape(a, {1, 5})}, SgdOptions{});
        }).find("must be leaves") != std::string::npos);
  CHECK(thrown([&] { Sgd<double>({a, a}, SgdOptions{}); }) == "[sgd] parameters must not be named twice");
  const auto wide = Tensor<double>::ones({3, 2});
  CHECK(thrown([&] { Sgd<double>({Var<double>::leaf(wide.transpose(0, 1))}, SgdOptions{}); }) ==
        "[sgd] parameters must be dense; got float64 (2, 3)");
  Sgd<double> optimizer({a}, {});
  set_gradient(a, 2);
  optimizer.set_lr(std::nan(""));
  const auto before = a.value().clone();
  CHECK(thrown([&] { optimizer.step(); }).find("[sgd] lr") == 0);
  CHECK(identical(a.value(), before));
  CHECK(optimizer.steps() == 0);
}
