// A small SST-LegoViT for the tests of EmotionCLIP.
#pragma once

#include "emotion_clip/network.hpp"

namespace limbic::emotion_clip::test {

inline Config tiny() {
  Config c;
  c.frames = 2;
  c.maps = 4;
  c.image = 32;
  c.width = 8;
  c.heads = 2;
  c.conv_width = 6;
  c.spatial_layers = c.spectral_layers = c.temporal_layers = 1;
  c.embed = 5;
  c.classes = 3;
  return c;
}

}  // namespace limbic::emotion_clip::test
