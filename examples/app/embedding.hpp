// Points of many dimensions drawn in two.
#pragma once

#include <limbic/core/tensor.hpp>

namespace limbic::app {

struct PcaResult {
  Tensor<float> points;      // (N, k)
  Tensor<float> directions;  // (k, C), rows of length 1; each one's largest entry is positive
  Tensor<double> explained;  // (k): share of the variance along each
};
// Principal components of x (N, C), the k of largest variance. Throws unless N >= 2, 1 <= k <= C and x is
// finite.
PcaResult pca(const Tensor<float>& x, index_t k = 2);

struct TsneOptions {
  double perplexity = 30;  // lowered to (N - 1) / 3 where there are few points
  index_t iterations = 500;
  index_t early = 150;  // of them with exaggeration, momentum 0.5
  double exaggeration = 12;
};
// t-SNE (van der Maaten and Hinton, JMLR 2008), exact: (N, C) to (N, 2), started from the principal
// components, with early exaggeration and adaptive gains; nothing in it is random. Meant for up to some 1500
// points. Throws unless N >= 5 and x is finite.
Tensor<float> tsne(const Tensor<float>& x, const TsneOptions& options = {});

}  // namespace limbic::app
