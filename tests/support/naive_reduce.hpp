// References for reductions: the elements of each result gathered by plain loops.
#pragma once

#include "support/naive.hpp"

namespace limbic::test {

// f(std::vector<T> elements) -> T for each result of a reduction over dims.
template <class F>
auto naive_reduce(const Dims& dims, bool keepdim, F f) {
  return [=](const auto& x) {
    using X = std::decay_t<decltype(x[0])>;
    using T = typename X::value_type;
    const Shape shape = x[0].shape();
    const auto flags = dim_flags("naive", dims, shape.rank());
    const auto values = x[0].to_vector();
    const Shape out = reduced_shape(shape, flags, true);
    std::vector<std::vector<T>> groups(static_cast<std::size_t>(numel(out)));
    const Strides to = expanded_strides(out, contiguous_strides(out), shape);
    for (std::size_t i = 0; i < values.size(); ++i) {
      index_t rest = static_cast<index_t>(i), at = 0;
      for (int d = shape.rank() - 1; d >= 0; --d) {
        at += rest % shape[d] * to[d];
        rest /= shape[d];
      }
      groups[static_cast<std::size_t>(at)].push_back(values[i]);
    }
    std::vector<T> y;
    for (const auto& g : groups) y.push_back(f(g));
    return X::from(keepdim ? out : reduced_shape(shape, flags, false), y);
  };
}

struct ReduceCase {
  Shape shape;
  Dims dims;
  bool keepdim = false;
};
// Last, first, middle and several dimensions; lengths around the kernels' steps; one element.
inline std::vector<ReduceCase> reduce_cases() {
  return {{{}, {}},
          {{1}, {0}},
          {{5}, {0}, true},
          {{3, 17}, {1}},
          {{3, 17}, {0}},
          {{3, 4, 5}, {1}},
          {{2, 3, 4}, {0, 2}, true},
          {{4, 70}, {-1}},
          {{70, 4}, {0}, true},
          {{2, 3, 2, 5}, {1, 3}},
          {{3, 131}, {}},
          {{9, 84}, {0}},
          {{2, 1, 3}, {1}}};
}

}  // namespace limbic::test
