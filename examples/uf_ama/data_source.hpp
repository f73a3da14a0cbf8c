// Where a run's data come from, and which folds it trains.
#pragma once

#include <app/progress.hpp>

#include <limbic/data/split_plan.hpp>

#include "uf_ama/settings.hpp"

namespace limbic::uf_ama {

// Reads --data, or simulates. Reading is shown where it takes time. Throws as the readers do.
data::Dataset load_data(const RunSettings& settings, app::Progress& progress);
// All folds of the protocol.
std::vector<data::FoldPlan> all_folds(const RunSettings& settings, const data::Dataset& data);
std::vector<std::string> fold_names(const std::vector<data::FoldPlan>& plans);
// How the simulated data were made, in words; "" for real ones.
std::string simulation_text(const RunSettings& settings);

}  // namespace limbic::uf_ama
