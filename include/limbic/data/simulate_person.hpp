// The simulator's subjects: how one person, in one session, shows an emotion.
//
// Everybody shares the sources and states of simulate_brain.hpp. A person differs in where the sources lie
// and how strong they are, in how an emotion is divided among them (a rotation of the class directions, which
// no normalisation of single features takes back), in the levels of all features and in disturbances of their
// own. A session adds a little of each. A person's and a session's numbers depend on the seed, the subject
// and the session alone.
#pragma once

#include <limbic/data/simulate_brain.hpp>

#include <algorithm>

namespace limbic::data {

// What is simulated; whoever is given options out of range throws.
struct SimulateOptions {
  SimulatedSet set = SimulatedSet::seed_iv;
  index_t subjects = 15;  // 1 to 1000
  index_t sessions = 3;   // 1 to 3
  std::uint64_t seed = 1;
  double difficulty = 1;       // how much subjects differ, 0 to 10: 0 not at all, 2 very much
  double noise = 1;            // of windows, in multiples of the default, 0 to 10
  double bad_eeg = 0.15;       // share of windows in which EEG says little, in [0, 1]
  double bad_eye = 0.15;       // the same of the eye features, independently
  index_t eye_features = 0;    // 31 or 33; 0: as in the data set (33 in SEED, 31 in SEED-IV)
  index_t window_seconds = 0;  // SEED: 1 or 4; SEED-IV: 4; 0: as in the data set (1 in SEED)
  index_t max_windows = 0;     // at most that many windows a trial, to make small sets; 0: as in the data set
};

namespace detail {

// How far subjects differ at difficulty 1: angles in radians; shares as deviations of a logarithm.
inline constexpr double kBrainAngle = 0.17, kEyeAngle = 0.25;
inline constexpr double kSourceShift = 0.12;  // of a source's place on the scalp
inline constexpr double kSourceGain = 0.2, kSourceWidth = 0.15, kSourceBand = 0.4, kEyeGain = 0.3;  // shares
inline constexpr double kSignature = 1.0, kEyeSignature = 0.75;  // of an emotion, against the common part
inline constexpr double kDisturbance = 0.6;
inline constexpr double kSessionShare = 0.35;  // of a session's differences, against a subject's

inline void check_options(const SimulateOptions& o) {
  constexpr const char* kName = "simulate";
  check(o.subjects >= 1 && o.subjects <= 1000, kName, "subjects must be 1 to 1000; got ", o.subjects);
  check(o.sessions >= 1 && o.sessions <= 3, kName, "sessions must be 1 to 3; got ", o.sessions);
  check(o.difficulty >= 0 && o.difficulty <= 10, kName, "difficulty must be 0 to 10; got ", o.difficulty);
  check(o.noise >= 0 && o.noise <= 10, kName, "noise must be 0 to 10; got ", o.noise);
  check(o.bad_eeg >= 0 && o.bad_eeg <= 1 && o.bad_eye >= 0 && o.bad_eye <= 1, kName,
        "shares of bad windows must be 0 to 1; got ", o.bad_eeg, " and ", o.bad_eye);
  check(o.eye_features == 0 || o.eye_features == 31 || o.eye_features == 33, kName,
        "eye features must be 31 or 33; got ", o.eye_features);
  check(o.window_seconds == 0 || o.window_seconds == 4 ||
            (o.window_seconds == 1 && o.set == SimulatedSet::seed),
        kName, "windows must be of ", o.set == SimulatedSet::seed ? "1 or 4 s" : "4 s", "; got ",
        o.window_seconds);
  check(o.max_windows >= 0, kName, "the number of windows must not be negative; got ", o.max_windows);
}

inline RandomStream simulator_stream(const SimulateOptions& o) {
  return Random(o.seed).stream("simulate/" + to_text(o.set));
}
inline RandomStream subject_stream(const SimulateOptions& o, index_t subject) {
  return simulator_stream(o).stream("subject/" + std::to_string(subject));
}
inline RandomStream session_stream(const SimulateOptions& o, index_t subject, index_t session) {
  return subject_stream(o, subject).stream("session/" + std::to_string(session));
}
// The facts of the set that is simulated: labels, numbers of windows.
inline const SeedLayout& layout_of(const SimulateOptions& o) {
  return o.set == SimulatedSet::seed_iv ? kSeedIv : o.window_seconds == 4 ? kSeed4 : kSeed;
}
inline int eye_count(const SimulateOptions& o) {
  return static_cast<int>(o.eye_features ? o.eye_features : layout_of(o).eye_features);
}

// A rotation of n dimensions: every pair of axes turned by a normal angle.
template <std::size_t N>
class Rotation {
 public:
  Rotation(Draws& draws, double angle) {
    for (std::size_t i = 0; i < N; ++i)
      for (std::size_t j = 0; j < N; ++j) m_[i][j] = i == j ? 1 : 0;
    for (std::size_t i = 0; i < N; ++i)
      for (std::size_t j = i + 1; j < N; ++j) {
        const double a = draws.normal(angle), c = std::cos(a), s = std::sin(a);
        for (std::size_t k = 0; k < N; ++k) {
          const double p = m_[i][k], q = m_[j][k];
          m_[i][k] = c * p - s * q;
          m_[j][k] = s * p + c * q;
        }
      }
  }
  std::array<double, N> operator()(std::span<const double, N> x) const {
    std::array<double, N> y{};
    for (std::size_t i = 0; i < N; ++i)
      for (std::size_t k = 0; k < N; ++k) y[i] += m_[i][k] * x[k];
    return y;
  }

 private:
  double m_[N][N];
};

using EegMap = std::array<double, kEegFeatures>;  // channel * kBands + band

// A bump over the scalp, with a profile over the bands, added to a map.
inline void add_bump(EegMap& map, ScalpPoint centre, double width, std::span<const double, kBands> band,
                     double gain) {
  for (int c = 0; c < kChannels; ++c) {
    const ScalpPoint p = scalp_points()[static_cast<std::size_t>(c)];
    const double square = (p.x - centre.x) * (p.x - centre.x) + (p.y - centre.y) * (p.y - centre.y);
    const double height = gain * std::exp(-square / (2 * width * width));
    for (int b = 0; b < kBands; ++b)
      map[static_cast<std::size_t>(c * kBands + b)] += height * band[static_cast<std::size_t>(b)];
  }
}

// One person in one session.
class SimulatedPerson {
 public:
  static constexpr int kDisturbances = 4;

  SimulatedPerson(const SimulateOptions& o, index_t subject, index_t session) : measures(eye_count(o)) {
    Draws who(subject_stream(o, subject)), when(session_stream(o, subject, session).stream("person"));
    const double far = o.difficulty, near = kSessionShare * o.difficulty;
    const Rotation<kSources> brain(who, kBrainAngle * far), brain_now(when, kBrainAngle * near);
    const Rotation<kEyeStates> eyes(who, kEyeAngle * far), eyes_now(when, kEyeAngle * near);
    const index_t classes = static_cast<index_t>(layout_of(o).classes.size());
    for (index_t k = 0; k < classes; ++k) {
      emotion.push_back(brain_now(brain(brain_of(o.set, k).first<kSources>())));
      eye_emotion.push_back(eyes_now(eyes(eyes_of(o.set, k).first<kEyeStates>())));
      EegMap own{};
      for (int bump = 0; bump < 3; ++bump) add_random_bump(own, who, kSignature * far);
      signature.push_back(own);
      eye_signature.emplace_back();
      for (double& v : eye_signature.back()) v = who.normal(kEyeSignature * far);
    }
    for (int s = 0; s < kSources; ++s)
      place_source(kSourceTable[s], source[static_cast<std::size_t>(s)], who, when, far);
    set_levels(who, when);
    for (EegMap& d : disturbance)
      for (int bump = 0; bump < 2; ++bump) add_random_bump(d, who, kDisturbance);
    for (int f = 0; f < kEyeFeatures; ++f) {  // all 33, so that 31 of them are the same
      const auto i = static_cast<std::size_t>(f);
      eye_level[i] = who.normal(1.0) + when.normal(0.5);
      eye_gain[i] = std::exp(who.normal(kEyeGain * far) + when.normal(kSessionShare * kEyeGain * far));
    }
  }

  int measures;                                             // of the eyes
  std::vector<std::array<double, kSources>> emotion;        // what each class does to the sources
  std::vector<std::array<double, kEyeStates>> eye_emotion;  // and to the states of the eyes
  std::vector<EegMap> signature;                            // of each class, beside the sources
  std::vector<std::array<double, kEyeFeatures>> eye_signature;
  std::array<EegMap, kSources> source{};
  std::array<EegMap, kDisturbances> disturbance{};  // tension, drowsiness, a loose cap
  EegMap level{};                                   // differential entropy at rest
  std::array<double, kEyeFeatures> eye_level{}, eye_gain{};

 private:
  static void place_source(const Source& s, EegMap& map, Draws& who, Draws& when, double far) {
    const ScalpPoint centre{s.centre.x + who.normal(kSourceShift * far),
                            s.centre.y + who.normal(kSourceShift * far)};
    const double width = s.width * std::exp(who.normal(kSourceWidth * far));
    const double gain =
        std::exp(who.normal(kSourceGain * far) + when.normal(kSessionShare * kSourceGain * far));
    std::array<double, kBands> band;
    for (int b = 0; b < kBands; ++b)
      band[static_cast<std::size_t>(b)] = s.band[b] * std::exp(who.normal(kSourceBand * far));
    add_bump(map, centre, width, band, gain);
  }
  void set_levels(Draws& who, Draws& when) {
    static constexpr double kUsual[kBands] = {21.5, 19.8, 19.2, 18.0, 17.0};
    for (int b = 0; b < kBands; ++b) {
      const double shift = kUsual[b] + who.normal(0.8) + when.normal(0.4);
      for (int c = 0; c < kChannels; ++c)
        level[static_cast<std::size_t>(c * kBands + b)] = shift + who.normal(0.5) + when.normal(0.25);
    }
  }
  // Something of this person's own.
  static void add_random_bump(EegMap& map, Draws& who, double gain) {
    std::array<double, kBands> band;
    const ScalpPoint centre{2 * who.uniform() - 1, 2 * who.uniform() - 1};
    const double width = 0.35 + 0.4 * who.uniform();
    for (double& v : band) v = who.normal();
    add_bump(map, centre, width, band, gain);
  }
};

}  // namespace detail

}  // namespace limbic::data
