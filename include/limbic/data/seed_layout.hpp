// What the releases of SEED (Zheng and Lu, IEEE TAMD 2015) and SEED-IV (Zheng et al., IEEE Trans. Cybernetics
// 2019) hold, as they are published: numbers of subjects, sessions, trials and windows, labels, names.
#pragma once

#include <limbic/core/error.hpp>
#include <limbic/data/electrodes.hpp>

#include <array>
#include <span>
#include <string>

namespace limbic::data {

// Of the shipped features, and of raw EEG.
inline constexpr index_t kBands = 5;
inline constexpr double kRawRate = 200;  // samples a second

// Bands of the shipped features, in Hz.
struct Band {
  const char* name;
  double low, high;
};
inline constexpr std::array<Band, kBands> kBandTable = {
    {{"delta", 1, 4}, {"theta", 4, 8}, {"alpha", 8, 14}, {"beta", 14, 31}, {"gamma", 31, 50}}};

// Eye features, in the order of SEED-IV's rows; SEED has two more, whose place among its 33 columns the
// release does not say. DE: differential entropy of the pupil's diameter in a band. Dispersion and what
// follows are of fixations, saccades and blinks within the window.
inline constexpr std::array<const char*, 33> kEyeFeatureNames = {"pupil X mean",
                                                                 "pupil X std",
                                                                 "pupil X DE 0-0.2 Hz",
                                                                 "pupil X DE 0.2-0.4 Hz",
                                                                 "pupil X DE 0.4-0.6 Hz",
                                                                 "pupil X DE 0.6-1 Hz",
                                                                 "pupil Y mean",
                                                                 "pupil Y std",
                                                                 "pupil Y DE 0-0.2 Hz",
                                                                 "pupil Y DE 0.2-0.4 Hz",
                                                                 "pupil Y DE 0.4-0.6 Hz",
                                                                 "pupil Y DE 0.6-1 Hz",
                                                                 "dispersion X mean",
                                                                 "dispersion X std",
                                                                 "dispersion Y mean",
                                                                 "dispersion Y std",
                                                                 "fixation duration mean",
                                                                 "fixation duration std",
                                                                 "saccade duration mean",
                                                                 "saccade duration std",
                                                                 "saccade amplitude mean",
                                                                 "saccade amplitude std",
                                                                 "blink frequency",
                                                                 "fixation frequency",
                                                                 "fixation duration max",
                                                                 "dispersion total",
                                                                 "dispersion max",
                                                                 "saccade frequency",
                                                                 "saccade duration average",
                                                                 "saccade amplitude average",
                                                                 "saccade latency average",
                                                                 "blink duration mean",
                                                                 "blink duration std"};

// A release: how much there is of everything, and the labels.
struct SeedLayout {
  const char* name;
  index_t subjects, sessions, trials;
  std::span<const char* const> classes;
  index_t eye_features;
  index_t window_seconds;           // of the counts below
  std::span<const int> all_labels;  // sessions x trials (one row where all sessions are alike), classes
  std::span<const int> all_windows;

  // The class of a trial, counted from 0, and its number of windows. `session` and `trial` count from 1.
  // Throw when there is none.
  index_t label(index_t session, index_t trial) const { return all_labels[place(session, trial)]; }
  index_t windows(index_t session, index_t trial) const { return all_windows[place(session, trial)]; }

 private:
  std::size_t place(index_t session, index_t trial) const {
    if (session < 1 || session > sessions || trial < 1 || trial > trials)
      fail("seed", name, " has ", sessions, " sessions of ", trials, " trials; got session ", session,
           ", trial ", trial);
    const std::size_t rows = all_labels.size() / static_cast<std::size_t>(trials);
    return (static_cast<std::size_t>(session - 1) % rows) * static_cast<std::size_t>(trials) +
           static_cast<std::size_t>(trial - 1);
  }
};

namespace detail {
inline constexpr const char* kSeedClasses[] = {"negative", "neutral", "positive"};
inline constexpr int kSeedLabels[] = {2, 1, 0, 0, 1, 2, 0, 1, 2, 2, 1, 0, 1, 2, 0};
inline constexpr int kSeedWindows[] = {235, 233, 206, 238, 185, 195, 237, 216,
                                       265, 237, 235, 233, 235, 238, 206};
inline constexpr int kSeedWindows4[] = {58, 58, 51, 59, 46, 48, 59, 54, 66, 59, 58, 58, 58, 59, 51};

inline constexpr const char* kSeedIvClasses[] = {"neutral", "sad", "fear", "happy"};
inline constexpr int kSeedIvLabels[] = {
    1, 2, 3, 0, 2, 0, 0, 1, 0, 1, 2, 1, 1, 1, 2, 3, 2, 2, 3, 3, 0, 3, 0, 3,  //
    2, 1, 3, 0, 0, 2, 0, 2, 3, 3, 2, 3, 2, 0, 1, 1, 2, 1, 0, 3, 0, 1, 3, 1,  //
    1, 2, 2, 1, 3, 3, 3, 1, 1, 2, 1, 0, 2, 3, 3, 0, 2, 3, 0, 0, 2, 0, 1, 0};
inline constexpr int kSeedIvWindows[] = {
    42, 23, 49, 32, 22, 40, 38, 52, 36, 42, 12, 27, 54, 42, 64, 35, 17, 44, 35, 12, 28, 28, 43, 34,  //
    55, 25, 34, 36, 53, 27, 34, 46, 34, 20, 60, 12, 36, 27, 44, 15, 46, 49, 45, 10, 37, 44, 24, 19,  //
    42, 32, 23, 45, 48, 26, 64, 23, 26, 16, 51, 41, 39, 19, 28, 44, 14, 17, 45, 22, 39, 38, 41, 39};
}  // namespace detail

// SEED's features of windows of 1 s; every session shows the same 15 clips.
inline constexpr SeedLayout kSeed = {
    "SEED", 15, 3, 15, detail::kSeedClasses, 33, 1, detail::kSeedLabels, detail::kSeedWindows};
// The same in windows of 4 s, as in the multimodal release: a quarter of the windows, rounded down.
inline constexpr SeedLayout kSeed4 = {
    "SEED", 15, 3, 15, detail::kSeedClasses, 33, 4, detail::kSeedLabels, detail::kSeedWindows4};
// SEED-IV, windows of 4 s; each session shows clips of its own.
inline constexpr SeedLayout kSeedIv = {
    "SEED-IV", 15, 3, 24, detail::kSeedIvClasses, 31, 4, detail::kSeedIvLabels, detail::kSeedIvWindows};

// Subjects of SEED whose eyes were recorded too: those of the multimodal release.
inline constexpr std::array<int, 12> kSeedEyeSubjects = {1, 2, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14};
// Its first 9 trials are its "train" rows (499), the others its "test" rows (343).
inline constexpr index_t kSeedTrainTrials = 9;

}  // namespace limbic::data
