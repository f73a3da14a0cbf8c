// What happens at every access to memory. See runtime.hpp for how order is told from ticks.
#include "runtime.hpp"

#include <algorithm>
#include <unordered_map>

namespace emulator {

namespace {

// Blocks that did a fence and then an atomic operation, by the address of the latter.
std::unordered_map<const void*, std::vector<Release>> releases;
bool fenced = false;  // whether any thread of this launch did
struct Fence {
  Tick block_begin = 0;
  Access interval_begin = 0, now = 0;
};
Fence last_fence[kMaxThreads];

// The function whose shared variables an instruction has been to in this launch.
struct Bound {
  const void* pc = nullptr;
  Access launch = 0;
  unsigned owner = 0;
};
Bound bounds[512];

std::string count_bytes(std::size_t n) { return std::to_string(n) + (n == 1 ? " byte" : " bytes"); }

const char* verb(Touch kind) {
  switch (kind) {
    case Touch::read: return "reads";
    case Touch::write: return "writes";
    case Touch::atomic: return "atomically changes";
    case Touch::copy_begin:
    case Touch::copy_end: return "asynchronously copies to";
  }
  return "";
}

// Whether a block made its accesses visible to this thread by a fence and an atomic operation.
bool acquired(Access a) {
  if (block.acquired.empty()) return false;
  const Access acquired_interval = make_access(block.acquired_interval, 0);
  if (state.interval_begin <= acquired_interval && thread_of(state.now) != block.acquired_thread)
    return false;
  if (a & kManyBlocks) return true;  // by which ones is not known
  for (const Release& r : block.acquired)
    if (tick_of(a) >= r.block_begin &&
        (tick_of(a) < r.interval_begin || (thread_of(a) == r.thread && tick_of(a) <= r.clock)))
      return true;
  return false;
}

// Whether an earlier access is ordered before what the running thread does now. What lies before `begin` (of
// the launch for global memory, of the block for shared) is.
bool ordered(Access a, Access begin) {
  const State& s = state;
  if (a < begin) return true;
  if (a < s.block_begin || (a & kManyBlocks)) return acquired(a);
  if (a < s.interval_begin) return true;
  if (a & kManyWarps) return false;
  const unsigned other = thread_of(a), me = thread_of(s.now);
  if (other / kWarp != me / kWarp) return false;
  if (a < s.warp_full) return true;
  if (a & kManyLanes) return false;
  if (other == me) return true;
  return !s.warp->order.empty() && tick_of(a) < s.warp->order[me % kWarp * kWarp + other % kWarp];
}

// The same for the common cases only.
inline bool clearly_ordered(Access a, Access begin) {
  const State& s = state;
  if (a < begin) return true;
  if (a & kManyBlocks) return false;
  if (a < s.block_begin) return false;
  return a < s.interval_begin ||
         (((a ^ s.now) >> kThreadShift & 1023u) == 0 && !(a & (kManyLanes | kManyWarps)));
}

// What is remembered when a thread's access joins an earlier one of its sort.
Access join(Access a, Access now, Access begin) {
  const State& s = state;
  if (a < begin) return now;
  if (a < s.block_begin) return now | kManyBlocks;
  const Access blocks = a & kManyBlocks;
  if (a < s.interval_begin) return now | blocks;
  if (a & kManyWarps) return now | blocks | kManyWarps;
  const unsigned other = thread_of(a), me = thread_of(now);
  if (other / kWarp != me / kWarp) return now | blocks | kManyWarps;
  if (a < s.warp_full) return now | blocks;
  return now | blocks | (a & kManyLanes) | (other != me ? Access{kManyLanes} : 0u);
}

[[noreturn, gnu::noinline]] void report_race(Access other, std::uint32_t other_pc, bool other_wrote,
                                             Touch kind, std::uintptr_t address, unsigned bytes,
                                             const Allocation& a, const void* pc) {
  const std::uintptr_t high = reinterpret_cast<std::uintptr_t>(pc) & ~std::uintptr_t{0xffffffffu};
  const void* where = reinterpret_cast<const void*>(high | other_pc);
  report(Kind::race, [&] {
    std::string who;
    if (other < state.block_begin) {
      const auto after = std::upper_bound(block.begun.begin(), block.begun.end(),
                                          std::pair{tick_of(other), ~std::uint64_t{0}});
      const std::uint64_t number = after == block.begun.begin() ? 0 : std::prev(after)->second;
      const dim3 g = state.launch->grid;
      who = "block (" + std::to_string(number % g.x) + "," + std::to_string(number / g.x % g.y) + "," +
            std::to_string(number / g.x / g.y) + "), thread " + describe_thread(thread_of(other));
    } else if (other & kManyBlocks) {
      who = "another block";
    } else {
      who = (other & (kManyWarps | kManyLanes)) && thread_of(other) == thread_of(state.now)
                ? std::string("another thread of the block")
                : "thread " + describe_thread(thread_of(other));
    }
    return std::string("it ") + verb(kind) + " " + count_bytes(bytes) + " of " +
           describe_address(address, &a) + " in " + place_of(pc) + ", which " + who + " " +
           (other_wrote ? (other & kAtomic ? "changed atomically" : "wrote") : "read") + " in " +
           place_of(where) + ", with nothing that orders the two";
  });
}

std::string words_of_unwritten(Touch kind, std::uintptr_t address, unsigned bytes, const Allocation* a,
                               const void* pc) {
  return std::string("it ") + verb(kind) + " " + count_bytes(bytes) + " of " + describe_address(address, a) +
         " in " + place_of(pc) + ", which nothing has written";
}

[[gnu::noinline]] void report_uninitialised(Access write, Touch kind, std::uintptr_t address, unsigned bytes,
                                            const Allocation& a, const void* pc) {
  if (write & kInFlight)
    report(Kind::asynchronous_copy, [&] {
      return std::string("it ") + verb(kind) + " " + count_bytes(bytes) + " of " +
             describe_address(address, &a) + " in " + place_of(pc) +
             ", where an asynchronous copy by thread " + describe_thread(thread_of(write)) +
             " has not been waited for";
    });
  if (a.space == Allocation::global)
    report(Kind::uninitialised, [&] { return words_of_unwritten(kind, address, bytes, &a, pc); });
  if (!block.unwritten.found) block.unwritten = {true, state.current->id, kind, address, bytes, &a, pc};
}

[[noreturn, gnu::noinline]] void report_address(Touch kind, std::uintptr_t address, unsigned bytes,
                                                const Allocation* a, const void* pc) {
  const auto what = [&] { return std::string("it ") + verb(kind) + " " + count_bytes(bytes) + " "; };
  const auto where = [&] { return " in " + place_of(pc); };
  if (a && !a->live)
    report(Kind::use_after_free, [&] {
      return what() + "of " + describe_address(address, a) + where() + ", which has been freed";
    });
  if (a && a->space == Allocation::global && a->device != state.device && address >= a->begin &&
      address < a->end)
    report(Kind::host_memory, [&] {
      return what() + "of " + describe_address(address, a) + where() + ", which is memory of device " +
             std::to_string(a->device) + "; the kernel runs on device " + std::to_string(state.device);
    });
  report(Kind::out_of_bounds, [&] { return what() + describe_address(address, a) + where(); });
}

[[gnu::noinline]] void outside(Touch kind, std::uintptr_t address, unsigned bytes, const void* pc) {
  for (const auto& fibre : block.fibres)
    if (address - reinterpret_cast<std::uintptr_t>(fibre->stack) < kStackBytes)
      report(Kind::host_memory, [&] {
        return std::string("it ") + verb(kind) + " a local variable of thread " + describe_thread(fibre->id) +
               " in " + place_of(pc);
      });
  if (address < 4096)
    report(Kind::out_of_bounds,
           [&] { return std::string("it ") + verb(kind) + " the null pointer in " + place_of(pc); });
  if (!is_image(address) && !is_pinned(address))
    report(Kind::host_memory, [&] {
      return std::string("it ") + verb(kind) + " " + count_bytes(bytes) + " of the host's memory in " +
             place_of(pc) + ", which a device cannot reach (the pointer of a tensor of the CPU?)";
    });
}

template <Touch kind>
inline void check_record(Record& r, const Allocation& a, Access birth, Access begin, std::uintptr_t address,
                         unsigned bytes, const void* pc, Counters* counters, unsigned granule) {
  State& s = state;
  const Access now = s.now, w = r.write;
  if (!clearly_ordered(w, begin) && !(kind == Touch::atomic && (w & kAtomic)) && !ordered(w, begin))
      [[unlikely]]
    report_race(w, r.write_pc, true, kind, address, bytes, a, pc);
  if constexpr (kind == Touch::read || kind == Touch::atomic) {
    if (((w < birth && !a.filled) || (w & kInFlight)) &&
        (s.check_uninitialised || a.space != Allocation::global)) [[unlikely]]
      report_uninitialised(w, kind, address, bytes, a, pc);
  }
  if constexpr (kind == Touch::read) {
    const Access old = r.read;
    if (counters && w < s.block_begin && old < s.block_begin) {
      counters->read_block += granule;
      if (w < s.launch_begin && old < s.launch_begin) counters->read_distinct += granule;
    }
    r.read = old < begin || old == now ? now : join(old, now, begin);
    r.read_pc = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(pc));
  } else {
    if (!clearly_ordered(r.read, begin) && !ordered(r.read, begin)) [[unlikely]]
      report_race(r.read, r.read_pc, false, kind, address, bytes, a, pc);
    if (counters && w < s.block_begin) {
      counters->write_block += granule;
      if (w < s.launch_begin) counters->write_distinct += granule;
    }
    if constexpr (kind == Touch::atomic) r.write = ((w & kAtomic) ? join(w, now, begin) : now) | kAtomic;
    else r.write = kind == Touch::copy_begin ? now | kInFlight : now;
    r.write_pc = static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(pc));
  }
}

template <Touch kind>
[[gnu::noinline]] void touch_memory(std::uintptr_t address, unsigned bytes, const void* pc) {
  State& s = state;
  if (--s.patience == 0) {
    s.patience = 1;
    yield_fibre();
  }
  if (!s.check) return;
  Chunk* chunk;
  const Allocation* a;
  Access birth = s.block_begin, begin = s.block_begin;
  Counters* counters = nullptr;
  std::uintptr_t offset = address - device_memory.base;
  if (offset < device_memory.bytes) {
    chunk = device_memory.chunks + (offset >> kChunkShift);
    a = chunk->allocation;
    if (!a || address + bytes > a->end || !a->live) [[unlikely]]
      report_address(kind, address, bytes, a, pc);
    if (a->space == Allocation::global) {
      if (a->device != s.device) [[unlikely]]
        report_address(kind, address, bytes, a, pc);
      birth = a->birth;
      begin = s.launch_begin;
      if (s.count) counters = s.counters;
    }
  } else if ((offset = address - s.shared_base) < s.shared_bytes) {
    const SharedVariables& shared = *s.shared;
    chunk = shared.region.chunks + (offset >> kChunkShift);
    const std::uint16_t n = shared.of_byte[offset];
    a = n == 0xffff ? nullptr : &shared.variables[n];
    if (!a || address + bytes > a->end || address < a->begin) [[unlikely]]
      report_address(kind, address, bytes, a ? a : shared_variable_before(address), pc);
    // Variables lie side by side: an instruction that has been to those of one function does not belong
    // elsewhere.
    Bound& bound = bounds[(reinterpret_cast<std::uintptr_t>(pc) >> 1) % std::size(bounds)];
    if (bound.pc != pc || bound.launch != s.launch_begin) bound = {pc, s.launch_begin, a->owner};
    else if (bound.owner != a->owner) [[unlikely]]
      report(Kind::out_of_bounds, [&] {
        return std::string("it ") + verb(kind) + " " + count_bytes(bytes) + " of " +
               describe_address(address, a) + " in " + place_of(pc) +
               ", which goes to shared variables of another function otherwise";
      });
  } else {
    outside(kind, address, bytes, pc);
    return;
  }
  if (address & (bytes - 1)) [[unlikely]]
    report(Kind::misaligned, [&] {
      return std::string("it ") + verb(kind) + " " + count_bytes(bytes) + " at once of " +
             describe_address(address, a) + " in " + place_of(pc) + ", an address that is no multiple of " +
             std::to_string(bytes);
    });
  if (s.count && kind != Touch::copy_end)
    count_access(kind, a->space != Allocation::global, address, bytes, pc);
  if (!chunk->records || bytes >> chunk->granule_shift == 0) [[unlikely]]
    make_records(*chunk, bytes >= 4 ? 2 : bytes == 2 ? 1 : 0);
  const int shift = chunk->granule_shift;
  Record* r = chunk->records + ((offset & (kChunkBytes - 1)) >> shift);
  for (unsigned n = bytes >> shift; n; --n, ++r)
    check_record<kind>(*r, *a, birth, begin, address, bytes, pc, counters, 1u << shift);
}

template <Touch kind>
inline __attribute__((always_inline)) void touch_inline(std::uintptr_t address, unsigned bytes,
                                                        const void* pc) {
  if (address - state.stack_low < state.stack_bytes) return;
  touch_memory<kind>(address, bytes, pc);
}

// An access that the compiler says little about: pieces as large as its alignment allows.
void touch_range(Touch kind, std::uintptr_t address, std::size_t bytes, const void* pc) {
  if (address - state.stack_low < state.stack_bytes) return;
  while (bytes) {
    unsigned piece = 1;
    while (piece < 16 && piece * 2 <= bytes && address % (piece * 2) == 0) piece *= 2;
    touch(kind, reinterpret_cast<const void*>(address), piece, pc);
    address += piece;
    bytes -= piece;
  }
}

}  // namespace

std::string describe_unwritten() {
  const auto& u = block.unwritten;
  return words_of_unwritten(u.kind, u.address, u.bytes, u.allocation, u.pc);
}

void touch(Touch kind, const void* pointer, unsigned bytes, const void* pc) {
  const std::uintptr_t address = reinterpret_cast<std::uintptr_t>(pointer);
  switch (kind) {
    case Touch::read: return touch_inline<Touch::read>(address, bytes, pc);
    case Touch::write: return touch_inline<Touch::write>(address, bytes, pc);
    case Touch::atomic: return touch_inline<Touch::atomic>(address, bytes, pc);
    case Touch::copy_begin: return touch_inline<Touch::copy_begin>(address, bytes, pc);
    case Touch::copy_end: return touch_inline<Touch::copy_end>(address, bytes, pc);
  }
}

void fence() {
  if (!state.current) return;
  fenced = true;
  last_fence[state.current->id] = {tick_of(state.block_begin), state.interval_begin, state.now};
}

void release_to_blocks(const void* address) {
  if (!fenced) return;
  const Fence& f = last_fence[state.current->id];
  if (f.block_begin != tick_of(state.block_begin)) return;
  releases[address].push_back({f.block_begin, tick_of(f.interval_begin), tick_of(f.now), state.current->id});
}

void acquire_from_blocks(const void* address) {
  if (!fenced) return;
  const auto found = releases.find(address);
  if (found == releases.end()) return;
  block.acquired = found->second;
  block.acquired_interval = tick_of(state.interval_begin);
  block.acquired_thread = state.current->id;
}

void forget_releases() {
  if (fenced) releases.clear();
  fenced = false;
}

}  // namespace emulator

// ---- what -fsanitize=thread calls ----

using emulator::Touch;
using emulator::touch_inline;

#define LIMBIC_PC __builtin_return_address(0)
#define LIMBIC_CALLBACKS(n)                                                        \
  void __tsan_read##n(void* p) {                                                   \
    touch_inline<Touch::read>(reinterpret_cast<std::uintptr_t>(p), n, LIMBIC_PC);  \
  }                                                                                \
  void __tsan_write##n(void* p) {                                                  \
    touch_inline<Touch::write>(reinterpret_cast<std::uintptr_t>(p), n, LIMBIC_PC); \
  }                                                                                \
  void __tsan_volatile_read##n(void* p) {                                          \
    touch_inline<Touch::read>(reinterpret_cast<std::uintptr_t>(p), n, LIMBIC_PC);  \
  }                                                                                \
  void __tsan_volatile_write##n(void* p) {                                         \
    touch_inline<Touch::write>(reinterpret_cast<std::uintptr_t>(p), n, LIMBIC_PC); \
  }                                                                                \
  void __tsan_read_write##n(void* p) {                                             \
    touch_inline<Touch::read>(reinterpret_cast<std::uintptr_t>(p), n, LIMBIC_PC);  \
    touch_inline<Touch::write>(reinterpret_cast<std::uintptr_t>(p), n, LIMBIC_PC); \
  }                                                                                \
  void __tsan_unaligned_read##n(void* p) {                                         \
    touch_inline<Touch::read>(reinterpret_cast<std::uintptr_t>(p), n, LIMBIC_PC);  \
  }                                                                                \
  void __tsan_unaligned_write##n(void* p) {                                        \
    touch_inline<Touch::write>(reinterpret_cast<std::uintptr_t>(p), n, LIMBIC_PC); \
  }
extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
LIMBIC_CALLBACKS(1)
LIMBIC_CALLBACKS(2)
LIMBIC_CALLBACKS(4)
LIMBIC_CALLBACKS(8)
LIMBIC_CALLBACKS(16)
void __tsan_read_range(void* p, std::size_t n) {
  emulator::touch_range(Touch::read, reinterpret_cast<std::uintptr_t>(p), n, LIMBIC_PC);
}
void __tsan_write_range(void* p, std::size_t n) {
  emulator::touch_range(Touch::write, reinterpret_cast<std::uintptr_t>(p), n, LIMBIC_PC);
}
void* __tsan_memcpy(void* to, const void* from, std::size_t n) {
  emulator::touch_range(Touch::read, reinterpret_cast<std::uintptr_t>(from), n, LIMBIC_PC);
  emulator::touch_range(Touch::write, reinterpret_cast<std::uintptr_t>(to), n, LIMBIC_PC);
  return __builtin_memcpy(to, from, n);
}
void* __tsan_memmove(void* to, const void* from, std::size_t n) {
  emulator::touch_range(Touch::read, reinterpret_cast<std::uintptr_t>(from), n, LIMBIC_PC);
  emulator::touch_range(Touch::write, reinterpret_cast<std::uintptr_t>(to), n, LIMBIC_PC);
  return __builtin_memmove(to, from, n);
}
void* __tsan_memset(void* to, int value, std::size_t n) {
  emulator::touch_range(Touch::write, reinterpret_cast<std::uintptr_t>(to), n, LIMBIC_PC);
  return __builtin_memset(to, value, n);
}
}
