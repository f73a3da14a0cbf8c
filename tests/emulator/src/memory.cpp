// Device memory: a reserved range of addresses, allocations with guards between them, and the shadow.
#include "runtime.hpp"

#include <sys/mman.h>

#include <unistd.h>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <map>

namespace emulator {

Region device_memory;

namespace {

constexpr std::uintptr_t kReserved = std::uintptr_t{16} << 30;
constexpr std::uintptr_t kDynamicRoom = 256 * 1024, kHugePage = std::uintptr_t{2} << 20;
constexpr std::size_t kSignalStack = 64 * 1024;
constexpr std::size_t kQuarantineBytes = std::size_t{64} << 20, kQuarantineCount = 2048;

std::map<std::uintptr_t, std::unique_ptr<Allocation>> allocations;  // by address, the dead ones too
std::map<std::size_t, std::vector<std::uintptr_t>> reusable;        // by rounded size
std::deque<std::uintptr_t> quarantine;
std::size_t quarantine_bytes = 0, live_bytes = 0;
std::uintptr_t next_free = 0;
std::uintptr_t opened = 0;  // bytes from the start that can be accessed
unsigned last_number = 0;
Allocation dynamic_allocation;
int host_depth = 0;
struct sigaction previous_handler;

void* reserve(std::size_t bytes, int protection) {
  void* p = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED) throw std::bad_alloc();
  return p;
}

// Chunks of an allocation and the one behind it, which stays nobody's.
std::size_t rounded(std::size_t bytes) { return (bytes + 2 * kChunkBytes - 1) / kChunkBytes * kChunkBytes; }

void occupy(Allocation& a) {
  Chunk* chunk = device_memory.chunks + ((a.begin - device_memory.base) >> kChunkShift);
  for (std::uintptr_t at = a.begin; at < a.end; at += kChunkBytes, ++chunk) {
    chunk->allocation = &a;
    chunk->granule_shift = 2;
  }
  a.birth = make_access(++ticks, 0);
  a.filled = false;
  a.live = true;
}

// The host touched device memory: say so, then let the signal do what it would have done.
void on_fault(int signal, siginfo_t* info, void* context) {
  const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(info->si_addr);
  const char* text = nullptr;
  if (at - device_memory.base < device_memory.bytes)
    text = "emulator: host code touched device memory (a pointer of Tensor<T, Cuda> used on the host?)\n";
  for (const auto& fibre : block.fibres)
    if (at - reinterpret_cast<std::uintptr_t>(fibre->stack) + 4096 < 4096)
      text = "emulator: a thread of a kernel used up its stack\n";
  if (text) static_cast<void>(!write(2, text, std::strlen(text)));
  if ((previous_handler.sa_flags & SA_SIGINFO) && previous_handler.sa_sigaction) {
    previous_handler.sa_sigaction(signal, info, context);
  } else if (previous_handler.sa_handler != SIG_DFL && previous_handler.sa_handler != SIG_IGN) {
    previous_handler.sa_handler(signal);
  } else {
    std::signal(signal, SIG_DFL);
  }
}

// Others (test frameworks) install theirs too, so it is looked at again whenever memory is closed. A thread
// without a stack for signals gets one: the fault may be that there is no stack left.
void install_handler() {
  thread_local std::unique_ptr<char[]> own_stack;
  stack_t old{};
  sigaltstack(nullptr, &old);
  if (old.ss_flags & SS_DISABLE) {
    if (!own_stack) own_stack = std::make_unique<char[]>(kSignalStack);
    stack_t fresh{};
    fresh.ss_sp = own_stack.get();
    fresh.ss_size = kSignalStack;
    sigaltstack(&fresh, nullptr);
  }
  struct sigaction now;
  sigaction(SIGSEGV, nullptr, &now);
  if ((now.sa_flags & SA_SIGINFO) && now.sa_sigaction == &on_fault) return;
  previous_handler = now;
  struct sigaction ours {};
  ours.sa_sigaction = &on_fault;
  ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &ours, nullptr);
}

}  // namespace

void initialise_memory() {
  if (device_memory.base) return;
  const auto base = reinterpret_cast<std::uintptr_t>(reserve(kReserved + kHugePage, PROT_NONE));
  device_memory.base = (base + kHugePage - 1) / kHugePage * kHugePage;
  // Opening and closing for the host costs by the page.
  madvise(reinterpret_cast<void*>(device_memory.base), kReserved, MADV_HUGEPAGE);
  device_memory.bytes = kReserved;
  device_memory.chunks =
      static_cast<Chunk*>(reserve((kReserved >> kChunkShift) * sizeof(Chunk), PROT_READ | PROT_WRITE));
  dynamic_allocation.begin = dynamic_allocation.end = device_memory.base;
  dynamic_allocation.space = Allocation::dynamic;
  dynamic_allocation.name = "dynamic shared memory";
  dynamic_allocation.live = true;
  for (std::uintptr_t i = 0; i < kDynamicRoom >> kChunkShift; ++i)
    device_memory.chunks[i].allocation = &dynamic_allocation;
  next_free = device_memory.base + kDynamicRoom + kChunkBytes;
}

Allocation* allocate(std::size_t bytes, int device) {
  initialise_memory();
  const std::lock_guard lock(device_mutex);
  const std::size_t room = rounded(bytes);
  if (bytes > options().memory_bytes || live_bytes + bytes > options().memory_bytes) return nullptr;
  std::uintptr_t at = 0;
  while (quarantine_bytes > kQuarantineBytes || quarantine.size() > kQuarantineCount) {
    const Allocation& old = *allocations.at(quarantine.front());
    const std::size_t old_room = rounded(old.end - old.begin);
    quarantine_bytes -= old_room;
    reusable[old_room].push_back(old.begin);
    quarantine.pop_front();
  }
  if (const auto found = reusable.find(room); found != reusable.end() && !found->second.empty()) {
    at = found->second.back();
    found->second.pop_back();
  } else if (next_free + room <= device_memory.base + device_memory.bytes) {
    at = next_free;
    next_free += room;
  } else {
    return nullptr;
  }
  auto& slot = allocations[at];
  slot = std::make_unique<Allocation>();
  slot->begin = at;
  slot->end = at + bytes;
  slot->device = device;
  slot->number = ++last_number;
  live_bytes += bytes;
  occupy(*slot);
  return slot.get();
}

void release(Allocation* allocation) {
  const std::lock_guard lock(device_mutex);
  allocation->live = false;
  live_bytes -= allocation->end - allocation->begin;
  quarantine.push_back(allocation->begin);
  quarantine_bytes += rounded(allocation->end - allocation->begin);
}

void suspend(Allocation* allocation) {
  const std::lock_guard lock(device_mutex);
  allocation->live = false;
  live_bytes -= allocation->end - allocation->begin;
}

void revive(Allocation* allocation) {
  const std::lock_guard lock(device_mutex);
  live_bytes += allocation->end - allocation->begin;
  occupy(*allocation);
}

Allocation* find_allocation(std::uintptr_t address) {
  const std::uintptr_t offset = address - device_memory.base;
  return offset < device_memory.bytes ? device_memory.chunks[offset >> kChunkShift].allocation : nullptr;
}

Allocation* nearest_allocation(std::uintptr_t address) {
  auto next = allocations.upper_bound(address);
  return next == allocations.begin() ? nullptr : std::prev(next)->second.get();
}

std::size_t allocated_bytes() { return live_bytes; }

Record* make_records(Chunk& chunk, int granule_shift) {
  static Record* slab = nullptr;
  static std::size_t left = 0;
  if (chunk.records && chunk.granule_shift <= granule_shift) return chunk.records;
  const std::size_t n = kChunkBytes >> granule_shift;
  Record* records = chunk.records;
  if (!records || chunk.capacity_shift > granule_shift) {
    if (left < n) {
      left = (std::size_t{4} << 20) / sizeof(Record);
      slab = static_cast<Record*>(reserve(left * sizeof(Record), PROT_READ | PROT_WRITE));
    }
    records = slab;
    slab += n;
    left -= n;
    chunk.capacity_shift = granule_shift;
  }
  if (chunk.records)  // in place too: from the end
    for (std::size_t i = n; i-- > 0;) records[i] = chunk.records[i >> (chunk.granule_shift - granule_shift)];
  chunk.records = records;
  chunk.granule_shift = granule_shift;
  return records;
}

void set_dynamic_shared(std::size_t bytes) {
  dynamic_allocation.end = dynamic_allocation.begin + bytes;
  for (std::size_t i = 0; i << kChunkShift < bytes; ++i) device_memory.chunks[i].granule_shift = 2;
}
void* dynamic_shared() { return reinterpret_cast<void*>(dynamic_allocation.begin); }

void mark_written(std::uintptr_t address, std::size_t bytes) {
  const std::lock_guard lock(device_mutex);
  Allocation* a = find_allocation(address);
  if (!a || a->filled || !bytes) return;
  if (address == a->begin && bytes == a->end - a->begin) {
    a->filled = true;
    return;
  }
  const Access now = make_access(++ticks, 0);
  const std::uintptr_t end = address + bytes;
  while (address < end) {
    const std::uintptr_t offset = address - device_memory.base;
    Chunk& chunk = device_memory.chunks[offset >> kChunkShift];
    const std::uintptr_t chunk_end = std::min(end, (address & ~(kChunkBytes - 1)) + kChunkBytes);
    const std::uintptr_t edges = address | chunk_end;
    Record* records = make_records(chunk, edges & 1 ? 0 : edges & 2 ? 1 : 2);
    const std::uintptr_t low = (address & (kChunkBytes - 1)) >> chunk.granule_shift;
    const std::uintptr_t n = (chunk_end - address) >> chunk.granule_shift;
    for (std::uintptr_t i = 0; i < n; ++i) records[low + i].write = now;
    address = chunk_end;
  }
}

HostAccess::HostAccess() {
  const std::lock_guard lock(device_mutex);
  initialise_memory();
  const std::uintptr_t needed = (next_free - device_memory.base + kHugePage - 1) / kHugePage * kHugePage;
  ++host_depth;
  if (needed <= opened) return;
  mprotect(reinterpret_cast<void*>(device_memory.base), needed, PROT_READ | PROT_WRITE);
  opened = needed;
}

HostAccess::~HostAccess() {
  const std::lock_guard lock(device_mutex);
  if (--host_depth || !options().guard_host) return;
  mprotect(reinterpret_cast<void*>(device_memory.base), opened, PROT_NONE);
  opened = 0;
  install_handler();
}

}  // namespace emulator
