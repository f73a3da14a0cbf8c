// Encoder of one modality: tokens through Transformer layers, and one feature vector of them all.
//
//   x (B, L, F): L electrodes with F bands, or L eye features with F = 1
//   tokens (B, L, d) = layers(x W_up' + b_up);  feature (B, d) = flatten(tokens) W_down' + b_down
//
// Post-norm layers with a feed-forward width of 2d, ReLU, no positional code (arXiv 2606.00170).
#pragma once

#include <limbic/nn/transformer.hpp>

#include "uf_ama/config.hpp"

namespace limbic::uf_ama {

template <class T, class D = Cpu>
struct Encoded {
  Var<T, D> tokens;   // (B, L, d)
  Var<T, D> feature;  // (B, d)
};

// Parameters "dim_up", "encoder.layers.N" (as torch.nn.TransformerEncoder) and "dim_down".
template <class T, class D = Cpu>
struct Encoder {
  Linear<T, D> dim_up;
  TransformerEncoder<T, D> encoder;
  Linear<T, D> dim_down;

  Encoder() = default;
  Encoder(index_t length, index_t features, const Config& c, RandomStream& random)
      : dim_up(features, c.width, random),
        encoder(c.width, static_cast<int>(c.layers), {.heads = c.heads, .hidden = 2 * c.width, .dropout = c.dropout}, random),
        dim_down(length * c.width, c.width, random) {}

  template <class V>
  void visit(V&& v) {
    v("dim_up", dim_up);
    v("encoder", encoder);
    v("dim_down", dim_down);
  }

  // x (B, L, F). Throws for other shapes.
  Encoded<T, D> operator()(const Tensor<T, D>& x, Site site = Site::here()) {
    const Var<T, D> tokens = encoder(dim_up(x, site), {}, site);
    return {tokens, dim_down(flatten(tokens, 1, -1, site), site)};
  }
};

}  // namespace limbic::uf_ama
