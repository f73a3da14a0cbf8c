// Features of all raw EEG in a folder, computed once and kept (link limbic::mat).
//
// What is kept is features, not images: SEED has some 75,000 windows of 2 s, 0.9 GB as features and 59 GB as
// images, which take less time to draw than to read. There is a safetensors file a recording, so that an
// interrupted run goes on where it was and a changed file of the data set costs its own recording alone:
//
//   {subject}_{session}-{key}.safetensors   key: 64 bits of the settings and the source's name, size and time
//     tensors   trial1 ...                  (W, frames * maps, channels), float
//     metadata  settings, source, checksum, simulated, remarks
//
// A file is used if metadata, shapes and checksum are right; a damaged one is computed anew, with a remark.
#pragma once

#include <limbic/core/random.hpp>
#include <limbic/data/eeg_images.hpp>
#include <limbic/io/safetensors.hpp>

#include <cstring>

namespace limbic::data {

// What is read, and how it is made into features.
struct RawReadOptions {
  SeedKind dataset = SeedKind::automatic;
  std::optional<EegOptions> features = {};  // none: published_eeg() of the data set
  std::string cache = {};                   // the folder where features are kept; "": nowhere
  bool skip_bad_trials = false;             // a remark in place of an Error for a trial that cannot be used
  bool skip_bad_files = false;              // the same for a file
  std::vector<index_t> subjects = {}, sessions = {};  // those to read; empty: all
  // Called before each trial that is computed and before each recording that is taken from the cache: trials
  // done, trials in all, the file; at the end with "".
  std::function<void(index_t done, index_t total, const std::string& file)> progress = {};
};

namespace detail {

// 64 bits of a text or of data, 8 bytes at a time.
inline std::uint64_t checksum(std::span<const std::byte> bytes, std::uint64_t h = 0) {
  h = limbic::detail::mix64(h ^ bytes.size());
  for (; !bytes.empty(); bytes = bytes.subspan(std::min<std::size_t>(8, bytes.size()))) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data(), std::min<std::size_t>(8, bytes.size()));
    h = limbic::detail::mix64(h ^ word);
  }
  return h;
}
inline std::string hex(std::uint64_t v) {
  char buffer[20];
  std::snprintf(buffer, sizeof buffer, "%016llx", static_cast<unsigned long long>(v));
  return buffer;
}

// Name, size and time of change. Throws when there is no such file.
inline std::string identity(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) limbic::detail::fail_file("look at", path, errno);
  return fs::path(path).filename().string() + ", " + std::to_string(status.st_size) + " bytes, changed " +
         std::to_string(status.st_mtim.tv_sec) + "." + std::to_string(status.st_mtim.tv_nsec);
}

// One reading of a folder of raw EEG.
class EegReader {
 public:
  EegReader(SeedFolders folders, const RawReadOptions& options)
      : folders_(std::move(folders)),
        layout_(folders_.layout()),
        options_(options),
        eeg_(options.features ? *options.features : published_eeg(folders_.kind)) {
    if (eeg_.rate != kRawRate || eeg_.channels() != kElectrodes)
      fail("eeg", "raw EEG of ", layout_.name, " has ", kElectrodes, " channels at ", kRawRate,
           " Hz; options ask for ", eeg_.channels(), " at ", eeg_.rate);
    EegStream design(eeg_);  // throws for options out of range before files are opened
    set_.frames = eeg_.frames;
    set_.maps = eeg_.maps();
    set_.settings = limbic::data::to_text(eeg_);
    set_.data.name = layout_.name;
    set_.data.classes.assign(layout_.classes.begin(), layout_.classes.end());
    set_.data.eeg_feature = "DE and power of " + std::to_string(eeg_.bands.size()) + " bands in " +
                            std::to_string(eeg_.frames) + " frames, from raw EEG";
  }

  EegSet read() {
    std::vector<SessionFile> files = list_raw(folders_);
    require(files, options_.subjects, &SessionFile::subject, "subject");
    require(files, options_.sessions, &SessionFile::session, "session");
    const auto published = static_cast<std::size_t>(layout_.subjects * layout_.sessions);
    if (files.size() < published)
      remark(std::to_string(files.size()) + " recordings of raw EEG of " + std::to_string(published) +
             " that are published");
    std::erase_if(files, [&](const SessionFile& f) {
      return !chosen(options_.subjects, f.subject) || !chosen(options_.sessions, f.session);
    });
    if (files.empty())
      fail("eeg", "none of the subjects and sessions asked for is in ", in_quotes(folders_.raw));
    if (!options_.cache.empty()) {
      std::error_code error;
      fs::create_directories(options_.cache, error);
      if (error) fail("eeg", "cannot make the folder ", in_quotes(options_.cache), ": ", error.message());
    }
    total_ = static_cast<index_t>(files.size()) * layout_.trials;
    std::size_t simulated = 0;
    for (std::size_t i = 0; i < files.size(); ++i) {
      done_ = static_cast<index_t>(i) * layout_.trials;
      try {
        Made made = options_.cache.empty() ? compute(files[i]) : cached(files[i]);
        for (std::string& r : made.remarks) remark(std::move(r));
        simulated += made.simulated;
        set_.data.recordings.push_back(std::move(made.recording));
      } catch (const Error& e) {
        if (!options_.skip_bad_files) throw;
        remark(std::string("skipped: ") + e.what());
      }
    }
    done_ = total_;
    report("");
    if (set_.data.recordings.empty())
      fail("eeg", "no recording of ", in_quotes(folders_.raw), " could be read; ", set_.data.remarks.back());
    set_.data.simulated = simulated > 0;
    if (simulated > 0 && simulated < set_.data.recordings.size())
      remark("some files are simulated and some are not");
    return std::move(set_);
  }

 private:
  struct Made {
    Recording recording;
    bool simulated = false;
    std::vector<std::string> remarks;
  };

  void remark(std::string text) { set_.data.remarks.push_back(std::move(text)); }
  void report(const std::string& file) {
    if (options_.progress) options_.progress(done_, total_, file);
  }
  static bool chosen(const std::vector<index_t>& list, index_t n) {
    return list.empty() || std::find(list.begin(), list.end(), n) != list.end();
  }
  void require(const std::vector<SessionFile>& files, const std::vector<index_t>& wanted,
               index_t SessionFile::*field, const char* what) const {
    for (index_t n : wanted)
      if (std::none_of(files.begin(), files.end(), [&](const SessionFile& f) { return f.*field == n; }))
        fail("eeg", "no raw EEG of ", what, " ", n, " in ", in_quotes(folders_.raw));
  }

  Made compute(const SessionFile& f) {
    const RawRecording raw = RawRecording::open(folders_, f);
    Made made{{f.subject, f.session, f.path, {}}, raw.simulated(), {}};
    for (index_t t = 1; t <= layout_.trials; ++t, ++done_) {
      report(f.path);
      try {
        made.recording.trials.push_back(eeg_trial(raw, t, eeg_));
      } catch (const Error& e) {
        if (!options_.skip_bad_trials) throw;
        made.remarks.push_back(std::string("skipped: ") + e.what());
      }
    }
    if (made.recording.trials.empty())
      fail("eeg", in_quotes(f.path), ": no trial could be read",
           made.remarks.empty() ? "" : "; the last one " + made.remarks.back());
    return made;
  }

  Made cached(const SessionFile& f) {
    const std::string settings =
        "limbic EEG features 1; " + set_.settings + (options_.skip_bad_trials ? "; bad trials skipped" : "");
    const std::string source = "subject " + std::to_string(f.subject) + ", session " +
                               std::to_string(f.session) + ", " + identity(f.path);
    const std::string both = settings + "\n" + source;
    const std::string path =
        joined(options_.cache, std::to_string(f.subject) + "_" + std::to_string(f.session) + "-" +
                                   hex(checksum(std::as_bytes(std::span(both)))) + ".safetensors");
    std::error_code error;
    std::string damage;
    if (fs::exists(path, error)) {
      try {
        report(f.path);
        return load(path, settings, source, f);
      } catch (const Error& e) {
        damage = e.what();
      }
    }
    Made made = compute(f);
    save(path, settings, source, made);
    if (!damage.empty()) made.remarks.push_back("computed anew, as what was kept is damaged: " + damage);
    return made;
  }

  static std::uint64_t content(const Recording& r) {
    std::uint64_t h = 0;
    for (const Trial& t : r.trials)
      h = checksum(std::as_bytes(t.eeg.span()),
                   limbic::detail::mix64(h ^ static_cast<std::uint64_t>(t.number)));
    return h;
  }
  static void save(const std::string& path, const std::string& settings, const std::string& source,
                   const Made& made) {
    NamedTensors tensors;
    for (const Trial& t : made.recording.trials)
      tensors.push_back({"trial" + std::to_string(t.number), t.eeg});
    Json::Array remarks;
    for (const std::string& r : made.remarks) remarks.push_back(r);
    save_safetensors(path, tensors,
                     {{"settings", settings},
                      {"source", source},
                      {"checksum", hex(content(made.recording))},
                      {"simulated", made.simulated ? "true" : "false"},
                      {"remarks", Json(std::move(remarks)).dump()}});
  }
  // Throws for anything but what save() wrote.
  Made load(const std::string& path, const std::string& settings, const std::string& source,
            const SessionFile& f) const {
    const SafetensorsFile file = SafetensorsFile::open(path);
    const auto text = [&](const char* key) {
      const auto it = file.metadata().find(key);
      if (it == file.metadata().end()) fail("eeg", in_quotes(path), " must say its ", key);
      return it->second;
    };
    if (text("settings") != settings || text("source") != source)
      fail("eeg", in_quotes(path), " must hold features of other settings or another source");
    Made made{{f.subject, f.session, f.path, {}}, text("simulated") == "true", {}};
    for (index_t t = 1; t <= layout_.trials; ++t) {
      const std::string name = "trial" + std::to_string(t);
      if (!file.contains(name)) continue;
      const auto& entry = file.entry(name);
      if (entry.dtype != Dtype::f32 || entry.shape.rank() != 3 || entry.shape[0] < 1 ||
          entry.shape[1] != set_.frames * set_.maps || entry.shape[2] != kElectrodes)
        fail("eeg", in_quotes(path), ": ", name, " must be F32 (windows, ", set_.frames * set_.maps, ", ",
             kElectrodes, "); found ", entry.dtype, " ", entry.shape);
      made.recording.trials.push_back({t, layout_.label(f.session, t), file.load<float>(name), {}});
    }
    if (made.recording.trials.size() != file.entries().size() || made.recording.trials.empty())
      fail("eeg", in_quotes(path), " must hold trials and nothing else; found ", file.entries().size(),
           " tensors");
    if (hex(content(made.recording)) != text("checksum"))
      fail("eeg", in_quotes(path), " must have the checksum ", in_quotes(text("checksum")), "; found ",
           hex(content(made.recording)));
    const Json remarks = Json::parse(text("remarks"));
    for (const Json& r : remarks.as_array()) made.remarks.push_back(r.as_string());
    return made;
  }

  SeedFolders folders_;
  const SeedLayout& layout_;
  const RawReadOptions& options_;
  EegOptions eeg_;
  EegSet set_;
  index_t done_ = 0, total_ = 0;
};

}  // namespace detail

// Features of the raw EEG that find_seed() finds in a folder, by subject, then by session, trials by number,
// with their published labels; out of the cache where it has them. Throws for what cannot be read or used,
// naming file and trial, for options that are not of 62 channels at 200 Hz, and where the cache cannot be
// written.
inline EegSet read_raw_eeg(const std::string& folder, const RawReadOptions& options = {}) {
  return detail::EegReader(find_seed(folder, options.dataset), options).read();
}

}  // namespace limbic::data
