// What the simulator copies from SEED and SEED-IV: classes, labels and window counts of every session.
#pragma once

#include <limbic/core/error.hpp>

#include <array>
#include <span>
#include <string>
#include <vector>

namespace limbic::data {

enum class SimulatedSet : std::uint8_t { seed, seed_iv };

// "seed" or "seed-iv", as options write it.
inline std::string to_text(SimulatedSet s) { return s == SimulatedSet::seed ? "seed" : "seed-iv"; }
// The reverse. Throws for another name.
inline SimulatedSet simulated_set_of(std::string_view name) {
  if (name == "seed") return SimulatedSet::seed;
  if (name == "seed-iv") return SimulatedSet::seed_iv;
  fail("simulate", "a data set is one of seed, seed-iv; got '", name, "'");
}

namespace detail {

// One session's trials: label and number of windows (of 1 s in SEED, of 4 s in SEED-IV).
struct SimulatedTrials {
  std::span<const int> label, windows;
};

inline constexpr std::array<int, 15> kSeedLabel{2, 1, 0, 0, 1, 2, 0, 1, 2, 2, 1, 0, 1, 2, 0};
inline constexpr std::array<int, 15> kSeedWindows{235, 233, 206, 238, 185, 195, 237, 216,
                                                  265, 237, 235, 233, 235, 238, 206};
inline constexpr std::array<int, 24> kSeedIvLabel[3] = {
    {1, 2, 3, 0, 2, 0, 0, 1, 0, 1, 2, 1, 1, 1, 2, 3, 2, 2, 3, 3, 0, 3, 0, 3},
    {2, 1, 3, 0, 0, 2, 0, 2, 3, 3, 2, 3, 2, 0, 1, 1, 2, 1, 0, 3, 0, 1, 3, 1},
    {1, 2, 2, 1, 3, 3, 3, 1, 1, 2, 1, 0, 2, 3, 3, 0, 2, 3, 0, 0, 2, 0, 1, 0}};
inline constexpr std::array<int, 24> kSeedIvWindows[3] = {
    {42, 23, 49, 32, 22, 40, 38, 52, 36, 42, 12, 27, 54, 42, 64, 35, 17, 44, 35, 12, 28, 28, 43, 34},
    {55, 25, 34, 36, 53, 27, 34, 46, 34, 20, 60, 12, 36, 27, 44, 15, 46, 49, 45, 10, 37, 44, 24, 19},
    {42, 32, 23, 45, 48, 26, 64, 23, 26, 16, 51, 41, 39, 19, 28, 44, 14, 17, 45, 22, 39, 38, 41, 39}};

// Sessions are counted from 1; there are three.
inline SimulatedTrials simulated_trials(SimulatedSet set, index_t session) {
  if (set == SimulatedSet::seed) return {kSeedLabel, kSeedWindows};
  const auto s = static_cast<std::size_t>(session - 1);
  return {kSeedIvLabel[s], kSeedIvWindows[s]};
}
inline std::vector<std::string> simulated_classes(SimulatedSet set) {
  if (set == SimulatedSet::seed) return {"negative", "neutral", "positive"};
  return {"neutral", "sad", "fear", "happy"};
}
inline double window_seconds(SimulatedSet set) { return set == SimulatedSet::seed ? 1 : 4; }

}  // namespace detail

}  // namespace limbic::data
