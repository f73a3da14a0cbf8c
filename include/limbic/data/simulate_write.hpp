// Writes simulated data in the layouts of SEED and SEED-IV on disk, which the readers read as they read the
// real ones. Needs limbic::mat. Every file holds a text variable `simulated` and says so in its header.
//
//   SEED      ExtractedFeatures/{subject}_{date}.mat and label.mat,
//             keys {de,psd,dasm,rasm,asm,dcau}_{movingAve,LDS}{1..15}
//             (ExtractedFeatures_4s with windows of 4 s); Preprocessed_EEG/ for raw EEG;
//             multimodal/{subject}_{session}.mat: eeg (N, 62, 5), eye (N, P), label (N, 1), trial (N, 1),
//             windows of 4 s
//   SEED-IV   eeg_feature_smooth/{1,2,3}/{subject}_{date}.mat, keys {de,psd}_{movingAve,LDS}{1..24};
//             eye_feature_smooth/{1,2,3}/, keys eye_{1..24}; eeg_raw_data/{1,2,3}/ for raw EEG
#pragma once

#include <limbic/data/mat.hpp>
#include <limbic/data/simulate.hpp>
#include <limbic/data/simulate_features.hpp>
#include <limbic/data/simulate_raw.hpp>
#include <limbic/io/json.hpp>

#include <chrono>
#include <filesystem>
#include <functional>

namespace limbic::data {

// Which files are written.
struct WriteOptions {
  bool features = true;
  bool raw = false;         // raw EEG too: 100 kB a second of it, 15 GB for a full SEED-IV
  bool multimodal = false;  // SEED: the layout with eye features, for its 12 subjects (never 6, 7 and 15)
  double raw_seconds = 0;   // of each trial, from its start; 0: all of it
  std::vector<FeatureKind> kinds{};  // empty: as in the data set (SEED all, SEED-IV de and psd)
  bool compress = true;              // the variables, by zlib
};

// Called after each file: files done, files in all, the file's path below the folder.
using WriteProgress = std::function<void(index_t done, index_t total, const std::string& path)>;

namespace detail {

// What a file says about itself.
inline std::string simulated_text(const SimulateOptions& o) {
  return "Simulated by limbic, no recording of anybody: " + std::string(layout_of(o).name) +
         ", random seed " + std::to_string(o.seed) + ", difficulty " + limbic::to_text(o.difficulty) + ".";
}

// A day for each session, later ones later: from October 2013 on, about a week apart.
inline std::string session_date(const SimulateOptions& o, index_t subject, index_t session) {
  Draws draws(subject_stream(o, subject).stream("dates"));
  auto day = std::chrono::sys_days(std::chrono::year(2013) / 10 / 7) + std::chrono::days(subject * 3);
  for (index_t k = 1; k <= session; ++k) day += std::chrono::days(4 + static_cast<int>(draws.uniform() * 10));
  const std::chrono::year_month_day date(day);
  auto digits = [](unsigned v) { return (v < 10 ? "0" : "") + std::to_string(v); };
  return std::to_string(static_cast<int>(date.year())) + digits(static_cast<unsigned>(date.month())) +
         digits(static_cast<unsigned>(date.day()));
}

// Whether SEED's multimodal release has the subject; of more than SEED's 15 all are written.
inline bool has_eye_release(index_t subject) {
  return subject > kSeed.subjects ||
         std::find(kSeedEyeSubjects.begin(), kSeedEyeSubjects.end(), subject) != kSeedEyeSubjects.end();
}

class SimulatedFiles {
 public:
  SimulatedFiles(const SimulateOptions& o, const WriteOptions& w, std::string folder,
                 const WriteProgress& progress)
      : o_(o), w_(w), seed_(o.set == SimulatedSet::seed), folder_(std::move(folder)), progress_(progress) {
    if (w_.kinds.empty())
      w_.kinds.assign(kFeatureKinds.begin(), seed_ ? kFeatureKinds.end() : kFeatureKinds.begin() + 2);
    total_ = 1;
    if (seed_) total_ += index_t{w_.features} + index_t{w_.raw};
    for (index_t s = 1; s <= o.subjects; ++s)
      total_ += o.sessions * (index_t{w_.features} * (seed_ ? 1 : 2) + index_t{w_.raw} +
                              index_t{seed_ && w_.multimodal && has_eye_release(s)});
  }

  void write() {
    write_card(false);  // first, so that what an interruption leaves is known for what it is
    for (index_t s = 1; s <= o_.subjects; ++s)
      for (index_t k = 1; k <= o_.sessions; ++k) {
        if (w_.features || w_.raw) write_session(s, k);
        if (seed_ && w_.multimodal && has_eye_release(s)) write_multimodal(s, k);
      }
    if (seed_ && w_.features) write_labels(seed_folder());
    if (seed_ && w_.raw) write_labels("Preprocessed_EEG/");
    write_card(true);
    report("simulated.json");
  }

 private:
  std::string seed_folder() const {
    return layout_of(o_).window_seconds == 1 ? "ExtractedFeatures/" : "ExtractedFeatures_4s/";
  }
  void save(const std::string& path, mat::Variables variables) {
    const std::filesystem::path file = std::filesystem::path(folder_) / path;
    make_folder(file.parent_path());
    variables.emplace_back(mat::kSimulated, mat::Value(simulated_text(o_)));
    mat::SaveOptions options;
    options.compress = w_.compress;
    options.description = simulated_text(o_).substr(0, 116);
    mat::save(file.string(), variables, options);
    report(path);
  }
  static void make_folder(const std::filesystem::path& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) fail("simulate", "cannot make the folder '", folder.string(), "': ", error.message());
  }
  void report(const std::string& path) {
    ++done_;
    if (progress_) progress_(done_, total_, path);
  }

  void write_session(index_t subject, index_t session) {
    const SimulatedPerson person(o_, subject, session);
    mat::Variables features, eyes, raw;
    for (index_t t = 1; t <= layout_of(o_).trials; ++t) {
      const SimulatedTrial trial = simulate_trial(o_, person, subject, session, t);
      const std::string n = std::to_string(t);
      if (w_.features) {
        const FeatureRows average = moving_average(trial.de), level = smoothed_level(trial.de);
        for (FeatureKind kind : w_.kinds) {
          features.emplace_back(to_text(kind) + "_movingAve" + n, derived_feature(kind, average));
          features.emplace_back(to_text(kind) + "_LDS" + n, derived_feature(kind, level));
        }
        if (!seed_) eyes.emplace_back("eye_" + n, transposed(trial.eye));
      }
      if (w_.raw)
        raw.emplace_back((subject < 10 ? "s0" : "s") + std::to_string(subject) + "_eeg" + n,
                         simulate_raw(o_, trial, subject, session, t, w_.raw_seconds));
    }
    const std::string file = std::to_string(subject) + "_" + session_date(o_, subject, session) + ".mat";
    const std::string folder = seed_ ? "" : std::to_string(session) + "/";
    if (w_.features)
      save((seed_ ? seed_folder() : "eeg_feature_smooth/" + folder) + file, std::move(features));
    if (w_.features && !seed_) save("eye_feature_smooth/" + folder + file, std::move(eyes));
    if (w_.raw) save((seed_ ? "Preprocessed_EEG/" : "eeg_raw_data/" + folder) + file, std::move(raw));
  }
  // (P, W), as SEED-IV has it.
  static Tensor<double> transposed(const FeatureRows& x) {
    Tensor<double> t =
        Tensor<double>::empty({static_cast<index_t>(x.features), static_cast<index_t>(x.rows)});
    double* out = t.mutable_data();
    for (std::size_t f = 0; f < x.features; ++f)
      for (std::size_t r = 0; r < x.rows; ++r) *out++ = as_float(x.row(r)[f]);
    return t;
  }
  void write_multimodal(index_t subject, index_t session) {
    SimulateOptions o = o_;
    o.window_seconds = 4;
    const Recording r = simulate_recording(o, subject, session);
    std::vector<double> eeg, eye, label, number;
    for (const Trial& t : r.trials) {
      for (float v : t.eeg.span()) eeg.push_back(static_cast<double>(v));
      for (float v : t.eye.span()) eye.push_back(static_cast<double>(v));
      label.insert(label.end(), static_cast<std::size_t>(t.windows()), static_cast<double>(t.label));
      number.insert(number.end(), static_cast<std::size_t>(t.windows()), static_cast<double>(t.number));
    }
    const auto n = static_cast<index_t>(label.size());
    save("multimodal/" + std::to_string(subject) + "_" + std::to_string(session) + ".mat",
         {{"eeg", Tensor<double>::from({n, kChannels, kBands}, eeg)},
          {"eye", Tensor<double>::from({n, eye_count(o)}, eye)},
          {"label", Tensor<double>::from({n, 1}, label)},
          {"trial", Tensor<double>::from({n, 1}, number)}});
  }
  void write_labels(const std::string& folder) {
    std::vector<double> label;
    for (int v : kSeed.all_labels) label.push_back(v - 1);
    save(folder + "label.mat",
         {{"label", Tensor<double>::from({1, static_cast<index_t>(label.size())}, label)}});
  }
  // What the files were made with, for people and programs.
  void write_card(bool complete) {
    Json::Object card;
    card.add("simulated", true);
    card.add("complete", complete);
    card.add("about",
             simulated_text(o_) + " The form is that of " + layout_of(o_).name +
                 "; the numbers are drawn from a model. Results made from them say nothing about people.");
    card.add("dataset", to_text(o_.set));
    card.add("subjects", o_.subjects);
    card.add("sessions", o_.sessions);
    card.add("seed", std::to_string(o_.seed));
    card.add("difficulty", o_.difficulty);
    card.add("noise", o_.noise);
    card.add("bad_eeg", o_.bad_eeg);
    card.add("bad_eye", o_.bad_eye);
    card.add("eye_features", eye_count(o_));
    card.add("window_seconds", layout_of(o_).window_seconds);
    card.add("max_windows", o_.max_windows);
    card.add("raw", w_.raw);
    card.add("raw_seconds", w_.raw_seconds);
    card.add("multimodal", w_.multimodal);
    make_folder(folder_);
    write_file((std::filesystem::path(folder_) / "simulated.json").string(),
               Json(std::move(card)).dump() + "\n");
  }

  SimulateOptions o_;
  WriteOptions w_;
  bool seed_;
  std::string folder_;
  const WriteProgress& progress_;
  index_t done_ = 0, total_ = 0;
};

}  // namespace detail

// Throws for options that cannot be written, before anything is.
inline void check_writable(const SimulateOptions& options, const WriteOptions& write) {
  detail::check_options(options);
  check(write.raw_seconds >= 0 && write.raw_seconds < 1e6, "simulate",
        "seconds of raw EEG must be 0 to 1e6; got ", write.raw_seconds);
  check(!write.multimodal || options.set == SimulatedSet::seed, "simulate",
        "only seed has a multimodal release of its own; seed-iv always comes with eye features");
  check(write.features || write.raw || write.multimodal, "simulate", "nothing is to be written");
}

// Writes everything below `folder`, which is made where it does not exist; files of the same names are
// replaced, each at once. The features are those of simulate(options), rounded to float. Throws as
// check_writable() does, and where a file cannot be written.
inline void write_simulated(const SimulateOptions& options, const std::string& folder,
                            const WriteOptions& write = {}, const WriteProgress& progress = {}) {
  check_writable(options, write);
  detail::SimulatedFiles(options, write, folder, progress).write();
}

}  // namespace limbic::data
