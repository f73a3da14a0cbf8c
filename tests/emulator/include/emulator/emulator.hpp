// What tests ask of the emulator: how it runs kernels, what it found, what it counted.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace emulator {

struct Options {
  // 0: blocks and threads in order. Else a seed: blocks and threads in an order drawn from it, and switches
  // between threads also in the middle of their work. Findings do not depend on it, nor may a kernel's
  // result.
  std::uint64_t schedule = 0;  // LIMBIC_EMULATOR_SCHEDULE
  // Races, bounds, uninitialised reads. Without, kernels only run (barriers and shuffles are checked still).
  bool check = true;  // LIMBIC_EMULATOR_CHECK
  // Reads of global memory that nothing has written.
  bool check_uninitialised = true;
  // Counts accesses, sectors, bank conflicts for counters(); takes about as long as checking does.
  bool count = false;  // LIMBIC_EMULATOR_COUNT
  // Device memory is out of reach for the host between launches: touching it there ends the program, by a
  // signal, with a message.
  bool guard_host = true;  // LIMBIC_EMULATOR_GUARD
  int devices = 1;         // LIMBIC_EMULATOR_DEVICES
  std::uint64_t memory_bytes = std::uint64_t{4} << 30;
  int multiprocessors = 4;
  int compute_major = 9, compute_minor = 0;
};
// To be changed between launches only.
Options& options();

enum class Kind {
  out_of_bounds,   // no allocation there, or past the end of one; of shared memory too
  use_after_free,  // an allocation that is gone
  host_memory,     // a kernel touches memory of the host, or of another device
  misaligned,      // an address that is no multiple of the access
  uninitialised,   // a read of bytes that nothing has written
  race,            // two accesses without an order, one of them a write
  barrier,         // a barrier that some threads of the block do not reach
  warp,            // a shuffle, vote or mma that a lane of its mask misses, or an undefined lane is read from
  asynchronous_copy,  // data in flight is read
  trap                // __trap()
};
const char* to_string(Kind kind);

struct Position {
  unsigned x = 0, y = 0, z = 0;
};
struct Finding {
  Kind kind{};
  std::string kernel;
  Position block, thread;
  std::string text;  // all of it in words
};
// What was found since the last clear_findings(). A finding ends its launch, which fails with the same text.
const std::vector<Finding>& findings();
void clear_findings();

// What the launches of one kernel did. Only with options().count.
struct Counters {
  std::string kernel;
  std::uint64_t launches = 0, blocks = 0, threads = 0;
  // Global memory. Requested: what the threads asked for. Sectors: of 32 bytes, each counted once an access
  // of a warp. Distinct: bytes touched at all in a launch (read before they were written), the least that can
  // be moved. Block: the same within each block, what is moved if only a block's own repetitions are cached.
  std::uint64_t read_bytes = 0, read_sectors = 0, read_distinct = 0, read_block = 0;
  std::uint64_t write_bytes = 0, write_sectors = 0, write_distinct = 0, write_block = 0;
  std::uint64_t global_accesses = 0;  // instructions of a warp
  std::uint64_t wide_accesses = 0;    // of these by 128 bits a lane
  // Shared memory. Conflicts: cycles beyond what the access needs (32 banks of 4 bytes; 8 bytes a lane are
  // served in halves of a warp, 16 in quarters).
  std::uint64_t shared_bytes = 0, shared_accesses = 0, shared_cycles = 0, shared_conflicts = 0;
  std::uint64_t barriers = 0, shuffles = 0, atomics = 0, float_atomics = 0;
  // Those of math::fma (2) and mma; other arithmetic cannot be seen.
  std::uint64_t flops = 0;
  // Lanes that took part in accesses, and 32 for each: how much warps diverged (or were not full).
  std::uint64_t active_lanes = 0, possible_lanes = 0;

  std::uint64_t bytes_moved() const { return 32 * (read_sectors + write_sectors); }
  std::uint64_t bytes_distinct() const { return read_distinct + write_distinct; }
  // Requested bytes for a byte in the sectors touched: 1 is best.
  double sector_efficiency() const {
    const std::uint64_t moved = bytes_moved();
    return moved ? static_cast<double>(read_bytes + write_bytes) / static_cast<double>(moved) : 1.0;
  }
  double lane_use() const {
    return possible_lanes ? static_cast<double>(active_lanes) / static_cast<double>(possible_lanes) : 1.0;
  }
};
// One entry a kernel name, in the order of their first launch.
const std::deque<Counters>& counters();
// That of one name; zeros when it was never launched.
Counters counters(const std::string& kernel);
void reset_counters();
// As lines of a table, with a header.
std::string counters_table();

}  // namespace emulator
