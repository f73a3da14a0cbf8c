// The simulator in memory: shapes, ranges, determinism, and that it is of use: a new subject is harder than
// known ones, and adaptation has something to gain.
#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/compare.hpp>
#include <limbic/data/batches.hpp>
#include <limbic/data/simulate.hpp>
#include <limbic/loss/coral.hpp>
#include <limbic/loss/cross_entropy.hpp>
#include <limbic/nn/linear.hpp>
#include <limbic/nn/module.hpp>
#include <limbic/ops/ops.hpp>
#include <limbic/optim/adam.hpp>

#include "support/throws.hpp"

#include <doctest/doctest.h>

#include <thread>

using namespace limbic;
using namespace limbic::data;

namespace {

const SimulateOptions kSmall{.subjects = 2, .sessions = 2, .max_windows = 4};

bool same(const Recording& a, const Recording& b) {
  bool all = a.trials.size() == b.trials.size();
  for (std::size_t t = 0; all && t < a.trials.size(); ++t)
    all = a.trials[t].label == b.trials[t].label && equal(a.trials[t].eeg, b.trials[t].eeg) &&
          equal(a.trials[t].eye, b.trials[t].eye);
  return all;
}

// A classifier of two layers on all features.
struct Net {
  Linear<float> hidden, out;
  Net(index_t features, index_t classes, RandomStream& random)
      : hidden(features, 48, random), out(48, classes, random) {}
  template <class V>
  void visit(V&& v) {
    v("hidden", hidden);
    v("out", out);
  }
};
Tensor<float> features(const Tensor<float>& eeg, const Tensor<float>& eye) {
  return concat({eeg.reshape({eeg.size(0), -1}), eye.contiguous()}, 1);
}

struct Accuracy {
  double known = 0, fresh = 0;  // on held-out trials of the source subjects; on the new subject
};

Accuracy train(const Fold& fold, float coral_weight) {
  RandomStream random = Random(3).stream("init");
  Net net(features(fold.source.eeg.slice(0, 0, 1), fold.source.eye.slice(0, 0, 1)).size(1), fold.classes,
          random);
  AdamW<float> optimizer(parameters<float>(net), AdamWOptions{.lr = 1e-3});
  DomainBatches batches(fold.source, fold.target, {.size = 64});
  const int epochs = 6;
  for (index_t i = 0; i < epochs * batches.steps(); ++i) {
    const DomainBatch& b = batches.next();
    const Var<float> h = relu(net.hidden(features(b.source_eeg, b.source_eye)));
    Var<float> loss = cross_entropy(net.out(h), b.label);
    if (coral_weight > 0) {
      const Var<float> t = relu(net.hidden(features(b.target_eeg, b.target_eye)));
      const float ramp = static_cast<float>(b.position.epoch) / static_cast<float>(epochs - 1);
      loss = loss + coral(h, t, coral_preset("tllib")) * (coral_weight * ramp);
    }
    optimizer.zero_grad();
    backward(loss);
    optimizer.step();
  }
  const NoGrad off;
  auto predicted = [&](const Tensor<float>& eeg, const Tensor<float>& eye) {
    return argmax(net.out(relu(net.hidden(features(eeg, eye)))), 1);
  };
  Confusion known(fold.classes);
  known.add(fold.validation->label, predicted(fold.validation->eeg, fold.validation->eye));
  return {known.accuracy(), fold.truth.score(predicted(fold.target.eeg, fold.target.eye)).accuracy()};
}

}  // namespace

TEST_CASE("the sets have the form of the real ones") {
  const Dataset iv = simulate({.subjects = 1});
  CHECK(iv.simulated);
  CHECK(iv.name == "SEED-IV");
  CHECK(iv.classes == std::vector<std::string>{"neutral", "sad", "fear", "happy"});
  REQUIRE(iv.recordings.size() == 3);
  const index_t windows[] = {851, 832, 822};
  for (std::size_t k = 0; k < 3; ++k) {
    index_t sum = 0;
    REQUIRE(iv.recordings[k].trials.size() == 24);
    for (const Trial& t : iv.recordings[k].trials) {
      sum += t.windows();
      CHECK(t.eeg.shape() == Shape{t.windows(), 62, 5});
      CHECK(t.eye.shape() == Shape{t.windows(), 31});
    }
    CHECK(sum == windows[k]);
  }
  CHECK(iv.recordings[1].trials[0].label == 2);

  const Dataset seed = simulate({.set = SimulatedSet::seed, .subjects = 1, .sessions = 1});
  CHECK(seed.name == "SEED");
  index_t sum = 0;
  std::vector<index_t> labels;
  for (const Trial& t : seed.recordings[0].trials) {
    sum += t.windows();
    labels.push_back(t.label - 1);
    CHECK(t.eye.size(1) == 33);
  }
  CHECK(sum == 3394);
  CHECK(labels == std::vector<index_t>{1, 0, -1, -1, 0, 1, -1, 0, 1, 1, 0, -1, 0, 1, -1});
}

TEST_CASE("values are plausible") {
  for (SimulatedSet set : {SimulatedSet::seed, SimulatedSet::seed_iv}) {
    const Dataset d = simulate({.set = set, .subjects = 5, .sessions = 1, .max_windows = 30});
    double low = 1e9, high = -1e9;
    for (const Recording& r : d.recordings)
      for (const Trial& t : r.trials) {
        for (float v : t.eeg.span()) {
          low = std::min(low, static_cast<double>(v));
          high = std::max(high, static_cast<double>(v));
        }
        for (index_t w = 0; w < t.windows(); ++w) {
          const float pupil = t.eye.at(w, 0), fixation = t.eye.at(w, 16);
          CHECK((pupil > 1.5f && pupil < 9.0f));         // mm
          CHECK((fixation > 60.0f && fixation < 2000));  // ms
          for (index_t f = 12; f < t.eye.size(1); ++f) REQUIRE(t.eye.at(w, f) > 0);
        }
      }
    CHECK(low > 7);
    CHECK(low < 14);
    CHECK(high < 31);
    CHECK(high > 23);
  }
}

TEST_CASE("a recording depends on its numbers alone: order and threads do not matter, seeds do") {
  const Dataset d = simulate(kSmall);
  CHECK(same(simulate_recording(kSmall, 2, 1), d.recordings[2]));
  std::vector<Recording> made(4);
  std::vector<std::thread> threads;
  for (index_t i = 3; i >= 0; --i)
    threads.emplace_back(
        [&made, i] { made[static_cast<std::size_t>(i)] = simulate_recording(kSmall, 1 + i / 2, 1 + i % 2); });
  for (std::thread& t : threads) t.join();
  for (std::size_t i = 0; i < 4; ++i) CHECK(same(made[i], d.recordings[i]));
  SimulateOptions more = kSmall;
  more.subjects = 7;
  CHECK(same(simulate_recording(more, 2, 2), d.recordings[3]));
  more.seed = 2;
  CHECK_FALSE(same(simulate_recording(more, 2, 2), d.recordings[3]));
  CHECK_FALSE(same(d.recordings[0], d.recordings[2]));
  CHECK(d.remarks.size() == 1);
}

TEST_CASE("quality varies by window, independently for the modalities") {
  const SimulateOptions o{.subjects = 4, .sessions = 1};
  double n = 0, eeg = 0, eye = 0, both = 0;
  for (index_t s = 1; s <= 4; ++s) {
    const data::detail::SimulatedPerson person(o, s, 1);
    for (index_t t = 1; t <= 24; ++t) {
      const auto trial = data::detail::simulate_trial(o, person, s, 1, t);
      for (std::size_t w = 0; w < trial.quality.size(); ++w) {
        n += 1;
        eeg += trial.quality[w] < 1;
        eye += trial.eye_quality[w] < 1;
        both += trial.quality[w] < 1 && trial.eye_quality[w] < 1;
      }
    }
  }
  CHECK(eeg / n == doctest::Approx(0.15).epsilon(0.3));
  CHECK(eye / n == doctest::Approx(0.15).epsilon(0.3));
  CHECK(both / n < 0.06);
  {
    data::detail::Draws draws(Random(1).stream("q"));
    for (double bad : {0.0, 1.0})
      for (double q : data::detail::quality_course(draws, 50, bad)) CHECK((q < 1) == (bad == 1));
  }
}

TEST_CASE("smoothing: a level stays, noise shrinks, a moving average is the mean of five") {
  data::detail::FeatureRows x(40, 1);
  for (std::size_t i = 0; i < 40; ++i) x.row(i)[0] = 5;
  for (double v : data::detail::smoothed_level(x).value) CHECK(v == doctest::Approx(5));
  data::detail::Draws draws(Random(1).stream("noise"));
  double before = 0, after = 0;
  for (double& v : x.value) {
    v = draws.normal();
    before += v * v;
  }
  for (double v : data::detail::smoothed_level(x).value) after += v * v;
  CHECK(after < before / 3);
  const auto average = data::detail::moving_average(x);
  double five = 0;
  for (std::size_t i = 8; i < 13; ++i) five += x.row(i)[0] / 5;
  CHECK(average.row(10)[0] == doctest::Approx(five));
  CHECK(average.row(0)[0] == doctest::Approx((x.row(0)[0] + x.row(1)[0] + x.row(2)[0]) / 3));
}

TEST_CASE("new subjects are harder than known ones, and alignment gains") {
  const Dataset d = simulate({.subjects = 10, .sessions = 1, .max_windows = 16});
  const auto plans = plan_folds(d, Protocol::cross_subject, {.validation_trials = 5});
  const int folds = 5;
  Accuracy plain, aligned;
  for (std::size_t i = 0; i < folds; ++i) {
    const Fold fold = make_fold(d, plans[i]);
    const Accuracy a = train(fold, 0), b = train(fold, 1);
    plain.known += a.known / folds;
    plain.fresh += a.fresh / folds;
    aligned.fresh += b.fresh / folds;
  }
  MESSAGE("known " << plain.known << ", new " << plain.fresh << ", new, aligned " << aligned.fresh);
  CHECK(plain.known > 0.75);
  CHECK(plain.fresh < plain.known - 0.12);
  CHECK(plain.fresh > 0.4);
  CHECK(aligned.fresh > plain.fresh + 0.02);
  // With difficulty 0 everybody is alike.
  const Dataset easy = simulate({.subjects = 6, .sessions = 1, .difficulty = 0, .max_windows = 16});
  const Accuracy same_people =
      train(make_fold(easy, plan_folds(easy, Protocol::cross_subject, {.validation_trials = 5})[0]), 0);
  CHECK(same_people.fresh > same_people.known - 0.1);
}

TEST_CASE("errors") {
  CHECK(thrown([] { simulate({.subjects = 0}); }) == "[simulate] subjects must be 1 to 1000; got 0");
  CHECK(thrown([] { simulate({.sessions = 4}); }) == "[simulate] sessions must be 1 to 3; got 4");
  CHECK(thrown([] { simulate({.difficulty = -1}); }) == "[simulate] difficulty must be 0 to 10; got -1");
  CHECK(thrown([] { simulate({.bad_eye = 1.5}); }) != "");
  CHECK(thrown([] { simulate({.eye_features = 32}); }) == "[simulate] eye features must be 31 or 33; got 32");
  CHECK(thrown([] { simulate({.max_windows = -1}); }) != "");
  CHECK(thrown([] { simulate({.noise = std::nan("")}); }) != "");
  CHECK(thrown([] { simulate_recording(kSmall, 3, 1); }) ==
        "[simulate] a subject in 1 .. 2 and a session in 1 .. 2 are needed; got 3 and 1");
  CHECK(thrown([] { simulated_set_of("deap"); }) ==
        "[simulate] a data set is one of seed, seed-iv; got 'deap'");
}
