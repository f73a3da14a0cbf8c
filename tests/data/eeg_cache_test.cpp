// Features of whole data sets: from raw files, with and without the cache, and from shipped
// features.
#include <limbic/core/compare.hpp>
#include <limbic/data/eeg_cache.hpp>
#include <limbic/data/split.hpp>

#include "data/seed_fabricated.hpp"
#include "io/temporary_folder.hpp"
#include "support/throws.hpp"

#include <doctest/doctest.h>

using namespace limbic;
using namespace limbic::data;
namespace fs = std::filesystem;

namespace {

// SEED-IV, a session of each subject: noise of `seconds`, which says that it is simulated; at 9 s two
// windows.
struct RawFolder {
  TemporaryFolder folder;
  std::string root = folder / "data", cache = folder / "cache";

  explicit RawFolder(index_t subjects = 1, double seconds = 9) {
    fs::create_directories(root + "/eeg_raw_data/1");
    for (index_t s = 1; s <= subjects; ++s) {
      mat::Variables variables{{mat::kSimulated, mat::Value("noise")}};
      for (index_t t = 1; t <= 24; ++t) {
        Tensor<double> raw = Tensor<double>::empty({62, static_cast<index_t>(200 * seconds)});
        const PhiloxKey key = Random(7).stream(std::to_string(s * 100 + t)).draw(raw.numel(), 1);
        std::uint64_t i = 0;
        for (double& v : raw.mutable_span()) v = static_cast<double>(philox_uniform(key, i++)) * 40 - 20;
        variables.emplace_back("ab_eeg" + std::to_string(t), raw);
      }
      mat::SaveOptions fast;
      fast.compress = false;
      mat::save(root + "/eeg_raw_data/1/" + std::to_string(s) + "_20200101.mat", variables, fast);
    }
  }
  std::string raw_file() const { return only_file(root + "/eeg_raw_data/1"); }
  static std::string only_file(const std::string& folder) {
    REQUIRE(std::distance(fs::directory_iterator(folder), {}) == 1);
    return fs::directory_iterator(folder)->path().string();
  }
};

void check_same(const EegSet& a, const EegSet& b) {
  CHECK(a.frames == b.frames);
  CHECK(a.maps == b.maps);
  CHECK(a.settings == b.settings);
  CHECK(a.data.simulated == b.data.simulated);
  REQUIRE(a.data.recordings.size() == b.data.recordings.size());
  for (std::size_t i = 0; i < a.data.recordings.size(); ++i) {
    const Recording &r = a.data.recordings[i], &s = b.data.recordings[i];
    CHECK(r.subject == s.subject);
    CHECK(r.session == s.session);
    CHECK(r.source == s.source);
    REQUIRE(r.trials.size() == s.trials.size());
    for (std::size_t t = 0; t < r.trials.size(); ++t) {
      CHECK(r.trials[t].number == s.trials[t].number);
      CHECK(r.trials[t].label == s.trials[t].label);
      CHECK(equal(r.trials[t].eeg, s.trials[t].eeg));
    }
  }
}

// Trials that were computed; a recording out of the cache counts as one.
struct Count {
  int steps = 0;
  bool ended = false;

  RawReadOptions options(const std::string& cache) {
    RawReadOptions o;
    o.cache = cache;
    o.progress = [this](index_t done, index_t total, const std::string& file) {
      if (file.empty()) ended = done == total;
      else ++steps;
    };
    return o;
  }
};

}  // namespace

TEST_CASE("raw EEG: labels, shapes, values; ready to be split; kept and found again") {
  const RawFolder at(2);
  Count first, second;
  const EegSet set = read_raw_eeg(at.root, first.options(at.cache));
  CHECK(first.steps == 48);
  CHECK(first.ended);
  CHECK(set.frames == 4);
  CHECK(set.maps == 12);
  CHECK(set.settings.starts_with("rate 200 Hz, Butterworth order 3,"));
  CHECK(set.data.simulated);
  CHECK(set.data.name == "SEED-IV");
  REQUIRE(set.data.recordings.size() == 2);
  REQUIRE(set.data.remarks.size() == 1);
  CHECK(set.data.remarks[0] == "2 recordings of raw EEG of 45 that are published");
  const Recording& r = set.data.recordings[1];
  REQUIRE(r.trials.size() == 24);
  for (const Trial& t : r.trials) {
    CHECK(t.label == kSeedIv.label(1, t.number));
    CHECK(t.eeg.shape() == Shape{2, 48, 62});
  }
  const SeedFolders folders = find_seed(at.root);
  const Tensor<double> raw = RawRecording::open(folders, list_raw(folders)[1]).read<double>(24);
  const Tensor<float> features = eeg_features(raw, published_eeg(SeedKind::seed_iv)).to<float>();
  CHECK(equal(r.trials[23].eeg, features.reshape({2, 48, 62})));

  check_same(read_raw_eeg(at.root, second.options(at.cache)), set);
  CHECK(second.steps == 2);
  CHECK(second.ended);

  const auto plans = plan_folds(set.data, Protocol::cross_subject);
  REQUIRE(plans.size() == 2);
  const Fold fold = make_fold(set.data, plans[0], {ScaleMethod::none});
  CHECK(fold.source.eeg.shape() == Shape{48, 48, 62});
  CHECK(fold.target.origin[3] == WindowOrigin{1, 1, 2, 1, 2});
  Topography<float> topography;
  CHECK(topography.images(fold.target.eeg.slice(0, 0, 2)).reshape({2, 4, 12, 64, 64}).size(1) == 4);
}

TEST_CASE("other settings and other sources have files of their own") {
  const RawFolder at;
  Count count;
  const EegSet set = read_raw_eeg(at.root, count.options(at.cache));
  RawReadOptions order5 = count.options(at.cache);
  order5.features = EegOptions{};
  const EegSet other = read_raw_eeg(at.root, order5);
  CHECK(count.steps == 48);
  CHECK_FALSE(equal(other.data.recordings[0].trials[0].eeg, set.data.recordings[0].trials[0].eeg));
  CHECK(std::distance(fs::directory_iterator(at.cache), {}) == 2);
  read_raw_eeg(at.root, order5);
  CHECK(count.steps == 49);
  fs::last_write_time(at.raw_file(), fs::last_write_time(at.raw_file()) - std::chrono::hours(1));
  check_same(read_raw_eeg(at.root, order5), other);
  CHECK(count.steps == 49 + 24);
}

TEST_CASE("what is damaged is computed anew, with a remark") {
  const RawFolder at;
  Count count;
  const EegSet set = read_raw_eeg(at.root, count.options(at.cache));
  const std::string path = RawFolder::only_file(at.cache), whole = file_text(path);
  const auto spoilt = [&](std::string bytes, const char* why) {
    std::ofstream(path, std::ios::binary) << bytes;
    count.steps = 0;
    const EegSet again = read_raw_eeg(at.root, count.options(at.cache));
    check_same(again, set);
    CHECK(count.steps == 25);
    REQUIRE(again.data.remarks.size() == 2);
    CHECK(again.data.remarks[1].starts_with("computed anew, as what was kept is damaged: "));
    CHECK_MESSAGE(again.data.remarks[1].find(why) != std::string::npos, again.data.remarks[1]);
    CHECK(file_text(path) == whole);
  };
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string bytes = whole;
    const auto i = bytes.find(from);
    REQUIRE(i != bytes.npos);
    return bytes.replace(i, from.size(), to);
  };
  std::string bit = whole;
  bit[bit.size() - 1234] = static_cast<char>(bit[bit.size() - 1234] ^ 1);
  spoilt(bit, "must have the checksum");
  spoilt(whole.substr(0, whole.size() - 100), "[safetensors]");
  spoilt("", "[safetensors]");
  spoilt(replaced("\"trial7\"", "\"trialX\""), "must hold trials and nothing else; found 24 tensors");
  spoilt(replaced("order 3", "order 4"), "other settings");
  spoilt(replaced("[2,48,62]", "[1,96,62]"), "must be F32 (windows, 48, 62); found F32 (1, 96, 62)");
  spoilt(replaced("\"checksum\"", "\"chequsum\""), "must say its checksum");
}

TEST_CASE("short trials, wrong options") {
  const RawFolder at(1, 6.5);
  CHECK(thrown([&] { read_raw_eeg(at.root); }) == "[eeg] '" + at.raw_file() +
                                                      "', trial 1: at least 7 s are needed (baseline "
                                                      "of 5 s and one window), 1400 samples at 200 Hz; got "
                                                      "1300");
  RawReadOptions skip;
  skip.skip_bad_trials = true;
  CHECK(thrown([&] {
          read_raw_eeg(at.root, skip);
        }).find("no trial could be read; the last one skipped: [eeg]") != std::string::npos);
  RawReadOptions wrong;
  wrong.features = EegOptions{};
  wrong.features->rate = 250;
  CHECK(thrown([&] { read_raw_eeg(at.root, wrong); }) ==
        "[eeg] raw EEG of SEED-IV has 62 channels at 200 Hz; options ask for 62 at 250");
  wrong.features->rate = 200;
  wrong.features->order = 0;
  CHECK(thrown([&] { read_raw_eeg(at.root, wrong); }).starts_with("[butterworth]"));
  wrong.features.reset();
  wrong.subjects = {3};
  CHECK(thrown([&] { read_raw_eeg(at.root, wrong); }).starts_with("[eeg] no raw EEG of subject 3 in "));
}

TEST_CASE("skipped trials are remembered with their remark") {
  const TemporaryFolder folder;
  const std::string data = folder / "data", file = data + "/eeg_raw_data/1/1_20200101.mat";
  fs::create_directories(data + "/eeg_raw_data/1");
  Tensor<double> good = Tensor<double>::empty({62, 1400});
  for (index_t i = 0; i < good.numel(); ++i) good.mutable_data()[i] = static_cast<double>(i * i % 1009) / 50;
  Tensor<double> flat = good.clone();
  flat.select(0, 9).fill(1);
  mat::save(file, {{"ab_eeg1", good}, {"ab_eeg2", flat}});
  CHECK(thrown([&] { read_raw_eeg(data); }) ==
        "[eeg] '" + file +
            "', trial 2: every channel must change within a window; channel 10 (FZ) is flat from 5 "
            "to 7 s (hint: an electrode without contact)");
  RawReadOptions skip;
  skip.skip_bad_trials = true;
  skip.cache = folder / "cache";
  for (int pass = 0; pass < 2; ++pass) {
    const EegSet set = read_raw_eeg(data, skip);
    REQUIRE(set.data.recordings.size() == 1);
    CHECK(set.data.recordings[0].trials.size() == 1);
    CHECK_FALSE(set.data.simulated);
    REQUIRE(set.data.remarks.size() == 1 + 23);  // trials 3 to 24 are missing
    CHECK(set.data.remarks[1].find("channel 10 (FZ) is flat") != std::string::npos);
  }
  CHECK_FALSE(thrown([&] { read_raw_eeg(data, RawReadOptions{.cache = skip.cache}); }).empty());
}

TEST_CASE("shipped features: four windows in a row are the frames of one") {
  const TemporaryFolder folder;
  fs::create_directories(folder / "out/eeg_feature_smooth/1");
  mat::Variables variables{{mat::kSimulated, mat::Value("numbers")}};
  for (index_t t = 1; t <= 24; ++t) {
    variables.emplace_back("de_LDS" + std::to_string(t), fabricated::eeg(1, 1, t, 11));
    variables.emplace_back("psd_LDS" + std::to_string(t), fabricated::eeg(2, 3, t, 11));
  }
  mat::save(folder / "out/eeg_feature_smooth/1/1_20200101.mat", variables);
  ReadOptions options;
  index_t last = 0, steps = 0;
  options.progress = [&](index_t done, index_t total, const std::string&) {
    CHECK(total == 2);
    CHECK(done >= last);
    last = done;
    ++steps;
  };
  const EegSet set = read_eeg_features(folder / "out", options);
  CHECK(last == 2);
  CHECK(steps == 3);
  CHECK(set.maps == 10);
  CHECK(set.frames == 4);
  CHECK(set.data.eeg_feature == "de_LDS and psd_LDS of 4 windows in a row");
  CHECK(set.data.simulated);
  const Dataset de = read_dataset(folder / "out"),
                psd = read_dataset(folder / "out", ReadOptions{.feature = "psd_LDS"});
  const Trial &t = set.data.recordings[0].trials[4], &d = de.recordings[0].trials[4],
              &p = psd.recordings[0].trials[4];
  CHECK(t.label == d.label);
  CHECK(t.eeg.shape() == Shape{2, 40, 62});
  CHECK_FALSE(t.eye.defined());
  bool same = true;
  for (index_t w = 0; w < 2; ++w)
    for (index_t f = 0; f < 4; ++f)
      for (index_t b = 0; b < 5; ++b)
        for (index_t c = 0; c < 62; ++c)
          same = same && t.eeg.at(w, f * 10 + b, c) == d.eeg.at(w * 4 + f, c, b) &&
                 t.eeg.at(w, f * 10 + 5 + b, c) == p.eeg.at(w * 4 + f, c, b);
  CHECK(same);

  Dataset fewer = psd;
  fewer.recordings[0].trials.erase(fewer.recordings[0].trials.begin());
  CHECK(eeg_from_features(de, fewer).data.remarks.back() == "trials without PSD are left out: 1");
  CHECK(eeg_from_features(de, psd, 11).data.recordings[0].trials[4].eeg.shape() == Shape{1, 110, 62});
  CHECK(thrown([&] { eeg_from_features(de, psd, 12); })
            .starts_with(
                "[eeg] a trial needs at least 12 windows, which become frames; found 11 in trial 1 of "));
  CHECK(thrown([&] { eeg_from_features(de, de); }) ==
        "[eeg] DE and PSD of one data set are needed; got de_LDS of SEED-IV and de_LDS of SEED-IV");
  CHECK_THROWS_AS(eeg_from_features(de, psd, 0), Error);
  options.feature = "asm_LDS";
  CHECK(thrown([&] { read_eeg_features(folder / "out", options); }) ==
        "[eeg] de_LDS or de_movingAve is needed, to which PSD is added; got 'asm_LDS'");
}
