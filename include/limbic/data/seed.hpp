// Reads the features of SEED and SEED-IV (link limbic::mat): every recording, its trials in order, EEG as (W,
// 62, 5) and, where they were recorded, eye features as (W, 33) or (W, 31).
//
// Nothing is passed on in silence: what is missing, odd or skipped becomes a remark of the data set, what is
// wrong an Error that names the file, the variable, what was found and what was expected.
#pragma once

#include <limbic/data/seed_check.hpp>
#include <limbic/data/seed_files.hpp>

#include <functional>
#include <set>

namespace limbic::data {

// Whether eye features are read; `required`: their absence is an error.
enum class EyeUse : std::uint8_t { if_present, required, no };

// What is read, and what becomes of what cannot be used.
struct ReadOptions {
  SeedKind dataset = SeedKind::automatic;
  std::string feature = "de_LDS";  // or de_movingAve, psd_LDS, psd_movingAve; multimodal: always DE
  index_t window_seconds = 0;  // SEED: 1 or 4, where ExtractedFeatures_1s and _4s both are; 0: what is there
  EyeUse eye = EyeUse::if_present;  // SEED has eye features in its multimodal release only
  bool skip_bad_trials = false;     // a remark in place of an Error for a trial that cannot be used
  bool skip_bad_files = false;      // the same for a file
  std::vector<index_t> subjects = {}, sessions = {};  // those to read; empty: all
  // Called before each file with the number of those done, that of all, and its path; after the last one with
  // "".
  std::function<void(index_t done, index_t total, const std::string& file)> progress = {};
};

namespace detail {

// One reading of a folder.
class SeedReader {
 public:
  SeedReader(SeedFolders folders, const ReadOptions& options)
      : folders_(std::move(folders)), layout_(folders_.layout()), options_(options), remarks_(data_.remarks) {
    data_.name = layout_.name;
    data_.classes.assign(layout_.classes.begin(), layout_.classes.end());
    data_.eeg_feature = folders_.kind == SeedKind::seed_multimodal ? "de" : options.feature;
  }

  Dataset read() {
    if (folders_.features.empty())
      fail("seed", "no EEG features beside the raw EEG in ", in_quotes(folders_.raw),
           " (hint: feature files are needed)");
    if (options_.eye == EyeUse::required && folders_.kind != SeedKind::seed_multimodal &&
        folders_.eye.empty())
      fail("seed", "eye features are asked for; none beside ", in_quotes(folders_.features),
           folders_.kind == SeedKind::seed ? " (hint: SEED has them in its multimodal release only)"
                                           : " (hint: eye_feature_smooth is missing)");
    std::vector<SessionFile> files = list(folders_.features);
    remark_missing(files);
    if (folders_.kind == SeedKind::seed) read_labels();
    if (folders_.kind == SeedKind::seed_iv) list_eyes();
    remark_extra();

    std::erase_if(files, [&](const SessionFile& f) { return !wanted(f); });
    if (files.empty())
      fail("seed", "none of the subjects and sessions asked for is in ", in_quotes(folders_.features));
    for (std::size_t i = 0; i < files.size(); ++i) {
      if (options_.progress)
        options_.progress(static_cast<index_t>(i), static_cast<index_t>(files.size()), files[i].path);
      guarded(options_.skip_bad_files, [&] { read_recording(files[i]); });
    }
    if (options_.progress)
      options_.progress(static_cast<index_t>(files.size()), static_cast<index_t>(files.size()), "");
    if (data_.recordings.empty())
      fail("seed", "no recording of ", in_quotes(folders_.features), " could be read; ",
           data_.remarks.back());
    if (mixed_ && data_.simulated) remarks_.add("some files are simulated and some are not");
    remarks_.flush();
    return std::move(data_);
  }

 private:
  template <class F>
  bool guarded(bool skip, F&& f) {
    try {
      f();
      return true;
    } catch (const Error& e) {
      if (!skip) throw;
      remarks_.add(std::string("skipped: ") + e.what());
      return false;
    }
  }
  std::vector<SessionFile> list(const std::string& folder) {
    switch (folders_.kind) {
      case SeedKind::seed_iv: return files_by_session(folder, extra_);
      case SeedKind::seed_multimodal: return numbered_files(folder, extra_);
      default: return files_by_date(folder, extra_);
    }
  }
  static bool holds(const std::vector<index_t>& list, index_t n) {
    return list.empty() || std::find(list.begin(), list.end(), n) != list.end();
  }
  bool wanted(const SessionFile& f) const {
    return holds(options_.subjects, f.subject) && holds(options_.sessions, f.session);
  }

  // Throws when something that was asked for by number is not there; remarks on what the release has and this
  // has not.
  void remark_missing(const std::vector<SessionFile>& files) {
    std::map<index_t, std::set<index_t>> sessions;
    for (const SessionFile& f : files) sessions[f.subject].insert(f.session);
    for (index_t s : options_.subjects)
      if (!sessions.count(s)) fail("seed", "no file of subject ", s, " in ", in_quotes(folders_.features));
    std::vector<index_t> missing;
    const auto expect = [&](index_t s) {
      if (!sessions.count(s)) missing.push_back(s);
    };
    if (folders_.kind == SeedKind::seed_multimodal)
      for (int s : kSeedEyeSubjects) expect(s);
    else
      for (index_t s = 1; s <= layout_.subjects; ++s) expect(s);
    if (!missing.empty())
      remarks_.add((missing.size() > 1 ? "missing: subjects " : "missing: subject ") + list_text(missing));
    for (const auto& [subject, have] : sessions) {
      for (index_t session : options_.sessions)
        if (!have.count(session) && holds(options_.subjects, subject))
          fail("seed", "no file of session ", session, " of subject ", subject, " in ",
               in_quotes(folders_.features));
      if (static_cast<index_t>(have.size()) == layout_.sessions) continue;
      const std::string who = "subject " + std::to_string(subject);
      if (folders_.kind == SeedKind::seed) {
        remarks_.add(who + " has " + std::to_string(have.size()) + " of " + std::to_string(layout_.sessions) +
                     " sessions; by their dates they are numbered from 1, whichever is missing");
        continue;
      }
      std::vector<index_t> gone;
      for (index_t s = 1; s <= layout_.sessions; ++s)
        if (!have.count(s)) gone.push_back(s);
      remarks_.add("missing: " + who + ", session " + list_text(gone));
    }
  }

  // Files that have no place in the layout; label.mat and texts have one.
  void remark_extra() {
    for (const std::string& path : extra_) {
      std::string name = fs::path(path).filename().string();
      std::transform(name.begin(), name.end(), name.begin(),
                     [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
      if (name == "label.mat" || name.starts_with("readme") || name.ends_with(".txt") ||
          name.ends_with(".py"))
        continue;
      remarks_.about("left aside, as no file of the layout has such a name", in_quotes(path));
    }
    extra_.clear();
  }

  void note_simulated(const mat::File& file) {
    const bool simulated = file.contains(mat::kSimulated);
    mixed_ = mixed_ || (seen_ && simulated != data_.simulated);
    seen_ = true;
    data_.simulated = data_.simulated || simulated;
  }

  // label.mat: -1, 0, 1 for the classes 0, 1, 2.
  void read_labels() {
    const std::string path = joined(folders_.features, "label.mat");
    std::error_code error;
    if (!fs::exists(path, error)) {
      remarks_.add("missing: label.mat; the published labels are used");
      return;
    }
    const mat::File file = mat::File::open(path);
    const mat::Entry* entry = file.find("label");
    const index_t n = layout_.trials;
    const bool column = entry && entry->shape == Shape{n, 1};
    const Tensor<index_t> labels = file.read<index_t>("label", column ? Shape{n, 1} : Shape{1, n});
    labels_ = labels.to_vector();
    std::vector<index_t> other;
    for (index_t i = 0; i < n; ++i) {
      index_t& label = labels_[static_cast<std::size_t>(i)];
      if (label < -1 || label > 1)
        fail("seed", in_quotes(path), ": variable 'label' must hold -1, 0 and 1; found ", label,
             " for trial ", i + 1);
      if (++label != layout_.label(1, i + 1)) other.push_back(i + 1);
    }
    if (!other.empty())
      remarks_.add("label.mat differs from the published labels in trial " + list_text(other) +
                   "; the file's are used");
    if (file.contains(mat::kSimulated)) data_.simulated = true;
  }
  index_t label(index_t session, index_t trial) const {
    return labels_.empty() ? layout_.label(session, trial) : labels_[static_cast<std::size_t>(trial - 1)];
  }

  void list_eyes() {
    if (options_.eye == EyeUse::no) return;
    if (folders_.eye.empty()) return remarks_.add("missing: eye_feature_smooth; EEG only");
    for (SessionFile& f : files_by_session(folders_.eye, extra_))
      eyes_.emplace(std::pair(f.subject, f.session), std::move(f));
  }
  // The eye features' file that belongs to a file of EEG features.
  const SessionFile& eye_file(const SessionFile& eeg) const {
    const auto it = eyes_.find({eeg.subject, eeg.session});
    if (it == eyes_.end())
      fail("seed", "no eye features for ", in_quotes(eeg.path), ": ",
           in_quotes(joined(joined(folders_.eye, std::to_string(eeg.session)),
                            fs::path(eeg.path).filename().string())),
           " is missing");
    if (it->second.date != eeg.date)
      fail("seed", "EEG and eye features must be of the same date; got ", in_quotes(eeg.path), " and ",
           in_quotes(it->second.path));
    return it->second;
  }

  void read_recording(const SessionFile& f) {
    Recording r{f.subject, f.session, f.path, {}};
    const mat::File file = mat::File::open(f.path);
    if (folders_.kind == SeedKind::seed_multimodal) {
      read_rows(file, r);
    } else {
      std::optional<mat::File> eye;
      if (!folders_.eye.empty() && options_.eye != EyeUse::no) eye = mat::File::open(eye_file(f).path);
      check_feature(file);
      for (index_t t = 1; t <= layout_.trials; ++t)
        guarded(options_.skip_bad_trials,
                [&] { r.trials.push_back(read_trial(file, eye ? &*eye : nullptr, f.session, t)); });
      if (eye) note_simulated(*eye);
    }
    note_simulated(file);
    if (r.trials.empty()) fail("seed", in_quotes(f.path), ": no trial could be read");
    remark_windows(r);
    remark_constant(r, &Trial::eeg, "EEG", eeg_feature_name, remarks_);
    remark_constant(
        r, &Trial::eye, "eye",
        [](index_t i) { return std::string(kEyeFeatureNames[static_cast<std::size_t>(i)]); }, remarks_);
    data_.recordings.push_back(std::move(r));
  }

  // Whether the file has the feature at all: the message would else be about one trial.
  void check_feature(const mat::File& file) {
    std::set<std::string> features;
    index_t beyond = 0;
    for (const mat::Entry& e : file.list()) {
      std::size_t digits = 0;
      while (digits < e.name.size() && e.name[e.name.size() - 1 - digits] >= '0' &&
             e.name[e.name.size() - 1 - digits] <= '9')
        ++digits;
      if (digits == 0) continue;
      const std::string base = e.name.substr(0, e.name.size() - digits);
      features.insert(base);
      if (base == options_.feature && digits < 9 && std::stol(e.name.substr(base.size())) > layout_.trials)
        ++beyond;
    }
    if (beyond)
      remarks_.about(std::string("more trials than ") + layout_.name + " has are left aside",
                     in_quotes(file.path()));
    if (features.count(options_.feature)) return;
    std::string names;
    for (const std::string& name : features) names += (names.empty() ? "" : ", ") + name;
    fail("seed", in_quotes(file.path()), " must hold ", options_.feature, "1 to ", options_.feature,
         layout_.trials, "; found ", names.empty() ? "no feature of trials" : names.substr(0, 300));
  }

  Trial read_trial(const mat::File& file, const mat::File* eye, index_t session, index_t number) {
    const std::string name = options_.feature + std::to_string(number),
                      eye_name = "eye_" + std::to_string(number);
    Trial trial{number, label(session, number), read_eeg(file, name), {}};
    if (!eye) return trial;
    trial.eye = read_eye(*eye, eye_name, layout_.eye_features);
    if (trial.eye.size(0) != trial.eeg.size(0))
      fail("seed", "EEG and eye features must have the same windows; got ", trial.eeg.size(0), " in ", name,
           " of ", in_quotes(file.path()), " and ", trial.eye.size(0), " in ", eye_name, " of ",
           in_quotes(eye->path()));
    return trial;
  }

  // The converted multimodal release: eeg (N, 62, 5), eye (N, 33), label (N, 1), trial (N, 1), rows in order
  // of trials.
  void read_rows(const mat::File& file, Recording& r) {
    const std::string at = in_quotes(file.path());
    const Tensor<float> eeg = file.read<float>("eeg", {mat::kAny, kElectrodes, kBands}).contiguous();
    const index_t n = eeg.size(0);
    Tensor<float> eye;
    if (options_.eye != EyeUse::no) {
      if (const mat::Entry* e = file.find("eye"); e && e->shape.rank() == 2 && e->shape[0] != n)
        fail("seed", "EEG and eye features must have the same windows; got eeg of ", n, " and eye of ",
             e->shape[0], " in ", at);
      eye = file.read<float>("eye", {n, layout_.eye_features}).contiguous();
    }
    const std::vector<index_t> labels = file.read<index_t>("label", {n, 1}).to_vector(),
                               trials = file.read<index_t>("trial", {n, 1}).to_vector();
    for (index_t begin = 0, end; begin < n; begin = end) {
      const auto i = static_cast<std::size_t>(begin);
      const index_t number = trials[i];
      for (end = begin + 1; end < n && trials[static_cast<std::size_t>(end)] == number;) ++end;
      if (number < 1 || number > layout_.trials)
        fail("seed", at, ": variable 'trial' must hold 1 to ", layout_.trials, "; found ", number, " in row ",
             begin + 1);
      if (!r.trials.empty() && number <= r.trials.back().number)
        fail("seed", at, ": variable 'trial' must rise; found ", number, " after ", r.trials.back().number,
             " in row ", begin + 1);
      guarded(options_.skip_bad_trials, [&] {
        const std::string where = " of trial " + std::to_string(number);
        for (index_t k = begin; k < end; ++k)
          if (const index_t label = labels[static_cast<std::size_t>(k)];
              label < 0 || label > 2 || label != labels[i])
            fail("seed", at, ": variable 'label' must hold one of 0, 1, 2", where, "; found ", label,
                 " in row ", k + 1);
        Trial trial{number, labels[i], eeg.slice(0, begin, end).clone(),
                    eye.defined() ? eye.slice(0, begin, end).clone() : Tensor<float>()};
        check_finite(trial.eeg, file.path(), "eeg" + where);
        if (trial.eye.defined()) check_finite(trial.eye, file.path(), "eye" + where);
        if (trial.label != layout_.label(r.session, number))
          remarks_.about("labels that differ from the published ones; the file's are used", at);
        r.trials.push_back(std::move(trial));
      });
    }
    std::vector<index_t> missing;
    for (index_t t = 1; t <= layout_.trials; ++t)
      if (std::find(trials.begin(), trials.end(), t) == trials.end()) missing.push_back(t);
    if (!missing.empty())
      guarded(options_.skip_bad_trials, [&] {
        fail("seed", at, " must hold trials 1 to ", layout_.trials, "; missing: ", list_text(missing));
      });
  }

  void remark_windows(const Recording& r) {
    std::vector<index_t> other;
    for (const Trial& t : r.trials)
      if (t.windows() != layout_.windows(r.session, t.number)) other.push_back(t.number);
    const bool many = other.size() > 5;
    if (!other.empty())
      remarks_.about("other numbers of windows than published",
                     in_quotes(r.source) + (many ? " (" + std::to_string(other.size()) + " trials)"
                                                 : " (trial " + list_text(other) + ")"));
  }

  SeedFolders folders_;
  const SeedLayout& layout_;
  const ReadOptions& options_;
  Dataset data_;
  Remarks remarks_;
  std::vector<std::string> extra_;
  std::vector<index_t> labels_;
  std::map<std::pair<index_t, index_t>, SessionFile> eyes_;
  bool seen_ = false, mixed_ = false;
};

}  // namespace detail

// Reads what find_seed() finds in a folder. Recordings come by subject, then by session, trials by number.
// Throws for what the head of this file says, and when nothing could be read.
inline Dataset read_dataset(const std::string& folder, const ReadOptions& options = {}) {
  return detail::SeedReader(find_seed(folder, options.dataset, options.window_seconds), options).read();
}
// SEED: ExtractedFeatures, or the converted multimodal release where options.dataset asks for it. Throws as
// read_dataset().
inline Dataset read_seed(const std::string& folder, ReadOptions options = {}) {
  if (options.dataset != SeedKind::seed_multimodal) options.dataset = SeedKind::seed;
  return read_dataset(folder, options);
}
// SEED-IV. Throws as read_dataset().
inline Dataset read_seed_iv(const std::string& folder, ReadOptions options = {}) {
  options.dataset = SeedKind::seed_iv;
  return read_dataset(folder, options);
}

}  // namespace limbic::data
