// The simulator's trials: features window by window.
//
//   DE     = level + sum_j source_j u_j + sum_m disturbance_m n_m + artefact + noise    (log2 of 100 x power)
//   u(t)   = quality(t) intensity(t) (emotion of the class + deviation of the clip) + fluctuation(t)
//   eyes   the same from their states, as an exponential where a measure cannot be negative
//
// An emotion builds up within a clip. Each modality has bad stretches of its own, in which it says little
// about the emotion. What is written as "movingAve" is the mean of five windows, "LDS" the smoothed level of
// a linear dynamical system (Shi and Lu, EMBC 2010), here a random walk seen through noise.
#pragma once

#include <limbic/data/simulate_person.hpp>

namespace limbic::data::detail {

// Deviations of what varies within a session, in units of the features (log2 of power; drives of eye
// measures).
inline constexpr double kClip = 0.15;        // of a clip's effect, the same for everyone
inline constexpr double kStrength = 0.2;     // of how strongly a clip acts, share
inline constexpr double kFluctuation = 0.2;  // of the sources, over some 20 s
inline constexpr double kDrift = 0.5;        // of the disturbances, over some minutes
inline constexpr double kWindowNoise = 0.7;  // of every feature in every window
inline constexpr double kEyeUnrest = 0.35, kEyeNoise = 0.9;

// Rows of features over time; a small matrix, row-major (windows, features).
struct FeatureRows {
  std::size_t rows = 0, features = 0;
  std::vector<double> value;

  FeatureRows(std::size_t r, std::size_t f) : rows(r), features(f), value(r * f) {}
  double* row(std::size_t r) { return value.data() + r * features; }
  const double* row(std::size_t r) const { return value.data() + r * features; }
};

struct SimulatedTrial {
  FeatureRows de;                            // (W, 62 * 5), before smoothing
  FeatureRows eye;                           // (W, P), smoothed
  std::vector<double> quality, eye_quality;  // (W): 1 good, near 0 bad
};

// Mean of up to five windows, two on either side.
inline FeatureRows moving_average(const FeatureRows& x) {
  FeatureRows y(x.rows, x.features);
  for (std::size_t r = 0; r < x.rows; ++r) {
    const std::size_t begin = r < 2 ? 0 : r - 2, end = std::min(x.rows, r + 3);
    for (std::size_t i = begin; i < end; ++i)
      for (std::size_t f = 0; f < x.features; ++f)
        y.row(r)[f] += x.row(i)[f] / static_cast<double>(end - begin);
  }
  return y;
}

// Kalman filter and Rauch-Tung-Striebel smoother of a level that moves by `step` for noise of 1 (standard
// deviations).
inline FeatureRows smoothed_level(const FeatureRows& x, double step = 0.5) {
  FeatureRows y = x;
  std::vector<double> variance(x.rows, 1.0);  // of the filtered level
  for (std::size_t r = 1; r < x.rows; ++r) {
    const double before = variance[r - 1] + step * step, gain = before / (before + 1);
    variance[r] = (1 - gain) * before;
    for (std::size_t f = 0; f < x.features; ++f)
      y.row(r)[f] = y.row(r - 1)[f] + gain * (x.row(r)[f] - y.row(r - 1)[f]);
  }
  for (std::size_t r = x.rows; r-- > 1;) {
    const double gain = variance[r - 1] / (variance[r - 1] + step * step);
    for (std::size_t f = 0; f < x.features; ++f) y.row(r - 1)[f] += gain * (y.row(r)[f] - y.row(r - 1)[f]);
  }
  return y;
}

// Good and bad stretches, of 8 windows in the mean for the bad ones; (W) of 1 and kBadQuality.
inline constexpr double kBadQuality = 0.1;
inline std::vector<double> quality_course(Draws& draws, std::size_t windows, double bad) {
  const double leave = 1.0 / 8, enter = bad < 1 ? std::min(1.0, leave * bad / (1 - bad)) : 1.0;
  std::vector<double> q(windows);
  bool now = draws.uniform() < bad;
  for (double& v : q) {
    v = now ? kBadQuality : 1;
    const double u = draws.uniform();
    if (bad < 1) now = now ? u >= leave : u < enter;
  }
  return q;
}

// A course that wanders around 0 with the given deviation and memory.
template <std::size_t N>
class Wander {
 public:
  Wander(Draws& draws, double std, double memory) : std_(std), memory_(memory) {
    for (double& v : value) v = draws.normal(std);
  }
  void step(Draws& draws) {
    for (double& v : value) v = memory_ * v + draws.normal(std_ * std::sqrt(1 - memory_ * memory_));
  }
  std::array<double, N> value;

 private:
  double std_, memory_;
};

inline std::size_t window_count(const SimulateOptions& o, index_t session, index_t trial) {
  const index_t all = layout_of(o).windows(session, trial);
  return static_cast<std::size_t>(o.max_windows > 0 ? std::min(all, o.max_windows) : all);
}

// A short-lived artefact of a bad stretch: muscles at the side (high bands) or the eyes (low bands at the
// front).
inline EegMap artefact_map(Draws& draws) {
  static constexpr std::array<double, kBands> kMuscle{0.2, 0.2, 0.5, 1.2, 1.6},
      kBlink{1.6, 1.0, 0.4, 0.1, 0.0};
  EegMap map{};
  const bool muscle = draws.uniform() < 0.6;
  const double side = draws.uniform() < 0.5 ? -1 : 1;
  add_bump(map, muscle ? ScalpPoint{side, draws.normal(0.4)} : ScalpPoint{0.4 * side, 1.0}, 0.4,
           muscle ? kMuscle : kBlink, 1.0 + 0.5 * draws.uniform());
  return map;
}

// Trial `trial` (counted from 1) of a person, in the session that the person was made for.
inline SimulatedTrial simulate_trial(const SimulateOptions& o, const SimulatedPerson& person, index_t subject,
                                     index_t session, index_t trial) {
  const auto windows = window_count(o, session, trial);
  const auto label = static_cast<std::size_t>(layout_of(o).label(session, trial));
  const std::string name = "trial/" + std::to_string(trial);
  Draws clip(
      simulator_stream(o).stream("clip/" + std::to_string(session)).stream(name));  // the same for everyone
  const RandomStream own = session_stream(o, subject, session).stream(name);
  Draws draws(own.stream("eeg")), noise(own.stream("eeg noise")), eye_draws(own.stream("eye"));

  const auto measures = static_cast<std::size_t>(person.measures);
  SimulatedTrial t{FeatureRows(windows, kEegFeatures), FeatureRows(windows, measures), {}, {}};
  t.quality = quality_course(draws, windows, o.bad_eeg);
  t.eye_quality = quality_course(eye_draws, windows, o.bad_eye);

  std::array<double, kSources> emotion = person.emotion[label];
  std::array<double, kEyeStates> eyes = person.eye_emotion[label];
  for (double& v : emotion) v += clip.normal(kClip);
  for (double& v : eyes) v += clip.normal(kClip);
  const auto seconds = static_cast<double>(layout_of(o).window_seconds);
  const double strength = std::exp(draws.normal(kStrength));
  const double memory = std::exp(-seconds / 20), slow = std::exp(-seconds / 120);
  auto intensity = [&](std::size_t w) {
    return strength * (1 - 0.6 * std::exp(-static_cast<double>(w) * seconds / 25));
  };

  Wander<kSources> fluctuation(draws, kFluctuation * o.noise, memory);
  Wander<SimulatedPerson::kDisturbances> drift(draws, kDrift * o.noise, slow);
  const EegMap artefact = artefact_map(draws);
  for (std::size_t w = 0; w < windows; ++w) {
    double* row = t.de.row(w);
    std::copy(person.level.begin(), person.level.end(), row);
    auto add = [row](const EegMap& map, double by) {
      for (std::size_t f = 0; f < kEegFeatures; ++f) row[f] += by * map[f];
    };
    for (std::size_t s = 0; s < kSources; ++s)
      add(person.source[s], t.quality[w] * intensity(w) * emotion[s] + fluctuation.value[s]);
    add(person.signature[label], t.quality[w] * intensity(w));
    for (std::size_t m = 0; m < drift.value.size(); ++m) add(person.disturbance[m], drift.value[m]);
    if (t.quality[w] < 1) add(artefact, 0.6 + std::fabs(noise.normal(0.6)));
    for (std::size_t f = 0; f < kEegFeatures; ++f) row[f] += noise.normal(kWindowNoise * o.noise);
    fluctuation.step(draws);
    drift.step(draws);
  }

  // The drives are smoothed before they become measures, so that those keep their signs.
  Wander<kEyeStates> unrest(eye_draws, kEyeUnrest * o.noise, memory);
  for (std::size_t w = 0; w < windows; ++w) {
    const double spread = t.eye_quality[w] < 1 ? 2.0 : 1.0;  // the tracker loses the eye
    for (std::size_t f = 0; f < measures; ++f) {
      double drive = person.eye_level[f] + t.eye_quality[w] * intensity(w) * person.eye_signature[label][f] +
                     eye_draws.normal(kEyeNoise * spread * o.noise);
      for (std::size_t s = 0; s < kEyeStates; ++s)
        drive += person.eye_gain[f] * kEyeMeasures[f].drive[s] *
                 (t.eye_quality[w] * intensity(w) * eyes[s] + spread * unrest.value[s]);
      t.eye.row(w)[f] = drive;
    }
    unrest.step(eye_draws);
  }
  t.eye = smoothed_level(t.eye);
  for (std::size_t w = 0; w < windows; ++w)
    for (std::size_t f = 0; f < measures; ++f) {
      const EyeMeasure& m = kEyeMeasures[f];
      double& v = t.eye.row(w)[f];
      v = m.positive ? m.usual * std::exp(m.step * v) : m.usual + m.step * v;
    }
  return t;
}

}  // namespace limbic::data::detail
