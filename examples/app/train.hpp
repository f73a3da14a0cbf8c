// `train` of a trainer: settings, the run's folder, trainings one after another or side by side as processes
// of the same program, resumption, the report at the end. What is trained is a Trainer's.
#pragma once

#include <app/progress.hpp>
#include <app/report.hpp>

#include <functional>
#include <memory>
#include <optional>

namespace limbic::app {

// What a subcommand does once its arguments are read; it returns the program's exit status and throws
// limbic::Error.
using Command = std::function<int()>;

// One training: a method on a fold.
struct Task {
  std::string fold, method;
};

// Results of a run folder.
struct RunResults {
  std::vector<MethodText> methods;
  std::vector<FoldResult> folds;  // those that are done
  index_t planned = 0;            // trainings that the run is to make
};

// Where a method's fold lies within the run.
std::string fold_folder(const std::string& method, const std::string& fold);
// What the folder's trainings have left so far. Throws when its files are damaged.
RunResults read_results(const RunFolder& folder,
                        const std::function<MethodText(const ProtocolCard&, const std::string&)>& text);

class Trainer {
 public:
  virtual ~Trainer() = default;
  // The program's name, as in "uf_ama", and the system's, as in "UF-AMA".
  virtual std::string program() const = 0;
  virtual std::string title() const = 0;
  virtual void add_settings(Settings& settings) = 0;
  // After Settings::resolve(): what depends on other settings. Throws for settings that contradict each
  // other.
  virtual void complete(const Settings& settings) = 0;
  // Without --out the folder is runs/NAME-1, -2, ...
  virtual std::string run_name() const = 0;
  // Reads or makes the data; what children need of it beside the settings is put into the folder. Called
  // once, before the others below.
  virtual void load(const RunFolder& folder, Progress& progress) = 0;
  // All but version, configuration, methods' and folds' names are filled in by the trainer.
  virtual ProtocolCard card() const = 0;
  // In the order in which they are trained and shown.
  virtual std::vector<std::string> folds() const = 0;
  virtual std::vector<std::string> methods() const = 0;
  // Trains to the end, from the checkpoint where there is one; no result when it was interrupted and saved.
  virtual std::optional<FoldResult> train(const Task& task, const RunFolder& folder, Progress& progress) = 0;
  virtual RunResults results(const RunFolder& folder) const = 0;
  // Writes report.html and returns its path.
  virtual std::string report(const RunFolder& folder, bool figures) const = 0;
};

// The folds that a setting asks for: a number of them, spread over all; "all"; or names. Throws for a name
// that is not there, naming the nearest.
std::vector<std::string> choose_folds(const std::vector<std::string>& all,
                                      const std::vector<std::string>& wanted);

// Adds the subcommand `train`.
Command add_train(CLI::App& app, std::shared_ptr<Trainer> trainer);
// Adds the subcommand `report`, which writes the report of a run folder again.
Command add_report(CLI::App& app, std::shared_ptr<Trainer> trainer);

}  // namespace limbic::app
