// Encoder of one modality: tokens through Transformer layers, and one feature vector of them all.
//
//   x (B, L, F): L electrodes with F bands, or L eye features with F = 1
//   tokens (B, L, d) = layers(x W_up' + b_up);  feature (B, d) = flatten(tokens) W_down' + b_down
//
// Post-norm layers with a feed-forward width of 2d, ReLU, no positional code (arXiv 2606.00170). F is far
// below d, so the first layer attends on x itself (narrow_attention.hpp).
#pragma once

#include <limbic/nn/transformer.hpp>

#include "uf_ama/config.hpp"
#include "uf_ama/narrow_attention.hpp"

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
        encoder(c.width, static_cast<int>(c.layers),
                {.heads = c.heads, .hidden = 2 * c.width, .dropout = c.dropout}, random),
        dim_down(length * c.width, c.width, random) {}

  template <class V>
  void visit(V&& v) {
    v("dim_up", dim_up);
    v("encoder", encoder);
    v("dim_down", dim_down);
  }

  // The first layer's attention on the encoder's input.
  NarrowAttention<T, D> first_attention() const {
    return {encoder.layers.front().self_attn, dim_up, dim_up, true};
  }

  // x (B, L, F). Throws for other shapes.
  Encoded<T, D> operator()(const Tensor<T, D>& x, Site site = Site::here()) {
    const Var<T, D> y = tokens(x, first_attention(), site);
    return {y, dim_down(flatten(y, 1, -1, site), site)};
  }

  // The tokens (B, L, d) of x, the first layer's attention given.
  Var<T, D> tokens(const Tensor<T, D>& x, const NarrowAttention<T, D>& narrow, Site site = Site::here()) {
    TransformerEncoderLayer<T, D>& layer = encoder.layers.front();
    AttentionOptions<D> attention;
    if (layer.self_attn.training) {
      attention.dropout = layer.self_attn.dropout;
      attention.random = &layer.self_attn.random;
    }
    const Var<T, D> in(x), values(concat({x, Tensor<T, D>::ones({x.size(0), x.size(1), 1})}, 2));
    const Var<T, D> attended = narrow(in, in, values, attention, site);
    Var<T, D> y = layer.past(layer.dropout1, attended, dim_up(in, site), site);
    y = layer.norm1(y, site);
    y = layer.norm2(layer.feed_forward(y, y, site), site);
    for (std::size_t i = 1; i < encoder.layers.size(); ++i) y = encoder.layers[i](y, {}, site);
    return y;
  }
};

}  // namespace limbic::uf_ama
