// TransformerEncoderLayer, parameters as torch.nn.TransformerEncoderLayer (batch first).
//
//   post-norm  x = norm1(x + attention(x));  x = norm2(x + feed_forward(x))
//   pre-norm   x = x + attention(norm1(x));  x = x + feed_forward(norm2(x))
//   feed_forward(x) = linear2(dropout(activation(linear1(x)))), each branch followed by a dropout
//
// Source: Vaswani et al., arXiv 1706.03762; pre-norm: Xiong et al., arXiv 2002.04745.
#pragma once

#include <limbic/nn/attention.hpp>
#include <limbic/nn/norm.hpp>
#include <limbic/ops/residual_branch.hpp>

namespace limbic {

// Of the feed-forward layer. gelu is the exact one.
enum class Activation { relu, gelu, quick_gelu };

// Options of TransformerEncoderLayer; the defaults are PyTorch's, which has none for heads.
struct TransformerOptions {
  index_t heads = 1;
  index_t hidden = 2048;  // width of the feed-forward layer
  double dropout = 0.1;   // of the attention map, the hidden layer and both branches
  Activation activation = Activation::relu;
  bool norm_first = false;  // pre-norm
  double eps = 1e-5;        // of both norms
};

// One layer of width C, as above. It makes its weights and streams from `random`; throws as its parts do.
template <class T, class D = Cpu>
struct TransformerEncoderLayer {
  TransformerOptions options;
  MultiheadAttention<T, D> self_attn;
  Linear<T, D> linear1, linear2;
  LayerNorm<T, D> norm1, norm2;
  Dropout dropout, dropout1, dropout2;

  TransformerEncoderLayer() = default;
  TransformerEncoderLayer(index_t width, const TransformerOptions& o, RandomStream& random)
      : options(o),
        self_attn(width, o.heads, random, o.dropout),
        linear1(width, o.hidden, random),
        linear2(o.hidden, width, random),
        norm1(width, o.eps),
        norm2(width, o.eps),
        dropout(o.dropout, random),
        dropout1(o.dropout, random),
        dropout2(o.dropout, random) {}

  template <class V>
  void visit(V&& v) {
    v("self_attn", self_attn);
    v("linear1", linear1);
    v("linear2", linear2);
    v("norm1", norm1);
    v("norm2", norm2);
    v("dropout", dropout);
    v("dropout1", dropout1);
    v("dropout2", dropout2);
  }

  // x (B, L, C) -> (B, L, C). attention.mask is true where a query may attend, the opposite of PyTorch's
  // module. Throws as its parts do, for other shapes.
  Var<T, D> operator()(const Var<T, D>& x, const AttentionOptions<D>& attention = {},
                       Site site = Site::here()) {
    if (options.norm_first) {
      const Var<T, D> n = norm1(x, site);
      const Var<T, D> y = past(dropout1, self_attn(n, n, n, attention, site), x, site);
      return feed_forward(norm2(y, site), y, site);
    }
    const Var<T, D> y = norm1(past(dropout1, self_attn(x, x, x, attention, site), x, site), site);
    return norm2(feed_forward(y, y, site), site);
  }

  // residual + dropout2(feed_forward(x)), x and residual (..., C)
  Var<T, D> feed_forward(const Var<T, D>& x, const Var<T, D>& residual, Site site = Site::here()) {
    const BranchGate gate = options.activation == Activation::relu   ? BranchGate::relu
                            : options.activation == Activation::gelu ? BranchGate::gelu
                                                                     : BranchGate::quick_gelu;
    const Var<T, D> h = linear_branch(x, linear1.weight, linear1.bias, gate, dropout.p, dropout.random,
                                      dropout.training, {}, site);
    return linear_branch(h, linear2.weight, linear2.bias, BranchGate::identity, dropout2.p, dropout2.random,
                         dropout2.training, residual, site);
  }
  // residual + drop(x), both of one shape
  static Var<T, D> past(Dropout& drop, const Var<T, D>& x, const Var<T, D>& residual,
                        Site site = Site::here()) {
    return residual_branch(x, {}, BranchGate::identity, drop.p, drop.random, drop.training, residual, site);
  }
};

// `depth` layers one after the other: "layers.0", "layers.1", ... There is no norm behind the last one.
// (PyTorch begins with copies of one layer; here each draws weights of its own.)
template <class T, class D = Cpu>
struct TransformerEncoder {
  std::vector<TransformerEncoderLayer<T, D>> layers;

  TransformerEncoder() = default;
  TransformerEncoder(index_t width, int depth, const TransformerOptions& options, RandomStream& random) {
    for (int i = 0; i < depth; ++i) layers.emplace_back(width, options, random);
  }
  template <class V>
  void visit(V&& v) {
    v("layers", layers);
  }
  // x (B, L, C) -> (B, L, C); the options are those of every layer. Throws as a layer.
  Var<T, D> operator()(Var<T, D> x, const AttentionOptions<D>& attention = {}, Site site = Site::here()) {
    for (auto& layer : layers) x = layer(x, attention, site);
    return x;
  }
};

}  // namespace limbic
