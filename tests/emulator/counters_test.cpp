// What the emulator counts, against what is counted by hand.
#include "emulator/planted/planted.hpp"

#include <doctest/doctest.h>

using namespace planted;
using emulator::Counters;

namespace {

struct Counting {
  KeepOptions keep;
  Device<float> x{ramp(1024)};
  Device<float> y{std::vector<float>(1024, 0.0f)};

  Counting() {
    emulator::options().count = true;
    emulator::reset_counters();
  }
};

template <class Work>
Counters counted(const char* kernel, const Work& work) {
  emulator::reset_counters();
  work();
  return emulator::counters(kernel);
}

}  // namespace

TEST_CASE_FIXTURE(Counting, "sectors of 32 bytes") {
  for (const int stride : {1, 2, 4, 8, 16}) {
    const Counters c = counted("strided", [&] { strided(stride, x.get(), y.get()); });
    CHECK(c.launches == 1);
    CHECK(c.read_bytes == 128);
    CHECK(c.read_distinct == 128);
    CHECK(c.read_sectors == static_cast<unsigned>(std::min(4 * stride, 32)));
    CHECK(c.write_sectors == 4);
    CHECK(c.global_accesses == 2);
    CHECK(c.lane_use() == 1.0);
  }
  const Counters same = counted("strided", [&] { strided(0, x.get(), y.get()); });
  CHECK(same.read_sectors == 1);
  CHECK(same.read_distinct == 4);
}

TEST_CASE_FIXTURE(Counting, "128-bit accesses") {
  const Counters c = counted("vectors", [&] { vectors(x.get(), y.get()); });
  CHECK(c.read_bytes == 512);
  CHECK(c.read_sectors == 16);
  CHECK(c.wide_accesses == 2);
  CHECK(c.sector_efficiency() == 1.0);
}

TEST_CASE_FIXTURE(Counting, "bank conflicts") {
  const Counters straight = counted("columns", [&] { columns(1, y.get()); });
  CHECK(straight.shared_accesses == 2);
  CHECK(straight.shared_conflicts == 0);
  const Counters column = counted("columns", [&] { columns(32, y.get()); });
  CHECK(column.shared_conflicts == 2 * 31);
  CHECK(column.shared_cycles == 2 * 32);
  CHECK(counted("columns", [&] { columns(33, y.get()); }).shared_conflicts == 0);
  CHECK(counted("columns", [&] { columns(2, y.get()); }).shared_conflicts == 2);
  CHECK(counted("broadcast", [&] { broadcast(y.get()); }).shared_conflicts == 0);
  // Side by side, 8 bytes a lane take two cycles and 16 four: none too many.
  for (const int bytes : {4, 8, 16}) {
    const Counters wide = counted("wide_shared", [&] { wide_shared(bytes, y.get()); });
    CHECK(wide.shared_cycles == static_cast<unsigned>(bytes / 4));
    CHECK(wide.shared_conflicts == 0);
  }
}

TEST_CASE_FIXTURE(Counting, "lanes that diverge") {
  const Counters c = counted("diverging", [&] { diverging(y.get()); });
  CHECK(c.active_lanes == 16);
  CHECK(c.lane_use() == 0.5);
}

TEST_CASE_FIXTURE(Counting, "accesses of a loop come together again, in any order of execution") {
  Device<float> many(ramp(100000, 1e-3f));
  for (const std::uint64_t schedule : {0, 5}) {
    emulator::options().schedule = schedule;
    const Counters c = counted("long_loop", [&] { long_loop(many.get(), y.get(), 100000); });
    CHECK(c.read_bytes == 400000);
    CHECK(c.read_distinct == 400000);
    CHECK(c.read_sectors == 12500);
    CHECK(c.flops == 200000);
    CHECK(c.global_accesses == 3125 + 8);
  }
}

TEST_CASE_FIXTURE(Counting, "what blocks have in common is moved once for each, and is distinct once") {
  const Counters c = counted("row_sums", [&] { row_sums(x.get(), y.get(), 4, 256); });
  CHECK(c.blocks == 4);
  CHECK(c.threads == 512);
  CHECK(c.barriers == 8);
  CHECK(c.shuffles == 4 * (4 * 5 + 4 * 5));
  CHECK(c.read_distinct == 4096);
  CHECK(c.read_block == 4096);
  CHECK(c.write_distinct == 16);
  CHECK(emulator::counters_table().find("row_sums") != std::string::npos);
}
