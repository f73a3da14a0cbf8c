// Exponential moving averages of weights.
#include <limbic/optim/ema.hpp>

#include "support/same_state.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("the average follows the values, and is swapped in and out") {
  Var<double> p = Var<double>::leaf(Tensor<double>::from({2}, {1, 2}));
  Ema<double> ema({p}, 0.75);
  p.mutable_value().fill(5);
  ema.update();
  CHECK(ema.averages()[0].to_vector() == std::vector<double>{2, 2.75});
  ema.update();
  CHECK(ema.averages()[0].to_vector() == std::vector<double>{2.75, 3.3125});
  ema.swap();
  CHECK(p.value().to_vector() == std::vector<double>{2.75, 3.3125});
  CHECK(ema.averages()[0].to_vector() == std::vector<double>{5, 5});
  ema.swap();
  CHECK(p.value().to_vector() == std::vector<double>{5, 5});
}

TEST_CASE("many elements, every instruction set") {
  const auto a = random_values(1000, -1, 1, 0, 1), b = random_values(1000, -1, 1, 0, 2);
  std::vector<double> want(a);
  for (std::size_t i = 0; i < a.size(); ++i) want[i] += (1 - 0.9) * (b[i] - a[i]);
  for (cpu::Isa isa : {cpu::Isa::portable, cpu::Isa::avx2, cpu::Isa::avx512}) {
    cpu::set_isa(isa);
    Var<float> p = Var<float>::leaf(Tensor<double>::from({1000}, a).to<float>());
    Ema<float> ema({p}, 0.9);
    p.mutable_value().copy_from(Tensor<double>::from({1000}, b).to<float>());
    ema.update();
    CHECK(error_of(ema.averages()[0], Tensor<double>::from({1000}, want)) < 1e-6);
  }
  cpu::set_isa(cpu::detected_isa());
}

TEST_CASE("its state goes out and in") {
  Var<double> p = Var<double>::leaf(Tensor<double>::from({2}, {1, 2})),
              q = Var<double>::leaf(Tensor<double>::ones({3}));
  Ema<double> ema({p}, 0.5), other({p}, 0.5), third({q}, 0.5);
  p.mutable_value().fill(5);
  ema.update();
  other.load_state_dict(ema.state_dict());
  CHECK(same_state(other.state_dict(), ema.state_dict()));
  CHECK_FALSE(other.averages()[0].storage().same(ema.averages()[0].storage()));
  CHECK(thrown([&] { third.load_state_dict(ema.state_dict()); }) ==
        "[state_dict] '0' must be float64 (3); got float64 (2)");
  Ema<double> both({p, q}, 0.5);
  CHECK(thrown([&] { ema.load_state_dict(both.state_dict()); }).find("not expected: 1") != std::string::npos);
  CHECK(thrown([&] { Ema<double>({p}, 1); }) == "[ema] decay must be in [0, 1); got 1");
}
