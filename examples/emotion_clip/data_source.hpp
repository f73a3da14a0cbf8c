// Where a run's data come from, and which folds it has.
#pragma once

#include <app/progress.hpp>
#include <app/run_folder.hpp>

#include <limbic/data/eeg_images.hpp>

#include "emotion_clip/few_shot.hpp"
#include "emotion_clip/settings.hpp"

namespace limbic::emotion_clip {

// Features of raw EEG (computed once, kept in the cache), shipped features, or those of simulated raw EEG,
// which are kept in the run's folder; an undefined folder: nowhere. Throws as the readers do.
data::EegSet load_set(const RunSettings& settings, const app::RunFolder* folder, app::Progress& progress);
// How the simulated data were made, in words; "" for real ones.
std::string simulation_text(const RunSettings& settings);
// All folds: cross-subject as data::plan_folds(), cross-time "subject01-1to2".
std::vector<data::FoldPlan> all_folds(const RunSettings& settings, const data::Dataset& data);
ShotOptions shot_options(const RunSettings& settings, index_t shots);
// Images (n, frames, maps, S, S) of windows (N, frames * maps, 62) at these rows.
Tensor<float> images_of(const Tensor<float>& windows, const std::vector<index_t>& rows, index_t frames,
                        index_t side);

}  // namespace limbic::emotion_clip
