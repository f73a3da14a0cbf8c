// Simulated files: names, keys, shapes and values as the layouts ask; raw EEG whose band power is that of the
// features.
#include <limbic/core/compare.hpp>
#include <limbic/data/simulate_write.hpp>

#include "io/temporary_folder.hpp"
#include "support/throws.hpp"

#include <doctest/doctest.h>

#include <complex>
#include <set>

using namespace limbic;
using namespace limbic::data;

namespace {

std::set<std::string> files_below(const std::string& folder) {
  std::set<std::string> all;
  for (const auto& e : std::filesystem::recursive_directory_iterator(folder))
    if (e.is_regular_file()) all.insert(std::filesystem::relative(e.path(), folder).generic_string());
  return all;
}

// log2 of 100 times the mean periodogram over the band: Hann window of 200 samples, halves overlapping,
// within samples begin .. begin + n.
double entropy_of(const double* x, std::size_t begin, std::size_t n, int low, int high) {
  double sum = 0;
  int ordinates = 0;
  for (std::size_t at = begin; at + 200 <= begin + n; at += 100)
    for (int k = low; k < high; ++k, ++ordinates) {
      std::complex<double> f = 0;
      for (std::size_t i = 0; i < 200; ++i) {
        const double angle = 2 * std::numbers::pi * static_cast<double>(i) / 200;
        f += x[at + i] * (0.5 - 0.5 * std::cos(angle)) * std::polar(1.0, -angle * (k + 0.5));
      }
      sum += std::norm(f);
    }
  return std::log2(100 * sum / ordinates);
}

}  // namespace

TEST_CASE("SEED-IV: folders, names, keys and values") {
  const TemporaryFolder folder;
  const SimulateOptions o{.subjects = 2, .sessions = 3, .max_windows = 3};
  std::vector<std::string> seen;
  index_t last = 0, total = 0;
  write_simulated(o, folder / "out", {}, [&](index_t done, index_t all, const std::string& path) {
    CHECK(done == last + 1);
    last = done;
    total = all;
    seen.push_back(path);
  });
  CHECK(last == total);
  const auto files = files_below(folder / "out");
  CHECK(files == std::set<std::string>(seen.begin(), seen.end()));
  CHECK(files.size() == 13);
  const Dataset d = simulate(o);
  std::string before;
  for (const std::string& f : files) {
    if (f == "simulated.json") continue;
    const mat::File m = mat::File::open(folder / ("out/" + f));
    CHECK(m.text("simulated").rfind("Simulated by limbic", 0) == 0);
    CHECK(file_text(folder / ("out/" + f)).rfind("Simulated by limbic", 0) == 0);
    const auto parts = std::filesystem::path(f);
    const std::string name = parts.filename().string();
    REQUIRE(name.size() == 14);  // 1_20131007.mat
    const Recording& r = d.recordings[static_cast<std::size_t>(
        (name[0] - '1') * 3 + (parts.parent_path().filename().string()[0] - '1'))];
    for (const Trial& t : r.trials) {
      const std::string n = std::to_string(t.number);
      if (f.rfind("eye", 0) == 0) {
        CHECK(equal(m.read<float>("eye_" + n, {31, t.windows()}), t.eye.transpose(0, 1)));
      } else {
        CHECK(equal(m.read<float>("de_LDS" + n, {62, t.windows(), 5}), t.eeg.transpose(0, 1)));
        CHECK(m.contains("psd_movingAve" + n));
        CHECK_FALSE(m.contains("dasm_LDS" + n));
      }
    }
    CHECK(files.contains((f[1] == 'e' ? "eye" : "eeg") + f.substr(3)));
  }
  // Dates of a subject rise with its sessions.
  for (char s : {'1', '2'}) {
    std::vector<std::string> dates;
    for (const std::string& f : files)
      if (f.rfind("eye_feature_smooth", 0) == 0 && f[21] == s) dates.push_back(f.substr(23, 8));
    REQUIRE(dates.size() == 3);
    CHECK(dates[0] < dates[1]);
    CHECK(dates[1] < dates[2]);
  }
  const Json card = Json::parse(file_text(folder / "out/simulated.json"));
  CHECK(card.at("simulated").as_bool());
  CHECK(card.at("complete").as_bool());
  CHECK(card.at("subjects").as_integer() == 2);
}

TEST_CASE("SEED: all kinds of features follow from DE, labels, the multimodal layout") {
  const TemporaryFolder folder;
  const SimulateOptions o{.set = SimulatedSet::seed, .subjects = 6, .sessions = 1, .max_windows = 2};
  write_simulated(o, folder / "out", {.multimodal = true});
  const auto files = files_below(folder / "out");
  CHECK(files.size() == 6 + 1 + 5 + 1);
  CHECK(files.contains("ExtractedFeatures/label.mat"));
  CHECK(files.contains("multimodal/5_1.mat"));
  CHECK_FALSE(files.contains("multimodal/6_1.mat"));
  const auto label =
      mat::File::open(folder / "out/ExtractedFeatures/label.mat").read<index_t>("label", {1, 15});
  CHECK(label.to_vector() == std::vector<index_t>{1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1});

  std::string first;
  for (const std::string& f : files)
    if (f.rfind("ExtractedFeatures/1_", 0) == 0) first = f;
  const mat::File m = mat::File::open(folder / ("out/" + first));
  CHECK(m.list().size() == 6 * 2 * 15 + 1);
  for (const char* smooth : {"_LDS", "_movingAve"}) {
    const std::string n = std::string(smooth) + "15";
    const auto de = m.read<double>("de" + n, {62, 2, 5}), psd = m.read<double>("psd" + n, {62, 2, 5});
    const auto dasm = m.read<double>("dasm" + n, {27, 2, 5}), rasm = m.read<double>("rasm" + n, {27, 2, 5});
    const auto both = m.read<double>("asm" + n, {54, 2, 5}), dcau = m.read<double>("dcau" + n, {23, 2, 5});
    for (index_t w = 0; w < 2; ++w)
      for (index_t b = 0; b < 5; ++b) {
        CHECK(psd.at(7, w, b) == doctest::Approx(std::exp2(de.at(7, w, b)) / 100).epsilon(1e-4));
        // FP1 and FP2 first, O1 and O2 last; FT7 and TP7 first.
        CHECK(dasm.at(0, w, b) == doctest::Approx(de.at(0, w, b) - de.at(2, w, b)).epsilon(1e-4));
        CHECK(rasm.at(26, w, b) == doctest::Approx(de.at(58, w, b) / de.at(60, w, b)).epsilon(1e-4));
        CHECK(dcau.at(0, w, b) == doctest::Approx(de.at(14, w, b) - de.at(32, w, b)).epsilon(1e-4));
        CHECK(both.at(0, w, b) == dasm.at(0, w, b));
        CHECK(both.at(53, w, b) == rasm.at(26, w, b));
      }
  }

  SimulateOptions four = o;
  four.window_seconds = 4;
  const Recording r = simulate_recording(four, 2, 1);
  const mat::File x = mat::File::open(folder / "out/multimodal/2_1.mat");
  CHECK(equal(x.read<float>("eeg", {30, 62, 5}).slice(0, 28, 30), r.trials[14].eeg));
  CHECK(equal(x.read<float>("eye", {30, 33}).slice(0, 2, 4), r.trials[1].eye));
  CHECK(x.read<index_t>("label", {30, 1}).at(29, 0) == 0);
  CHECK(x.read<index_t>("trial", {30, 1}).at(29, 0) == 15);
  // Of the whole set the sizes are those that were published.
  four.max_windows = 0;
  index_t train = 0, test = 0;
  for (index_t t = 1; t <= 15; ++t)
    (t <= 9 ? train : test) += static_cast<index_t>(data::detail::window_count(four, 1, t));
  CHECK(train == 499);
  CHECK(test == 343);
}

TEST_CASE("raw EEG: layout, and band power that follows the features") {
  const TemporaryFolder folder;
  const SimulateOptions o{.subjects = 1, .sessions = 1, .max_windows = 12};
  write_simulated(o, folder / "iv", {.features = false, .raw = true, .raw_seconds = 2});
  const auto files = files_below(folder / "iv");
  REQUIRE(files.size() == 2);
  CHECK(files.begin()->rfind("eeg_raw_data/1/1_20131", 0) == 0);
  const mat::File m = mat::File::open(folder / ("iv/" + *files.begin()));
  CHECK(m.list().size() == 25);
  CHECK(m.find("s01_eeg24")->shape == Shape{62, 400});
  CHECK(m.find("s01_eeg24")->type == mat::Class::float64);

  const data::detail::SimulatedPerson person(o, 1, 1);
  const auto trial = data::detail::simulate_trial(o, person, 1, 1, 1);
  const Tensor<double> raw = data::detail::simulate_raw(o, trial, 1, 1, 1);
  CHECK(raw.shape() == Shape{62, 12 * 4 * 200});
  // The same numbers whatever part is asked for.
  CHECK(equal(data::detail::simulate_raw(o, trial, 1, 1, 1, 2).contiguous(),
              m.read<double>("s01_eeg1").contiguous()));
  static constexpr int kEdges[] = {1, 4, 8, 14, 31, 50};
  double error = 0, square = 0, level = 0;
  int n = 0;
  for (int c = 0; c < 62; c += 12)
    for (int b = 0; b < 5; ++b)
      for (std::size_t w = 0; w < 12; w += 3, ++n) {
        const double e = entropy_of(raw.data() + c * 9600, w * 800, 800, kEdges[b], kEdges[b + 1]) -
                         trial.de.row(w)[c * 5 + b];
        error += e;
        square += e * e;
      }
  MESSAGE("raw against features: bias " << error / n << ", rms " << std::sqrt(square / n));
  CHECK(std::fabs(error / n) < 0.4);
  CHECK(std::sqrt(square / n) < 0.9);
  for (double v : raw.span()) level = std::max(level, std::fabs(v));
  CHECK(level > 8);
  CHECK(level < 500);  // microvolts
}

TEST_CASE("the same options write the same bytes") {
  const TemporaryFolder folder;
  const SimulateOptions o{.set = SimulatedSet::seed, .subjects = 1, .sessions = 1, .max_windows = 2};
  const WriteOptions w{.raw = true, .raw_seconds = 1, .kinds = {FeatureKind::de}};
  write_simulated(o, folder / "a", w);
  write_simulated(o, folder / "b", w);
  const auto files = files_below(folder / "a");
  CHECK(files == files_below(folder / "b"));
  CHECK(files.size() == 5);
  for (const std::string& f : files) CHECK(file_text(folder / ("a/" + f)) == file_text(folder / ("b/" + f)));
}

TEST_CASE("errors") {
  const TemporaryFolder folder;
  CHECK(thrown([&] { write_simulated({}, folder / "x", {.multimodal = true}); }) ==
        "[simulate] only seed has a multimodal release of its own; seed-iv always comes with eye features");
  CHECK(thrown([&] { write_simulated({}, folder / "x", {.features = false}); }) ==
        "[simulate] nothing is to be written");
  CHECK(thrown([&] { write_simulated({}, folder / "x", {.raw_seconds = -1}); }) != "");
  CHECK(thrown([&] { write_simulated({.window_seconds = 1}, folder / "x"); }) ==
        "[simulate] windows must be of 4 s; got 1");
  CHECK(thrown([] { feature_kind_of("de_LDS"); }) ==
        "[simulate] a feature is one of de, psd, dasm, rasm, asm, dcau; got 'de_LDS'");
  write_file(folder / "file", "");
  CHECK(thrown([&] {
          write_simulated({.subjects = 1, .sessions = 1, .max_windows = 1}, folder / "file/x");
        }).find("cannot make the folder") != std::string::npos);
}
