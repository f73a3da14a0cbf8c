// uf_ama train: every method on every fold, side by side where asked, and the report.
#include <app/interrupt.hpp>
#include <app/process.hpp>
#include <app/report.hpp>

#include <limbic/backend/cpu/parallel.hpp>
#include <limbic/data/scaler.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <thread>

#include "uf_ama/commands.hpp"
#include "uf_ama/data_source.hpp"
#include "uf_ama/fold_training.hpp"
#include "uf_ama/report_page.hpp"

namespace limbic::uf_ama {

namespace {

struct Task {
  data::FoldPlan plan;
  std::string method;
};

struct TrainCommand {
  RunSettings values;
  std::unique_ptr<app::Settings> settings;
  std::string out, child_of, child_fold, child_method;
  bool resume = false, force = false, quiet = false, no_figures = false;
  index_t jobs = 0, threads = 0;

  int run();

 private:
  int run_child();
  std::string folder_name() const;
  void take_stored_settings(const app::RunFolder& folder);
  app::ProtocolCard card(const data::Dataset& data, const std::vector<data::FoldPlan>& folds) const;
  index_t run_tasks(const std::vector<Task>& tasks, const data::Dataset& data, const app::RunFolder& folder,
                    app::Progress& progress, std::vector<std::string>& failures) const;
};

index_t cores() { return std::max<index_t>(1, static_cast<index_t>(std::thread::hardware_concurrency())); }

std::string fold_text(const app::FoldResult& r) {
  char text[160];
  std::snprintf(text, sizeof text, "done in %s: target %.1f %% (%s), %.1f %% (best epoch)",
                app::duration_text(r.seconds).c_str(), 100 * r.honest().scores.accuracy,
                r.honest().rule.c_str(), 100 * r.best().scores.accuracy);
  return text;
}

// Without --out: the first of runs/uf_ama-DATASET-1, -2, ... that is free.
std::string TrainCommand::folder_name() const {
  if (!out.empty()) return out;
  if (resume) fail("train", "--resume needs the run's folder (hint: --out)");
  for (int n = 1;; ++n) {
    const std::string name = "runs/uf_ama-" + values.dataset + "-" + std::to_string(n);
    if (!std::filesystem::exists(name)) return name;
  }
}

// A resumed run keeps its settings; what was given anew must agree with them.
void TrainCommand::take_stored_settings(const app::RunFolder& folder) {
  const app::Json stored = folder.json("config.json"), given = settings->values();
  std::string other;
  for (const auto& [key, value] : given.items())
    if (settings->was_given(key) && stored.contains(key) && stored[key] != value)
      other +=
          (other.empty() ? "" : ", ") + key + " " + value.dump() + " (the run: " + stored[key].dump() + ")";
  if (!other.empty())
    fail("train", "a resumed run must keep its settings; got ", other,
         " (hint: leave them out, or begin another run)");
  settings->assign(stored, folder.path() + "/config.json");
}

app::ProtocolCard TrainCommand::card(const data::Dataset& data,
                                     const std::vector<data::FoldPlan>& folds) const {
  app::ProtocolCard c;
  c.system = "UF-AMA (arXiv 2606.00170)";
  c.version = app::version_text();
  c.data_set = data.name;
  c.data_source = values.data.empty() ? "the simulator" : values.data;
  c.simulated = data.simulated;
  c.simulation = simulation_text(values);
  c.protocol = values.protocol;
  c.normalisation = to_text(data::normalisation_of(values.normalisation)) + ": " +
                    data::describe(data::normalisation_of(values.normalisation));
  c.eeg_feature = data.eeg_feature;
  c.configuration = settings->configuration();
  for (const auto& r : data.recordings) {
    c.subjects.push_back(r.subject);
    c.sessions.push_back(r.session);
    c.trials += static_cast<index_t>(r.trials.size());
    for (const auto& t : r.trials) c.windows += t.windows();
  }
  for (auto* list : {&c.subjects, &c.sessions}) {
    std::ranges::sort(*list);
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  c.classes = data.classes;
  for (const auto& f : folds) c.folds.push_back(f.name);
  c.methods = methods(values);
  c.selection_rule = values.selection == "last" ? "last epoch: no label of the target takes part"
                                                : "best epoch on validation data out of the source";
  c.seed = static_cast<std::uint64_t>(values.seed);
  c.remarks = data.remarks;
  return c;
}

int TrainCommand::run_child() {
  app::catch_interrupts();
  const app::RunFolder folder = app::RunFolder::attach(child_of);
  settings->assign(folder.json("config.json"), child_of + "/config.json");
  app::Progress nothing(app::Progress::Style::quiet),
      progress(app::Progress::Style::pipe, app::child_progress());
  const data::Dataset data = load_data(values, nothing);
  for (const auto& plan : all_folds(values, data)) {
    if (plan.name != child_fold) continue;
    const auto result = train_fold(values, data, plan, child_method, folder, progress);
    if (!result) return app::interrupt_status();
    progress.finish(child_method + " " + child_fold, fold_text(*result));
    return 0;
  }
  fail("train", "there is no fold '", child_fold, "'");
}

// Fills `failures`; returns how many tasks were left undone by an interrupt.
index_t TrainCommand::run_tasks(const std::vector<Task>& tasks, const data::Dataset& data,
                                const app::RunFolder& folder, app::Progress& progress,
                                std::vector<std::string>& failures) const {
  index_t left = 0;
  const index_t wanted = jobs ? jobs : std::min(cores(), static_cast<index_t>(tasks.size()));
  if (wanted <= 1 || tasks.size() <= 1) {
    for (const Task& task : tasks) {
      const std::string name = task.method + " " + task.plan.name;
      if (app::interrupted()) {
        ++left;
        continue;
      }
      try {
        if (const auto result = train_fold(values, data, task.plan, task.method, folder, progress))
          progress.finish(name, fold_text(*result));
        else ++left;
      } catch (const Error& e) {
        progress.finish(name, std::string("failed: ") + e.what());
        failures.push_back(name + ": " + e.what());
      }
    }
    return left;
  }
  std::vector<app::Job> children;
  const index_t each = threads ? threads : std::max<index_t>(1, cores() / wanted);
  for (const Task& task : tasks)
    children.push_back({task.method + " " + task.plan.name,
                        {"train", "--child-of", folder.path(), "--child-fold", task.plan.name,
                         "--child-method", task.method, "--threads", std::to_string(each)}});
  const auto ended = [&](const app::JobResult& r) {
    if (r.status > 0 && !app::interrupted()) progress.finish(r.name, "failed: " + r.message);
  };
  for (const app::JobResult& r : app::run_jobs(children, wanted, progress, ended)) {
    if (r.status == 0) continue;
    if (app::interrupted()) ++left;
    else failures.push_back(r.name + ": " + r.message);
  }
  return left;
}

int TrainCommand::run() {
  if (threads > 0) set_num_threads(static_cast<int>(threads));
  if (!child_of.empty()) return run_child();
  check(!(resume && force), "train", "--resume and --force exclude one another");
  settings->resolve();
  complete(values, *settings);
  app::Progress progress(quiet ? app::Progress::Style::quiet : app::Progress::Style::automatic);
  const app::RunFolder folder(folder_name(), resume  ? app::IfExists::resume
                                             : force ? app::IfExists::force
                                                     : app::IfExists::refuse);
  if (!folder.moved_to().empty()) progress.note("The run that was there is now " + folder.moved_to());
  if (resume) take_stored_settings(folder);
  const data::Dataset data = load_data(values, progress);
  const std::vector<data::FoldPlan> folds = chosen_folds(values, data);
  if (!resume) {
    folder.write_json("protocol.json", app::to_json(card(data, folds)));
    folder.write_json("config.json", settings->values());
  }
  std::vector<Task> tasks;
  for (const auto& plan : folds)
    for (const auto& method : methods(values))
      if (!folder.has(fold_folder(method, plan.name) + "/result.json")) tasks.push_back({plan, method});
  progress.note("UF-AMA (" + settings->configuration() + ") on " + (data.simulated ? "simulated " : "") +
                data.name + ", " + values.protocol + ": " + std::to_string(folds.size()) + (folds.size() == 1 ? " fold, " : " folds, ") +
                std::to_string(methods(values).size()) + " methods, " + std::to_string(tasks.size()) +
                " trainings to do, in " + folder.path());

  app::catch_interrupts();
  std::vector<std::string> failures;
  const index_t left = run_tasks(tasks, data, folder, progress, failures);
  if (left > 0) {
    progress.note("Interrupted; what was done is saved. To go on: uf_ama train --resume --out " +
                  folder.path());
    return app::interrupt_status();
  }
  const RunResults results = read_results(folder);
  if (!results.folds.empty()) {
    const std::string report = write_report(folder, !no_figures);
    std::printf("\n%s%s\nReport: %s\n",
                data.simulated ? "Simulated data: no number below is of recordings of people.\n" : "",
                app::summary_text(results.methods, results.folds).c_str(), report.c_str());
  }
  if (failures.empty()) return 0;
  std::string text;
  for (const auto& f : failures) text += "\n  " + f;
  fail("train", failures.size(), " of ", tasks.size(),
       " trainings failed (hint: --resume tries them again):", text);
}

}  // namespace

Command add_train(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("train", "Train on all or some folds, and write a report");
  const auto c = std::make_shared<TrainCommand>();
  c->settings = std::make_unique<app::Settings>(*sub);
  add_settings(*c->settings, c->values);
  const char* group = "Run";
  sub->add_option("--out", c->out, "the run's folder (default: a new one in runs/)")->group(group);
  sub->add_flag("--resume", c->resume, "go on with the run in --out, bit for bit")->group(group);
  sub->add_flag("--force", c->force, "begin anew; the run that is there is kept under another name")
      ->group(group);
  sub->add_option("--jobs", c->jobs, "trainings side by side, as processes (default: one a core)")
      ->check(CLI::Range(1, 1024))
      ->group(group);
  sub->add_option("--threads", c->threads, "threads of each training; results do not depend on it")
      ->check(CLI::Range(1, 1024))
      ->group(group);
  sub->add_flag("--quiet", c->quiet, "no progress")->group(group);
  sub->add_flag("--no-figures", c->no_figures, "a report without figures: gnuplot is not needed")
      ->group(group);
  sub->add_option("--child-of", c->child_of)->group("");
  sub->add_option("--child-fold", c->child_fold)->group("");
  sub->add_option("--child-method", c->child_method)->group("");
  return [c] { return c->run(); };
}

}  // namespace limbic::uf_ama
