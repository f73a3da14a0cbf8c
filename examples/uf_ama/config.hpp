// Sizes of the UF-AMA network: multimodal emotion recognition from EEG and eye-tracking features, adapted to
// an unlabelled target (Zheng Wang, Shuo Wang, Junhong Wang, arXiv 2606.00170).
#pragma once

#include <limbic/core/error.hpp>

#include <string>

namespace limbic::uf_ama {

struct Config {
  index_t channels = 62;      // electrodes: one token each
  index_t bands = 5;          // features of an electrode
  index_t eye_features = 33;  // one token each
  index_t classes = 3;
  index_t width = 64;    // d, of the encoders' tokens
  index_t fused = 128;   // h, of the fusion's tokens
  index_t layers = 1;    // of each encoder
  index_t heads = 2;     // of every attention
  double dropout = 0.1;  // in the encoders
  double classifier_dropout = 0.5;

  // The published sizes for SEED (3 classes) and for SEED-IV (4 classes, 31 eye features, 3 layers).
  static Config seed() { return {}; }
  static Config seed_iv() {
    Config c;
    c.eye_features = 31;
    c.classes = 4;
    c.layers = 3;
    return c;
  }
  bool operator==(const Config&) const = default;
};

// Throws unless every size is positive, the widths are multiples of the heads, the width is even and the
// probabilities lie in [0, 1).
inline void check_config(const Config& c) {
  constexpr const char* kName = "uf_ama";
  auto positive = [](const char* what, index_t v) {
    check(v > 0, kName, what, " must be positive; got ", v);
  };
  positive("channels", c.channels);
  positive("bands", c.bands);
  positive("eye_features", c.eye_features);
  positive("width", c.width);
  positive("fused", c.fused);
  positive("layers", c.layers);
  positive("heads", c.heads);
  check(c.classes > 1, kName, "at least two classes are needed; got ", c.classes);
  check(c.width % 2 == 0 && c.width % c.heads == 0 && c.fused % c.heads == 0, kName,
        "width must be even, and width and fused multiples of heads; got width ", c.width, ", fused ",
        c.fused, ", heads ", c.heads);
  check(c.dropout >= 0 && c.dropout < 1 && c.classifier_dropout >= 0 && c.classifier_dropout < 1, kName,
        "dropout probabilities must lie in [0, 1); got ", c.dropout, " and ", c.classifier_dropout);
}

// "uf_ama(62 x 5 EEG, 33 eye, 3 classes, width 64, fused 128, layers 1, heads 2, dropout 0.1 and 0.5)", for
// logs.
inline std::string to_text(const Config& c) {
  using limbic::to_text;
  return "uf_ama(" + to_text(c.channels) + " x " + to_text(c.bands) + " EEG, " + to_text(c.eye_features) +
         " eye, " + to_text(c.classes) + " classes, width " + to_text(c.width) + ", fused " +
         to_text(c.fused) + ", layers " + to_text(c.layers) + ", heads " + to_text(c.heads) + ", dropout " +
         to_text(c.dropout) + " and " + to_text(c.classifier_dropout) + ")";
}

}  // namespace limbic::uf_ama
