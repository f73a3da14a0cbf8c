// What a run leaves behind for people and for the report: scores, results of folds, the protocol card,
// predictions.
#pragma once

#include <app/run_folder.hpp>

#include <limbic/core/tensor.hpp>

namespace limbic::app {

struct Scores {
  double accuracy = 0, macro_f1 = 0, kappa = 0;
};
// A model chosen by some rule, and how it does on the target.
struct Chosen {
  std::string rule;     // how it was chosen, in words
  bool honest = false;  // no target label took part
  index_t epoch = 0;
  Scores scores;
  Tensor<index_t> confusion;  // (K, K): row = truth, column = prediction
};
// One method on one fold.
struct FoldResult {
  std::string fold, method;
  index_t source_windows = 0, target_windows = 0;
  index_t epochs = 0;
  double seconds = 0;
  std::vector<Chosen> chosen;  // the honest one first

  const Chosen& honest() const;  // throws when there is none
  const Chosen& best() const;    // chosen on target labels; throws when there is none
};
Json to_json(const FoldResult& result);
FoldResult fold_result_from(const Json& json, const std::string& source);

// What every number of a run rests on. It stands beside them: protocol.json, the report.
struct ProtocolCard {
  std::string system, version, data_set, data_source, protocol, normalisation, eeg_feature, configuration;
  bool simulated = false;
  std::string simulation;  // its settings, in words
  std::vector<index_t> subjects, sessions;
  index_t trials = 0, windows = 0;
  std::vector<std::string> classes;
  std::vector<std::string> folds, methods;
  std::string selection_rule;  // of the honest number
  std::uint64_t seed = 0;
  std::vector<std::string> remarks;  // what was missing, odd or skipped in the data
};
Json to_json(const ProtocolCard& card);
ProtocolCard protocol_card_from(const Json& json, const std::string& source);

// Predictions of windows, as CSV and as JSON. Both carry `simulated` and the meaning of the columns.
struct Predictions {
  std::vector<std::string> classes;
  bool simulated = false;
  std::string model;  // where it came from
  struct Row {
    index_t subject = 0, session = 0, trial = 0, window = 0;
    index_t label = -1;                 // -1: not known
    std::vector<double> probabilities;  // (K)
  };
  std::vector<Row> rows;
};
std::string predictions_csv(const Predictions& predictions);
Json to_json(const Predictions& predictions);

// The version of limbic, "0.1.0".
std::string version_text();

}  // namespace limbic::app
