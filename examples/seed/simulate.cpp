// limbic-seed simulate --out DIR: writes a simulated data set in the layout of SEED or SEED-IV.
//
// A folder that holds anything is refused; with --force a simulated set in it is replaced, and nothing else
// ever is.
#include <limbic/data/simulate_write.hpp>

#include <app/progress.hpp>

#include <cstdio>
#include <fstream>
#include <memory>

#include <nlohmann/json.hpp>

#include "commands.hpp"

namespace {

using namespace limbic;
namespace fs = std::filesystem;

struct Options {
  std::string folder, dataset = "seed-iv";
  std::vector<std::string> features;
  data::SimulateOptions simulate;
  data::WriteOptions write;
  bool force = false, no_features = false, no_compression = false;
};

bool holds_simulated_set(const fs::path& folder) {
  std::ifstream in(folder / "simulated.json");
  const auto card = nlohmann::json::parse(in, nullptr, false);
  return card.is_object() && card.value("simulated", false);
}

// Makes sure that nothing but a simulated set is written over.
void prepare(const fs::path& folder, bool force) {
  std::error_code error;
  if (!fs::exists(folder, error)) return;
  if (!fs::is_directory(folder, error)) fail("simulate", "'", folder.string(), "' is not a folder");
  if (fs::is_empty(folder, error)) return;
  if (error) fail("simulate", "cannot look into '", folder.string(), "': ", error.message());
  const bool simulated = holds_simulated_set(folder);
  if (!force || !simulated)
    fail("simulate", "an empty folder is needed; '", folder.string(), "' holds ",
         simulated ? "a simulated set (hint: --force replaces it)"
                   : "other files, which are not written over (hint: another --out)");
  for (const char* part : {"ExtractedFeatures", "ExtractedFeatures_4s", "Preprocessed_EEG", "multimodal",
                           "eeg_feature_smooth", "eye_feature_smooth", "eeg_raw_data"}) {
    fs::remove_all(folder / part, error);
    if (error) fail("simulate", "cannot remove '", (folder / part).string(), "': ", error.message());
  }
}

void simulate(Options& o) {
  o.simulate.set = data::simulated_set_of(o.dataset);
  for (const std::string& name : o.features) o.write.kinds.push_back(data::feature_kind_of(name));
  o.write.features = !o.no_features && !o.write.multimodal;
  o.write.compress = !o.no_compression;
  data::check_writable(o.simulate, o.write);
  prepare(o.folder, o.force);
  app::Progress progress;
  const std::string job = "simulated " + o.dataset;
  index_t files = 0;
  data::write_simulated(o.simulate, o.folder, o.write,
                        [&](index_t done, index_t total, const std::string& path) {
                          files = done;
                          progress.update(job, done, total, path);
                        });
  progress.finish(job, std::to_string(files) + " files");
  std::printf("Simulated data, no recording of anybody: %lld files in %s\n", static_cast<long long>(files),
              o.folder.c_str());
}

}  // namespace

void add_simulate(CLI::App& app) {
  auto o = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "simulate", "Writes simulated data in the layout of SEED or SEED-IV; every file says so.");
  data::SimulateOptions& s = o->simulate;
  data::WriteOptions& w = o->write;
  command->add_option("--dataset", o->dataset, "seed or seed-iv")
      ->check(CLI::IsMember({"seed", "seed-iv"}))
      ->capture_default_str();
  command->add_option("--out", o->folder, "folder to write, new or empty")->required();
  command->add_option("--subjects", s.subjects, "number of subjects")->capture_default_str();
  command->add_option("--sessions", s.sessions, "sessions of each, 1 to 3")->capture_default_str();
  command->add_option("--seed", s.seed, "the same seed gives the same numbers")->capture_default_str();
  command->add_option("--difficulty", s.difficulty, "how much subjects differ: 0 not at all, 2 very much")
      ->capture_default_str();
  command->add_option("--noise", s.noise, "of windows, in multiples of the usual")->capture_default_str();
  command->add_option("--bad-eeg", s.bad_eeg, "share of windows in which EEG says little")
      ->capture_default_str();
  command->add_option("--bad-eye", s.bad_eye, "the same of the eye features")->capture_default_str();
  command->add_option("--eye-features", s.eye_features, "31 or 33; 0: as in the data set")
      ->capture_default_str();
  command->add_option("--window-seconds", s.window_seconds, "SEED: 1 or 4; 0: as in the data set")
      ->capture_default_str();
  command
      ->add_option("--max-windows", s.max_windows, "at most that many windows a trial; 0: as in the data set")
      ->capture_default_str();
  command
      ->add_option("--features", o->features,
                   "kinds of features: de psd dasm rasm asm dcau; all by default (SEED-IV: de psd)")
      ->delimiter(',');
  command->add_flag("--no-features", o->no_features, "raw EEG only");
  command->add_flag("--raw", w.raw, "raw EEG at 200 Hz too (some 250 MB a session in full)");
  command->add_option("--raw-seconds", w.raw_seconds, "raw EEG of each trial's first seconds; 0: all")
      ->capture_default_str();
  command->add_flag("--multimodal", w.multimodal,
                    "SEED: the multimodal release (EEG and eyes, 4 s) in place of ExtractedFeatures");
  command->add_flag("--no-compression", o->no_compression, "larger files, sooner written");
  command->add_flag("--force", o->force, "replace a simulated set in the folder");
  command->callback([o] { simulate(*o); });
}
