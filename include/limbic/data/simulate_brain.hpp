// The simulator's common ground: where rhythms come from, and how emotions change them and the eyes.
//
// EEG. Eight cortical sources, each a bump on the scalp with a profile over the bands. An emotion raises or
// lowers each of them; the signs follow what is reported of SEED and its kind: lateral temporal beta and
// gamma rise with positive emotion (Zheng and Lu, IEEE TAMD 7, 2015), frontal alpha is asymmetric with
// valence (Davidson, Brain and Cognition 20, 1992), parietal alpha marks the neutral state, frontal midline
// theta effort and fear. Eye. Five states (pupil size, pupil unrest, exploration, blinking, dwelling) drive
// 31 or 33 measures; sad is close to neutral there and fear stands apart, so that the modalities complement
// each other. The numbers are plausible, not measured.
#pragma once

#include <limbic/core/random.hpp>
#include <limbic/data/simulate_tables.hpp>

#include <cmath>

namespace limbic::data::detail {

inline constexpr int kChannels = kElectrodes, kEegFeatures = kChannels * static_cast<int>(kBands);
inline constexpr int kSources = 8, kEyeStates = 5, kEyeFeatures = 33;

// Numbers from a stream, one after the other.
class Draws {
 public:
  explicit Draws(const RandomStream& stream) : key_(stream.state()) {}
  // In [0, 1).
  double uniform() { return unit_double(philox_bits64(key_, next_++)); }
  double normal(double std = 1) {
    if (spare_) {
      spare_ = false;
      return std * second_;
    }
    const std::uint64_t radius = philox_bits64(key_, next_), angle = philox_bits64(key_, next_ + 1);
    const NormalPair p = normal_pair(radius, angle);
    next_ += 2;
    second_ = p.second;
    spare_ = true;
    return std * p.first;
  }

 private:
  PhiloxKey key_;
  std::uint64_t next_ = 0;
  double second_ = 0;
  bool spare_ = false;
};

// A place on the scalp seen from above: x to the right, y to the front, ears and forehead at about 1.
struct ScalpPoint {
  double x, y;
};

// Of the electrodes, in order. In electrodes.hpp the ring through the forehead and above the ears lies at
// 0.8.
inline const std::array<ScalpPoint, kChannels>& scalp_points() {
  static const std::array<ScalpPoint, kChannels> all = [] {
    std::array<ScalpPoint, kChannels> points{};
    const auto positions = electrode_positions();
    for (std::size_t c = 0; c < positions.size(); ++c)
      points[c] = {positions[c].x / 0.8, positions[c].y / 0.8};
    return points;
  }();
  return all;
}

struct Source {
  ScalpPoint centre;
  double width;
  double band[kBands];  // delta, theta, alpha, beta, gamma
};

inline constexpr Source kSourceTable[kSources] = {
    {{-0.95, 0.05}, 0.42, {0.0, 0.0, 0.1, 0.8, 1.0}},  // left temporal
    {{0.95, 0.05}, 0.42, {0.0, 0.0, 0.1, 0.8, 1.0}},   // right temporal
    {{-0.45, 0.55}, 0.40, {0.0, 0.2, 1.0, 0.3, 0.0}},  // left frontal alpha
    {{0.45, 0.55}, 0.40, {0.0, 0.2, 1.0, 0.3, 0.0}},   // right frontal alpha
    {{0.0, -0.70}, 0.55, {0.0, 0.1, 1.0, 0.3, 0.1}},   // parietal and occipital alpha
    {{0.0, 0.50}, 0.35, {0.5, 1.0, 0.2, 0.0, 0.0}},    // frontal midline theta
    {{0.0, -0.95}, 0.45, {0.0, 0.1, 0.0, 0.6, 0.9}},   // visual gamma
    {{0.0, 0.00}, 0.45, {0.1, 0.2, 0.3, 1.0, 0.4}},    // central beta
};

// How emotions change the sources, and the states of the eyes, by class.
inline constexpr double kSeedBrain[3][kSources] = {{-0.4, -0.2, 0.5, -0.7, -0.2, 0.9, 0.4, 0.2},   // negative
                                                   {-0.6, -0.6, 0.2, 0.2, 1.0, -0.5, -0.4, -0.3},  // neutral
                                                   {1.0, 0.9, -0.6, 0.3, -0.5, -0.2, 0.2, 0.2}};   // positive
inline constexpr double kSeedEyes[3][kEyeStates] = {
    {0.9, 0.4, -0.2, -0.5, 0.2}, {-0.9, -0.4, -0.4, 0.5, 0.6}, {0.2, -0.1, 0.9, 0.2, -0.7}};
inline constexpr double kSeedIvBrain[4][kSources] = {
    {-0.5, -0.5, 0.1, 0.1, 1.0, -0.5, -0.4, -0.3},  // neutral
    {-0.4, -0.2, 0.9, 0.0, -0.1, 0.5, -0.5, -0.5},  // sad
    {0.1, 0.2, 0.1, -0.9, -0.5, 0.8, 0.7, 0.5},     // fear
    {1.0, 0.9, -0.7, 0.3, -0.5, -0.4, 0.2, 0.2}};   // happy
inline constexpr double kSeedIvEyes[4][kEyeStates] = {{-0.8, -0.4, -0.3, 0.4, 0.3},
                                                      {-0.5, -0.1, -0.6, 0.2, 0.8},
                                                      {1.1, 0.6, -0.1, -0.7, -0.1},
                                                      {0.1, -0.2, 0.9, 0.3, -0.7}};

inline std::span<const double> brain_of(SimulatedSet set, index_t label) {
  const auto k = static_cast<std::size_t>(label);
  return set == SimulatedSet::seed ? std::span<const double>(kSeedBrain[k])
                                   : std::span<const double>(kSeedIvBrain[k]);
}
inline std::span<const double> eyes_of(SimulatedSet set, index_t label) {
  const auto k = static_cast<std::size_t>(label);
  return set == SimulatedSet::seed ? std::span<const double>(kSeedEyes[k])
                                   : std::span<const double>(kSeedIvEyes[k]);
}

// An eye measure: its usual value; how far one unit of its drive moves it, as a share of the value where it
// cannot be negative (then it is the value times the exponential), else by itself; and what drives it.
struct EyeMeasure {
  double usual, step;
  bool positive;
  double drive[kEyeStates];  // pupil size, pupil unrest, exploration, blinking, dwelling
};

inline constexpr EyeMeasure kEyeMeasures[kEyeFeatures] = {
    // Pupil diameter X: mean and deviation in mm, differential entropy in four bands; the same of Y.
    {3.6, 0.10, true, {1.0, 0.1, 0.0, 0.0, 0.0}},
    {0.22, 0.25, true, {0.2, 1.0, 0.1, 0.1, 0.0}},
    {1.4, 0.35, false, {0.4, 0.8, 0.0, 0.0, 0.0}},
    {0.6, 0.35, false, {0.2, 0.9, 0.1, 0.0, 0.0}},
    {0.2, 0.35, false, {0.1, 0.8, 0.2, 0.1, 0.0}},
    {-0.3, 0.35, false, {0.0, 0.7, 0.2, 0.2, 0.0}},
    {3.5, 0.10, true, {1.0, 0.0, 0.1, 0.0, 0.0}},
    {0.24, 0.25, true, {0.1, 1.0, 0.0, 0.2, 0.0}},
    {1.5, 0.35, false, {0.5, 0.7, 0.0, 0.0, 0.1}},
    {0.7, 0.35, false, {0.1, 0.9, 0.0, 0.1, 0.0}},
    {0.2, 0.35, false, {0.0, 0.8, 0.2, 0.0, 0.0}},
    {-0.2, 0.35, false, {0.0, 0.7, 0.1, 0.3, 0.0}},
    // Dispersion in pixels: X mean and deviation, Y mean and deviation.
    {24, 0.30, true, {0.0, 0.1, 0.9, 0.0, -0.3}},
    {15, 0.30, true, {0.0, 0.1, 0.8, 0.1, -0.2}},
    {19, 0.30, true, {0.0, 0.0, 0.9, 0.2, -0.3}},
    {12, 0.30, true, {0.0, 0.0, 0.7, 0.2, -0.2}},
    // Fixation duration in ms: mean and deviation.
    {310, 0.25, true, {0.0, 0.0, -0.4, -0.2, 1.0}},
    {190, 0.30, true, {0.0, 0.1, -0.3, -0.1, 0.9}},
    // Saccades: duration in ms, mean and deviation; amplitude in degrees, mean and deviation.
    {46, 0.20, true, {0.0, 0.0, 0.8, 0.1, -0.2}},
    {23, 0.25, true, {0.0, 0.1, 0.6, 0.2, -0.1}},
    {4.2, 0.25, true, {0.1, 0.0, 1.0, 0.0, -0.3}},
    {2.9, 0.25, true, {0.0, 0.1, 0.8, 0.0, -0.2}},
    // Events: blinks and fixations per s, longest fixation (ms), dispersion in all and largest, saccades per
    // s,
    // mean duration (ms), amplitude (degrees) and latency (ms) of saccades.
    {0.3, 0.35, true, {-0.1, 0.1, 0.0, 1.0, 0.0}},
    {2.4, 0.20, true, {0.0, 0.0, 0.5, 0.1, -0.8}},
    {820, 0.30, true, {0.1, 0.0, -0.4, -0.3, 0.9}},
    {210, 0.30, true, {0.0, 0.0, 0.9, 0.1, -0.3}},
    {62, 0.30, true, {0.0, 0.1, 0.8, 0.1, -0.1}},
    {2.2, 0.20, true, {0.0, 0.0, 0.8, 0.2, -0.5}},
    {45, 0.20, true, {0.0, 0.0, 0.8, 0.0, -0.2}},
    {4.1, 0.25, true, {0.1, 0.0, 0.9, 0.0, -0.3}},
    {240, 0.20, true, {-0.2, 0.0, -0.5, 0.0, 0.6}},
    // SEED only. Blink duration in ms: mean and deviation.
    {140, 0.25, true, {-0.2, 0.1, 0.0, 0.8, 0.1}},
    {60, 0.30, true, {-0.1, 0.2, 0.0, 0.7, 0.0}},
};

}  // namespace limbic::data::detail
