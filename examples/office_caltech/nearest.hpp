// The class of the nearest neighbour.
#pragma once

#include <limbic/loss/pair_form.hpp>
#include <limbic/ops/arg.hpp>

namespace office_caltech {

// Labels (M) of the rows of `train` (N, d) that are nearest to those of `x` (M, d); of several the first.
inline limbic::Tensor<limbic::index_t> nearest_neighbour(const limbic::Tensor<double>& train,
                                                         const limbic::Tensor<limbic::index_t>& labels,
                                                         const limbic::Tensor<double>& x) {
  const auto nearest = limbic::argmin(limbic::squared_distances(x, train), 1).to_vector();
  std::vector<limbic::index_t> out;
  for (limbic::index_t i : nearest) out.push_back(labels.at(i));
  return limbic::Tensor<limbic::index_t>::from({x.size(0)}, out);
}

}  // namespace office_caltech
