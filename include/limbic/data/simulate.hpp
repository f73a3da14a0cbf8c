// Simulated SEED and SEED-IV: data sets of the right form in which adaptation has something to gain, for
// trying things out and for tests. Nothing here is a recording; whatever is made from it must say so.
//
// Each trial's numbers depend on the seed, the subject, the session and the trial alone, in whatever order
// and on whatever thread they are made. simulate_write.hpp writes the files that the readers read; the model
// is told in simulate_brain.hpp, simulate_person.hpp and simulate_trial.hpp.
#pragma once

#include <limbic/data/dataset.hpp>
#include <limbic/data/simulate_trial.hpp>

namespace limbic::data {

namespace detail {

// Rounded to float, (rows, dims...).
inline Tensor<float> to_tensor(const FeatureRows& x, const Shape& shape) {
  Tensor<float> t = Tensor<float>::empty(shape);
  std::transform(x.value.begin(), x.value.end(), t.mutable_span().begin(),
                 [](double v) { return static_cast<float>(v); });
  return t;
}

}  // namespace detail

// One session of one subject, both counted from 1: de_LDS (W, 62, 5) and eye features (W, 31 or 33) of every
// trial. Throws for options, subjects and sessions out of range.
inline Recording simulate_recording(const SimulateOptions& options, index_t subject, index_t session) {
  detail::check_options(options);
  check(subject >= 1 && subject <= options.subjects && session >= 1 && session <= options.sessions,
        "simulate", "a subject in 1 .. ", options.subjects, " and a session in 1 .. ", options.sessions,
        " are needed; got ", subject, " and ", session);
  const detail::SimulatedPerson person(options, subject, session);
  const SeedLayout& layout = detail::layout_of(options);
  Recording r{subject,
              session,
              "simulated subject " + std::to_string(subject) + ", session " + std::to_string(session),
              {}};
  for (index_t number = 1; number <= layout.trials; ++number) {
    const detail::SimulatedTrial t = detail::simulate_trial(options, person, subject, session, number);
    const auto w = static_cast<index_t>(t.de.rows);
    r.trials.push_back({number, layout.label(session, number),
                        detail::to_tensor(detail::smoothed_level(t.de), {w, detail::kChannels, kBands}),
                        detail::to_tensor(t.eye, {w, person.measures})});
  }
  return r;
}

// All subjects and sessions, as simulate_recording(). Throws for options out of range.
inline Dataset simulate(const SimulateOptions& options = {}) {
  detail::check_options(options);
  Dataset d;
  const SeedLayout& layout = detail::layout_of(options);
  d.name = layout.name;
  d.classes.assign(layout.classes.begin(), layout.classes.end());
  d.eeg_feature = "de_LDS";
  d.simulated = true;
  for (index_t s = 1; s <= options.subjects; ++s)
    for (index_t k = 1; k <= options.sessions; ++k) d.recordings.push_back(simulate_recording(options, s, k));
  if (options.max_windows > 0)
    d.remarks.push_back("At most " + std::to_string(options.max_windows) +
                        " windows of each trial were simulated.");
  return d;
}

}  // namespace limbic::data
