// N-shot folds: what trains, what is tested, and that the two never share a trial unless asked to.
#include <doctest/doctest.h>

#include <limbic/backend/cpu/random.hpp>

#include <set>

#include "emotion_clip/few_shot.hpp"

using namespace limbic;
using namespace limbic::emotion_clip;

namespace {

// `subjects` with 3 trials of each of 2 classes, 4 windows each; a window's first value says whose it is.
data::Dataset people(index_t subjects) {
  data::Dataset d;
  d.name = "SEED";
  d.classes = {"no", "yes"};
  for (index_t s = 1; s <= subjects; ++s) {
    data::Recording r{s, 1, "subject " + std::to_string(s), {}};
    for (index_t t = 1; t <= 6; ++t) {
      data::Trial trial;
      trial.number = t;
      trial.label = t % 2;
      trial.eeg = Tensor<float>::zeros({4, 2, 3});
      for (index_t w = 0; w < 4; ++w) trial.eeg.set({w, 0, 0}, static_cast<float>(100 * s + 10 * t + w));
      r.trials.push_back(trial);
    }
    d.recordings.push_back(r);
  }
  return d;
}

using Trials = std::set<std::pair<index_t, index_t>>;
Trials trials_of(const std::vector<data::WindowOrigin>& origin, index_t subject) {
  Trials out;
  for (const auto& o : origin)
    if (o.subject == subject) out.insert({o.subject, o.trial});
  return out;
}

data::FoldPlan plan_of(const data::Dataset& d) {
  return data::plan_folds(d, data::Protocol::cross_subject)[1];
}

}  // namespace

TEST_CASE("without shots the source trains and all of the target is tested") {
  const data::Dataset d = people(3);
  const FewShotFold f = make_few_shot(d, plan_of(d), {});
  CHECK(f.train.size() == 48);
  CHECK(f.test.size() == 24);
  CHECK(f.truth.size() == 24);
  CHECK(trials_of(f.train.origin, 2).empty());
}

TEST_CASE(
    "shots come out of whole trials that are not tested; all N share the test, smaller N are part of larger "
    "ones") {
  const data::Dataset d = people(3);
  std::vector<FewShotFold> folds;
  for (const index_t n : {0, 2, 5})
    folds.push_back(make_few_shot(d, plan_of(d), {.shots = n, .most = 5, .seed = 7}));
  const FewShotFold& most = folds[2];
  CHECK(most.from_target == 10);
  CHECK(most.train.size() == 48 + 10);
  CHECK(most.test.size() == 24 - 4 * 4);  // 5 windows of a class need two trials of 4
  for (const FewShotFold& f : folds) {
    CHECK(f.test.origin == most.test.origin);
    for (const auto& trial : trials_of(f.test.origin, 2))
      CHECK(trials_of(f.train.origin, 2).count(trial) == 0);
    // Rows, labels and places belong together.
    for (index_t i = 0; i < f.train.size(); ++i) {
      const auto& o = f.train.origin[static_cast<std::size_t>(i)];
      CHECK(f.train.eeg.at(i, 0, 0) == static_cast<float>(100 * o.subject + 10 * o.trial + o.window));
      CHECK(f.train.label.at(i) == o.trial % 2);
    }
    for (index_t i = 0; i < f.test.size(); ++i) {
      const auto& o = f.test.origin[static_cast<std::size_t>(i)];
      CHECK(f.test.eeg.at(i, 0, 0) == static_cast<float>(100 * o.subject + 10 * o.trial + o.window));
    }
  }
  const auto shots = [](const FewShotFold& f) {
    std::set<std::pair<index_t, index_t>> out;
    for (const auto& o : f.train.origin)
      if (o.subject == 2) out.insert({o.trial, o.window});
    return out;
  };
  const auto few = shots(folds[1]), many = shots(folds[2]);
  CHECK(few.size() == 4);
  for (const auto& w : few) CHECK(many.count(w) == 1);
}

TEST_CASE("as published, windows of tested trials train: never the tested windows themselves") {
  const data::Dataset d = people(3);
  const FewShotFold f =
      make_few_shot(d, plan_of(d), {.shots = 5, .most = 5, .source = ShotSource::windows, .seed = 7});
  CHECK(f.from_target == 10);
  CHECK(f.test.size() == 14);
  for (const auto& tested : f.test.origin)
    for (const auto& trained : f.train.origin) CHECK_FALSE(tested == trained);
  CHECK(f.description.find("others of whose trials are tested") != f.description.npos);
}

TEST_CASE("the truth is that of the tested windows") {
  const data::Dataset d = people(3);
  const FewShotFold f = make_few_shot(d, plan_of(d), {.shots = 4, .most = 4});
  std::vector<index_t> right;
  for (const auto& o : f.test.origin) right.push_back(o.trial % 2);
  CHECK(f.truth.score(Tensor<index_t>::from({f.test.size()}, right)).accuracy() == 1);
  right[0] = 1 - right[0];
  CHECK(f.truth.score(Tensor<index_t>::from({f.test.size()}, right)).accuracy() < 1);
}

TEST_CASE("a target that is too small for the shots is refused") {
  const data::Dataset d = people(3);
  CHECK_THROWS_WITH_AS(make_few_shot(d, plan_of(d), {.shots = 9, .most = 9}),
                       doctest::Contains("has 3 trials of it"), Error);
  CHECK_THROWS_WITH_AS(make_few_shot(d, plan_of(d), {.shots = 12, .most = 12, .source = ShotSource::windows}),
                       doctest::Contains("fewer --shots"), Error);
  CHECK_THROWS_AS(make_few_shot(d, plan_of(d), {.shots = 3, .most = 2}), Error);
}
