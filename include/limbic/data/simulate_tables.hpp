// Which data set is simulated; its facts are those of seed_layout.hpp.
#pragma once

#include <limbic/data/seed_layout.hpp>

namespace limbic::data {

// SEED or SEED-IV.
enum class SimulatedSet : std::uint8_t { seed, seed_iv };

// "seed" or "seed-iv", as options write it.
inline std::string to_text(SimulatedSet s) { return s == SimulatedSet::seed ? "seed" : "seed-iv"; }
// The reverse. Throws for another name.
inline SimulatedSet simulated_set_of(std::string_view name) {
  if (name == "seed") return SimulatedSet::seed;
  if (name == "seed-iv") return SimulatedSet::seed_iv;
  fail("simulate", "a data set is one of seed, seed-iv; got '", name, "'");
}

}  // namespace limbic::data
