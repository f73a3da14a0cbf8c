// office_caltech --data FOLDER [--out FOLDER]: the 12 pairs of Office-Caltech10 by nearest neighbours,
// support-vector machines and small networks, before and after alignment, beside the published table.
#include <office_caltech/results.hpp>

#include <app/options.hpp>
#include <app/progress.hpp>
#include <limbic/backend/cpu/parallel.hpp>

#include <cstdio>
#include <mutex>

using namespace office_caltech;

namespace {

const Domain& domain(const std::vector<Domain>& all, char letter) {
  for (const Domain& d : all)
    if (d.letter == letter) return d;
  fail("office_caltech", "there is no domain ", std::string(1, letter));
}

// Counts what jobs on several threads have done.
class SharedProgress {
 public:
  SharedProgress(app::Progress& progress, std::string name, index_t total)
      : progress_(progress), name_(std::move(name)), total_(total) {}
  void add(const std::string& text, index_t steps = 1) {
    const std::lock_guard lock(mutex_);
    progress_.update(name_, done_ += steps, total_, text);
  }

 private:
  app::Progress& progress_;
  std::string name_;
  index_t total_, done_ = 0;
  std::mutex mutex_;
};

void run_classifiers(const std::vector<Domain>& domains, Results& results, app::Progress& progress) {
  const std::size_t first = results.columns.size();
  for (const char* name : kClassifierNames)
    results.columns.push_back({.name = name,
                               .detail = "",
                               .deep = false,
                               .accuracy = std::vector<std::vector<double>>(kPairs.size())});
  std::vector<ShallowResult> of_pair(kPairs.size());
  SharedProgress shared(progress, "classifiers", static_cast<index_t>(kPairs.size()));
  parallel_for(static_cast<index_t>(kPairs.size()), 1, [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) {
      const auto p = static_cast<std::size_t>(i);
      of_pair[p] =
          classify(domain(domains, kPairs[p].source).source, domain(domains, kPairs[p].target).target);
      shared.add(kPairs[p].name());
    }
  });
  for (std::size_t c = 0; c < kClassifierNames.size(); ++c) {
    Column& column = results.columns[first + c];
    for (std::size_t p = 0; p < kPairs.size(); ++p) {
      column.accuracy[p] = {domain(domains, kPairs[p].target).judge.accuracy(of_pair[p].predictions[c])};
      if (of_pair[p].cost[c] > 0)
        column.detail += (p ? ", " : "C chosen: ") + kPairs[p].name() + " " + to_text(of_pair[p].cost[c]);
    }
    if (column.detail.empty()) column.detail = "Euclidean distance";
  }
  progress.finish("classifiers", "12 pairs");
}

void run_networks(const std::vector<Domain>& domains, Results& results, app::Progress& progress) {
  const std::size_t first = results.columns.size(), seeds = static_cast<std::size_t>(results.seeds);
  for (Method m : kMethods)
    results.columns.push_back(
        {.name = name_of(m),
         .detail = describe(m),
         .deep = true,
         .accuracy = std::vector<std::vector<double>>(kPairs.size(), std::vector<double>(seeds))});
  const std::size_t jobs = kPairs.size() * kMethods.size() * seeds;
  SharedProgress shared(progress, "networks", static_cast<index_t>(jobs) * results.deep.steps);
  parallel_for(static_cast<index_t>(jobs), 1, [&](index_t begin, index_t end) {
    for (index_t i = begin; i < end; ++i) {
      const auto job = static_cast<std::size_t>(i);
      const std::size_t p = job / (kMethods.size() * seeds), m = job / seeds % kMethods.size(),
                        s = job % seeds;
      const Pair& pair = kPairs[p];
      DeepOptions o = results.deep;
      o.seed += s;
      const Domain& target = domain(domains, pair.target);
      const std::string text = pair.name() + " " + name_of(kMethods[m]);
      const index_t lump = std::min(o.steps, index_t{50});
      const DeepResult r = train_deep(domain(domains, pair.source).source, target.target, kMethods[m], o,
                                      pair.name(), [&](index_t step) {
                                        if (step % lump == 0) shared.add(text, lump);
                                      });
      results.columns[first + m].accuracy[p][s] = target.judge.accuracy(r.predictions);
    }
  });
  progress.finish("networks", std::to_string(jobs) + " networks");
}

int run(int argc, char** argv) {
  CLI::App command("Domain adaptation on Office-Caltech10 (SURF features), beside the published table",
                   "office_caltech");
  std::string data, out, part = "all";
  Results results;
  results.seeds = 3;
  command.add_option("--data", data, "folder of amazon_SURF_L10.mat, Caltech10_..., dslr_... and webcam_...")
      ->required();
  command.add_option("--out", out, "folder for results.csv, results.json and report.html");
  command.add_option("--part", part, "classifiers, networks or all")
      ->check(CLI::IsMember({"classifiers", "networks", "all"}));
  command.add_option("--seeds", results.seeds, "networks of each kind and pair")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  command.add_option("--seed", results.deep.seed, "the first seed")->capture_default_str();
  command.add_option("--steps", results.deep.steps, "steps of each network")
      ->check(CLI::Range(1, 1000000))
      ->capture_default_str();
  command.add_option("--learning-rate", results.deep.learning_rate, "of the networks")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  if (const auto status = app::parse_command_line(command, argc, argv)) return *status;

  const std::vector<Domain> domains = read_domains(data);
  results.data = "Office-Caltech10 SURF";
  for (const Domain& d : domains)
    results.data += ", " + d.name + " " + std::to_string(d.source.labels.numel());
  app::Progress progress;
  if (part != "networks") run_classifiers(domains, results, progress);
  if (part != "classifiers") run_networks(domains, results, progress);
  std::printf("%s", table_text(results).c_str());
  if (!out.empty()) {
    write_results(results, out);
    std::printf("\nwritten: %s/results.csv, results.json, report.html\n", out.c_str());
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "office_caltech: %s\n", e.what());
    return 1;
  }
}
