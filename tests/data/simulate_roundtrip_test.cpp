// What the simulator writes, the readers of the real data sets read back: to the last bit of a float.
#include <limbic/core/compare.hpp>
#include <limbic/data/seed.hpp>
#include <limbic/data/seed_raw.hpp>
#include <limbic/data/simulate_write.hpp>

#include "io/temporary_folder.hpp"

#include <doctest/doctest.h>

using namespace limbic;
using namespace limbic::data;

namespace {

void check_same(const Dataset& read, const Dataset& made, bool eye) {
  CHECK(read.simulated);
  CHECK(read.name == made.name);
  CHECK(read.classes == made.classes);
  REQUIRE(read.recordings.size() == made.recordings.size());
  for (std::size_t i = 0; i < made.recordings.size(); ++i) {
    const Recording &a = read.recordings[i], &b = made.recordings[i];
    CHECK(a.subject == b.subject);
    CHECK(a.session == b.session);
    REQUIRE(a.trials.size() == b.trials.size());
    for (std::size_t t = 0; t < b.trials.size(); ++t) {
      CHECK(a.trials[t].number == b.trials[t].number);
      CHECK(a.trials[t].label == b.trials[t].label);
      CHECK(equal(a.trials[t].eeg.contiguous(), b.trials[t].eeg));
      CHECK(a.trials[t].eye.defined() == eye);
      if (eye) CHECK(equal(a.trials[t].eye.contiguous(), b.trials[t].eye));
    }
  }
}

}  // namespace

TEST_CASE("SEED-IV, whole sessions") {
  const TemporaryFolder folder;
  const SimulateOptions o{.subjects = 1, .sessions = 3};
  write_simulated(o, folder / "out", {.kinds = {FeatureKind::de}});
  const Dataset read = read_dataset(folder / "out");
  check_same(read, simulate(o), true);
  CHECK(read.eeg_feature == "de_LDS");
}

TEST_CASE("SEED, subjects in the order of numbers") {
  const TemporaryFolder folder;
  const SimulateOptions o{.set = SimulatedSet::seed, .subjects = 11, .sessions = 2, .max_windows = 2};
  write_simulated(o, folder / "out", {.kinds = {FeatureKind::de}});
  check_same(read_dataset(folder / "out"), simulate(o), false);
}

TEST_CASE("SEED's multimodal release") {
  const TemporaryFolder folder;
  SimulateOptions o{.set = SimulatedSet::seed, .subjects = 6, .sessions = 1, .max_windows = 20};
  write_simulated(o, folder / "out", {.features = false, .multimodal = true});
  o.subjects = 5;  // the sixth has no eye features
  o.window_seconds = 4;
  check_same(read_dataset(folder / "out"), simulate(o), true);
}

TEST_CASE("raw EEG") {
  const TemporaryFolder folder;
  for (SimulatedSet set : {SimulatedSet::seed, SimulatedSet::seed_iv}) {
    const SimulateOptions o{.set = set, .subjects = 1, .sessions = 2, .max_windows = 3};
    const std::string out = folder / to_text(set);
    write_simulated(o, out, {.raw = true, .raw_seconds = 1.5, .kinds = {FeatureKind::de}});
    const SeedFolders folders = find_seed(out);
    const auto files = list_raw(folders);
    REQUIRE(files.size() == 2);
    const RawRecording r = RawRecording::open(folders, files[1]);
    CHECK(r.simulated());
    CHECK(r.session() == 2);
    CHECK(r.trials().size() == static_cast<std::size_t>(folders.layout().trials));
    const data::detail::SimulatedPerson person(o, 1, 2);
    const auto trial = data::detail::simulate_trial(o, person, 1, 2, 7);
    CHECK(equal(r.read<double>(7), data::detail::simulate_raw(o, trial, 1, 2, 7, 1.5)));
  }
}
