// BERT (Devlin et al., arXiv 1810.04805) as a sentence encoder (Reimers and Gurevych, arXiv 1908.10084): ids
// (B, L) -> mean of the last layer's rows (B, width).
//
//   x = norm(word table[ids] + position table[0 ... L - 1] + type table[0])
//   each layer:  x = norm1(x + attention(x));  x = norm2(x + fc2(gelu(fc1(x))))
//
// Parameters are named as in the public checkpoints in safetensors form. There is no padding mask: rows of
// one batch are of one length (TextEncoder sees to it), and the mean goes over all of them.
#pragma once

#include <limbic/ops/sum.hpp>
#include <limbic/text/layers.hpp>

namespace limbic::text {

// Sizes; the defaults are those of all-MiniLM-L6-v2.
struct BertConfig {
  index_t vocabulary = 30522, context = 512, types = 2, width = 384, heads = 12, layers = 6, hidden = 1536;
  double eps = 1e-12;  // of the norms
  Activation activation = Activation::gelu;
};

// One layer; parts() names what it is made of, with sizes.
template <class T>
struct BertLayer {
  BertConfig config;
  SelfAttention<T> self_attn;
  LayerNorm<T> norm1, norm2;
  Linear<T> fc1, fc2;

  explicit BertLayer(const BertConfig& c) : config(c) { norm1.eps = norm2.eps = c.eps; }
  template <class F>
  void parts(F&& f) {
    const index_t width = config.width;
    f("attention.self.query", self_attn.query, width, width);
    f("attention.self.key", self_attn.key, width, width);
    f("attention.self.value", self_attn.value, width, width);
    f("attention.output.dense", self_attn.out, width, width);
    f("attention.output.LayerNorm", norm1, width);
    f("intermediate.dense", fc1, width, config.hidden);
    f("output.dense", fc2, config.hidden, width);
    f("output.LayerNorm", norm2, width);
  }
  template <class V>
  void visit(V&& v) {
    detail::visit_named(*this, v);
  }
  // x (B, L, width) -> the same.
  template <class X>
  X operator()(const X& x, Site site = Site::here()) const {
    const X y = detail::run(norm1, X(x + self_attn(x, config.heads, false, site)), site);
    const X h = activate(detail::run(fc1, y, site), config.activation, site);
    return detail::run(norm2, X(y + detail::run(fc2, h, site)), site);
  }
};

// The encoder; parts() names what it is made of, with sizes.
template <class T>
struct Bert {
  BertConfig config;
  Embedding<T> words, places, types;
  LayerNorm<T> norm;
  std::vector<BertLayer<T>> layers;

  // Throws for sizes that do not fit each other, and as the source.
  Bert(const BertConfig& c, const WeightSource<T>& source) : config(c) {
    detail::check_sizes("bert", c.vocabulary, c.width, c.heads, c.hidden, c.context);
    check(c.types > 0, "bert", "type_vocab_size must be positive; got ", c.types);
    norm.eps = c.eps;
    parts(detail::Fill<T>{source});
  }
  template <class F>
  void parts(F&& f) {
    f("embeddings.word_embeddings", words, config.vocabulary, config.width);
    f("embeddings.position_embeddings", places, config.context, config.width);
    f("embeddings.token_type_embeddings", types, config.types, config.width);
    f("embeddings.LayerNorm", norm, config.width);
    f("encoder.layer", layers, config);
  }
  template <class V>
  void visit(V&& v) {
    detail::visit_named(*this, v);
  }

  // ids (B, L), L at most the context -> mean over the tokens (B, width), not normalised. Throws for other
  // shapes and ids out of range.
  Var<T> operator()(const Tensor<index_t>& ids, Site site = Site::here()) const {
    return run<Var<T>>(ids, site);
  }
  // The same without a tape.
  Tensor<T> infer(const Tensor<index_t>& ids, Site site = Site::here()) const {
    return run<Tensor<T>>(ids, site);
  }

 private:
  template <class X>
  X run(const Tensor<index_t>& ids, Site site) const {
    const X place =
        detail::positions<X>("bert", places, ids, site) + select(detail::as<X>(types.weight), 0, 0, site);
    X x = detail::run(norm, X(detail::rows_of<X>(words, ids, site) + place), site);
    for (const auto& layer : layers) x = layer(x, site);
    return mean(x, {1}, false, site);
  }
};

// What a checkpoint holds beside that. (The pooler is for next-sentence prediction.)
inline const IgnoredNames& bert_ignored_names() {
  static const IgnoredNames names = {"embeddings.position_ids", "pooler.", "cls."};
  return names;
}

}  // namespace limbic::text
