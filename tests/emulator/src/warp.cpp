// Operations of a warp: shuffles, votes, tensor cores. Lanes arrive one by one; the last one computes for
// all.
#include "runtime.hpp"

#include <bit>
#include <cmath>
#include <cstring>

namespace emulator {

namespace {

std::string hex(unsigned mask) {
  char text[16];
  std::snprintf(text, sizeof text, "0x%08x", mask);
  return text;
}

void complete(Warp& warp, std::size_t index) {
  Pending p = warp.pending[index];
  warp.pending[index] = warp.pending.back();
  warp.pending.pop_back();
  const unsigned first = static_cast<unsigned>(&warp - block.warps) * kWarp;
  // From here on lanes go on side by side again, as far as counting is concerned.
  if (state.count && (p.mask & warp.live) == warp.live) flush_warp_log(first / kWarp);
  p.finish(p);
  for (unsigned lane = 0; lane < kWarp; ++lane) {
    if (!((p.arrived >> lane) & 1u)) continue;
    block.fibres[first + lane]->waits_at = nullptr;
    make_ready(first + lane);
  }
}

// The running lane arrives at an operation of the lanes in `mask` and waits for the others. What `input`
// points to is read, what `output` points to is written, by finish(), once all are there.
void meet(const char* name, int variant, unsigned mask, const void* input, void* output,
          void (*finish)(Pending&), Place place) {
  Fibre& fibre = *state.current;
  Warp& warp = *state.warp;
  const unsigned lane = fibre.id % kWarp;
  if (!((mask >> lane) & 1u))
    report(Kind::warp, [&] {
      return std::string("lane ") + std::to_string(lane) + " calls " + name + " (" + to_text(place) +
             ") with mask " + hex(mask) + ", which leaves it out";
    });
  // Others of the mask may be at something else of their own first: only when nobody can go on is that a
  // fault.
  std::size_t index = 0;
  const auto is_this = [&](const Pending& p) {
    return p.mask == mask && p.finish == finish && p.variant == variant;
  };
  while (index < warp.pending.size() && !is_this(warp.pending[index])) ++index;
  if (index == warp.pending.size()) {
    warp.pending.emplace_back();
    Pending& fresh = warp.pending.back();
    fresh.mask = mask;
    fresh.name = name;
    fresh.variant = variant;
    fresh.finish = finish;
  }
  Pending& p = warp.pending[index];
  p.arrived |= 1u << lane;
  p.input[lane] = input;
  p.output[lane] = output;
  fibre.waits_at = name;
  fibre.place = place;
  if ((p.mask & warp.live) == p.arrived) complete(warp, index);
  wait_fibre();
}

template <class Work>
void for_lanes(unsigned mask, const Work& work) {
  for (; mask; mask &= mask - 1) work(static_cast<unsigned>(std::countr_zero(mask)));
}

// Orders the accesses of the lanes before with those after.
void order_lanes(Pending& p) {
  Warp& warp = block.warps[state.current->id / kWarp];
  const unsigned first = static_cast<unsigned>(&warp - block.warps) * kWarp;
  const Tick now = ++ticks;
  if (p.arrived == warp.live) {
    warp.full = now;
  } else {
    if (warp.order.empty()) warp.order.assign(kWarp * kWarp, 0);
    // Each lane also learns what the others had learnt.
    for (unsigned j = 0; j < kWarp; ++j) {
      Tick known = 0;
      for_lanes(p.arrived, [&](unsigned i) { known = std::max(known, warp.order[i * kWarp + j]); });
      if ((p.arrived >> j) & 1u) known = now;
      for_lanes(p.arrived, [&](unsigned i) { warp.order[i * kWarp + j] = known; });
    }
  }
  for_lanes(p.arrived, [&](unsigned lane) { block.fibres[first + lane]->clock = now; });
}

struct ShuffleInput {
  std::uint64_t bits;
  int source, width;
};

void finish_shuffle(Pending& p) {
  const unsigned first = state.current->id / kWarp * kWarp;
  if (state.count) ++state.counters->shuffles;
  for_lanes(p.arrived, [&](unsigned lane) {
    const auto& in = *static_cast<const ShuffleInput*>(p.input[lane]);
    const int me = static_cast<int>(lane), low = me & -in.width;
    int from = me;
    switch (static_cast<Shuffle>(p.variant)) {
      case Shuffle::index: from = low + (in.source & (in.width - 1)); break;
      case Shuffle::up: from = me - in.source; break;
      case Shuffle::down: from = me + in.source; break;
      case Shuffle::exclusive_or: from = me ^ in.source; break;
    }
    const bool inside = p.variant == static_cast<int>(Shuffle::exclusive_or)
                            ? from < low + in.width && from >= 0 && from < 32
                            : from >= low && from < low + in.width;
    if (!inside) from = me;
    if (!((p.arrived >> from) & 1u))
      report(Kind::warp, first + lane, [&] {
        return std::string(p.name) + " (" + to_text(block.fibres[first + lane]->place) + "): lane " +
               std::to_string(me) + " reads from lane " + std::to_string(from) +
               ", which does not take part: its value is undefined";
      });
    *static_cast<std::uint64_t*>(p.output[lane]) = static_cast<const ShuffleInput*>(p.input[from])->bits;
  });
}

struct VoteInput {
  std::uint64_t bits;
  bool is_signed;
};

void finish_vote(Pending& p) {
  const Vote kind = static_cast<Vote>(p.variant);
  if (kind == Vote::synchronise) order_lanes(p);
  const auto input = [&](unsigned lane) { return *static_cast<const VoteInput*>(p.input[lane]); };
  const auto output = [&](unsigned lane) -> std::uint64_t& {
    return *static_cast<std::uint64_t*>(p.output[lane]);
  };
  const auto first = input(static_cast<unsigned>(std::countr_zero(p.arrived)));
  unsigned ballot = 0;
  unsigned result = static_cast<unsigned>(first.bits);
  bool is_first = true;
  for_lanes(p.arrived, [&](unsigned lane) {
    const unsigned x = static_cast<unsigned>(input(lane).bits);
    ballot |= x ? 1u << lane : 0u;
    if (is_first) {
      is_first = false;
      return;
    }
    const bool less = first.is_signed ? static_cast<int>(x) < static_cast<int>(result) : x < result;
    switch (kind) {
      case Vote::sum: result += x; break;
      case Vote::min: result = less ? x : result; break;
      case Vote::max: result = less ? result : x; break;
      case Vote::bit_and: result &= x; break;
      case Vote::bit_or: result |= x; break;
      case Vote::bit_xor: result ^= x; break;
      default: break;
    }
  });
  if (kind == Vote::all) result = ballot == p.arrived;
  if (kind == Vote::any) result = ballot != 0;
  if (kind == Vote::ballot) result = ballot;
  for_lanes(p.arrived, [&](unsigned lane) {
    if (kind == Vote::match) {
      result = 0;
      for_lanes(p.arrived,
                [&](unsigned other) { result |= input(other).bits == input(lane).bits ? 1u << other : 0u; });
    }
    output(lane) = result;
  });
}

constexpr const char* kVoteNames[] = {"__all_sync",        "__any_sync",        "__ballot_sync",
                                      "__match_any_sync",  "__syncwarp",        "__reduce_add_sync",
                                      "__reduce_min_sync", "__reduce_max_sync", "__reduce_and_sync",
                                      "__reduce_or_sync",  "__reduce_xor_sync"};
constexpr const char* kShuffleNames[] = {"__shfl_sync", "__shfl_up_sync", "__shfl_down_sync",
                                         "__shfl_xor_sync"};

float operand(MmaType type, const unsigned* registers, int index) {
  if (type == MmaType::tf32) return std::bit_cast<float>(registers[index] & 0xffffe000u);
  const unsigned short bits = static_cast<unsigned short>(registers[index / 2] >> (16 * (index % 2)));
  if (type == MmaType::bf16) return std::bit_cast<float>(static_cast<unsigned>(bits) << 16);
  return float_of_half(bits);
}

// Collects A (16 x K), B (K x 8), C from the lanes' registers, multiplies, hands out D.
void finish_mma(Pending& p) {
  const MmaType type = static_cast<MmaType>(p.variant);
  const int k = type == MmaType::tf32 ? 8 : 16;
  if (p.arrived != ~0u)
    report(Kind::warp, [&] { return "mma needs all 32 lanes; lanes " + hex(p.arrived) + " are there"; });
  float a[16][16], b[16][8];
  for (int lane = 0; lane < 32; ++lane) {
    const auto& in = *static_cast<const Mma*>(p.input[lane]);
    const int g = lane / 4, t = lane % 4;
    for (int i = 0; i < k / 2; ++i) {  // values of A in a lane
      const int row = g + (type == MmaType::tf32 ? i % 2 : i / 2 % 2) * 8;
      const int column = type == MmaType::tf32 ? t + i / 2 * 4 : 2 * t + i % 2 + i / 4 * 8;
      a[row][column] = operand(type, in.a, i);
    }
    for (int i = 0; i < k / 4; ++i) {
      const int row = type == MmaType::tf32 ? t + i * 4 : 2 * t + i % 2 + i / 2 * 8;
      b[row][g] = operand(type, in.b, i);
    }
  }
  for (int lane = 0; lane < 32; ++lane) {
    const auto& in = *static_cast<const Mma*>(p.input[lane]);
    auto& out = *static_cast<MmaResult*>(p.output[lane]);
    for (int i = 0; i < 4; ++i) {
      const int row = lane / 4 + i / 2 * 8, column = 2 * (lane % 4) + i % 2;
      double sum = static_cast<double>(in.d[i]);
      for (int j = 0; j < k; ++j) sum += static_cast<double>(a[row][j]) * static_cast<double>(b[j][column]);
      out.d[i] = static_cast<float>(sum);
    }
  }
  if (state.count) state.counters->flops += static_cast<std::uint64_t>(2 * 16 * 8 * k);
}

// Every lane has brought the 16 bytes of its row.
struct Row {
  unsigned short element[8];
  bool transposed;
};
void finish_load_matrices(Pending& p) {
  for_lanes(p.arrived, [&](unsigned lane) {
    auto& out = *static_cast<uint4*>(p.output[lane]);
    unsigned* registers[] = {&out.x, &out.y, &out.z, &out.w};
    const bool transposed = static_cast<const Row*>(p.input[lane])->transposed;
    for (unsigned i = 0; i < static_cast<unsigned>(p.variant); ++i) {
      unsigned value = 0;
      for (unsigned j = 0; j < 2; ++j) {
        const unsigned row = transposed ? 2 * (lane % 4) + j : lane / 4;
        const unsigned column = transposed ? lane / 4 : 2 * (lane % 4) + j;
        if (!((p.arrived >> (8 * i + row)) & 1u))
          report(Kind::warp, [&] { return std::string("ldmatrix needs all 32 lanes"); });
        value |= static_cast<unsigned>(static_cast<const Row*>(p.input[8 * i + row])->element[column])
                 << (16 * j);
      }
      *registers[i] = value;
    }
  });
}

}  // namespace

void finish_warp_operations(Warp& warp) {
  for (std::size_t i = warp.pending.size(); i-- > 0;) {
    Pending& p = warp.pending[i];
    if (p.arrived && (p.mask & warp.live) == p.arrived) complete(warp, i);
  }
}

std::string describe_pending() {
  std::string text;
  for (unsigned w = 0; w * kWarp < block.threads; ++w) {
    for (const Pending& p : block.warps[w].pending) {
      const unsigned missing = p.mask & block.warps[w].live & ~p.arrived;
      const unsigned lane = static_cast<unsigned>(std::countr_zero(missing));
      const Fibre& late = *block.fibres[w * kWarp + lane];
      const Fibre& there = *block.fibres[w * kWarp + static_cast<unsigned>(std::countr_zero(p.arrived))];
      if (!text.empty()) text += "; ";
      text += "lanes " + hex(p.arrived) + " of warp " + std::to_string(w) + " wait at " + p.name + " (" +
              to_text(there.place) + ") with mask " + hex(p.mask) + " for lane " + std::to_string(lane) +
              ", which is at " +
              (late.waits_at ? late.waits_at + (" (" + to_text(late.place) + ")") : "no barrier");
    }
  }
  return text;
}

unsigned long long shuffle(Shuffle kind, unsigned mask, unsigned long long bits, int source, int width,
                           Place place) {
  const ShuffleInput in{bits, source, width};
  std::uint64_t out = 0;
  meet(kShuffleNames[static_cast<int>(kind)], static_cast<int>(kind), mask, &in, &out, &finish_shuffle,
       place);
  return out;
}

unsigned long long vote(Vote kind, unsigned mask, unsigned long long bits, bool is_signed, Place place) {
  const VoteInput in{bits, is_signed};
  std::uint64_t out = 0;
  meet(kVoteNames[static_cast<int>(kind)], static_cast<int>(kind), mask, &in, &out, &finish_vote, place);
  return out;
}

unsigned active_mask() { return state.warp->live; }

MmaResult mma_warp(MmaType type, Mma operands) {
  MmaResult out;
  meet("mma", static_cast<int>(type), ~0u, &operands, &out, &finish_mma, Place::here());
  return out;
}

uint4 load_matrices(int n, const void* row, bool transposed) {
  Row in{};
  in.transposed = transposed;
  if (state.current->id % kWarp < static_cast<unsigned>(8 * n)) {
    touch(Touch::read, row, 16, __builtin_return_address(0));
    std::memcpy(in.element, row, 16);
  }
  uint4 out{};
  meet("ldmatrix", n, ~0u, &in, &out, &finish_load_matrices, Place::here());
  return out;
}

float float_of_half(unsigned short bits) {
  const unsigned sign = static_cast<unsigned>(bits & 0x8000u) << 16, exponent = (bits >> 10) & 31u;
  const unsigned fraction = bits & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | (fraction << 13));
  if (exponent == 0)
    return std::copysign(std::ldexp(static_cast<float>(fraction), -24), std::bit_cast<float>(sign | 1u));
  return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
}

unsigned short half_of_float(float x) {
  const unsigned bits = std::bit_cast<unsigned>(x), sign = (bits >> 16) & 0x8000u, size = bits & 0x7fffffffu;
  if (size > 0x7f800000u) return 0x7fff;
  if (size >= 0x477ff000u) return static_cast<unsigned short>(sign | 0x7c00u);  // rounds to 2^16 or more
  if (size < 0x38800000u) {  // below 2^-14: multiples of 2^-24
    const float scaled = std::ldexp(std::bit_cast<float>(size), 24);
    return static_cast<unsigned short>(sign | static_cast<unsigned>(std::nearbyint(scaled)));
  }
  const unsigned rounded = size + 0xfffu + ((size >> 13) & 1u);
  return static_cast<unsigned short>(sign | ((rounded - 0x38000000u) >> 13));
}

}  // namespace emulator
