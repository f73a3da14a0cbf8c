// StateDict: what goes in comes out bit for bit; texts of what is refused.
#include <limbic/io/state_dict.hpp>

#include <doctest/doctest.h>

using limbic::Error;
using limbic::StateDict;
using limbic::Tensor;

namespace {

StateDict sample() {
  StateDict d;
  d.put("weight", Tensor<float>::from({2, 3}, {1, 2, 3, 4, 5, 6}));
  d.put("bias", Tensor<double>::from({2}, {0.5, -0.5}));
  d.put("ids", Tensor<limbic::index_t>::from({2}, {7, -8}));
  d.put("mask", Tensor<bool>::from({2}, {true, false}));
  d.put_u64("step", 0xffffffffffffffffull);
  return d;
}

}  // namespace

TEST_CASE("values come back as they went in, names in order") {
  const StateDict d = sample();
  CHECK(d.size() == 5);
  CHECK(d.values().begin()->first == "bias");
  CHECK(d.get<float>("weight", {2, 3}).to_vector() == std::vector<float>{1, 2, 3, 4, 5, 6});
  CHECK(d.get<double>("bias").at(1) == -0.5);
  CHECK(d.get<limbic::index_t>("ids", {2}).at(1) == -8);
  CHECK(d.get<bool>("mask", {2}).at(0));
  CHECK(d.get_u64("step") == 0xffffffffffffffffull);
  CHECK(d.get_float<double>("weight", {2, 3}).at(1, 2) == 6.0);
  CHECK(d.get_float<float>("weight", {2, 3}).data() == d.get<float>("weight").data());
  CHECK_FALSE(d.contains("Weight"));
}

TEST_CASE("prefixes join and part") {
  StateDict all;
  all.merge("encoder.0.", sample());
  all.merge("encoder.1.", sample());
  all.put_u64("encoder.", 1);
  CHECK(all.size() == 11);
  CHECK(all.part("encoder.1.").values().size() == 5);
  CHECK(all.part("encoder.1.").contains("weight"));
  CHECK(all.part("decoder.").empty());
  CHECK_THROWS_WITH_AS(all.merge("encoder.1.", sample()),
                       "[state_dict] names must be unique; got 'encoder.1.bias' twice", Error);
  StateDict other;
  other.put_u64("a", 1);
  other.put_u64("encoder.", 1);
  CHECK_THROWS_AS(all.merge("", other), Error);
  CHECK_FALSE(all.contains("a"));
}

TEST_CASE("put shares memory, clone copies it") {
  StateDict d;
  auto w = Tensor<float>::zeros({2});
  d.put("w", w);
  const StateDict snapshot = d.clone();
  w.fill(3);
  CHECK(d.get<float>("w").at(0) == 3);
  CHECK(snapshot.get<float>("w").at(0) == 0);
}

TEST_CASE("texts of what is refused") {
  StateDict d = sample();
  CHECK_THROWS_WITH_AS(d.get<float>("weights"),
                       "[state_dict] no entry is named 'weights'; there are 5: bias, ids, mask, step, weight",
                       Error);
  CHECK_THROWS_WITH_AS(StateDict().get_u64("x"), "[state_dict] no entry is named 'x'; there are 0", Error);
  CHECK_THROWS_WITH_AS(d.get<float>("weight", {3, 2}),
                       "[state_dict] 'weight' must be float32 (3, 2); got float32 (2, 3)", Error);
  CHECK_THROWS_WITH_AS(d.get<float>("bias"), "[state_dict] 'bias' must be float32; got float64 (2)", Error);
  CHECK_THROWS_WITH_AS(d.get_float<float>("bias", {3}),
                       "[state_dict] 'bias' must be float32 (3); got float64 (2)", Error);
  CHECK_THROWS_WITH_AS(d.get<float>("step"),
                       "[state_dict] 'step' must be float32; got the number 18446744073709551615", Error);
  CHECK_THROWS_WITH_AS(d.get_u64("mask"), "[state_dict] 'mask' must be a 64-bit number; got bool (2)", Error);
  CHECK_THROWS_WITH_AS(d.put_u64("step", 1), "[state_dict] names must be unique; got 'step' twice", Error);
  CHECK_THROWS_WITH_AS(d.put_u64("", 1), "[state_dict] a name must not be empty", Error);
  CHECK_THROWS_WITH_AS(d.put("t", Tensor<float>()),
                       "[state_dict] a tensor with memory is needed; got none for 't'", Error);
}

TEST_CASE("expected names") {
  const StateDict d = sample();
  const std::vector<std::string> right = {"weight", "bias", "ids", "mask", "step"};
  d.require_names(right);
  const std::vector<std::string> wrong = {"weight", "bias", "ids", "gain", "step"};
  CHECK_THROWS_WITH_AS(d.require_names(wrong),
                       "[state_dict] the names must be those expected; missing: gain; not expected: mask",
                       Error);
  CHECK_THROWS_WITH_AS(StateDict().require_names(std::vector<std::string>{"a", "b"}),
                       "[state_dict] the names must be those expected; missing: a, b; not expected: none",
                       Error);
}
