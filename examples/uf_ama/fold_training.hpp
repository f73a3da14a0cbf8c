// Trains one method on one fold (app/fold_loop.hpp says how, and what lies in its folder), and adds
//
//   METHOD/FOLD/model.safetensors        the model that was chosen without target labels
//               (best_epoch.safetensors) that of the best epoch on them
//               predictions.{csv,json}   of the target's windows by the former
//               analysis.safetensors     features and attention for the report
//
// Target labels are behind data::HeldOutLabels: they score the end of an epoch and nothing else.
#pragma once

#include <app/progress.hpp>
#include <app/results.hpp>

#include <limbic/data/split_plan.hpp>

#include "uf_ama/settings.hpp"

#include <optional>

namespace limbic::uf_ama {

// Trains it to its end, from its checkpoint where there is one. No result when it was interrupted: then it
// was saved. Throws when training cannot go on (a loss that is not finite, a full disk); what was saved
// before stays.
std::optional<app::FoldResult> train_fold(const RunSettings& settings, const data::Dataset& data,
                                          const data::FoldPlan& plan, const std::string& method,
                                          const app::RunFolder& folder, app::Progress& progress);

}  // namespace limbic::uf_ama
