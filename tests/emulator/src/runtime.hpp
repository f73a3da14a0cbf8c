// Inside the emulator.
//
// A launch runs its blocks one after the other on the calling host thread; a block's threads are fibres that
// hand over at barriers and warp operations. Time is counted in ticks: each block start, barrier and warp
// synchronisation begins a new one. A thread's clock is the tick of the last such event that it took part in,
// and the shadow of memory keeps for every few bytes who touched them last, at which clock. From that the
// order of two accesses follows, whatever order the fibres really ran in:
//
//   before this launch                    ordered
//   another block of this launch          not ordered, but by a fence and an atomic operation each
//   this block, before its last barrier   ordered
//   since then: the same thread, or a lane whose warp synchronised after it: ordered; else not
#pragma once

#include "emulator/device.hpp"
#include "emulator/emulator.hpp"
#include "emulator/host_api.hpp"

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

namespace emulator {

using Tick = std::uint64_t;

constexpr unsigned kMaxThreads = 1024, kWarp = 32, kMaxWarps = kMaxThreads / kWarp;
constexpr std::size_t kStackBytes = 128 * 1024;
constexpr std::size_t kMaxShared = 227 * 1024, kPlainShared = 48 * 1024;

// ---- shadow memory (memory.cpp, check.cpp) ----

enum class Touch { read, write, atomic, copy_begin, copy_end };

// Tick, thread and flags of an access in 64 bits, so that comparing them compares ticks.
using Access = std::uint64_t;
enum : Access {
  kAtomic = 1,      // by an atomic operation
  kInFlight = 2,    // by an asynchronous copy that has not been waited for
  kManyLanes = 4,   // by several lanes of the warp since it last synchronised
  kManyWarps = 8,   // by several warps since the last barrier
  kManyBlocks = 16  // by several blocks of the launch
};
constexpr int kThreadShift = 6, kTickShift = 16;
constexpr Access make_access(Tick tick, unsigned thread) {
  return (tick << kTickShift) | (Access{thread} << kThreadShift);
}
constexpr unsigned thread_of(Access a) { return (a >> kThreadShift) & 1023u; }
constexpr Tick tick_of(Access a) { return a >> kTickShift; }

struct Record {
  Access write = 0, read = 0;
  std::uint32_t write_pc = 0, read_pc = 0;
};

struct Allocation {
  std::uintptr_t begin = 0, end = 0;
  Access birth = 0;     // bytes written before are not initialised
  bool filled = false;  // but if the host set them all
  bool live = false;
  int device = 0;
  unsigned number = 0;
  enum Space : unsigned char { global, dynamic, shared, pinned } space = global;
  std::string name;    // of a shared variable
  unsigned owner = 0;  // the function that it belongs to, as a number
};

// 256 bytes of memory: whose they are, and a record for each granule of 4, 2 or 1 bytes.
constexpr int kChunkShift = 8;
constexpr std::uintptr_t kChunkBytes = 1 << kChunkShift;
struct Chunk {
  Record* records = nullptr;
  Allocation* allocation = nullptr;
  int granule_shift = 2;
  int capacity_shift = 2;  // what `records` has room for
};

struct Region {
  std::uintptr_t base = 0, bytes = 0;
  Chunk* chunks = nullptr;
};
extern Region device_memory;

void initialise_memory();
Allocation* allocate(std::size_t bytes, int device);  // nullptr: out of memory
void release(Allocation* allocation);
void suspend(Allocation* allocation);                    // gone, but its address stays its own
void revive(Allocation* allocation);                     // there again, uninitialised
Allocation* find_allocation(std::uintptr_t address);     // the live or dead one there, or nullptr
Allocation* nearest_allocation(std::uintptr_t address);  // the one that ends last before an address
std::size_t allocated_bytes();
bool is_pinned(std::uintptr_t address);
Record* make_records(Chunk& chunk, int granule_shift);
void set_dynamic_shared(std::size_t bytes);  // for the next launch
// By the host or a library: the bytes are written, in order with all launches.
void mark_written(std::uintptr_t address, std::size_t bytes);
// The host may touch device memory while one of these lives.
class HostAccess {
 public:
  HostAccess();
  ~HostAccess();
  HostAccess(const HostAccess&) = delete;
  HostAccess& operator=(const HostAccess&) = delete;
};

// ---- symbols (symbols.cpp) ----

// Shared variables of this program, found by its symbol table, for the calling thread.
struct SharedVariables {
  Region region;
  std::vector<Allocation> variables;
  std::vector<std::uint16_t> of_byte;  // number of the variable there, or 0xffff
};
SharedVariables& shared_variables();
const Allocation* shared_variable_before(std::uintptr_t address);
bool is_image(
    std::uintptr_t address);  // in this program's own code and variables: constants, __device__ variables
std::string place_of(const void* pc);  // "function (file:line)" of the call that returns to pc
std::string function_name(const void* function);

// ---- running a block (fibre.cpp, block.cpp, warp.cpp) ----

struct Fibre {
  void* stack_pointer = nullptr;
  char* stack = nullptr;  // lowest byte
  unsigned id = 0;
  bool exited = false;
  Tick clock = 0;
  // What it waits for, for messages: nullptr when it does not.
  const char* waits_at = nullptr;
  Place place{};
  struct Copy {
    void* to;
    unsigned char data[16];
    unsigned char bytes;
    unsigned group;
    const void* pc;
  };
  std::deque<Copy> copies;  // asynchronous ones under way
  unsigned group = 0;       // that is open
};

// A warp operation that waits for lanes.
struct Pending {
  unsigned mask = 0, arrived = 0;
  const char* name = nullptr;
  int variant = 0;
  void (*finish)(Pending&) = nullptr;
  const void* input[kWarp] = {};
  void* output[kWarp] = {};
};

struct Warp {
  unsigned live = 0;  // lanes that have not returned
  Tick full = 0;      // when all its lanes last synchronised
  std::vector<Pending> pending;
  // order[i][j]: when lane i last synchronised with lane j by a mask with fewer lanes; empty while there is
  // none.
  std::vector<Tick> order;
};

struct Release {
  Tick block_begin, interval_begin, clock;
  unsigned thread;
};

struct Launch {
  const void* function;
  const KernelType* type;
  void* const* arguments;
  dim3 grid, block;
  std::size_t shared_bytes;
  std::string name;
};

// All about the launch that this host thread runs. What every access looks at comes first.
struct State {
  std::uintptr_t stack_low = 0, stack_bytes = ~std::uintptr_t{0};  // all memory, while nothing runs
  Access now = 0;                                                  // clock and thread of the running fibre
  Access launch_begin = 0, block_begin = 0, interval_begin = 0, warp_full = 0;
  std::uintptr_t shared_base = 0, shared_bytes = 0;
  unsigned patience = 0;  // accesses until others get a turn
  bool check = false, count = false, check_uninitialised = false;
  Fibre* current = nullptr;
  Warp* warp = nullptr;
  SharedVariables* shared = nullptr;
  Launch* launch = nullptr;
  Counters* counters = nullptr;
  uint3 thread{}, block{};
  int device = 0;
};
extern thread_local constinit State state;

// The running block; one at a time in the program.
struct Block {
  std::vector<std::unique_ptr<Fibre>> fibres;  // as many as ever needed
  Warp warps[kMaxWarps];
  unsigned threads = 0, live = 0, waiting = 0;
  int votes = 0, result = 0;
  const char* barrier_kind = nullptr;
  Place barrier_place{};
  std::uint64_t number = 0;
  unsigned ready[kMaxThreads] = {};  // a ring
  unsigned ready_head = 0, ready_count = 0;
  uint3 index[kMaxThreads] = {};
  void* main_stack_pointer = nullptr;
  bool failed = false;
  struct {
    Kind kind;
    unsigned thread;
    std::string (*format)(const void*);
    const void* data;
  } fault{};
  // The first read of shared memory that nothing has written. It is told at the next barrier, or when the
  // block ends: before that it may turn out to have been a race with the thread that writes there.
  struct {
    bool found = false;
    unsigned thread;
    Touch kind;
    std::uintptr_t address;
    unsigned bytes;
    const Allocation* allocation;
    const void* pc;
  } unwritten{};
  std::mt19937_64 random;
  // Blocks of this launch by their first tick, and what blocks made visible to others by atomic operations.
  std::vector<std::pair<Tick, std::uint64_t>> begun;
  std::vector<Release> acquired;
  Tick acquired_interval = 0;
  unsigned acquired_thread = 0;
};
extern Block block;
extern Tick ticks;
// Held by whoever runs a kernel or touches the shadow of device memory.
extern std::recursive_mutex device_mutex;

bool run_grid(Launch& launch);  // false: a finding ended it
void yield_fibre();             // to the others that are ready, and back
void wait_fibre();              // until somebody makes it ready
void make_ready(unsigned thread);
void release_barrier();
void finish_warp_operations(Warp& warp);  // that waited only for lanes which returned now
std::string describe_pending();           // of all warps

void add_finding(Kind kind, unsigned thread, const std::string& text);
// Ends the launch with a finding about a thread. The fibre never runs on, so its words are found by format()
// on the main stack: nothing is left behind here that would need freeing.
[[noreturn]] void end_launch(Kind kind, unsigned thread, std::string (*format)(const void*),
                             const void* data);
template <class Format>
[[noreturn]] void report(Kind kind, unsigned thread, const Format& format) {
  end_launch(
      kind, thread, [](const void* f) -> std::string { return (*static_cast<const Format*>(f))(); }, &format);
}
template <class Format>
[[noreturn]] void report(Kind kind, const Format& format) {
  report(kind, state.current->id, format);
}
std::string describe_thread(unsigned thread);
std::string to_text(const Place& place);  // "file.cu:12"
std::string describe_address(std::uintptr_t address, const Allocation* allocation);
std::string last_failure();

extern "C" void emulator_switch(void** save, void* to);

// ---- checking (check.cpp) ----

void touch(Touch kind, const void* address, unsigned bytes, const void* pc);  // of 1, 2, 4, 8 or 16 bytes
void release_to_blocks(const void* address);
void acquire_from_blocks(const void* address);
void forget_releases();            // of the last launch
std::string describe_unwritten();  // block.unwritten in words

// ---- counting (counters.cpp) ----

Counters& counters_of(const std::string& kernel);
void count_access(Touch kind, bool is_shared, std::uintptr_t address, unsigned bytes, const void* pc);
void flush_warp_log(unsigned warp);  // its lanes go on together from here
void forget_warp_logs();             // at the start of a launch

}  // namespace emulator
