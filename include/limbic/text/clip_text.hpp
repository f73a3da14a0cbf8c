// The text tower of CLIP (Radford et al., arXiv 2103.00020): ids (B, L) -> embeddings (B, projection).
//
//   x = token table[ids] + position table[0 ... L - 1]
//   each layer, causal:  x = x + attention(norm1(x));  x = x + fc2(f(fc1(norm2(x))))      f: QuickGELU
//   y = text_projection(final_norm(x)) at the end token: the first place of the largest id
//
// Parameters are named as in the public checkpoints in safetensors form.
#pragma once

#include <limbic/text/layers.hpp>

#include <algorithm>

namespace limbic::text {

// Sizes; the defaults are those of ViT-B/16 and ViT-B/32.
struct ClipTextConfig {
  index_t vocabulary = 49408, context = 77, width = 512, heads = 8, layers = 12, hidden = 2048,
          projection = 512;
  double eps = 1e-5;  // of the norms
  Activation activation = Activation::quick_gelu;
};

// One layer; parts() names what it is made of, with sizes.
template <class T, class D = Cpu>
struct ClipTextLayer {
  ClipTextConfig config;
  SelfAttention<T, D> self_attn;
  LayerNorm<T, D> norm1, norm2;
  Linear<T, D> fc1, fc2;

  explicit ClipTextLayer(const ClipTextConfig& c) : config(c) { norm1.eps = norm2.eps = c.eps; }
  template <class F>
  void parts(F&& f) {
    const index_t width = config.width;
    f("layer_norm1", norm1, width);
    f("self_attn.q_proj", self_attn.query, width, width);
    f("self_attn.k_proj", self_attn.key, width, width);
    f("self_attn.v_proj", self_attn.value, width, width);
    f("self_attn.out_proj", self_attn.out, width, width);
    f("layer_norm2", norm2, width);
    f("mlp.fc1", fc1, width, config.hidden);
    f("mlp.fc2", fc2, config.hidden, width);
  }
  template <class V>
  void visit(V&& v) {
    detail::visit_named(*this, v);
  }
  // x (B, L, width) -> the same.
  template <class X>
  X operator()(const X& x, Site site = Site::here()) const {
    const X y = x + self_attn(detail::run(norm1, x, site), config.heads, true, site);
    const X h = activate(detail::run(fc1, detail::run(norm2, y, site), site), config.activation, site);
    return y + detail::run(fc2, h, site);
  }
};

// The tower; parts() names what it is made of, with sizes.
template <class T, class D = Cpu>
struct ClipText {
  ClipTextConfig config;
  Embedding<T, D> tokens, places;
  std::vector<ClipTextLayer<T, D>> layers;
  LayerNorm<T, D> final_norm;
  Linear<T, D> projection;

  // Throws for sizes that do not fit each other, and as the source.
  ClipText(const ClipTextConfig& c, const WeightSource<T>& source) : config(c) {
    detail::check_sizes("clip_text", c.vocabulary, c.width, c.heads, c.hidden, c.context);
    final_norm.eps = c.eps;
    parts(detail::Fill<T, D>{source});
  }
  template <class F>
  void parts(F&& f) {
    f("text_model.embeddings.token_embedding", tokens, config.vocabulary, config.width);
    f("text_model.embeddings.position_embedding", places, config.context, config.width);
    f("text_model.encoder.layers", layers, config);
    f("text_model.final_layer_norm", final_norm, config.width);
    f("text_projection", projection, config.width, config.projection, false);
  }
  template <class V>
  void visit(V&& v) {
    detail::visit_named(*this, v);
  }

  // ids (B, L), L at most the context -> (B, projection), not normalised. What follows the end token does not
  // matter, so rows may be padded with anything that is not larger. Throws for other shapes and ids out of
  // range.
  Var<T, D> operator()(const Tensor<index_t, D>& ids, Site site = Site::here()) const {
    return run<Var<T, D>>(ids, site);
  }
  // The same without a tape.
  Tensor<T, D> infer(const Tensor<index_t, D>& ids, Site site = Site::here()) const {
    return run<Tensor<T, D>>(ids, site);
  }

 private:
  template <class X>
  X run(const Tensor<index_t, D>& ids, Site site) const {
    const X place = detail::positions<X>("clip_text", places, ids, site);
    X x = detail::rows_of<X>(tokens, ids, site) + place;
    for (const auto& layer : layers) x = layer(x, site);
    const X flat = reshape(x, {ids.numel(), config.width}, site);
    const X last = index_select(flat, 0, end_places(ids), site);
    return detail::run(projection, detail::run(final_norm, last, site), site);
  }
  // Row by row the first place of the largest id, counted through all rows.
  static Tensor<index_t, D> end_places(const Tensor<index_t, D>& ids) {
    const std::vector<index_t> all = ids.to_vector();
    Tensor<index_t> end = Tensor<index_t>::empty({ids.size(0)});
    auto* out = end.mutable_data();
    for (auto row = all.begin(); row != all.end(); row += ids.size(1))
      *out++ = std::max_element(row, row + ids.size(1)) - all.begin();
    return end.template on<D>();
  }
};

// What a checkpoint of the whole of CLIP holds beside the text tower.
inline const IgnoredNames& clip_ignored_names() {
  static const IgnoredNames names = {"vision_model.", "visual_projection.", "logit_scale",
                                     "text_model.embeddings.position_ids"};
  return names;
}

}  // namespace limbic::text
