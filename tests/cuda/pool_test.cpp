// Pooling on the device against the CPU.
#include <limbic/backend/cuda/copy.hpp>
#include <limbic/backend/cuda/elementwise.hpp>
#include <limbic/backend/cuda/pool.hpp>
#include <limbic/ops/pool.hpp>

#include "on_both.hpp"

using namespace limbic;
using namespace limbic::test;

TEST_CASE("largest: values and gradients") {
  check_on_both({{2, 3, 7, 9}}, [](const auto& at) {
    return max_pool2d(at[0], {3, 2}, {.stride = {2, 1}, .padding = {1, 1}});
  });
  check_on_both({{3, 4, 4}}, [](const auto& at) { return max_pool2d(at[0], 2); });
  check_on_both({{5, 33}}, [](const auto& at) { return max_pool1d(at[0], 5, {.stride = 2, .padding = 2}); });
  check_on_both({{1, 1, 1}}, [](const auto& at) { return max_pool2d(at[0], 1); });
  check_on_both({{0, 4, 4}}, [](const auto& at) { return max_pool2d(at[0], 2); });
}
TEST_CASE("of equal ones the first; NaN is largest") {
  const float nan = std::nanf("");
  const Tensor<float> x = Tensor<float>::from({1, 3, 3}, {1, 1, 0, 1, nan, 0, 0, 0, 0});
  const Tensor<float, Cuda> there = x.on<Cuda>();
  CHECK(identical(max_pool2d(there, 2, {.stride = 1}).on<Cpu>(), max_pool2d(x, 2, {.stride = 1})));
  const auto f = [](const auto& at) {
    using V = std::decay_t<decltype(at[0])>;
    return max_pool2d(mul(at[0], V(Tensor<typename V::value_type, typename V::device_type>::zeros({}))), 3,
                      {.stride = 1, .padding = 1});
  };
  check_on_both({{2, 5, 4}}, f);
  check_on_both({{2, 6, 5}}, [](const auto& at) {
    using X = std::decay_t<decltype(at[0])>;
    const X y = max_pool2d(at[0], 3, {.stride = 2});
    return mul(grad(y, std::vector<X>{at[0]}, y, true)[0], at[0]);  // gradients of gradients
  });
}
TEST_CASE("mean: values and gradients") {
  for (bool count_pad : {true, false})
    check_on_both({{2, 3, 7, 9}}, [&](const auto& at) {
      return avg_pool2d(at[0], {3, 2}, {.stride = {2, 1}, .padding = {1, 1}, .count_include_pad = count_pad});
    });
  check_on_both({{3, 50}}, [](const auto& at) { return avg_pool1d(at[0], 7); });
  check_on_both({{3, 17, 16}}, [](const auto& at) {
    return avg_pool2d(at[0], {9, 8}, {.stride = 4});
  });  // a warp a window
  check_on_both({{0, 3, 3}}, [](const auto& at) { return avg_pool2d(at[0], 2); });
}
TEST_CASE("adaptive mean: values and gradients") {
  for (const HeightWidth& size :
       {HeightWidth{1, 1}, HeightWidth{3, 2}, HeightWidth{11, 13}, HeightWidth{20, 7}})
    check_on_both({{2, 11, 13}}, [&](const auto& at) { return adaptive_avg_pool2d(at[0], size); });
}
TEST_CASE("bit for bit in any order, and as the CPU has it") {
  check_repeats({{3, 30, 20}},
                [](const auto& at) { return max_pool2d(at[0], 3, {.stride = 1, .padding = 1}); });
  check_repeats({{3, 30, 20}}, [](const auto& at) { return adaptive_avg_pool2d(at[0], {3, 2}); });
  const auto f = [](const auto& at) { return max_pool2d(at[0], 3, {.stride = 1, .padding = 1}); };
  const auto here = value_and_gradients<float, Cpu>({{3, 30, 20}}, f),
             there = value_and_gradients<float, Cuda>({{3, 30, 20}}, f);
  for (std::size_t i = 0; i < here.size(); ++i) CHECK(identical(here[i], there[i]));
}
