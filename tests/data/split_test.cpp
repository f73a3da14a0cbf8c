// Folds: who is in which part, that the target's labels stay sealed, what normalisation sees.
#include <limbic/core/compare.hpp>
#include <limbic/data/split.hpp>

#include "data/small_dataset.hpp"
#include "support/throws.hpp"

#include <doctest/doctest.h>

#include <set>

using namespace limbic;
using namespace limbic::data;

namespace {

std::set<std::pair<index_t, index_t>> people(const Dataset& d, const std::vector<FoldPart>& parts) {
  std::set<std::pair<index_t, index_t>> all;
  for (const FoldPart& p : parts)
    all.emplace(d.recordings[p.recording].subject, d.recordings[p.recording].session);
  return all;
}

template <class T>
concept HasLabels = requires(T t) {
  t.label;
};

// Mean and population standard deviation of one column of rows that `chosen` accepts.
template <class F>
std::pair<double, double> moments(const Tensor<float>& x, const std::vector<WindowOrigin>& origin,
                                  F&& chosen) {
  const Tensor<float> flat = x.reshape({x.size(0), -1});
  double n = 0, sum = 0, square = 0;
  for (index_t i = 0; i < flat.size(0); ++i)
    if (chosen(origin[static_cast<std::size_t>(i)])) {
      const double v = static_cast<double>(flat.at(i, 1));
      n += 1;
      sum += v;
      square += v * v;
    }
  return {sum / n, std::sqrt(square / n - sum / n * sum / n)};
}

}  // namespace

// What a trainer is given of the target holds no labels, and the sealed ones convert to nothing that does.
static_assert(!HasLabels<UnlabelledWindows> && HasLabels<LabelledWindows> && !HasLabels<HeldOutLabels>);
static_assert(!std::is_convertible_v<HeldOutLabels, Tensor<index_t>> &&
              !std::is_constructible_v<Tensor<index_t>, HeldOutLabels>);
static_assert(!std::is_convertible_v<UnlabelledWindows, LabelledWindows>);
static_assert(std::is_same_v<decltype(Fold::target), UnlabelledWindows> &&
              std::is_same_v<decltype(Fold::truth), HeldOutLabels>);

TEST_CASE("cross-subject: one subject out, within a session") {
  const Dataset d = small_dataset(4, 2);
  const auto plans = plan_folds(d, Protocol::cross_subject);
  REQUIRE(plans.size() == 8);
  CHECK(plans[0].name == "session1-subject01");
  CHECK(plans[7].name == "session2-subject04");
  for (const FoldPlan& p : plans) {
    const auto target = people(d, p.target), source = people(d, p.source);
    REQUIRE(target.size() == 1);
    CHECK(source.size() == 3);
    for (const auto& [subject, session] : source) {
      CHECK(subject != target.begin()->first);
      CHECK(session == target.begin()->second);
    }
    CHECK(p.validation.empty());
  }
}

TEST_CASE("cross-session: per subject and pooled") {
  const Dataset d = small_dataset(2, 3);
  const auto plans = plan_folds(d, Protocol::cross_session);
  REQUIRE(plans.size() == 6);
  using People = std::set<std::pair<index_t, index_t>>;
  CHECK(people(d, plans[3].target) == People{{2, 2}});
  CHECK(people(d, plans[3].source) == People{{2, 1}, {2, 3}});
  const auto pooled = plan_folds(d, Protocol::cross_session_pooled);
  REQUIRE(pooled.size() == 3);
  CHECK(pooled[1].name == "session2");
  CHECK(people(d, pooled[1].target) == People{{1, 2}, {2, 2}});
  CHECK(people(d, pooled[1].source) == People{{1, 1}, {2, 1}, {1, 3}, {2, 3}});
}

TEST_CASE("filters choose targets, not sources") {
  const Dataset d = small_dataset(4, 2);
  const auto plans = plan_folds(d, Protocol::cross_subject, {.sessions = {2}, .subjects = {3, 1}});
  REQUIRE(plans.size() == 2);
  CHECK(plans[0].name == "session2-subject01");
  CHECK(people(d, plans[1].source).size() == 3);
}

TEST_CASE("validation subjects come out of the source, at random, the same for a seed") {
  const Dataset d = small_dataset(6, 1);
  const FoldOptions two{.validation_subjects = 2, .seed = 3};
  std::set<std::set<std::pair<index_t, index_t>>> drawn;
  const auto plans = plan_folds(d, Protocol::cross_subject, two),
             again = plan_folds(d, Protocol::cross_subject, two);
  for (std::size_t i = 0; i < plans.size(); ++i) {
    const auto held = people(d, plans[i].validation), source = people(d, plans[i].source);
    CHECK(held.size() == 2);
    CHECK(source.size() == 3);
    for (const auto& who : held) CHECK(!source.contains(who));
    CHECK(!held.contains(*people(d, plans[i].target).begin()));
    CHECK(plans[i].validation == again[i].validation);
    drawn.insert(held);
  }
  CHECK(drawn.size() > 2);
}

TEST_CASE("validation trials: as many from each source recording, all classes, none shared") {
  const Dataset d = small_dataset(3, 2);
  for (const FoldPlan& p : plan_folds(d, Protocol::cross_session, {.validation_trials = 3})) {
    REQUIRE(p.validation.size() == p.source.size());
    for (std::size_t i = 0; i < p.source.size(); ++i) {
      CHECK(p.source[i].trials.size() == 3);
      CHECK(p.validation[i].recording == p.source[i].recording);
      std::set<index_t> labels;
      for (std::size_t t : p.validation[i].trials) {
        labels.insert(d.recordings[p.validation[i].recording].trials[t].label);
        CHECK(std::find(p.source[i].trials.begin(), p.source[i].trials.end(), t) == p.source[i].trials.end());
      }
      CHECK(labels.size() == 3);
    }
  }
}

TEST_CASE("a fold holds the planned windows, in order, with their origin and labels") {
  const Dataset d = small_dataset(3, 2);
  const auto plans = plan_folds(d, Protocol::cross_subject, {.validation_subjects = 1});
  const Fold fold = make_fold(d, plans[1], normalisation_of("none"));
  CHECK(fold.name == "session1-subject02");
  CHECK(fold.source.size() == 15);
  CHECK(fold.validation->size() == 15);
  CHECK(fold.target.size() == 15);
  CHECK(fold.truth.size() == 15);
  CHECK(fold.classes == 3);
  CHECK(fold.source.eeg.shape() == Shape{15, 2, 2});
  CHECK(fold.target.eye.shape() == Shape{15, 3});
  for (index_t i = 0; i < 15; ++i) {
    const WindowOrigin& o = fold.target.origin[static_cast<std::size_t>(i)];
    CHECK(o.subject == 2);
    const auto value = static_cast<float>(o.subject * 1000 + o.session * 100 + o.trial * 10 + o.window);
    CHECK(fold.target.eeg.at(i, 1, 0) == value + 0.25f);
    CHECK(fold.target.eye.at(i, 2) == -value - 0.25f);
    const WindowOrigin& s = fold.source.origin[static_cast<std::size_t>(i)];
    CHECK(fold.source.label.at(i) == (s.trial + s.subject) % 3);
    CHECK(s.windows == 2 + s.trial % 2);
  }
  // The truth scores: right answers give 1, one class its share.
  Tensor<index_t> right = Tensor<index_t>::empty({15});
  for (index_t i = 0; i < 15; ++i)
    right.set({i}, (fold.target.origin[static_cast<std::size_t>(i)].trial + 2) % 3);
  CHECK(fold.truth.score(right).accuracy() == 1);
  CHECK(fold.truth.score(Tensor<index_t>::zeros({15})).accuracy() == doctest::Approx(1.0 / 3).epsilon(0.2));
  CHECK(thrown([&] { fold.truth.score(Tensor<index_t>::zeros({14})); }) ==
        "[score] one prediction for each of the 15 windows is needed; got (14)");
  CHECK(fold.description.find(
            "fold session1-subject02. Source (labelled): 1 subject, 1 recording, 6 trials, 15 windows.") !=
        std::string::npos);
  CHECK(fold.description.find("imulated") == std::string::npos);
}

TEST_CASE("simulated data says so") {
  Dataset d = small_dataset(2, 1);
  d.simulated = true;
  CHECK(make_fold(d, plan_folds(d, Protocol::cross_subject)[0]).description.rfind("Simulated small", 0) == 0);
}

TEST_CASE("normalisation per subject and session: every recording by itself, held-out trials included") {
  const Dataset d = small_dataset(3, 2);
  const Fold f = make_fold(d, plan_folds(d, Protocol::cross_session_pooled)[0]);
  for (index_t s = 1; s <= 3; ++s) {
    const auto [mean, std] =
        moments(f.target.eeg, f.target.origin, [&](const WindowOrigin& o) { return o.subject == s; });
    CHECK(mean == doctest::Approx(0).epsilon(1e-5));
    CHECK(std == doctest::Approx(1).epsilon(1e-4));
    const auto eye =
        moments(f.source.eye, f.source.origin, [&](const WindowOrigin& o) { return o.subject == s; });
    CHECK(eye.second == doctest::Approx(1).epsilon(1e-4));
  }
  // A window gets the same value whichever part it is in.
  const Fold held = make_fold(d, plan_folds(d, Protocol::cross_session_pooled, {.validation_trials = 2})[0]);
  for (std::size_t i = 0; i < held.validation->origin.size(); ++i)
    for (std::size_t j = 0; j < f.source.origin.size(); ++j)
      if (f.source.origin[j] == held.validation->origin[i])
        CHECK(f.source.eeg.at(j, 0, 0) == held.validation->eeg.at(i, 0, 0));
}

TEST_CASE("normalisation fitted on the source: the target keeps its shift, the statistics are kept") {
  const Dataset d = small_dataset(3, 1);
  const auto plans = plan_folds(d, Protocol::cross_subject);
  const Fold f = make_fold(d, plans[2], normalisation_of("z-score-source"));
  auto everybody = [](const WindowOrigin&) { return true; };
  CHECK(moments(f.source.eeg, f.source.origin, everybody).first == doctest::Approx(0).epsilon(1e-4));
  CHECK(moments(f.target.eeg, f.target.origin, everybody).first > 2);
  const UnlabelledWindows w =
      unlabelled_windows(d.recordings[2], f.normalisation, f.eeg_scaler, f.eye_scaler);
  CHECK(equal(w.eeg, f.target.eeg));
  CHECK(equal(w.eye, f.target.eye));
  // Without the fold's statistics nothing of the target changes them.
  Dataset other = small_dataset(3, 1);
  for (Trial& t : other.recordings[2].trials) t.eeg.fill(5);
  CHECK(equal(make_fold(other, plans[2], f.normalisation).source.eeg, f.source.eeg));
}

TEST_CASE("predictions on a recording see what the fold's target saw") {
  const Dataset d = small_dataset(3, 1);
  const Fold f = make_fold(d, plan_folds(d, Protocol::cross_subject)[1]);
  CHECK(equal(unlabelled_windows(d.recordings[1]).eeg, f.target.eeg));
}

TEST_CASE("constant features are counted, once a recording") {
  Dataset d = small_dataset(2, 1);
  for (Recording& r : d.recordings)
    for (Trial& t : r.trials)
      for (index_t w = 0; w < t.windows(); ++w) t.eeg.set({w, 0, 1}, 3);
  const auto plans = plan_folds(d, Protocol::cross_subject, {.validation_trials = 1});
  const Fold f = make_fold(d, plans[0]);
  CHECK(f.constant_eeg == 2);
  CHECK(f.constant_eye == 0);
  CHECK(f.source.eeg.at(0, 0, 1) == 0);
  CHECK(make_fold(d, plans[0], normalisation_of("min-max-source")).constant_eeg == 1);
}

TEST_CASE("a modality that nobody has is absent") {
  Dataset d = small_dataset(2, 1);
  for (Recording& r : d.recordings)
    for (Trial& t : r.trials) t.eye = {};
  const Fold f = make_fold(d, plan_folds(d, Protocol::cross_subject)[0]);
  CHECK(!f.source.eye.defined());
  CHECK(!f.target.eye.defined());
  CHECK(f.target.eeg.defined());
}

TEST_CASE("what does not fit is an error that says where") {
  const Dataset good = small_dataset(2, 2);
  auto plan_of = [](const Dataset& d) { return plan_folds(d, Protocol::cross_subject)[0]; };
  auto message = [&](auto change) {
    Dataset d = small_dataset(2, 2);
    for (Recording& r : d.recordings)
      for (Trial& t : r.trials) {
        t.eeg = t.eeg.clone();
        t.eye = t.eye.clone();
      }
    change(d.recordings[2].trials[1]);
    return thrown([&] { make_fold(d, plan_of(d)); });
  };
  CHECK(message([](Trial&) {}) == "");
  CHECK(message([](Trial& t) { t.label = 3; }) ==
        "[split] labels must be in [0, 2]; got 3 in trial 2 of file2_1");
  CHECK(message([](Trial& t) { t.eye = {}; }) ==
        "[split] all trials of a fold must have the same modalities; trial 1 of file2_1 has eye features, "
        "trial 2 of "
        "file2_1 has none");
  CHECK(message([](Trial& t) {
          t.eye = Tensor<float>::zeros({2, 33});
        }) ==
        "[split] eye features must have one shape in all trials of a fold; got (3, 3) in trial 1 of file2_1 "
        "and "
        "(2, 33) in trial 2 of file2_1");
  CHECK(message([](Trial& t) {
          t.eye = Tensor<float>::zeros({5, 3});
        }) == "[split] eye features must be (2 windows, features); got (5, 3) in trial 2 of file2_1");
  CHECK(message([](Trial& t) {
          t.eeg.set({0, 0, 0}, std::numeric_limits<float>::quiet_NaN());
        }).find("must be finite; trial 2 of file2_1") != std::string::npos);
  CHECK(message([](Trial& t) { t.eeg = t.eye = {}; }).find("must have windows; trial 2") !=
        std::string::npos);

  CHECK(thrown([&] { plan_folds(small_dataset(1, 2), Protocol::cross_subject); }) ==
        "[split] fold session1-subject01 of protocol cross-subject has no source: another subject is needed");
  CHECK(thrown([&] { plan_folds(small_dataset(2, 1), Protocol::cross_session); }) ==
        "[split] fold session1-subject01 of protocol cross-session has no source: another session is needed");
  CHECK(thrown([&] { plan_folds(good, Protocol::cross_subject, {.sessions = {3}}); }) ==
        "[split] there is no session 3 in the data");
  CHECK(thrown([&] { plan_folds(good, Protocol::cross_subject, {.validation_subjects = 1}); }) ==
        "[split] fewer validation subjects than source subjects are needed; got 1 of 1 in fold "
        "session1-subject01 "
        "(hint: validation trials)");
  CHECK(thrown([&] { plan_folds(good, Protocol::cross_subject, {.validation_trials = 6}); }) ==
        "[split] fewer validation trials than trials are needed; got 6 of 6 in file2_1");
  CHECK(thrown([&] { plan_folds(good, Protocol::cross_subject, {.validation_trials = -1}); }) != "");
  CHECK(thrown([&] { plan_folds(Dataset{}, Protocol::cross_subject); }) ==
        "[split] at least one fold is needed; the data has none for protocol cross-subject");
  Dataset twice = small_dataset(2, 1);
  twice.recordings.push_back(twice.recordings[0]);
  CHECK(thrown([&] { plan_folds(twice, Protocol::cross_subject); }) ==
        "[split] one recording of a subject and session is needed; got file1_1 and file1_1 for subject 1, "
        "session 1");
  CHECK(thrown([&] { make_fold(small_dataset(1, 1), plan_of(good)); }).find("names recordings or trials") !=
        std::string::npos);
  CHECK(thrown([] { protocol_of("loso"); }) ==
        "[protocol] one of cross-subject, cross-session, cross-session-pooled is needed; got 'loso'");
  CHECK(thrown([] { HeldOutLabels(Tensor<index_t>::from({1}, {4}), 4); }) != "");
}
