// Raw EEG of SEED and SEED-IV (link limbic::mat): 62 channels at 200 Hz, one variable {prefix}_eeg{i} a
// trial, the prefix being the subject's initials.
//
// Files are large (some 300 MB unpacked); so a trial is read when it is asked for.
#pragma once

#include <limbic/data/seed.hpp>

namespace limbic::data {

// The raw EEG's files of a folder, by subject, then by session. Throws when there are none.
inline std::vector<SessionFile> list_raw(const SeedFolders& folders) {
  if (folders.raw.empty())
    fail("seed", "no raw EEG beside ", detail::in_quotes(folders.features),
         folders.kind == SeedKind::seed_iv ? " (hint: eeg_raw_data is missing)"
                                           : " (hint: Preprocessed_EEG is missing)");
  std::vector<std::string> extra;
  return folders.kind == SeedKind::seed_iv ? detail::files_by_session(folders.raw, extra)
                                           : detail::files_by_date(folders.raw, extra);
}

// One open file of raw EEG.
class RawRecording {
 public:
  // Throws when the file holds no raw EEG, or one trial twice. Trials that it lacks are not in trials().
  static RawRecording open(const SeedFolders& folders, const SessionFile& file) {
    return RawRecording(folders, file);
  }

  index_t subject() const { return session_file_.subject; }
  index_t session() const { return session_file_.session; }
  const std::string& source() const { return session_file_.path; }
  bool simulated() const { return file_.contains(mat::kSimulated); }
  // Numbers of the trials that are there, rising, counted from 1.
  std::vector<index_t> trials() const {
    std::vector<index_t> numbers;
    for (const auto& [number, name] : names_) numbers.push_back(number);
    return numbers;
  }
  // The published class of a trial, counted from 0 (label.mat lies beside SEED's features, where
  // read_dataset() reads it). Throws for a trial that the release does not have.
  index_t label(index_t trial) const { return layout_->label(session(), trial); }

  // (62, samples), float or double, in microvolts as the files have them. Throws when the trial is missing,
  // of another shape, or holds NaN or infinite numbers.
  template <class T>
  Tensor<T> read(index_t trial) const {
    const auto it = names_.find(trial);
    if (it == names_.end())
      fail("seed", detail::in_quotes(source()), " must hold a variable *_eeg", trial, "; found trials ",
           detail::list_text(trials()));
    Tensor<T> t = file_.read<T>(it->second, {kElectrodes, mat::kAny}).contiguous();
    if (t.size(1) == 0)
      fail("seed", detail::in_quotes(source()), ": variable ", detail::in_quotes(it->second),
           " must have samples; found none");
    index_t bad = 0, first = 0;
    for (index_t i = 0; i < t.numel(); ++i)
      if (!std::isfinite(t.data()[i]) && bad++ == 0) first = i;
    if (bad)
      fail("seed", detail::in_quotes(source()), ": variable ", detail::in_quotes(it->second),
           " must hold finite numbers; found ", bad, " NaN or infinite ones, the first in ",
           kElectrodeNames[static_cast<std::size_t>(first / t.size(1))], ", sample ", first % t.size(1) + 1);
    return t;
  }

 private:
  RawRecording(const SeedFolders& folders, const SessionFile& file)
      : session_file_(file), layout_(&folders.layout()), file_(mat::File::open(file.path)) {
    for (const mat::Entry& e : file_.list()) {
      const std::size_t at = e.name.rfind("_eeg");
      if (at == e.name.npos || at + 4 == e.name.size() || e.name.size() - at > 8) continue;
      index_t number = 0;
      bool digits = true;
      for (char c : e.name.substr(at + 4))
        digits = digits && c >= '0' && c <= '9', number = number * 10 + (c - '0');
      if (!digits || number < 1 || number > layout_->trials) continue;
      const auto [it, fresh] = names_.emplace(number, e.name);
      if (!fresh)
        fail("seed", detail::in_quotes(source()), " must hold each trial once; found ", it->second, " and ",
             e.name);
    }
    if (names_.empty())
      fail("seed", detail::in_quotes(source()), " must hold variables *_eeg1 to *_eeg", layout_->trials,
           "; found none");
  }

  SessionFile session_file_;
  const SeedLayout* layout_;
  mat::File file_;
  std::map<index_t, std::string> names_;
};

}  // namespace limbic::data
