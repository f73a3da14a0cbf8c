// Running a grid: blocks one after the other, the threads of a block as fibres, the block's barrier.
#include "runtime.hpp"

#include <algorithm>
#include <numeric>

namespace emulator {

void fresh_stack(void*& stack_pointer, char* stack, void (*entry)());  // fibre.cpp
char* make_stack();

thread_local constinit State state;
Block block;
Tick ticks = 1;
std::recursive_mutex device_mutex;

namespace {

unsigned next_patience() {
  if (options().schedule) return 1 + static_cast<unsigned>(block.random() % 64);
  return state.count ? 64 : 4096;  // counting looks at a warp's lanes side by side
}

void enter(Fibre& fibre) {
  State& s = state;
  s.current = &fibre;
  s.stack_low = reinterpret_cast<std::uintptr_t>(fibre.stack);
  s.stack_bytes = kStackBytes;
  s.now = make_access(fibre.clock, fibre.id);
  s.warp = &block.warps[fibre.id / kWarp];
  s.warp_full = make_access(s.warp->full, 0);
  s.thread = block.index[fibre.id];
  s.patience = next_patience();
}

void leave() {
  State& s = state;
  s.current = nullptr;
  s.stack_low = 0;
  s.stack_bytes = ~std::uintptr_t{0};
}

Fibre& pop_ready() {
  const unsigned head = block.ready_head;
  if (options().schedule) {
    const unsigned other = (head + static_cast<unsigned>(block.random() % block.ready_count)) % kMaxThreads;
    std::swap(block.ready[head], block.ready[other]);
  }
  block.ready_head = (head + 1) % kMaxThreads;
  --block.ready_count;
  return *block.fibres[block.ready[head]];
}

void switch_from(Fibre& fibre) {
  if (!block.ready_count) {
    leave();
    emulator_switch(&fibre.stack_pointer, block.main_stack_pointer);
    return;
  }
  Fibre& next = pop_ready();
  if (&next == &fibre) {
    enter(fibre);
    return;
  }
  enter(next);
  emulator_switch(&fibre.stack_pointer, next.stack_pointer);
}

void exit_fibre() {
  Fibre& fibre = *state.current;
  wait_copies(0);
  fibre.exited = true;
  --block.live;
  Warp& warp = *state.warp;
  warp.live &= ~(1u << fibre.id % kWarp);
  if (state.count && !warp.live) flush_warp_log(fibre.id / kWarp);
  finish_warp_operations(warp);
  if (block.waiting && block.waiting == block.live)
    report(Kind::barrier, [&] {
      return "it returns, while " + std::to_string(block.waiting) + " threads wait at " + block.barrier_kind +
             " (" + to_text(block.barrier_place) + ")";
    });
  switch_from(fibre);
}

// What a fibre does for ever: a thread of one block after the other.
void fibre_main() {
  for (;;) {
    state.launch->type->call(state.launch->function, state.launch->arguments);
    exit_fibre();
  }
}

void prepare_block(const Launch& launch) {
  Block& b = block;
  b.threads = launch.block.x * launch.block.y * launch.block.z;
  while (b.fibres.size() < b.threads) {
    b.fibres.push_back(std::make_unique<Fibre>());
    b.fibres.back()->id = static_cast<unsigned>(b.fibres.size()) - 1;
    b.fibres.back()->stack = make_stack();
    fresh_stack(b.fibres.back()->stack_pointer, b.fibres.back()->stack, &fibre_main);
  }
  if (b.failed)
    for (auto& f : b.fibres) fresh_stack(f->stack_pointer, f->stack, &fibre_main);
  b.failed = false;
  for (unsigned i = 0; i < b.threads; ++i)
    b.index[i] = {i % launch.block.x, i / launch.block.x % launch.block.y,
                  i / launch.block.x / launch.block.y};
}

bool run_block(const Launch& launch, std::uint64_t number) {
  Block& b = block;
  State& s = state;
  b.number = number;
  s.block = {static_cast<unsigned>(number % launch.grid.x),
             static_cast<unsigned>(number / launch.grid.x % launch.grid.y),
             static_cast<unsigned>(number / launch.grid.x / launch.grid.y)};
  const Tick now = ++ticks;
  s.block_begin = s.interval_begin = make_access(now, 0);
  b.begun.emplace_back(now, number);
  b.acquired.clear();
  b.unwritten.found = false;
  b.live = b.threads;
  b.waiting = b.ready_head = b.ready_count = 0;
  for (unsigned w = 0; w * kWarp < b.threads; ++w) {
    const unsigned lanes = std::min(kWarp, b.threads - w * kWarp);
    b.warps[w].live = lanes == kWarp ? ~0u : (1u << lanes) - 1;
    b.warps[w].full = now;
    b.warps[w].pending.clear();
    b.warps[w].order.clear();
  }
  for (unsigned i = 0; i < b.threads; ++i) {
    Fibre& f = *b.fibres[i];
    f.exited = false;
    f.clock = now;
    f.waits_at = nullptr;
    f.copies.clear();
    f.group = 0;
    make_ready(i);
  }
  Fibre& first = pop_ready();
  enter(first);
  emulator_switch(&b.main_stack_pointer, first.stack_pointer);
  leave();
  if (!b.failed && !b.live && b.unwritten.found) {
    add_finding(Kind::uninitialised, b.unwritten.thread, describe_unwritten());
    b.failed = true;
  } else if (b.failed) {
    add_finding(b.fault.kind, b.fault.thread, b.fault.format(b.fault.data));
  }
  if (!b.failed && b.live) {
    const Kind kind = b.waiting == b.live ? Kind::barrier : Kind::warp;
    unsigned thread = 0;
    while (b.fibres[thread]->exited) ++thread;
    add_finding(kind, thread, "the block cannot go on: " + describe_pending());
    b.failed = true;
  }
  return !b.failed;
}

}  // namespace

void make_ready(unsigned thread) {
  block.ready[(block.ready_head + block.ready_count++) % kMaxThreads] = thread;
}

void wait_fibre() { switch_from(*state.current); }

void yield_fibre() {
  Fibre& fibre = *state.current;
  make_ready(fibre.id);
  switch_from(fibre);
}

void release_barrier() {
  Block& b = block;
  if (b.unwritten.found) end_launch(Kind::uninitialised, 0, nullptr, nullptr);
  const Tick now = ++ticks;
  state.interval_begin = make_access(now, 0);
  b.result = b.votes;
  b.waiting = 0;
  if (state.count) ++state.counters->barriers;
  for (unsigned w = 0; w * kWarp < b.threads; ++w) {
    b.warps[w].full = now;
    if (state.count) flush_warp_log(w);
  }
  for (unsigned i = 0; i < b.threads; ++i) {
    b.fibres[i]->clock = now;
    b.fibres[i]->waits_at = nullptr;
    make_ready(i);
  }
}

int block_barrier(int predicate, const char* kind, Place place) {
  Block& b = block;
  if (!b.waiting) {
    b.barrier_kind = kind;
    b.barrier_place = place;
    b.votes = 0;
  } else if (place.line != b.barrier_place.line || std::string_view(place.file) != b.barrier_place.file) {
    report(Kind::barrier, [&] {
      return std::string("it is at ") + kind + " (" + to_text(place) + "), while " +
             std::to_string(b.waiting) + " threads wait at another one, " + b.barrier_kind + " (" +
             to_text(b.barrier_place) + ")";
    });
  }
  b.votes += predicate != 0;
  Fibre& fibre = *state.current;
  fibre.waits_at = kind;
  fibre.place = place;
  if (++b.waiting == b.live) {
    if (b.live != b.threads)
      report(Kind::barrier, [&] {
        return "the " + std::to_string(b.live) + " threads of the block that are left meet at " + kind +
               " (" + to_text(place) + "), " + std::to_string(b.threads - b.live) +
               " have returned before it";
      });
    release_barrier();
  }
  wait_fibre();
  return b.result;
}

bool run_grid(Launch& launch) {
  const std::lock_guard lock(device_mutex);
  const HostAccess access;
  State& s = state;
  const Options& o = options();
  s.launch = &launch;
  s.check = o.check;
  s.check_uninitialised = o.check_uninitialised;
  s.count = o.count;
  s.shared = &shared_variables();
  s.shared_base = s.shared->region.base;
  s.shared_bytes = s.shared->region.bytes;
  set_dynamic_shared(launch.shared_bytes);
  s.launch_begin = make_access(++ticks, 0);
  block.begun.clear();
  forget_releases();
  const std::uint64_t blocks = std::uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z;
  if (s.count) {
    forget_warp_logs();
    s.counters = &counters_of(launch.name);
    ++s.counters->launches;
    s.counters->blocks += blocks;
    s.counters->threads += blocks * launch.block.x * launch.block.y * launch.block.z;
  }
  prepare_block(launch);
  bool ok = true;
  if (o.schedule) {
    block.random.seed(o.schedule);
    std::vector<std::uint64_t> order(blocks);
    std::iota(order.begin(), order.end(), std::uint64_t{0});
    std::shuffle(order.begin(), order.end(), block.random);
    for (std::uint64_t i = 0; i < blocks && ok; ++i) ok = run_block(launch, order[i]);
  } else {
    for (std::uint64_t i = 0; i < blocks && ok; ++i) ok = run_block(launch, i);
  }
  s.launch = nullptr;
  return ok;
}

uint3 thread_index() { return state.thread; }
uint3 block_index() { return state.block; }
uint3 block_size() { return state.launch->block; }
uint3 grid_size() { return state.launch->grid; }

}  // namespace emulator
