// A tower's answers for windows of any number, and what the report shows of its inside.
#pragma once

#include <limbic/data/split.hpp>

#include "emotion_clip/tower.hpp"

namespace limbic::emotion_clip {

struct Inferred {
  Tensor<float> probabilities;  // (N, C)
  Tensor<index_t> label;        // (N): the most probable
  Tensor<float> embeddings;     // (N, E) of length 1; by the classification head undefined
  Tensor<float> features;       // (N, d)
};

// By the prompts `text` (P C, E), or, where that is undefined, by the head. Throws for windows of other
// shapes.
Inferred infer(Tower& tower, const data::UnlabelledWindows& windows, const Tensor<float>& text,
               index_t classes, double temperature);

// How much each electrode's value in each map moves the logit of the predicted class: (maps, electrodes), the
// mean over windows and frames of |d logit / d z times z|, z the z-scored value that is painted.
Tensor<double> electrode_influence(Tower& tower, const data::UnlabelledWindows& windows,
                                   const Tensor<index_t>& predicted, const Tensor<float>& text,
                                   double temperature);

}  // namespace limbic::emotion_clip
