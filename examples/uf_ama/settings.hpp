// Everything that a run of uf_ama can be told, as options of the command line and keys of JSON files.
#pragma once

#include <app/options.hpp>

#include <limbic/data/batches.hpp>

#include "uf_ama/options.hpp"

namespace limbic::uf_ama {

// Name of the method itself, beside the ablations.
inline constexpr const char* kMainMethod = "uf-ama";

struct RunSettings {
  // Data
  std::string data{};  // a folder of SEED or SEED-IV; empty: simulated
  std::string dataset = "seed-iv";
  std::string protocol = "cross-subject";
  std::string normalisation = "z-score";
  std::string eeg_feature = "de_LDS";
  std::vector<index_t> sessions{}, subjects{};  // of the targets; empty: all
  std::vector<std::string> folds{"4"};          // a number, names, or "all"
  std::vector<std::string> ablations{"source-only"};
  bool skip_bad_trials = false;
  // Simulated data
  index_t sim_subjects = 6, sim_sessions = 1, sim_seed = 1, sim_max_windows = 10;
  double sim_difficulty = 1, sim_noise = 1, sim_bad_eeg = 0.15, sim_bad_eye = 0.15;
  // Training
  index_t epochs = 20, batch_size = 32, seed = 1, patience = 0, validation_subjects = 0,
          validation_trials = 0;
  double learning_rate = 5e-4, weight_decay = 0.01, clip_norm = 0;
  std::string selection = "last", cover = "source";
  bool keep_best_epoch = false;
  double checkpoint_seconds = 10;  // between two checkpoints, at least
  // Network; 0 layers: as published for the data set
  index_t width = 64, fused = 128, layers = 0, heads = 2;
  double dropout = 0.1, classifier_dropout = 0.5;
  // Losses
  std::string marginal = "mmd", mmd_estimator = "linear", schedule = "smooth";
  bool structure = true, class_wise = true, screening = true, distillation = true;
  bool train_classifiers = true, predict_with_dropout = false;
  double structure_weight = 1, marginal_weight = 1, class_wise_weight = 1, fused_target_weight = 0.5,
         distill_weight = 0.1;
  double min_confidence = 0.9;
  index_t min_lessons = 3;
};

// Adds all of them, and the configurations `limbic` (the default) and `published`.
void add_settings(app::Settings& settings, RunSettings& values);
// After Settings::resolve(): the published seeds where none was given, "all" ablations spelt out. Throws for
// settings that contradict each other.
void complete(RunSettings& values, const app::Settings& settings);

// The main method and the ablations, in the order of the report.
std::vector<std::string> methods(const RunSettings& values);
StepOptions step_options(const RunSettings& values, const std::string& method);
Config model_config(const RunSettings& values, index_t channels, index_t bands, index_t eye_features,
                    index_t classes);
data::BatchOptions batch_options(const RunSettings& values, index_t source_windows, index_t target_windows);
// A title and one sentence for people.
std::pair<std::string, std::string> method_text(const std::string& configuration, const std::string& method);

}  // namespace limbic::uf_ama
