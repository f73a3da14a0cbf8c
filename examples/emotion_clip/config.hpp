// Sizes of SST-LegoViT, the EEG tower of EmotionCLIP (Rui Yan, Yibo Li, Han Ding, Fei Wang, "EmotionCLIP",
// arXiv 2511.05293).
#pragma once

#include <limbic/core/error.hpp>

#include <string>

namespace limbic::emotion_clip {

struct Config {
  index_t frames = 4;        // of a window
  index_t maps = 12;         // of a frame: differential entropy of every band, then power of every band
  index_t image = 64;        // pixels of a map's side, a multiple of 16: a token for each 16 x 16
  index_t width = 128;       // d, of tokens
  index_t heads = 4;         // of every attention
  index_t conv_width = 256;  // between the two convolutions of a spatial branch
  index_t spatial_layers = 2;
  index_t spectral_layers = 2;
  index_t temporal_layers = 0;
  index_t embed = 512;                 // of the text tower's space
  index_t classes = 0;                 // of the classification head; 0: there is none
  double dropout = 0.1;                // in feed-forward layers and in the convolutions' branches
  double drop_path = 0.1;              // of every residual branch
  bool legacy_attention_axis = false;  // as the published code: tokens of one place attend across the batch
  bool checkpoint = false;             // keep the values between layers only, and compute the rest again

  index_t grid() const { return image / 16; }
  index_t tokens() const { return grid() * grid(); }
  bool operator==(const Config&) const = default;
};

// Throws unless the sizes are positive and fit together and the probabilities lie in [0, 1).
inline void check_config(const Config& c) {
  constexpr const char* kName = "emotion_clip";
  auto positive = [](const char* what, index_t v) {
    check(v > 0, kName, what, " must be positive; got ", v);
  };
  auto not_negative = [](const char* what, index_t v) {
    check(v >= 0, kName, what, " must not be negative; got ", v);
  };
  positive("frames", c.frames);
  positive("maps", c.maps);
  positive("image", c.image);
  positive("width", c.width);
  positive("heads", c.heads);
  positive("conv_width", c.conv_width);
  positive("embed", c.embed);
  not_negative("spatial_layers", c.spatial_layers);
  not_negative("spectral_layers", c.spectral_layers);
  not_negative("temporal_layers", c.temporal_layers);
  not_negative("classes", c.classes);
  check(c.maps % 2 == 0, kName, "maps must be even, one half of each kind; got ", c.maps);
  check(c.image % 16 == 0, kName, "image must be a multiple of 16; got ", c.image);
  check(c.width % c.heads == 0 && c.width % 8 == 0, kName,
        "width must be a multiple of 8 and of heads; got width ", c.width, ", heads ", c.heads);
  check(c.dropout >= 0 && c.dropout < 1 && c.drop_path >= 0 && c.drop_path < 1, kName,
        "dropout and drop_path must lie in [0, 1); got ", c.dropout, " and ", c.drop_path);
}

// "SST-LegoViT(4 x 12 maps of 64 x 64, width 128, ...)", for logs and messages.
inline std::string to_text(const Config& c) {
  using limbic::to_text;
  return "SST-LegoViT(" + to_text(c.frames) + " x " + to_text(c.maps) + " maps of " + to_text(c.image) +
         " x " + to_text(c.image) + ", width " + to_text(c.width) + ", heads " + to_text(c.heads) +
         ", conv width " + to_text(c.conv_width) + ", layers " + to_text(c.spatial_layers) + " " +
         to_text(c.spectral_layers) + " " + to_text(c.temporal_layers) + ", embed " + to_text(c.embed) +
         ", classes " + to_text(c.classes) + (c.legacy_attention_axis ? ", attention along the batch" : "") +
         ")";
}

}  // namespace limbic::emotion_clip
