// SEED and SEED-IV as they come: missing, doubled, damaged and wrong, each with its Error or its remark.
#include <doctest/doctest.h>

#include <limbic/data/seed.hpp>

#include "data/seed_fabricated.hpp"
#include "io/temporary_folder.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::data;
namespace fs = std::filesystem;

namespace {

// The remarks, one a line.
std::string remarks(const std::string& folder, const ReadOptions& options = {}) {
  std::string all;
  for (const std::string& r : read_dataset(folder, options).remarks) all += r + "\n";
  return all;
}
std::string error(const std::string& folder, const ReadOptions& options = {}) {
  return thrown([&] { (void)read_dataset(folder, options); });
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

const ReadOptions kSkip{.skip_bad_trials = true, .skip_bad_files = true};

// Subject 1 of SEED-IV, whose files of session 2 a test replaces.
struct SeedIv {
  TemporaryFolder folder;
  std::string root = folder / "iv", eeg = root + "/eeg_feature_smooth/2/1_20131005.mat",
              eye = root + "/eye_feature_smooth/2/1_20131005.mat";
  SeedIv() { fabricated::seed_iv(root, {1}); }
  void put_eeg(index_t trial, const mat::Value& value) {
    put(eeg, fabricated::eeg_file(1, 2, 24), "de_LDS" + std::to_string(trial), value);
  }
  void put_eye(index_t trial, const mat::Value& value) {
    put(eye, fabricated::eye_file(1, 2, 24, 31), "eye_" + std::to_string(trial), value);
  }
  static void put(const std::string& path, mat::Variables v, const std::string& name,
                  const mat::Value& value) {
    for (auto& [n, old] : v)
      if (n == name) old = value;
    mat::save(path, v);
  }
};

}  // namespace

TEST_CASE("folders that hold no data set, or several") {
  TemporaryFolder folder;
  CHECK(has(error(folder / "none"), "is none"));
  CHECK(has(error(folder / ""), "no files of SEED or SEED-IV"));
  fabricated::seed(folder / "", {1}, 1);
  CHECK(has(error(folder / "", {.dataset = SeedKind::seed_iv}), "no files of seed-iv"));
  CHECK(has(error(folder / "", {.dataset = SeedKind::seed_iv}), "found seed"));
  fabricated::seed_iv(folder / "", {1});
  CHECK(has(error(folder / ""), "holds seed and seed-iv (hint: name one of them)"));
  CHECK(read_seed(folder / "").name == "SEED");
  CHECK(read_seed_iv(folder / "").name == "SEED-IV");
  CHECK(seed_kind("seed-iv") == SeedKind::seed_iv);
  CHECK(has(thrown([] { (void)seed_kind("deap"); }), "got 'deap'"));
}

TEST_CASE("files that are missing, doubled or extra") {
  TemporaryFolder folder;
  const std::string path = fabricated::seed(folder / "", {1, 2});
  CHECK(has(error(path, {.subjects = {3}}), "no file of subject 3"));
  fs::copy(path + "/1_20130930.mat", path + "/notes.mat");
  fs::copy(path + "/1_20130930.mat", path + "/._1_20130930.mat");
  fs::remove(path + "/2_20131112.mat");
  const std::string said = remarks(path);
  CHECK(has(said, "left aside, as no file of the layout has such a name: "));
  CHECK(has(said, "notes.mat"));
  CHECK(has(said, "._1_20130930.mat"));
  CHECK(has(said, "subject 2 has 2 of 3 sessions"));
  CHECK(has(error(path, {.sessions = {3}}), "no file of session 3 of subject 2"));
  CHECK(!has(said, "label.mat"));

  fs::copy(path + "/1_20130930.mat", path + "/1_20140101.mat");
  CHECK(has(error(path), "found 4 files of subject 1"));
  fs::rename(path + "/1_20140101.mat", path + "/01_20130930.mat");
  const std::string twice = error(path);
  CHECK(has(twice, "one file a subject and date is needed; got"));
  CHECK(has(twice, "/01_20130930.mat"));
  CHECK(has(twice, "/1_20130930.mat"));
}

TEST_CASE("SEED-IV: sessions by folder") {
  SeedIv iv;
  fs::remove(iv.eeg);
  const std::string said = remarks(iv.root);
  CHECK(has(said, "missing: subject 1, session 2"));
  CHECK(read_dataset(iv.root).recordings[1].session == 3);
  CHECK(has(error(iv.root, {.sessions = {2}}), "no file of session 2 of subject 1"));
  const std::string third = iv.root + "/eeg_feature_smooth/3/";
  fs::copy(third + "1_20131112.mat", third + "1_20131113.mat");
  CHECK(has(error(iv.root), "one file a subject and session is needed"));
}

TEST_CASE("SEED: labels") {
  TemporaryFolder folder;
  const std::string path = fabricated::seed(folder / "", {1}, 1);
  std::vector<index_t> labels = fabricated::published_labels();
  labels[3] = 1;
  fabricated::save_labels(path, labels);
  CHECK(has(remarks(path), "label.mat differs from the published labels in trial 4; the file's are used"));
  CHECK(read_dataset(path).recordings[0].trials[3].label == 2);
  labels[3] = 2;
  fabricated::save_labels(path, labels);
  CHECK(has(error(path), "variable 'label' must hold -1, 0 and 1; found 2 for trial 4"));
  labels.pop_back();
  fabricated::save_labels(path, labels);
  CHECK(has(error(path), "of shape (1, 15) is expected; found double (1, 14)"));
  fs::remove(path + "/label.mat");
  CHECK(has(remarks(path), "missing: label.mat; the published labels are used"));
}

TEST_CASE("EEG features of a wrong shape, missing or not finite; skipped on request") {
  SeedIv iv;
  const auto says = [&](const mat::Value& v, const std::string& what) {
    iv.put_eeg(5, v);
    const std::string e = error(iv.root);
    CAPTURE(e);
    CHECK(has(e, iv.eeg));
    CHECK(has(e, "'de_LDS5'"));
    CHECK(has(e, what));
    const Dataset d = read_dataset(iv.root, kSkip);
    REQUIRE(d.recordings.size() == 3);
    CHECK(d.recordings[1].trials.size() == 23);
    CHECK(d.recordings[1].trials[4].number == 6);
    CHECK(d.recordings[1].trials[4].label == kSeedIv.label(2, 6));
    CHECK(has(remarks(iv.root, kSkip), "skipped: " + e));
  };
  says(Tensor<double>::ones({61, 4, 5}), "of shape (62, any, 5) is expected; found double (61, 4, 5)");
  says(Tensor<double>::ones({62, 4, 4}), "found double (62, 4, 4)");
  says(Tensor<double>::ones({4, 62, 5}), "found double (4, 62, 5)");
  says(Tensor<double>::ones({62, 0, 5}), "must have windows; found none");
  says("text", "found char");
  says(mat::Array{Tensor<double>::ones({62, 4, 5}), Tensor<double>::ones({62, 4, 5})},
       "found complex double");
  Tensor<double> t = fabricated::eeg(1, 2, 5, 4);
  t.set({7, 2, 3}, std::nan(""));
  t.set({8, 2, 3}, HUGE_VAL);
  t.set({7, 3, 3}, -HUGE_VAL);
  says(t, "must hold finite numbers; found 3 NaN or infinite ones in 2 of 4 windows, the first in window 3");
  t.fill(1e300);
  says(t, "must hold numbers that are single; found 1e+300");

  mat::Variables v = fabricated::eeg_file(1, 2, 24);
  std::erase_if(v, [](const auto& x) { return x.first == "de_LDS5"; });
  mat::save(iv.eeg, v);
  CHECK(has(error(iv.root), "must hold a variable 'de_LDS5'"));
  CHECK(has(error(iv.root, {.feature = "de_lds"}), "must hold de_lds1 to de_lds24; found de_LDS, psd_LDS"));
  v.emplace_back("de_LDS5", fabricated::eeg(1, 2, 5, fabricated::windows(5)));
  v.emplace_back("de_LDS25", fabricated::eeg(1, 2, 5, 4));
  mat::save(iv.eeg, v);
  CHECK(has(remarks(iv.root), "more trials than SEED-IV has are left aside"));
}

TEST_CASE("eye features of a wrong shape, or of other windows than the EEG") {
  SeedIv iv;
  const index_t W = fabricated::windows(7);
  const auto says = [&](const mat::Value& v, const std::string& what) {
    iv.put_eye(7, v);
    const std::string e = error(iv.root);
    CAPTURE(e);
    CHECK(has(e, iv.eye));
    CHECK(has(e, "eye_7"));
    CHECK(has(e, what));
    CHECK(read_dataset(iv.root, kSkip).recordings[1].trials.size() == 23);
  };
  says(Tensor<double>::ones({33, W}),
       "must have shape (31, windows); found double (33, 3) (hint: SEED has 33 eye features, SEED-IV 31)");
  says(Tensor<double>::ones({W, 31}), "(hint: it is transposed)");
  says(Tensor<double>::ones({31, W + 1}),
       "must have the same windows; got 3 in de_LDS7 of '" + iv.eeg + "' and 4 in eye_7");
  says(Tensor<double>::full({31, W}, std::nan("")), "found 93 NaN or infinite ones in 3 of 3 windows");

  fs::remove(iv.eye);
  CHECK(has(error(iv.root), "no eye features for '" + iv.eeg + "'"));
  CHECK(read_dataset(iv.root, kSkip).recordings.size() == 2);
  mat::save(iv.root + "/eye_feature_smooth/2/1_20131006.mat", fabricated::eye_file(1, 2, 24, 31));
  CHECK(has(error(iv.root), "must be of the same date"));
}

TEST_CASE("damaged files") {
  SeedIv iv;
  const std::string bytes = file_text(iv.eeg);
  std::ofstream(iv.eeg, std::ios::binary) << bytes.substr(0, bytes.size() / 2);
  CHECK(has(error(iv.root), iv.eeg));
  CHECK(has(error(iv.root), "is cut off"));
  CHECK(read_dataset(iv.root, kSkip).recordings.size() == 2);
  CHECK(has(remarks(iv.root, kSkip), "skipped: [mat] '" + iv.eeg));
  std::ofstream(iv.eeg, std::ios::binary) << "";
  CHECK(has(error(iv.root), "it is empty"));
  CHECK(has(error(iv.root, {.skip_bad_files = true, .sessions = {2}}), "no recording of"));
}

TEST_CASE("constant features are remarked on") {
  SeedIv iv;
  mat::Variables v;
  for (index_t t = 1; t <= 24; ++t) {
    Tensor<double> x = fabricated::eeg(1, 2, t, fabricated::windows(t));
    x.select(0, 27).select(1, 4).fill(3);  // CZ, gamma
    v.emplace_back("de_LDS" + std::to_string(t), x);
  }
  mat::save(iv.eeg, v);
  CHECK(has(remarks(iv.root), "EEG features that never change: '" + iv.eeg + "' (CZ gamma)"));
  v = fabricated::eye_file(1, 2, 24, 31);
  for (auto& [name, value] : v) {
    Tensor<double> x = *value.tensor<double>();
    for (index_t row : {0, 1, 2, 30}) x.select(0, row).fill(0);
  }
  mat::save(iv.eye, v);
  CHECK(has(remarks(iv.root), "eye features that never change: '" + iv.eeg +
                                  "' (pupil X mean, pupil X std, pupil X DE 0-0.2 Hz and 1 more)"));
}

TEST_CASE("the converted multimodal release") {
  TemporaryFolder folder;
  const std::string path = folder / "1_1.mat";
  const auto says = [&](std::size_t which, const mat::Value& value, const std::string& what) {
    mat::Variables v = fabricated::rows(1, 1);
    v[which].second = value;
    mat::save(path, v);
    const std::string e = error(folder / "");
    CAPTURE(e);
    CHECK(has(e, path));
    CHECK(has(e, what));
  };
  const mat::Variables good = fabricated::rows(1, 1);
  const Tensor<double> label = good[2].second.tensor<double>()->clone(),
                       trial = good[3].second.tensor<double>()->clone();
  const index_t n = label.size(0);
  says(0, Tensor<double>::ones({n, 310}), "of shape (any, 62, 5) is expected; found double (45, 310)");
  says(1, Tensor<double>::ones({n, 31}), "of shape (45, 33) is expected; found double (45, 31)");
  says(1, Tensor<double>::ones({n - 1, 33}), "got eeg of 45 and eye of 44");
  says(2, Tensor<double>::full({n, 1}, 3), "must hold one of 0, 1, 2 of trial 1; found 3 in row 1");
  says(3, Tensor<double>::full({n, 1}, 16), "must hold 1 to 15; found 16 in row 1");
  says(3, Tensor<double>::full({n, 1}, 1), "must hold one of 0, 1, 2 of trial 1");
  Tensor<double> mixed = trial.clone();
  mixed.set({n - 1, 0}, 1);
  says(3, mixed, "must rise; found 1 after 15");
  says(3, Tensor<double>::full({n, 1}, 1.5), "must hold numbers that are int64; found 1.5");
  Tensor<double> bad = fabricated::rows(1, 1)[1].second.tensor<double>()->clone();
  bad.set({4, 3}, std::nan(""));
  says(1, bad, "'eye of trial 2' must hold finite numbers");
  mat::save(path, {good[0], good[2], good[3]});
  CHECK(has(error(folder / ""), "must hold a variable 'eye'"));
  CHECK(error(folder / "", {.eye = EyeUse::no}) == "");
  // Without the last trial.
  mat::save(path, {{"eeg", good[0].second.tensor<double>()->slice(0, 0, 43)},
                   {"eye", good[1].second.tensor<double>()->slice(0, 0, 43)},
                   {"label", label.slice(0, 0, 43)},
                   {"trial", trial.slice(0, 0, 43)}});
  CHECK(has(error(folder / ""), "must hold trials 1 to 15; missing: 15"));
  CHECK(read_dataset(folder / "", kSkip).recordings[0].trials.size() == 14);
}
