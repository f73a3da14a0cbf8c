// SST-LegoViT: a window of EEG, as maps of the scalp, becomes a point in the space of a text tower.
//
//   x (B, t, c, S, S): t frames of c maps, differential entropy of every band before power of every band
//   stem       every map alone: g^2 tokens of width d; plus a table of places
//   spatial    layers on the tokens of a map; mean over tokens: (B t, c, d)
//   spectral   "Legoformer" on the two halves (B t, c/2, d), each layer three blocks of its own:
//              de = T(de), psd = T(psd), out = D(de + psd + out, de), out = de at first; mean over bands
//   temporal   plus a table of frames, layers on (B, t, d), where there are any; mean over frames: features
//   (B, d) embedding  features times a matrix (d, E)
//
// Source: Yan, Li, Ding, Wang, arXiv 2511.05293. Parameters are named as in the published checkpoints.
#pragma once

#include "emotion_clip/spatial.hpp"
#include "emotion_clip/stem.hpp"

#include <limbic/autograd/checkpoint.hpp>

namespace limbic::emotion_clip {

// One layer of the Legoformer.
template <class T, class D = Cpu>
struct Bridge {
  Layer<T, D> de, psd;
  CrossLayer<T, D> joint;

  Bridge() = default;
  Bridge(const Config& c, RandomStream& random) : de(c, random), psd(c, random), joint(c, random) {}
  template <class V>
  void visit(V&& v) {
    v("0.transformer_layers.0", de);
    v("1.transformer_layers.0", psd);
    v("2.transformer_layers.0", joint);
  }
};

// For supervised training of the tower alone: features (B, d) -> logits (B, K).
template <class T, class D = Cpu>
struct ClassificationHead {
  LayerNorm<T, D> norm;
  Linear<T, D> last;

  ClassificationHead() = default;
  ClassificationHead(index_t width, index_t classes, RandomStream& random)
      : norm(width), last(width, classes, random) {}
  template <class V>
  void visit(V&& v) {
    v("norm_layer", norm);
    v("cls_head", last);
  }
  Var<T, D> operator()(const Var<T, D>& features) const { return last(norm(features)); }
};

template <class T, class D = Cpu>
struct Network {
  Config config;
  Var<T, D> image_proj, spatial_embedding, temporal_embedding;  // (d, E), (1, g^2, d), (1, t, d)
  Stem<T, D> stem;
  std::vector<SpatialLayer<T, D>> spatial;
  std::vector<Bridge<T, D>> spectral;
  std::vector<Layer<T, D>> temporal;
  ClassificationHead<T, D> head;  // undefined parameters where the configuration has no classes

  Network() = default;
  // Throws for sizes that do not fit together.
  Network(const Config& c, RandomStream& random) : config((check_config(c), c)), stem(c, random) {
    auto table = [&](const Shape& shape, double std) {
      Tensor<T, D> t = Tensor<T, D>::empty(shape);
      init::normal(t, random, 0, std);
      return Var<T, D>::leaf(t);
    };
    image_proj = table({c.width, c.embed}, 1 / std::sqrt(static_cast<double>(c.width)));
    spatial_embedding = table({1, c.tokens(), c.width}, 0.02);
    if (c.temporal_layers > 0) temporal_embedding = table({1, c.frames, c.width}, 0.02);
    for (index_t i = 0; i < c.spatial_layers; ++i) spatial.emplace_back(c, random);
    for (index_t i = 0; i < c.spectral_layers; ++i) spectral.emplace_back(c, random);
    for (index_t i = 0; i < c.temporal_layers; ++i) temporal.emplace_back(c, random);
    if (c.classes > 0) head = ClassificationHead<T, D>(c.width, c.classes, random);
  }

  template <class V>
  void visit(V&& v) {
    v("image_proj", image_proj);
    v("tubelet_embedding", stem);
    v("transformer.spatial_embedding", spatial_embedding);
    v("transformer.spatial_transformer.transformer_layers", spatial);
    v("transformer.spectral_transformer.bridge_layers", spectral);
    v("transformer.temporal_transformer.temporal_embedding", temporal_embedding);
    v("transformer.temporal_transformer.temporal_transformer.transformer_layers", temporal);
    v("ClassificationHead", head);
  }

  // x (B, frames, maps, image, image) -> features (B, d). Throws for another shape.
  template <Operand X>
  Var<T, D> features(const X& windows) {
    const Var<T, D> x(windows);
    const Config& c = config;
    if (!x.defined() || x.rank() != 5 || x.size(0) < 1 ||
        !(x.shape() == Shape{x.size(0), c.frames, c.maps, c.image, c.image}))
      fail("emotion_clip", "windows (B, ", c.frames, " frames, ", c.maps, " maps, ", c.image, ", ", c.image,
           ") are needed; got ", x.shape());
    const index_t b = x.size(0), d = c.width, half = c.maps / 2;
    Var<T, D> y = step([this](const Var<T, D>& v) { return stem(v) + spatial_embedding; },
                       reshape(x, {b * c.frames * c.maps, c.image, c.image}));
    for (auto& layer : spatial) y = step([&layer](const Var<T, D>& v) { return layer(v); }, y);

    y = reshape(mean(y, {1}), {b * c.frames, c.maps, d});
    Var<T, D> de = slice(y, 1, 0, half), psd = slice(y, 1, half), out = de;
    for (auto& layer : spectral) {
      de = layer.de(de);
      psd = layer.psd(psd);
      out = layer.joint(de + psd + out, de);
    }
    Var<T, D> frames = reshape(mean(out, {1}), {b, c.frames, d});
    if (temporal_embedding.defined()) frames = frames + temporal_embedding;
    for (auto& layer : temporal) frames = layer(frames);
    return mean(frames, {1});
  }

  // Features (B, d) in the space of the text tower, (B, E); their lengths mean nothing.
  Var<T, D> embed(const Var<T, D>& features) const { return matmul(features, image_proj); }

  // Folds and transforms weights once, for inference: evaluation mode from now on, and parameters must not
  // change any more. Take a clone().
  void prepare() {
    eval(*this);
    stem.prepare();
    for (auto& layer : spatial)
      for (auto& branch : layer.convolutions.branches) branch.prepare();
    for (auto& p : named_parameters<T, D>(*this))
      if (p.value->rank() == 2 && p.value != &image_proj)
        *p.value = inputs_first(Affine<T, D>{*p.value, {}}).weight;
  }

 private:
  template <class F>
  Var<T, D> step(F f, const Var<T, D>& x) {
    if (!config.checkpoint) return f(x);
    return checkpoint([f](const std::vector<Var<T, D>>& v) { return f(v[0]); }, {x});
  }
};

}  // namespace limbic::emotion_clip
