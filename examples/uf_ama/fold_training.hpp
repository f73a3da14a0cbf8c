// Trains one method on one fold: epochs, checkpoints, choice of the model, and what the fold leaves in the
// run folder:
//
//   METHOD/FOLD/checkpoint.safetensors   all that a resumption needs, bit for bit
//               metrics.csv              means of an epoch's steps; accuracies at its end
//               model.safetensors        the model that was chosen without target labels
//               (best_epoch.safetensors: with) predictions.{csv,json}   of the target's windows by that model
//               analysis.safetensors     features and attention for the report
//               result.json              scores; it is written last: the fold is done
//
// Target labels are behind data::HeldOutLabels: they score the end of an epoch and nothing else. The scores
// of target labels choose the best-epoch number, which is named so, and never stop or select what is called
// honest.
#pragma once

#include <app/progress.hpp>
#include <app/results.hpp>

#include <limbic/data/split_plan.hpp>

#include "uf_ama/settings.hpp"

#include <optional>

namespace limbic::uf_ama {

// Folder of a method's fold within the run.
std::string fold_folder(const std::string& method, const std::string& fold);

// Trains it to its end, from its checkpoint where there is one. No result when it was interrupted: then it
// was saved. Throws when training cannot go on (a loss that is not finite, a full disk); what was saved
// before stays.
std::optional<app::FoldResult> train_fold(const RunSettings& settings, const data::Dataset& data,
                                          const data::FoldPlan& plan, const std::string& method,
                                          const app::RunFolder& folder, app::Progress& progress);

}  // namespace limbic::uf_ama
