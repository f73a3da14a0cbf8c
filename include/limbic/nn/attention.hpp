// MultiheadAttention: parameters as torch.nn.MultiheadAttention (batch first).
#pragma once

#include <limbic/nn/dropout.hpp>
#include <limbic/nn/linear.hpp>
#include <limbic/ops/multihead_attention.hpp>

namespace limbic {

namespace detail {
// The output projection, named as torch's: a module with weight and bias, the bias zero at first.
template <class T, class D>
struct OutProjection {
  Var<T, D> weight, bias;
  template <class V>
  void visit(V&& v) {
    v("weight", weight);
    v("bias", bias);
  }
};
}  // namespace detail

// Multi-head attention of width C with H heads (Vaswani et al., arXiv 1706.03762), always batch first.
// in_proj_weight (3C, C) is Xavier uniform, in_proj_bias (3C) and out_proj.bias (C) zero, out_proj.weight (C,
// C) as a Linear's; `dropout` is of the attention map, while training.
template <class T, class D = Cpu>
struct MultiheadAttention {
  index_t heads = 1;
  double dropout = 0;
  Var<T, D> in_proj_weight, in_proj_bias;
  detail::OutProjection<T, D> out_proj;
  RandomStream random{};  // of dropout
  Training training{};

  MultiheadAttention() = default;
  // Throws unless the width is a positive multiple of the number of heads and the dropout in [0, 1).
  MultiheadAttention(index_t width, index_t heads_, RandomStream& stream, double dropout_ = 0)
      : heads(heads_), dropout(dropout_), random(detail::own_stream(stream, "attention")) {
    check(heads > 0 && width > 0 && width % heads == 0, "multihead_attention",
          "the width must be a positive multiple of the number of heads; got ", width, " and ", heads);
    check(dropout >= 0 && dropout < 1, "multihead_attention", "dropout must be in [0, 1); got ", dropout);
    auto in = Tensor<T, D>::empty({3 * width, width});
    init::xavier_uniform(in, stream);
    in_proj_weight = Var<T, D>::leaf(in);
    in_proj_bias = Var<T, D>::leaf(Tensor<T, D>::zeros({3 * width}));
    out_proj.weight = Linear<T, D>(width, width, stream, false).weight;
    out_proj.bias = Var<T, D>::leaf(Tensor<T, D>::zeros({width}));
  }

  template <class V>
  void visit(V&& v) {
    v("in_proj_weight", in_proj_weight);
    v("in_proj_bias", in_proj_bias);
    v("out_proj", out_proj);
    v("dropout", random);
    v("training", training);
  }

  // query (B, L_q, C), key and value (B, L_k, C) -> (B, L_q, C). Pass the same object where they are the
  // same: it is faster. options.mask is true where a query may attend, the opposite of PyTorch's module; this
  // module's dropout takes the place of options.dropout while it trains. Throws as multihead_attention(), and
  // while it trains for a dropout of 1 and more.
  Var<T, D> operator()(const Var<T, D>& query, const Var<T, D>& key, const Var<T, D>& value,
                       AttentionOptions<D> options = {}, Site site = Site::here()) {
    if (training && dropout > 0) {
      options.dropout = dropout;
      options.random = &random;
    }
    const MultiheadWeights<Var<T, D>> w{in_proj_weight, in_proj_bias, out_proj.weight, out_proj.bias};
    return multihead_attention(query, key, value, w, heads, options, site);
  }
};

}  // namespace limbic
