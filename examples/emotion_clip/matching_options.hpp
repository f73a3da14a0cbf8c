// Options of the matching loss, and what it reports; the loss itself is in matching.hpp.
#pragma once

namespace limbic::emotion_clip {

struct MatchingOptions {
  double temperature = 0.1;       // 1 as published
  bool sum = false;               // cross-entropy summed over the batch, as published, instead of its mean
  double contrastive_weight = 0;  // of the symmetric InfoNCE between windows and their prompts
  double supcon_weight = 0;       // of the supervised contrastive loss among windows
};

struct MatchingReport {
  double cross_entropy = 0, contrastive = 0, supcon = 0, total = 0;
};

}  // namespace limbic::emotion_clip
