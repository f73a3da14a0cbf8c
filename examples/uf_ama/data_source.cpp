#include "uf_ama/data_source.hpp"

#include <limbic/backend/cpu/random.hpp>
#include <limbic/data/seed.hpp>
#include <limbic/data/simulate.hpp>

namespace limbic::uf_ama {

namespace {

data::SimulateOptions simulation(const RunSettings& v) {
  data::SimulateOptions o;
  o.set = v.dataset == "seed" ? data::SimulatedSet::seed : data::SimulatedSet::seed_iv;
  o.subjects = v.sim_subjects;
  o.sessions = v.sim_sessions;
  o.seed = static_cast<std::uint64_t>(v.sim_seed);
  o.difficulty = v.sim_difficulty;
  o.noise = v.sim_noise;
  o.bad_eeg = v.sim_bad_eeg;
  o.bad_eye = v.sim_bad_eye;
  o.max_windows = v.sim_max_windows;
  return o;
}

}  // namespace

data::Dataset load_data(const RunSettings& v, app::Progress& progress) {
  if (v.data.empty()) return data::simulate(simulation(v));
  data::ReadOptions o;
  o.feature = v.eeg_feature;
  o.skip_bad_trials = o.skip_bad_files = v.skip_bad_trials;
  if (v.protocol == "cross-subject") o.sessions = v.sessions;  // no other session is source or target
  o.progress = [&](index_t done, index_t total, const std::string& file) {
    if (file.empty()) progress.finish("reading", std::to_string(total) + " files of " + v.data);
    else progress.update("reading", done, total, file);
  };
  data::Dataset d = data::read_dataset(v.data, o);
  const std::string wanted = v.dataset == "seed" ? "SEED" : "SEED-IV";
  if (d.name != wanted)
    fail("data", "'", v.data, "' must hold ", wanted, "; got ", d.name, " (hint: --dataset ",
         d.name == "SEED" ? "seed" : "seed-iv", ")");
  return d;
}

std::string simulation_text(const RunSettings& v) {
  if (!v.data.empty()) return "";
  using limbic::to_text;
  return std::to_string(v.sim_subjects) + " subjects, " + std::to_string(v.sim_sessions) +
         " sessions, seed " + std::to_string(v.sim_seed) + ", difficulty " + to_text(v.sim_difficulty) +
         ", noise " + to_text(v.sim_noise) + ", poor EEG in " + to_text(100 * v.sim_bad_eeg) +
         " % and poor eye features in " + to_text(100 * v.sim_bad_eye) + " % of the windows" +
         (v.sim_max_windows ? ", at most " + std::to_string(v.sim_max_windows) + " windows a trial" : "");
}

std::vector<data::FoldPlan> all_folds(const RunSettings& v, const data::Dataset& data) {
  data::FoldOptions o;
  o.sessions = v.sessions;
  o.subjects = v.subjects;
  o.validation_subjects = v.validation_subjects;
  o.validation_trials = v.validation_trials;
  o.seed = static_cast<std::uint64_t>(v.seed);
  return data::plan_folds(data, data::protocol_of(v.protocol), o);
}

std::vector<std::string> fold_names(const std::vector<data::FoldPlan>& plans) {
  std::vector<std::string> names;
  for (const auto& plan : plans) names.push_back(plan.name);
  return names;
}

}  // namespace limbic::uf_ama
