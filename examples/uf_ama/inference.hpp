// A network's answers for windows of any number, and what the report shows of its inside.
#pragma once

#include <limbic/data/split.hpp>

#include "uf_ama/model.hpp"

namespace limbic::uf_ama {

struct Wanted {
  bool features = false, maps = false;
};

struct Inferred {
  Tensor<float> probabilities;  // (N, K): of the fused classifier, or of the only one
  Tensor<index_t> label;        // (N): the most probable
  Tensor<float> features;       // (N, F): what that classifier sees
  // Attention, mean over windows and heads, undefined with one modality:
  Tensor<double> eeg_to_eye;  // (channels, P): how much each electrode attends to each eye feature
  Tensor<double> eye_to_eeg;  // (P, channels)
};

// In evaluation mode; the network's mode is put back. Throws for windows of other shapes, or without a
// modality that takes part.
Inferred infer(Network<float>& net, const data::UnlabelledWindows& windows, Inputs inputs,
               Wanted wanted = {});

// The windows at these places.
data::UnlabelledWindows some_windows(const data::UnlabelledWindows& windows,
                                     const std::vector<index_t>& rows);

}  // namespace limbic::uf_ama
