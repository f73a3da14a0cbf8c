// Energy distance of two batches: 2 E|s - t| - E|s - s'| - E|t - t'| over all pairs, i = i included; >= 0,
// 0 for equal batches. It is the biased MMD of the kernel -|x - y|; where two points meet, the slope of their
// distance is taken as 0. Source: Székely and Rizzo, J. Stat. Plan. Inference 143, 2013.
#pragma once

#include <limbic/loss/mmd.hpp>

namespace limbic {

// Energy distance of source (n, d) and target (m, d) -> (). Throws as mmd(): for features and weights.
template <Operand A, Operand B>
result_of<A, B> energy_distance(const A& source, const B& target, const SampleWeightsFor<A, B>& weights = {},
                                Site site = Site::here()) {
  using T = scalar_of<A>;
  using D = device_of<A>;
  constexpr const char* kName = "energy_distance";
  detail::check_batches(kName, source.shape(), target.shape());
  const index_t n = source.size(0), m = target.size(0);
  return apply(site,
               detail::PairForm<T, D>{.name = kName,
                                      .options = {.kernel = Kernel::distance},
                                      .weights = detail::mmd_weights(kName, false, n, m, weights)},
               source, target);
}

}  // namespace limbic
