// Options of a training step, and what it reports; the step itself is in step.hpp.
#pragma once

namespace limbic::emotion_clip {

struct MatchingOptions {
  double temperature = 0.1;       // 1 as published
  bool sum = false;               // cross-entropy summed over the batch, as published, instead of its mean
  double contrastive_weight = 0;  // of the symmetric InfoNCE between windows and their prompts
  double supcon_weight = 0;       // of the supervised contrastive loss among windows
};

// AdamW's, and the norm that gradients are clipped to; 0: they are not.
struct Optimisation {
  double learning_rate = 1e-4, weight_decay = 0.003, clip_norm = 0;
};

struct MatchingReport {
  double cross_entropy = 0, contrastive = 0, supcon = 0, total = 0;
};

}  // namespace limbic::emotion_clip
