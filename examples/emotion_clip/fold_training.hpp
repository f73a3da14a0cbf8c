// Trains one method on one fold (app/fold_loop.hpp says how, and what lies in its folder), and adds
//
//   METHOD/FOLD/model.safetensors        the model that was chosen without labels of tested windows
//               (best_epoch.safetensors) that of the best epoch on them
//               predictions.{csv,json}   of the tested windows by the former
//               analysis.safetensors     what the report shows of it
#pragma once

#include <app/progress.hpp>
#include <app/results.hpp>

#include <limbic/text/prototypes.hpp>

#include "emotion_clip/data_source.hpp"

#include <optional>

namespace limbic::emotion_clip {

// Trains it to its end, from its checkpoint where there is one. No result when it was interrupted: then it
// was saved. Throws when training cannot go on (a loss that is not finite, a full disk); what was saved
// before stays.
std::optional<app::FoldResult> train_fold(const RunSettings& settings, const data::EegSet& set,
                                          const data::FoldPlan& plan, const text::Prototypes& text,
                                          const std::string& method, const app::RunFolder& folder,
                                          app::Progress& progress);

// Prompts' embeddings (P C, E), template-major.
Tensor<float> text_rows(const text::Prototypes& text);

}  // namespace limbic::emotion_clip
