// Pre-norm Transformer blocks with stochastic depth, as SST-LegoViT stacks them.
//
//   SelfAttention   x + drop_path(MHSA(LN x))
//   FeedForward     x + drop_path(dropout(W2 dropout(gelu(W1 LN x))))
//   CrossAttention  q + drop_path(MHA(q, LN z, LN z)),  q = LN x: the normalised query is the residual; three
//   norms
#pragma once

#include "emotion_clip/config.hpp"

#include <limbic/nn/attention.hpp>
#include <limbic/nn/norm.hpp>
#include <limbic/ops/residual_branch.hpp>

namespace limbic::emotion_clip {

// x, (B, L, C), attending along L; with `along_batch` along B, as the published code does by passing batches
// first to a module that expects them second.
template <class T, class D>
Var<T, D> attend(MultiheadAttention<T, D>& attn, const Var<T, D>& q, const Var<T, D>& k, const Var<T, D>& v,
                 bool along_batch) {
  if (!along_batch) return attn(q, k, v);
  const Var<T, D> qt = transpose(q, 0, 1), kt = transpose(k, 0, 1);
  if (&q == &v) return transpose(attn(qt, qt, qt), 0, 1);
  return transpose(attn(qt, kt, transpose(v, 0, 1)), 0, 1);
}

template <class T, class D = Cpu>
struct SelfAttention {
  LayerNorm<T, D> norm;
  MultiheadAttention<T, D> attn;
  DropPath drop_path;
  bool along_batch = false;

  SelfAttention() = default;
  SelfAttention(const Config& c, RandomStream& random)
      : norm(c.width),
        attn(c.width, c.heads, random),
        drop_path(c.drop_path, random),
        along_batch(c.legacy_attention_axis) {}
  template <class V>
  void visit(V&& v) {
    v("norm_layer", norm);
    v("attn", attn);
    v("drop_path", drop_path);
  }
  Var<T, D> operator()(const Var<T, D>& x) {
    const Var<T, D> n = norm(x);
    return x + drop_path(attend(attn, n, n, n, along_batch));
  }
};

template <class T, class D = Cpu>
struct FeedForward {
  LayerNorm<T, D> norm;
  Linear<T, D> first, last;
  Dropout hidden_drop, drop;
  DropPath drop_path;

  FeedForward() = default;
  FeedForward(const Config& c, RandomStream& random)
      : norm(c.width),
        first(c.width, 4 * c.width, random),
        last(4 * c.width, c.width, random),
        hidden_drop(c.dropout, random),
        drop(c.dropout, random),
        drop_path(c.drop_path, random) {}
  template <class V>
  void visit(V&& v) {
    v("norm_layer", norm);
    v("layers.0", first);
    v("layers.2", hidden_drop);
    v("layers.3", last);
    v("layers.4", drop);
    v("drop_path", drop_path);
  }
  Var<T, D> operator()(const Var<T, D>& x) {
    const Var<T, D> h = linear_branch(norm(x), first.weight, first.bias, BranchGate::gelu, hidden_drop.p,
                                      hidden_drop.random, hidden_drop.training);
    return x + drop_path(linear_branch(h, last.weight, last.bias, BranchGate::identity, drop.p, drop.random,
                                       drop.training));
  }
};

template <class T, class D = Cpu>
struct CrossAttention {
  LayerNorm<T, D> norm_query, norm_key, norm_value;
  MultiheadAttention<T, D> attn;
  DropPath drop_path;
  bool along_batch = false;

  CrossAttention() = default;
  CrossAttention(const Config& c, RandomStream& random)
      : norm_query(c.width),
        norm_key(c.width),
        norm_value(c.width),
        attn(c.width, c.heads, random),
        drop_path(c.drop_path, random),
        along_batch(c.legacy_attention_axis) {}
  template <class V>
  void visit(V&& v) {
    v("norm_query", norm_query);
    v("norm_key", norm_key);
    v("norm_value", norm_value);
    v("cross_attention", attn);
    v("drop_path", drop_path);
  }
  // x (B, L, C), memory (B, L_k, C)
  Var<T, D> operator()(const Var<T, D>& x, const Var<T, D>& memory) {
    const Var<T, D> q = norm_query(x), k = norm_key(memory), v = norm_value(memory);
    return q + drop_path(attend(attn, q, k, v, along_batch));
  }
};

// Self-attention, feed-forward.
template <class T, class D = Cpu>
struct Layer {
  SelfAttention<T, D> attention;
  FeedForward<T, D> feed_forward;

  Layer() = default;
  Layer(const Config& c, RandomStream& random) : attention(c, random), feed_forward(c, random) {}
  template <class V>
  void visit(V&& v) {
    v("0", attention);
    v("1", feed_forward);
  }
  Var<T, D> operator()(const Var<T, D>& x) { return feed_forward(attention(x)); }
};

// Self-attention, attention to a memory, feed-forward.
template <class T, class D = Cpu>
struct CrossLayer {
  SelfAttention<T, D> attention;
  CrossAttention<T, D> cross;
  FeedForward<T, D> feed_forward;

  CrossLayer() = default;
  CrossLayer(const Config& c, RandomStream& random)
      : attention(c, random), cross(c, random), feed_forward(c, random) {}
  template <class V>
  void visit(V&& v) {
    v("0", attention);
    v("1", cross);
    v("2", feed_forward);
  }
  Var<T, D> operator()(const Var<T, D>& x, const Var<T, D>& memory) {
    return feed_forward(cross(attention(x), memory));
  }
};

}  // namespace limbic::emotion_clip
