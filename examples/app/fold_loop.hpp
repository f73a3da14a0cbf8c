// The training of one method on one fold: epochs, checkpoints, the choice of the model, resumption bit for
// bit, and what it leaves in the run's folder:
//
//   METHOD/FOLD/checkpoint.safetensors   all that a resumption needs
//               metrics.csv              means of an epoch's steps; accuracies at its end
//               time.json                seconds so far; not in the checkpoint, as it must not make two runs
//               differ result.json              scores; written last: the fold is done
//
// and what a trainer's finish() writes. Target labels score the end of an epoch and nothing else. They choose
// the best-epoch number, which is named so, and never stop or select what is called honest.
#pragma once

#include <app/progress.hpp>
#include <app/results.hpp>

#include <limbic/data/batches.hpp>
#include <limbic/io/checkpoint.hpp>

#include <chrono>
#include <optional>

namespace limbic::app {

struct FoldLoopOptions {
  index_t epochs = 1;
  bool validates = false;          // the model is the best epoch's on validation data; else the last epoch's
  index_t patience = 0;            // epochs without a better validation before stopping; 0: never
  bool keep_best_epoch = false;    // also keep the model of the best epoch on the target's labels
  double checkpoint_seconds = 10;  // between two checkpoints, at least
  index_t choose_from = 1;         // the first epoch whose model may be chosen
};

class FoldLoop {
 public:
  // `place` is the training's folder within the run, with a slash at its end; `name` that of its progress
  // bar.
  FoldLoop(const FoldLoopOptions& options, const RunFolder& folder, Progress& progress, std::string method,
           std::string fold);
  virtual ~FoldLoop() = default;
  FoldLoop(const FoldLoop&) = delete;
  FoldLoop& operator=(const FoldLoop&) = delete;

  // From the checkpoint where there is one. No result when it was interrupted: then it was saved. Throws when
  // training cannot go on; what was saved before stays.
  std::optional<FoldResult> run();

 protected:
  struct StepNumbers {
    std::vector<double> values;  // one for each of step_columns()
    std::string text;            // how it goes, behind "epoch 3/20"
    bool last = false;           // of its epoch
  };
  // What a step reports, by name.
  virtual std::vector<std::string> step_columns() const = 0;
  // Makes the step that position() names and goes on to the next. `progress` in [0, 1) is the share of all
  // steps done.
  virtual StepNumbers step(index_t epoch, double progress) = 0;
  virtual data::BatchPosition position() const = 0;
  virtual index_t steps_an_epoch() const = 0;
  virtual data::Confusion score_target() = 0;
  virtual std::optional<data::Confusion> score_validation() = 0;
  // The model's parameters, and all else that a resumption needs.
  virtual StateDict model() = 0;
  virtual void load_model(const StateDict& state) = 0;
  virtual void save_state(StateDict& state) = 0;
  virtual void load_state(const StateDict& state, const data::BatchPosition& position) = 0;
  // What must be the same in a resumed run, in words.
  virtual std::string description() const = 0;
  virtual bool simulated() const = 0;
  // Writes the model of a choice under this name.
  virtual void write_model(const std::string& file, const StateDict& model, const Chosen& choice) = 0;
  // Training has ended and the honest model is loaded: predictions, what the report shows. Fills in the
  // windows.
  virtual void finish(FoldResult& result) = 0;

  const RunFolder& folder() const { return folder_; }
  const std::string& place() const { return place_; }
  const std::string& name() const { return name_; }

 private:
  using Clock = std::chrono::steady_clock;

  void end_epoch(index_t epoch, class MetricsFile& metrics);
  void save();
  void load();
  FoldResult end();

  FoldLoopOptions options_;
  const RunFolder& folder_;
  Progress& progress_;
  std::string method_, fold_, place_, name_;

  std::vector<double> sums_;  // of this epoch's reports
  index_t summed_ = 0;
  std::optional<Chosen> honest_, best_;
  StateDict chosen_model_, best_model_;
  double best_validation_ = 0;
  index_t waited_ = 0;
  bool stopped_ = false;
  std::string scored_;
  double seconds_ = 0;
  Clock::time_point counted_ = Clock::now(), saved_ = Clock::now();
};

// The scores of a confusion matrix under the rule that chose the model.
Chosen chosen_by(const std::string& rule, bool honest, index_t epoch, const data::Confusion& confusion);
// Evenly spread places in 0 .. n - 1, at most `wanted`.
std::vector<index_t> spread(index_t n, index_t wanted);
// Predictions of windows, their labels unknown.
Predictions predictions_of(const std::vector<data::WindowOrigin>& origin, const Tensor<float>& probabilities,
                           const std::vector<std::string>& classes, bool simulated, const std::string& model);

}  // namespace limbic::app
