// limbic-seed inspect DIR: what lies in a folder of SEED or SEED-IV, and what is missing or odd.
//
// Reads every feature file whole. Trials and files that cannot be used are named, and make the exit code 1.
#include <limbic/data/seed.hpp>
#include <limbic/data/seed_raw.hpp>

#include <cstdio>
#include <memory>

#include <unistd.h>
#include <nlohmann/json.hpp>

#include "commands.hpp"
#include "summary.hpp"

namespace {

using namespace limbic;
using Json = nlohmann::ordered_json;

struct Options {
  std::string folder, dataset = "auto";
  data::ReadOptions read;
  bool json = false, raw = false;
};

// What is known of a file of raw EEG.
struct RawFile {
  index_t subject = 0, session = 0, trials = 0;
  double seconds = 0;
  std::string source, problem;
};

void show_progress(index_t done, index_t total) {
  if (!::isatty(2)) return;
  if (done < total)
    std::fprintf(stderr, "\rreading %lld of %lld ", static_cast<long long>(done + 1),
                 static_cast<long long>(total));
  else std::fprintf(stderr, "\r\033[K");
}

std::vector<RawFile> look_at_raw(const data::SeedFolders& folders, const Options& options, data::Dataset& d) {
  std::vector<RawFile> out;
  const std::vector<data::SessionFile> files = data::list_raw(folders);
  for (const data::SessionFile& f : files) {
    show_progress(static_cast<index_t>(out.size()), static_cast<index_t>(files.size()));
    RawFile r{f.subject, f.session, 0, 0, f.path, ""};
    try {
      const data::RawRecording recording = data::RawRecording::open(folders, f);
      d.simulated = d.simulated || recording.simulated();
      for (index_t t : recording.trials()) {
        if (options.raw) r.seconds += static_cast<double>(recording.read<float>(t).size(1)) / data::kRawRate;
        ++r.trials;
      }
    } catch (const Error& e) {
      r.problem = e.what();
      d.remarks.push_back("skipped: " + r.problem);
    }
    out.push_back(r);
  }
  show_progress(1, 1);
  return out;
}

Json range_json(const seed::Range& r) {
  return {{"min", r.low}, {"mean", r.mean}, {"deviation", r.deviation()}, {"max", r.high}};
}

void print_json(const data::SeedFolders& folders, const data::Dataset& d, const seed::Summary& s,
                const std::vector<RawFile>& raw) {
  Json j{{"data_set", d.name},
         {"layout", to_text(folders.kind)},
         {"simulated", d.simulated},
         {"eeg_feature", d.eeg_feature},
         {"window_seconds", folders.layout().window_seconds},
         {"trials", s.trials},
         {"windows", s.windows}};
  for (const auto& c : s.classes) j["classes"][c.name] = {{"trials", c.trials}, {"windows", c.windows}};
  for (const auto& [subject, sessions] : s.recordings)
    for (const auto& [session, r] : sessions)
      j["recordings"].push_back({{"subject", subject},
                                 {"session", session},
                                 {"trials", r.trials},
                                 {"windows", r.windows},
                                 {"file", r.source}});
  for (std::size_t b = 0; b < s.bands.size() && s.windows > 0; ++b)
    j["eeg_bands"][data::kBandTable[b].name] = range_json(s.bands[b]);
  for (std::size_t f = 0; f < s.eye.size(); ++f)
    j["eye_features"][data::kEyeFeatureNames[f]] = range_json(s.eye[f]);
  for (const RawFile& r : raw) {
    Json file{{"subject", r.subject}, {"session", r.session}, {"trials", r.trials}, {"file", r.source}};
    if (r.seconds > 0) file["seconds"] = r.seconds;
    j["raw"].push_back(file);
  }
  j["remarks"] = d.remarks;
  j["unreadable"] = s.unread;
  std::printf("%s\n", j.dump(2, ' ', false, Json::error_handler_t::replace).c_str());
}

void print_ranges(const char* what, const std::vector<std::string>& names,
                  const std::vector<seed::Range>& ranges) {
  int width = static_cast<int>(std::string(what).size());
  for (const std::string& n : names) width = std::max(width, static_cast<int>(n.size()));
  std::printf("\n%-*s  %10s  %10s  %10s  %10s\n", width, what, "min", "mean", "deviation", "max");
  for (std::size_t i = 0; i < ranges.size(); ++i)
    std::printf("  %-*s%10.4g  %10.4g  %10.4g  %10.4g\n", width, names[i].c_str(), ranges[i].low,
                ranges[i].mean, ranges[i].deviation(), ranges[i].high);
}

// Text in lines of at most 100 characters, behind "- ".
void print_remark(const std::string& text) {
  std::size_t at = 0;
  for (bool first = true; at < text.size(); first = false) {
    std::size_t end = std::min(text.size(), at + 98);
    if (end < text.size())
      if (const std::size_t space = text.rfind(' ', end); space != text.npos && space > at) end = space;
    std::printf("%s%s\n", first ? "- " : "  ", text.substr(at, end - at).c_str());
    at = end + (end < text.size() && text[end] == ' ');
  }
}

void print_text(const std::string& folder, const data::SeedFolders& folders, const data::Dataset& d,
                const seed::Summary& s, const std::vector<RawFile>& raw) {
  std::printf("%s%s\n", d.name.c_str(),
              d.simulated ? ", SIMULATED: made by a program, nobody's recordings" : "");
  std::printf("  folder    %s\n", folder.c_str());
  if (!folders.features.empty())
    std::printf("  EEG       %s, %d electrodes x %d bands, windows of %lld s\n", d.eeg_feature.c_str(),
                data::kElectrodes, static_cast<int>(data::kBands),
                static_cast<long long>(folders.layout().window_seconds));
  std::printf("  eyes      %s\n",
              s.eye.empty() ? "none" : (std::to_string(s.eye.size()) + " features").c_str());
  if (raw.empty()) {
    std::printf("  raw EEG   none\n");
  } else {
    index_t trials = 0;
    double seconds = 0;
    for (const RawFile& r : raw) trials += r.trials, seconds += r.seconds;
    std::printf("  raw EEG   %zu files, %lld trials", raw.size(), static_cast<long long>(trials));
    if (seconds > 0) std::printf(", %.1f h at %g Hz", seconds / 3600, data::kRawRate);
    std::printf("\n");
  }

  if (!s.recordings.empty()) {
    std::size_t recordings = 0;
    for (const auto& [subject, sessions] : s.recordings) recordings += sessions.size();
    std::printf("\n%zu recordings of %zu %s: %lld trials, %lld windows\n", recordings, s.recordings.size(),
                s.recordings.size() == 1 ? "subject" : "subjects", static_cast<long long>(s.trials),
                static_cast<long long>(s.windows));
    std::printf("  subject   session 1           session 2           session 3\n");
    for (const auto& [subject, sessions] : s.recordings) {
      std::string line;
      char cell[64];
      std::snprintf(cell, sizeof cell, "  %7lld", static_cast<long long>(subject));
      line = cell;
      for (index_t k = 1; k <= 3; ++k) {
        const auto it = sessions.find(k);
        if (it == sessions.end()) std::snprintf(cell, sizeof cell, "   %-17s", "-");
        else
          std::snprintf(cell, sizeof cell, "   %2lld trials, %4lld w ",
                        static_cast<long long>(it->second.trials),
                        static_cast<long long>(it->second.windows));
        line += cell;
      }
      line.erase(line.find_last_not_of(' ') + 1);
      std::printf("%s\n", line.c_str());
    }
    std::printf("\n%-12s  %8s  %8s  %8s\n", "class", "trials", "windows", "share");
    for (std::size_t c = 0; c < s.classes.size(); ++c)
      std::printf("  %zu %-8s  %8lld  %8lld  %7.1f%%\n", c, s.classes[c].name.c_str(),
                  static_cast<long long>(s.classes[c].trials), static_cast<long long>(s.classes[c].windows),
                  100.0 * static_cast<double>(s.classes[c].windows) / static_cast<double>(s.windows));
    std::vector<std::string> names;
    for (const data::Band& b : data::kBandTable) {
      char text[40];
      std::snprintf(text, sizeof text, "%-5s %2g-%g Hz", b.name, b.low, b.high);
      names.push_back(text);
    }
    print_ranges("EEG", names, s.bands);
    if (!s.eye.empty())
      print_ranges("eyes", {data::kEyeFeatureNames.begin(), data::kEyeFeatureNames.end()}, s.eye);
  }

  std::printf("\n%s\n", d.remarks.empty() ? "Nothing is missing or odd." : "Missing, odd or skipped:");
  for (const std::string& r : d.remarks) print_remark(r);
}

void inspect(Options& options) {
  options.read.dataset = data::seed_kind(options.dataset);
  options.read.skip_bad_trials = options.read.skip_bad_files = true;
  options.read.progress = [](index_t done, index_t total, const std::string&) { show_progress(done, total); };
  const data::SeedFolders folders =
      data::find_seed(options.folder, options.read.dataset, options.read.window_seconds);
  data::Dataset d;
  if (folders.features.empty()) {
    d.name = folders.layout().name;
    d.remarks.push_back("no EEG features, raw EEG only");
  } else {
    d = data::read_dataset(options.folder, options.read);
  }
  std::vector<RawFile> raw;
  if (!folders.raw.empty()) raw = look_at_raw(folders, options, d);
  const seed::Summary s = seed::summarise(d);
  if (options.json) print_json(folders, d, s, raw);
  else print_text(options.folder, folders, d, s, raw);
  if (s.unread) throw CLI::RuntimeError(1);
}

}  // namespace

void add_inspect(CLI::App& app) {
  CLI::App* command =
      app.add_subcommand("inspect", "What a folder of SEED or SEED-IV holds, and what is missing or odd");
  const auto options = std::make_shared<Options>();
  command->add_option("DIR", options->folder, "the folder of a release, or of its features")->required();
  command->add_option("--dataset", options->dataset, "auto, seed, seed-multimodal or seed-iv")
      ->capture_default_str();
  command->add_option("--feature", options->read.feature, "de_LDS, de_movingAve, psd_LDS or psd_movingAve")
      ->capture_default_str();
  command->add_option("--window-seconds", options->read.window_seconds,
                      "SEED: 1 or 4, to choose among ExtractedFeatures_1s and _4s");
  command->add_option("--subjects", options->read.subjects, "only these, such as 1,2")->delimiter(',');
  command->add_option("--sessions", options->read.sessions, "only these, such as 1,3")->delimiter(',');
  command->add_flag("--raw", options->raw, "read the raw EEG too, which takes long");
  command->add_flag("--json", options->json, "print JSON");
  command->callback([options] { inspect(*options); });
}
