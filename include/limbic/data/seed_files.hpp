// Which files of SEED and SEED-IV lie in a folder: names, subjects, sessions, dates.
//
// Files are named by numbers, "10_20131130.mat", and are taken in the order of numbers, not of text: subject
// 2 comes before subject 10, and a subject's sessions are its files in the order of dates.
#pragma once

#include <limbic/data/dataset.hpp>
#include <limbic/data/seed_layout.hpp>
#include <limbic/io/file.hpp>

#include <filesystem>
#include <map>
#include <optional>

namespace limbic::data {

// One recording's file.
struct SessionFile {
  index_t subject = 0, session = 0;
  index_t date = 0;  // YYYYMMDD
  std::string path;
};

// The layouts in which the data come.
enum class SeedKind : std::uint8_t {
  automatic,
  seed,             // ExtractedFeatures[_1s|_4s]/{subject}_{date}.mat
  seed_multimodal,  // {subject}_{session}.mat, as the converter examples/seed/convert_multimodal.py writes
                    // them
  seed_iv           // eeg_feature_smooth/{1,2,3}/{subject}_{date}.mat and eye_feature_smooth beside it
};

// "auto", "seed", "seed-multimodal" or "seed-iv", as options write it.
inline std::string to_text(SeedKind k) {
  constexpr const char* kNames[] = {"auto", "seed", "seed-multimodal", "seed-iv"};
  return kNames[static_cast<std::size_t>(k)];
}
// The kind of a name as above. Throws for any other.
inline SeedKind seed_kind(std::string_view name) {
  for (SeedKind k : {SeedKind::automatic, SeedKind::seed, SeedKind::seed_multimodal, SeedKind::seed_iv})
    if (to_text(k) == name) return k;
  fail("seed", "a data set is auto, seed, seed-multimodal or seed-iv; got '", name.substr(0, 40), "'");
}

// What lies in a folder; folders that are absent are empty.
struct SeedFolders {
  SeedKind kind = SeedKind::automatic;
  std::string features;  // of EEG; the multimodal release's also of the eyes
  std::string eye;
  std::string raw;
  index_t window_seconds = 0;  // of the features; 0: there are none

  // The published facts of that release.
  const SeedLayout& layout() const {
    return kind == SeedKind::seed_iv ? kSeedIv : window_seconds == 4 ? kSeed4 : kSeed;
  }
};

namespace detail {

namespace fs = std::filesystem;

// "12_20131127.mat" -> {12, 20131127}; none for other names.
inline std::optional<std::pair<index_t, index_t>> two_numbers(std::string_view name) {
  if (!name.ends_with(".mat")) return {};
  name.remove_suffix(4);
  index_t numbers[2] = {0, 0};
  int at = 0, digits = 0;
  for (char c : name) {
    if (c == '_' && at == 0 && digits > 0) {
      at = 1, digits = 0;
    } else if (c >= '0' && c <= '9' && ++digits <= 9) {
      numbers[at] = numbers[at] * 10 + (c - '0');
    } else {
      return {};
    }
  }
  if (at != 1 || digits == 0) return {};
  return std::pair(numbers[0], numbers[1]);
}

inline bool is_date(index_t n) {
  const index_t month = n / 100 % 100, day = n % 100;
  return n >= 19000101 && n <= 29991231 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

// Names in a folder, in order. Throws when it cannot be read.
inline std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error))
    names.push_back(it->path().filename().string());
  if (error) fail("seed", "cannot read the folder ", limbic::detail::quoted(folder), ": ", error.message());
  std::sort(names.begin(), names.end());
  return names;
}

inline std::string joined(const std::string& folder, std::string_view name) {
  return (fs::path(folder) / std::string(name)).string();
}

// Whether a folder holds a file {number}_{date}.mat, or with `dates` false {number}_{1,2,3}.mat.
inline bool holds_files(const std::string& folder, bool dates) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) return false;
  for (const std::string& name : names_in(folder))
    if (const auto n = two_numbers(name);
        n && (dates ? is_date(n->second) : n->second >= 1 && n->second <= 3))
      return true;
  return false;
}

// A folder of sessions 1, 2, 3.
inline bool holds_sessions(const std::string& folder) {
  for (const char* session : {"1", "2", "3"})
    if (holds_files(joined(folder, session), true)) return true;
  return false;
}

// The files {subject}_{date}.mat of a folder, by subject and date; the other names go to `extra`.
inline std::map<index_t, std::vector<SessionFile>> dated_files(const std::string& folder,
                                                               std::vector<std::string>& extra) {
  std::map<index_t, std::vector<SessionFile>> by_subject;
  for (const std::string& name : names_in(folder)) {
    const auto numbers = two_numbers(name);
    if (!numbers || !is_date(numbers->second) || numbers->first < 1) {
      extra.push_back(joined(folder, name));
      continue;
    }
    by_subject[numbers->first].push_back({numbers->first, 0, numbers->second, joined(folder, name)});
  }
  for (auto& [subject, files] : by_subject) {
    std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.date < b.date; });
    for (std::size_t i = 1; i < files.size(); ++i)
      if (files[i].date == files[i - 1].date)
        fail("seed", "one file a subject and date is needed; got ", limbic::detail::quoted(files[i - 1].path),
             " and ", limbic::detail::quoted(files[i].path));
  }
  return by_subject;
}

// Sessions in the order of dates.
inline std::vector<SessionFile> files_by_date(const std::string& folder, std::vector<std::string>& extra) {
  std::vector<SessionFile> all;
  for (auto& [subject, files] : dated_files(folder, extra)) {
    if (files.size() > 3)
      fail("seed", "a subject has 3 sessions, one file each; found ", files.size(), " files of subject ",
           subject, " in ", limbic::detail::quoted(folder));
    for (std::size_t i = 0; i < files.size(); ++i) {
      files[i].session = static_cast<index_t>(i) + 1;
      all.push_back(files[i]);
    }
  }
  return all;
}

// Sessions by their folders 1, 2, 3.
inline std::vector<SessionFile> files_by_session(const std::string& folder, std::vector<std::string>& extra) {
  std::vector<SessionFile> all;
  for (const std::string& name : names_in(folder)) {
    if (name != "1" && name != "2" && name != "3") {
      extra.push_back(joined(folder, name));
      continue;
    }
    for (auto& [subject, files] : dated_files(joined(folder, name), extra)) {
      if (files.size() > 1)
        fail("seed", "one file a subject and session is needed; got ", limbic::detail::quoted(files[0].path),
             " and ", limbic::detail::quoted(files[1].path));
      files[0].session = name[0] - '0';
      all.push_back(files[0]);
    }
  }
  std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return std::pair(a.subject, a.session) < std::pair(b.subject, b.session);
  });
  return all;
}

// Files {subject}_{session}.mat.
inline std::vector<SessionFile> numbered_files(const std::string& folder, std::vector<std::string>& extra) {
  std::map<std::pair<index_t, index_t>, SessionFile> found;
  for (const std::string& name : names_in(folder)) {
    const auto numbers = two_numbers(name);
    if (!numbers || numbers->first < 1 || numbers->second < 1 || numbers->second > 3) {
      extra.push_back(joined(folder, name));
      continue;
    }
    const SessionFile file{numbers->first, numbers->second, 0, joined(folder, name)};
    const auto [it, fresh] = found.emplace(*numbers, file);
    if (!fresh)
      fail("seed", "one file a subject and session is needed; got ", limbic::detail::quoted(it->second.path),
           " and ", limbic::detail::quoted(file.path));
  }
  std::vector<SessionFile> all;
  all.reserve(found.size());
  for (const auto& [key, file] : found) all.push_back(file);
  return all;
}

}  // namespace detail

// Finds the layout of a folder, which may be a release's root or the folder of features itself.
// `window_seconds` chooses among SEED's ExtractedFeatures_1s and _4s where there are several (0: the first of
// ExtractedFeatures, _1s, _4s). Throws when no layout is there, or several data sets are and none is asked
// for.
inline SeedFolders find_seed(const std::string& folder, SeedKind kind = SeedKind::automatic,
                             index_t window_seconds = 0) {
  using namespace detail;
  std::error_code error;
  if (!fs::is_directory(folder, error))
    fail("seed", "a folder is needed; ", limbic::detail::quoted(folder), " is none");
  std::vector<SeedFolders> found;

  // An option names a folder and what lies in it.
  const fs::path root(folder),
      given = root.filename().empty() ? root.parent_path().filename() : root.filename();
  const fs::path above = root.filename().empty() ? root.parent_path().parent_path() : root.parent_path();
  const auto seconds_of = [](const std::string& name) {
    return name.ends_with("_4s") ? index_t{4} : index_t{1};
  };
  const auto if_there = [](const std::string& path, bool there) { return there ? path : std::string(); };

  SeedFolders seed{SeedKind::seed, "", "", "", 0};
  if (holds_files(folder, true) && !given.string().starts_with("Preprocessed_EEG")) {
    seed.features = folder;
    seed.window_seconds = seconds_of(given.string());
  }
  for (const char* name : {"ExtractedFeatures", "ExtractedFeatures_1s", "ExtractedFeatures_4s"}) {
    const std::string path = joined(folder, name);
    const bool right = window_seconds == 0 || window_seconds == seconds_of(name);
    if (seed.features.empty() && right && holds_files(path, true)) {
      seed.features = path;
      seed.window_seconds = seconds_of(name);
    }
  }
  for (const std::string& path : {given == "Preprocessed_EEG" ? folder : joined(folder, "Preprocessed_EEG"),
                                  seed.features == folder ? (above / "Preprocessed_EEG").string() : ""})
    if (seed.raw.empty() && !path.empty() && holds_files(path, true)) seed.raw = path;
  if (!seed.features.empty() || !seed.raw.empty()) found.push_back(seed);

  for (const std::string& path : {folder, joined(folder, "multimodal")})
    if (holds_files(path, false)) {
      found.push_back({SeedKind::seed_multimodal, path, path, "", 4});
      break;
    }

  const bool inside =
      given == "eeg_feature_smooth" || given == "eye_feature_smooth" || given == "eeg_raw_data";
  const std::string base = inside ? above.string() : folder;
  const std::string eeg = joined(base, "eeg_feature_smooth"), eye = joined(base, "eye_feature_smooth"),
                    raw = joined(base, "eeg_raw_data");
  const SeedFolders iv{SeedKind::seed_iv, if_there(eeg, holds_sessions(eeg)),
                       if_there(eye, holds_sessions(eye)), if_there(raw, holds_sessions(raw)), 4};
  if (!iv.features.empty() || !iv.raw.empty()) found.push_back(iv);

  std::string kinds;
  for (const SeedFolders& f : found) kinds += (kinds.empty() ? "" : " and ") + to_text(f.kind);
  if (kind != SeedKind::automatic) std::erase_if(found, [&](const SeedFolders& f) { return f.kind != kind; });
  if (found.empty())
    fail("seed", "no files of ", kind == SeedKind::automatic ? "SEED or SEED-IV" : to_text(kind), " in ",
         limbic::detail::quoted(folder), kinds.empty() ? "" : "; found ", kinds,
         " (hint: SEED has ExtractedFeatures/{subject}_{date}.mat, SEED-IV "
         "eeg_feature_smooth/{1,2,3}/{subject}_{date}.mat, the converted multimodal release "
         "{subject}_{session}.mat)");
  if (found.size() > 1)
    fail("seed", "one data set is needed; ", limbic::detail::quoted(folder), " holds ", kinds,
         " (hint: name one of them)");
  return found[0];
}

}  // namespace limbic::data
