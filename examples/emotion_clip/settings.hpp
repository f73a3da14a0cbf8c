// Everything that a run of emotion_clip can be told, as options of the command line and keys of JSON files.
#pragma once

#include <app/options.hpp>
#include <app/report.hpp>

#include "emotion_clip/config.hpp"

#include <cstdint>

namespace limbic::emotion_clip {

// How windows are given classes.
enum class Answer : std::uint8_t {
  matching,   // by the prompts that they match best
  classifier  // by a head on the tower's features: what text matching is compared with
};

struct RunSettings {
  // Data
  std::string data{};  // a folder of SEED or SEED-IV; empty: simulated raw EEG
  std::string dataset = "seed-iv", input = "raw", cache = "runs/eeg-cache", protocol = "cross-subject";
  index_t filter_order = 0;                     // 0: as published for the data set
  std::vector<index_t> sessions{}, subjects{};  // of the targets; empty: all
  std::vector<std::string> pairs{"1-2", "1-3", "2-3"};
  std::vector<std::string> folds{"6"};  // a number, names, or "all"
  bool skip_bad_trials = false;
  // Simulated data
  index_t sim_subjects = 6, sim_sessions = 1, sim_seed = 1;
  double sim_seconds = 13, sim_difficulty = 0.5, sim_noise = 0.5, sim_bad_eeg = 0.15;
  // Labelled windows of the target
  std::vector<index_t> shots{0, 4, 8};
  std::string shot_source = "trials";
  // Text
  std::string text{}, prototypes{};
  std::vector<std::string> class_words{};
  // Training
  std::vector<std::string> methods{"matching", "classifier"};
  index_t epochs = 0, pretrain_epochs = 0, batch_size = 32, seed = 42, patience = 0, validation_subjects = 0,
          validation_trials = 0;
  double learning_rate = 1e-3, weight_decay = 0.003, clip_norm = 0;
  std::string schedule = "constant", selection = "last";
  bool keep_best_epoch = false, checkpoint_activations = false;
  double checkpoint_seconds = 10;
  // Loss
  double temperature = 0.1, contrastive_weight = 0, supcon_weight = 0;
  std::string reduction = "mean";
  // Tower
  index_t image = 32, width = 16, heads = 2, conv_width = 32, spatial_layers = 1, spectral_layers = 1,
          temporal_layers = 0;
  double dropout = 0.1, drop_path = 0.1;
  bool legacy_attention_axis = false;

  // Passes over the data: in cross-time one session of one person trains, a few steps a pass.
  index_t passes() const { return epochs > 0 ? epochs : protocol == "cross-time" ? 60 : 8; }
};

// A method of the report: how windows are given classes, and how many labelled windows a class of the target
// has.
struct Method {
  Answer answer = Answer::matching;
  index_t shots = 0;
};
std::string method_name(const Method& method);  // "matching-16"
Method method_of(const std::string& name);      // throws for another name

// Adds all of them, and the configurations `small` (the default), `full` and `published`.
void add_settings(app::Settings& settings, RunSettings& values);
// After Settings::resolve(). Throws for settings that contradict each other.
void complete(RunSettings& values, const app::Settings& settings);

// In the order of the report: the most shots first, matching before the classifier.
std::vector<std::string> method_names(const RunSettings& values);
Config tower_config(const RunSettings& values, index_t frames, index_t maps, index_t embed, index_t classes);
// A title and one sentence for people.
app::MethodText method_text(const std::string& configuration, const std::string& method);

}  // namespace limbic::emotion_clip
