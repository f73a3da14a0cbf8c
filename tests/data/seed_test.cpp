// SEED and SEED-IV: what is read lies where it belongs, whatever the order of the files.
#include <doctest/doctest.h>

#include <limbic/core/compare.hpp>
#include <limbic/data/seed.hpp>
#include <limbic/data/seed_raw.hpp>

#include "data/seed_fabricated.hpp"
#include "io/temporary_folder.hpp"
#include "support/throws.hpp"

using namespace limbic;
using namespace limbic::data;
namespace fs = std::filesystem;

namespace {

// Every number of a data set against the formula of seed_fabricated.hpp.
void check_values(const Dataset& d, const SeedLayout& layout, bool with_eye, index_t shift = 0) {
  for (const Recording& r : d.recordings) {
    CAPTURE(r.source);
    REQUIRE(static_cast<index_t>(r.trials.size()) == layout.trials);
    for (index_t t = 1; t <= layout.trials; ++t) {
      const Trial& trial = r.trials[static_cast<std::size_t>(t - 1)];
      CHECK(trial.number == t);
      CHECK(trial.label == layout.label(r.session, t));
      const index_t W = fabricated::windows(t);
      REQUIRE(trial.eeg.shape() == Shape{W, 62, 5});
      CHECK(trial.eeg.is_contiguous());
      bool right = true;
      for (index_t w = 0; w < W; ++w)
        for (index_t c = 0; c < 62; ++c)
          for (index_t b = 0; b < 5; ++b)
            right = right &&
                    trial.eeg.data()[(w * 62 + c) * 5 + b] ==
                        static_cast<float>(fabricated::eeg_value(r.subject, r.session, t + shift, w, c, b));
      CHECK(right);
      if (!with_eye) {
        CHECK(!trial.eye.defined());
        continue;
      }
      REQUIRE(trial.eye.shape() == Shape{W, layout.eye_features});
      for (index_t w = 0; w < W; ++w)
        for (index_t f = 0; f < layout.eye_features; ++f)
          right = right && trial.eye.data()[w * layout.eye_features + f] ==
                               static_cast<float>(fabricated::eye_value(r.subject, r.session, t, w, f));
      CHECK(right);
    }
  }
}

std::string order(const Dataset& d) {
  std::string s;
  for (const Recording& r : d.recordings)
    s += std::to_string(r.subject) + "." + std::to_string(r.session) + " ";
  return s;
}

bool remarks(const Dataset& d, const std::string& text) {
  for (const std::string& r : d.remarks)
    if (r.find(text) != std::string::npos) return true;
  return false;
}

}  // namespace

TEST_CASE("published facts") {
  CHECK(kSeed.label(1, 1) == 2);
  CHECK(kSeed.label(3, 15) == 0);
  CHECK(kSeedIv.label(1, 1) == 1);
  CHECK(kSeedIv.label(2, 1) == 2);
  CHECK(kSeedIv.label(3, 24) == 0);
  CHECK(thrown([] { (void)kSeedIv.label(4, 1); }) != "");
  CHECK(thrown([] { (void)kSeedIv.label(1, 25); }) != "");
  const index_t sums[] = {851, 832, 822};
  for (index_t session = 1; session <= 3; ++session) {
    index_t n = 0, seed = 0, train = 0, test = 0;
    std::array<int, 4> classes{};
    for (index_t t = 1; t <= 24; ++t) {
      n += kSeedIv.windows(session, t);
      ++classes[static_cast<std::size_t>(kSeedIv.label(session, t))];
    }
    for (index_t t = 1; t <= 15; ++t) {
      seed += kSeed.windows(session, t);
      CHECK(kSeed4.windows(session, t) == kSeed.windows(session, t) / 4);
      (t <= kSeedTrainTrials ? train : test) += kSeed4.windows(session, t);
    }
    CHECK(n == sums[session - 1]);
    CHECK(seed == 3394);
    CHECK(train == 499);
    CHECK(test == 343);
    CHECK(classes == std::array<int, 4>{6, 6, 6, 6});
  }
}

TEST_CASE("SEED: by numbers and dates, not by text") {
  TemporaryFolder folder;
  const std::string path = fabricated::seed(folder / "", {1, 2, 10});
  for (const std::string& where : {folder / "", path, path + "/"}) {
    CAPTURE(where);
    const Dataset d = read_dataset(where);
    CHECK(d.name == "SEED");
    CHECK(d.eeg_feature == "de_LDS");
    CHECK(d.classes == std::vector<std::string>{"negative", "neutral", "positive"});
    CHECK(!d.simulated);
    CHECK(order(d) == "1.1 1.2 1.3 2.1 2.2 2.3 10.1 10.2 10.3 ");
    check_values(d, kSeed, false);
    CHECK(remarks(d, "missing: subjects 3, 4, 5, 6, 7, 8, 9, 11, 12, 13, 14 and 15"));
    CHECK(remarks(d, "other numbers of windows than published"));
    CHECK(remarks(d, "and 6 more"));
  }
  check_values(read_seed(path, {.feature = "psd_LDS"}), kSeed, false, 50);
  CHECK(order(read_seed(path, {.subjects = {10, 1}, .sessions = {2}})) == "1.2 10.2 ");
  std::vector<std::string> seen;
  (void)read_seed(path,
                  {.subjects = {2}, .progress = [&](index_t done, index_t total, const std::string& file) {
                     seen.push_back(std::to_string(done) + "/" + std::to_string(total) + " " +
                                    fs::path(file).filename().string());
                   }});
  CHECK(seen ==
        std::vector<std::string>{"0/3 2_20130930.mat", "1/3 2_20131005.mat", "2/3 2_20131112.mat", "3/3 "});
}

TEST_CASE("SEED: _1s and _4s") {
  TemporaryFolder folder;
  const std::string path = fabricated::seed(folder / "", {1}, 1);
  fs::rename(path, folder / "ExtractedFeatures_4s");
  CHECK(find_seed(folder / "").window_seconds == 4);
  CHECK(thrown([&] { (void)find_seed(folder / "", SeedKind::seed, 1); }).find("no files of seed") !=
        std::string::npos);
  fabricated::seed(folder / "", {2}, 1);
  fs::rename(path, folder / "ExtractedFeatures_1s");
  CHECK(find_seed(folder / "").window_seconds == 1);
  CHECK(order(read_dataset(folder / "", {.window_seconds = 4})) == "1.1 ");
  CHECK(remarks(read_dataset(folder / ""), "subject 2 has 1 of 3 sessions"));
}

TEST_CASE("SEED-IV: EEG and eyes") {
  TemporaryFolder folder;
  fabricated::seed_iv(folder / "", {2, 11, 1});
  for (const std::string& where : {folder / "", folder / "eeg_feature_smooth"}) {
    const Dataset d = read_dataset(where);
    CHECK(d.name == "SEED-IV");
    CHECK(order(d) == "1.1 1.2 1.3 2.1 2.2 2.3 11.1 11.2 11.3 ");
    check_values(d, kSeedIv, true);
  }
  check_values(read_seed_iv(folder / "", {.eye = EyeUse::no}), kSeedIv, false);
  fs::remove_all(folder / "eye_feature_smooth");
  const Dataset d = read_dataset(folder / "");
  check_values(d, kSeedIv, false);
  CHECK(remarks(d, "missing: eye_feature_smooth"));
  CHECK(thrown([&] {
          (void)read_dataset(folder / "", {.eye = EyeUse::required});
        }).find("eye features are asked for") != std::string::npos);
}

TEST_CASE("SEED, converted multimodal release") {
  TemporaryFolder folder;
  for (index_t subject : {1, 14, 3})
    for (index_t session : {1, 2, 3})
      mat::save(folder / fabricated::name(subject, session), fabricated::rows(subject, session));
  const Dataset d = read_dataset(folder / "");
  CHECK(d.name == "SEED");
  CHECK(order(d) == "1.1 1.2 1.3 3.1 3.2 3.3 14.1 14.2 14.3 ");
  check_values(d, kSeed4, true);
  CHECK(remarks(d, "missing: subjects 2, 4, 5, 8, 9, 10, 11, 12 and 13"));
  check_values(read_dataset(folder / "", {.eye = EyeUse::no}), kSeed4, false);
}

TEST_CASE("simulated data say so") {
  TemporaryFolder folder;
  const std::string path = fabricated::seed(folder / "", {1}, 3);
  mat::Variables v = fabricated::eeg_file(1, 2, 15);
  v.emplace_back(mat::kSimulated, "limbic");
  mat::save(path + "/1_20131005.mat", v);
  const Dataset d = read_dataset(path);
  CHECK(d.simulated);
  CHECK(remarks(d, "some files are simulated and some are not"));
  CHECK(!read_dataset(path, {.sessions = {1}}).simulated);
}

TEST_CASE("raw EEG") {
  TemporaryFolder folder;
  const std::string path = folder / "Preprocessed_EEG";
  fs::create_directories(path);
  Tensor<double> x = Tensor<double>::empty({62, 400});
  for (index_t i = 0; i < x.numel(); ++i) x.mutable_data()[i] = static_cast<double>(i);
  mat::save(path + "/10_20131130.mat", {{"ww_eeg2", x}, {"ww_eeg10", x.slice(1, 0, 200)}, {"note", "x"}});
  mat::save(path + "/2_20131130.mat", {{"djc_eeg1", x}});
  for (const std::string& where : {folder / "", path}) {
    const SeedFolders folders = find_seed(where);
    const std::vector<SessionFile> files = list_raw(folders);
    REQUIRE(files.size() == 2);
    CHECK(files[0].subject == 2);
    const RawRecording raw = RawRecording::open(folders, files[1]);
    CHECK(raw.subject() == 10);
    CHECK(raw.session() == 1);
    CHECK(raw.trials() == std::vector<index_t>{2, 10});
    CHECK(raw.label(2) == 1);
    CHECK(!raw.simulated());
    CHECK(equal(raw.read<double>(2), x));
    CHECK(raw.read<float>(10).shape() == Shape{62, 200});
    CHECK(thrown([&] { (void)raw.read<float>(3); }).find("*_eeg3; found trials 2 and 10") !=
          std::string::npos);
    CHECK(thrown([&] { (void)read_dataset(where); }).find("no EEG features beside the raw EEG") !=
          std::string::npos);
  }
  x.set({3, 7}, std::nan(""));
  mat::save(path + "/2_20131130.mat", {{"djc_eeg1", x}});
  const SeedFolders folders = find_seed(folder / "");
  CHECK(thrown([&] {
          (void)RawRecording::open(folders, list_raw(folders)[0]).read<float>(1);
        }).find("found 1 NaN or infinite ones, the first in AF3, sample 8") != std::string::npos);
  mat::save(path + "/2_20131130.mat", {{"djc_eeg1", x}, {"ww_eeg1", x}});
  CHECK(thrown([&] { (void)RawRecording::open(folders, list_raw(folders)[0]); }).find("each trial once") !=
        std::string::npos);
  mat::save(path + "/2_20131130.mat", {{"x", x}});
  CHECK(thrown([&] {
          (void)RawRecording::open(folders, list_raw(folders)[0]);
        }).find("*_eeg1 to *_eeg15; found none") != std::string::npos);
}
