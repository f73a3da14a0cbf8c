// Counting what warps do. A warp's lanes run one after the other here, so the accesses that hardware would
// make as one instruction come apart: they are put together again by the place in the code and by how often
// the lane has been there since its warp last met (at a barrier, a shuffle, a vote).
#include "runtime.hpp"

#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstring>
#include <unordered_map>

namespace emulator {

namespace {

std::deque<Counters> all_counters;  // whose places stay

// One access of a warp: where each lane went, in words of 4 bytes.
struct Together {
  unsigned lanes = 0;
  std::uint32_t word[kWarp];
};

// A place in the code.
struct Site {
  const void* pc = nullptr;
  bool is_shared = false, is_write = false, is_touched = false;
  unsigned bytes = 0;
  std::uint32_t times[kWarp] = {};  // of each lane
  std::uint32_t done = 0;           // accesses at the front of `open` that are gone
  std::deque<Together> open;
};

struct Log {
  std::vector<Site> sites;
  std::vector<unsigned> touched;                       // since the warp last met
  std::unordered_map<std::uintptr_t, unsigned> index;  // by place and sort
  std::pair<std::uintptr_t, unsigned> recent[64] = {};
};
Log logs[kMaxWarps];

// Cycles beyond the needed ones: banks are 4 bytes wide, lanes that read the same word share it, and lanes
// with 8 or 16 bytes are served 16 or 8 at a time.
void count_shared(Counters& c, const Site& site, const Together& t) {
  const unsigned words = std::max(1u, site.bytes / 4), lanes_a_time = kWarp / words;
  ++c.shared_accesses;
  for (unsigned first = 0; first < kWarp; first += lanes_a_time) {
    std::uint32_t seen[32][32];
    unsigned used[32] = {}, most = 0;
    for (unsigned lane = first; lane < first + lanes_a_time; ++lane) {
      if (!((t.lanes >> lane) & 1u)) continue;
      for (unsigned i = 0; i < words; ++i) {
        const std::uint32_t word = t.word[lane] + i;
        const unsigned bank = word % 32;
        unsigned k = 0;
        while (k < used[bank] && seen[bank][k] != word) ++k;
        if (k < used[bank]) continue;
        seen[bank][used[bank]++] = word;
        most = std::max(most, used[bank]);
      }
    }
    if (!most) continue;
    c.shared_cycles += most;
    c.shared_conflicts += most - 1;
  }
}

void count_global(Counters& c, const Site& site, const Together& t) {
  ++c.global_accesses;
  if (site.bytes == 16) ++c.wide_accesses;
  std::uint32_t sectors[kWarp];
  unsigned n = 0;
  for (unsigned lanes = t.lanes; lanes; lanes &= lanes - 1) {
    const std::uint32_t sector = t.word[std::countr_zero(lanes)] / 8;
    if (n && sectors[n - 1] == sector) continue;
    sectors[n++] = sector;
  }
  std::sort(sectors, sectors + n);
  const auto distinct = static_cast<std::uint64_t>(std::unique(sectors, sectors + n) - sectors);
  (site.is_write ? c.write_sectors : c.read_sectors) += distinct;
}

void count_together(Counters& c, const Site& site, const Together& t) {
  if (!t.lanes) return;
  c.active_lanes += static_cast<unsigned>(std::popcount(t.lanes));
  c.possible_lanes += kWarp;
  if (site.is_shared) count_shared(c, site, t);
  else count_global(c, site, t);
}

std::string number(double x) {
  char text[32];
  const char* unit = "";
  if (x >= 1e9) x /= 1e9, unit = "G";
  else if (x >= 1e6) x /= 1e6, unit = "M";
  else if (x >= 1e4) x /= 1e3, unit = "k";
  std::snprintf(text, sizeof text, *unit ? "%.2f%s" : "%.0f%s", x, unit);
  return text;
}

}  // namespace

Counters& counters_of(const std::string& kernel) {
  for (Counters& c : all_counters)
    if (c.kernel == kernel) return c;
  all_counters.emplace_back();
  all_counters.back().kernel = kernel;
  return all_counters.back();
}

void count_access(Touch kind, bool is_shared, std::uintptr_t address, unsigned bytes, const void* pc) {
  const unsigned thread = state.current->id, lane = thread % kWarp;
  Counters& c = *state.counters;
  const bool is_write = kind != Touch::read;
  if (is_shared) c.shared_bytes += bytes;
  else (is_write ? c.write_bytes : c.read_bytes) += bytes;

  Log& log = logs[thread / kWarp];
  const std::uintptr_t key = reinterpret_cast<std::uintptr_t>(pc) * 4 + is_shared * 2u + is_write;
  auto& recent = log.recent[(key ^ (key >> 6)) % 64];
  if (recent.first != key) {
    const auto [found, is_new] = log.index.try_emplace(key, static_cast<unsigned>(log.sites.size()));
    if (is_new) {
      log.sites.emplace_back();
      log.sites.back().pc = pc;
      log.sites.back().is_shared = is_shared;
      log.sites.back().is_write = is_write;
      log.sites.back().bytes = bytes;
    }
    recent = {key, found->second};
  }
  Site& site = log.sites[recent.second];
  if (!site.is_touched) {
    site.is_touched = true;
    log.touched.push_back(recent.second);
  }
  const std::uint32_t time = site.times[lane]++;
  if (time < site.done) return count_together(c, site, {1u << lane, {}});  // its company is long gone
  const std::uint32_t position = time - site.done;
  while (site.open.size() <= position) site.open.emplace_back();
  Together& t = site.open[position];
  t.lanes |= 1u << lane;
  t.word[lane] = static_cast<std::uint32_t>((address - (is_shared ? 0 : device_memory.base)) / 4);
  const unsigned live = state.warp->live;
  while (!site.open.empty() && ((site.open.front().lanes & live) == live || site.open.size() > 4096)) {
    count_together(c, site, site.open.front());
    site.open.pop_front();
    ++site.done;
  }
}

void flush_warp_log(unsigned warp) {
  for (const unsigned i : logs[warp].touched) {
    Site& site = logs[warp].sites[i];
    for (const Together& t : site.open) count_together(*state.counters, site, t);
    site.open.clear();
    site.done = 0;
    std::memset(site.times, 0, sizeof site.times);
    site.is_touched = false;
  }
  logs[warp].touched.clear();
}

void forget_warp_logs() {
  for (Log& log : logs) {
    log.sites.clear();
    log.touched.clear();
    log.index.clear();
    for (auto& r : log.recent) r = {};
  }
}

const std::deque<Counters>& counters() { return all_counters; }
Counters counters(const std::string& kernel) {
  for (const Counters& c : all_counters)
    if (c.kernel == kernel) return c;
  Counters none;
  none.kernel = kernel;
  return none;
}
void reset_counters() { all_counters.clear(); }

std::string counters_table() {
  std::string text =
      "kernel                                   launches  read     written  moved    moved/distinct  sectors "
      " "
      "wide  conflicts/cycles  barriers  lanes  flops\n";
  for (const Counters& c : all_counters) {
    char line[512];
    const double distinct = static_cast<double>(c.bytes_distinct()),
                 moved = static_cast<double>(c.bytes_moved());
    std::snprintf(
        line, sizeof line, "%-40s %8s  %-7s  %-7s  %-7s  %14.3f  %7.3f  %4.2f  %9s/%-6s  %8s  %5.2f  %s\n",
        c.kernel.c_str(), number(static_cast<double>(c.launches)).c_str(),
        number(static_cast<double>(c.read_bytes)).c_str(), number(static_cast<double>(c.write_bytes)).c_str(),
        number(moved).c_str(), distinct > 0 ? moved / distinct : 1.0, c.sector_efficiency(),
        c.global_accesses ? static_cast<double>(c.wide_accesses) / static_cast<double>(c.global_accesses)
                          : 0.0,
        number(static_cast<double>(c.shared_conflicts)).c_str(),
        number(static_cast<double>(c.shared_cycles)).c_str(), number(static_cast<double>(c.barriers)).c_str(),
        c.lane_use(), number(static_cast<double>(c.flops)).c_str());
    text += line;
  }
  return text;
}

}  // namespace emulator
