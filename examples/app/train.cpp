#include <app/interrupt.hpp>
#include <app/process.hpp>
#include <app/train.hpp>

#include <limbic/backend/cpu/parallel.hpp>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <thread>

namespace limbic::app {

namespace {

struct TrainCommand {
  std::shared_ptr<Trainer> trainer;
  std::unique_ptr<Settings> settings;
  std::string out, child_of, child_fold, child_method;
  bool resume = false, force = false, quiet = false, no_figures = false;
  index_t jobs = 0, threads = 0;

  int run();

 private:
  int run_child();
  std::string folder_name() const;
  void take_stored_settings(const RunFolder& folder);
  index_t run_tasks(const std::vector<Task>& tasks, const RunFolder& folder, Progress& progress,
                    std::vector<std::string>& failures) const;
};

index_t cores() { return std::max<index_t>(1, static_cast<index_t>(std::thread::hardware_concurrency())); }

std::string job_name(const Task& task) { return task.method + " " + task.fold; }

std::string fold_text(const FoldResult& r) {
  char text[160];
  std::snprintf(text, sizeof text, "done in %s: target %.1f %% (%s), %.1f %% (best epoch)",
                duration_text(r.seconds).c_str(), 100 * r.honest().scores.accuracy, r.honest().rule.c_str(),
                100 * r.best().scores.accuracy);
  return text;
}

// Without --out: the first of runs/NAME-1, -2, ... that is free.
std::string TrainCommand::folder_name() const {
  if (!out.empty()) return out;
  if (resume) fail("train", "--resume needs the run's folder (hint: --out)");
  for (int n = 1;; ++n) {
    const std::string name = "runs/" + trainer->run_name() + "-" + std::to_string(n);
    if (!std::filesystem::exists(name)) return name;
  }
}

// A resumed run keeps its settings; what was given anew must agree with them.
void TrainCommand::take_stored_settings(const RunFolder& folder) {
  const Json stored = folder.json("config.json"), given = settings->values();
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

int TrainCommand::run_child() {
  catch_interrupts();
  const RunFolder folder = RunFolder::attach(child_of);
  settings->assign(folder.json("config.json"), child_of + "/config.json");
  Progress nothing(Progress::Style::quiet), progress(Progress::Style::pipe, child_progress());
  trainer->load(folder, nothing);
  const Task task{child_fold, child_method};
  const auto result = trainer->train(task, folder, progress);
  if (!result) return interrupt_status();
  progress.finish(job_name(task), fold_text(*result));
  return 0;
}

// Fills `failures`; returns how many tasks were left undone by an interrupt.
index_t TrainCommand::run_tasks(const std::vector<Task>& tasks, const RunFolder& folder, Progress& progress,
                                std::vector<std::string>& failures) const {
  index_t left = 0;
  const index_t wanted = jobs ? jobs : std::min(cores(), static_cast<index_t>(tasks.size()));
  if (wanted <= 1 || tasks.size() <= 1) {
    for (const Task& task : tasks) {
      const std::string name = job_name(task);
      if (interrupted()) {
        ++left;
        continue;
      }
      try {
        if (const auto result = trainer->train(task, folder, progress))
          progress.finish(name, fold_text(*result));
        else ++left;
      } catch (const Error& e) {
        progress.finish(name, std::string("failed: ") + e.what());
        failures.push_back(name + ": " + e.what());
      }
    }
    return left;
  }
  std::vector<Job> children;
  const index_t each = threads ? threads : std::max<index_t>(1, cores() / wanted);
  for (const Task& task : tasks)
    children.push_back({job_name(task),
                        {"train", "--child-of", folder.path(), "--child-fold", task.fold, "--child-method",
                         task.method, "--threads", std::to_string(each)}});
  const auto ended = [&](const JobResult& r) {
    if (r.status > 0 && !interrupted()) progress.finish(r.name, "failed: " + r.message);
  };
  for (const JobResult& r : run_jobs(children, wanted, progress, ended)) {
    if (r.status == 0) continue;
    if (interrupted()) ++left;
    else failures.push_back(r.name + ": " + r.message);
  }
  return left;
}

int TrainCommand::run() {
  if (threads > 0) set_num_threads(static_cast<int>(threads));
  if (!child_of.empty()) return run_child();
  check(!(resume && force), "train", "--resume and --force exclude one another");
  settings->resolve();
  trainer->complete(*settings);
  Progress progress(quiet ? Progress::Style::quiet : Progress::Style::automatic);
  const RunFolder folder(folder_name(), resume  ? IfExists::resume
                                        : force ? IfExists::force
                                                : IfExists::refuse);
  if (!folder.moved_to().empty()) progress.note("The run that was there is now " + folder.moved_to());
  if (resume) take_stored_settings(folder);
  trainer->load(folder, progress);
  const std::vector<std::string> folds = trainer->folds(), methods = trainer->methods();
  ProtocolCard card = trainer->card();
  card.version = version_text();
  card.configuration = settings->configuration();
  card.folds = folds;
  card.methods = methods;
  if (!resume) {
    folder.write_json("protocol.json", to_json(card));
    folder.write_json("config.json", settings->values());
  }
  std::vector<Task> tasks;
  for (const auto& fold : folds)
    for (const auto& method : methods)
      if (!folder.has(fold_folder(method, fold) + "/result.json")) tasks.push_back({fold, method});
  progress.note(trainer->title() + " (" + settings->configuration() + ") on " +
                (card.simulated ? "simulated " : "") + card.data_set + ", " + card.protocol + ": " +
                std::to_string(folds.size()) + (folds.size() == 1 ? " fold, " : " folds, ") +
                std::to_string(methods.size()) + " methods, " + std::to_string(tasks.size()) +
                " trainings to do, in " + folder.path());

  catch_interrupts();
  std::vector<std::string> failures;
  const index_t left = run_tasks(tasks, folder, progress, failures);
  if (left > 0) {
    progress.note("Interrupted; what was done is saved. To go on: " + trainer->program() +
                  " train --resume --out " + folder.path());
    return interrupt_status();
  }
  const RunResults results = trainer->results(folder);
  if (!results.folds.empty()) {
    const std::string report = trainer->report(folder, !no_figures);
    std::printf("\n%s%s\nReport: %s\n",
                card.simulated ? "Simulated data: no number below is of recordings of people.\n" : "",
                summary_text(results.methods, results.folds).c_str(), report.c_str());
  }
  if (failures.empty()) return 0;
  std::string text;
  for (const auto& f : failures) text += "\n  " + f;
  fail("train", failures.size(), " of ", tasks.size(),
       " trainings failed (hint: --resume tries them again):", text);
}

}  // namespace

std::string fold_folder(const std::string& method, const std::string& fold) {
  return "folds/" + method + "/" + fold;
}

RunResults read_results(const RunFolder& folder,
                        const std::function<MethodText(const ProtocolCard&, const std::string&)>& text) {
  const ProtocolCard card =
      protocol_card_from(folder.json("protocol.json"), folder.path() + "/protocol.json");
  RunResults out;
  for (const auto& method : card.methods) {
    out.methods.push_back(text(card, method));
    for (const auto& fold : card.folds) {
      ++out.planned;
      const std::string name = fold_folder(method, fold) + "/result.json";
      if (folder.has(name))
        out.folds.push_back(fold_result_from(folder.json(name), folder.path() + "/" + name));
    }
  }
  return out;
}

std::vector<std::string> choose_folds(const std::vector<std::string>& all,
                                      const std::vector<std::string>& wanted) {
  if (wanted.size() == 1 && wanted[0] == "all") return all;
  std::vector<std::string> out;
  if (wanted.size() == 1 && !wanted[0].empty() && wanted[0].size() < 7 &&
      wanted[0].find_first_not_of("0123456789") == std::string::npos) {
    const auto count = std::min(static_cast<std::size_t>(std::stoul(wanted[0])), all.size());
    check(count > 0, "settings", "'folds' must be at least 1; got ", wanted[0]);
    for (std::size_t i = 0; i < count; ++i) out.push_back(all[i * all.size() / count]);
    return out;
  }
  for (const std::string& name : wanted) {
    if (std::ranges::find(all, name) == all.end())
      fail("settings", "'folds' must be a number, 'all' or names of folds; got '", name.substr(0, 60),
           "' (hint: '", nearest(name, all), "' is the nearest of ", all.size(), ")");
    out.push_back(name);
  }
  return out;
}

Command add_train(CLI::App& app, std::shared_ptr<Trainer> trainer) {
  CLI::App* sub = app.add_subcommand("train", "Train on all or some folds, and write a report");
  const auto c = std::make_shared<TrainCommand>();
  c->trainer = std::move(trainer);
  c->settings = std::make_unique<Settings>(*sub);
  c->trainer->add_settings(*c->settings);
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

Command add_report(CLI::App& app, std::shared_ptr<Trainer> trainer) {
  CLI::App* sub = app.add_subcommand("report", "Write the report of a run folder again");
  struct Values {
    std::string run;
    bool no_figures = false;
  };
  const auto v = std::make_shared<Values>();
  sub->add_option("run", v->run, "the run's folder")->required();
  sub->add_flag("--no-figures", v->no_figures, "without figures: gnuplot is not needed");
  return [v, trainer] {
    const RunFolder folder = RunFolder::attach(v->run);
    const std::string path = trainer->report(folder, !v->no_figures);
    const RunResults results = trainer->results(folder);
    std::printf("%s\nReport: %s\n", summary_text(results.methods, results.folds).c_str(), path.c_str());
    return 0;
  };
}

}  // namespace limbic::app
