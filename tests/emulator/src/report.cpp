// Findings in words, and the options.
#include "runtime.hpp"

#include <cstdlib>

namespace emulator {

namespace {

std::vector<Finding> all_findings;
std::string failure;

std::uint64_t environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text && *text ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::string triple(unsigned x, unsigned y, unsigned z) {
  return "(" + std::to_string(x) + "," + std::to_string(y) + "," + std::to_string(z) + ")";
}

}  // namespace

Options& options() {
  static Options o = [] {
    Options from;
    from.schedule = environment("LIMBIC_EMULATOR_SCHEDULE", 0);
    from.check = environment("LIMBIC_EMULATOR_CHECK", 1) != 0;
    from.count = environment("LIMBIC_EMULATOR_COUNT", 0) != 0;
    from.guard_host = environment("LIMBIC_EMULATOR_GUARD", 1) != 0;
    from.devices = static_cast<int>(environment("LIMBIC_EMULATOR_DEVICES", 1));
    return from;
  }();
  return o;
}

const char* to_string(Kind kind) {
  switch (kind) {
    case Kind::out_of_bounds: return "out of bounds";
    case Kind::use_after_free: return "use after free";
    case Kind::host_memory: return "memory out of reach";
    case Kind::misaligned: return "misaligned";
    case Kind::uninitialised: return "uninitialised";
    case Kind::race: return "race";
    case Kind::barrier: return "divergent barrier";
    case Kind::warp: return "warp operation";
    case Kind::asynchronous_copy: return "asynchronous copy";
    case Kind::trap: return "trap";
  }
  return "";
}

const std::vector<Finding>& findings() { return all_findings; }
void clear_findings() { all_findings.clear(); }
std::string last_failure() { return failure; }

std::string describe_thread(unsigned thread) {
  const uint3 i = block.index[thread];
  return triple(i.x, i.y, i.z);
}

std::string to_text(const Place& place) {
  std::string_view file = place.file;
  if (const auto slash = file.rfind('/'); slash != file.npos) file.remove_prefix(slash + 1);
  return std::string(file) + ":" + std::to_string(place.line);
}

std::string describe_address(std::uintptr_t address, const Allocation* a) {
  if (!a) a = nearest_allocation(address);
  if (!a || address < a->begin) return "an address that was never allocated";
  const std::size_t bytes = a->end - a->begin, offset = address - a->begin;
  std::string text;
  if (address >= a->end) text = "at " + std::to_string(address - a->end) + " bytes past the end of ";
  else text = "byte " + std::to_string(offset) + " of ";
  switch (a->space) {
    case Allocation::global: text += "allocation " + std::to_string(a->number); break;
    case Allocation::dynamic: text += "the dynamic shared memory"; break;
    case Allocation::shared: text += "the shared variable " + a->name; break;
    case Allocation::pinned: text += "pinned host memory"; break;
  }
  return text + " (" + std::to_string(bytes) + " bytes)";
}

void add_finding(Kind kind, unsigned thread, const std::string& text) {
  Finding f;
  f.kind = kind;
  f.kernel = state.launch->name;
  f.block = {state.block.x, state.block.y, state.block.z};
  const uint3 i = block.index[thread];
  f.thread = {i.x, i.y, i.z};
  f.text = std::string("emulator found: ") + to_string(kind) + ": kernel " + f.kernel + ", block " +
           triple(f.block.x, f.block.y, f.block.z) + ", thread " + triple(i.x, i.y, i.z) + ": " + text;
  failure = f.text;
  all_findings.push_back(std::move(f));
}

void end_launch(Kind kind, unsigned thread, std::string (*format)(const void*), const void* data) {
  // What went wrong after a read of nothing may have come from it; but a race explains that read.
  if (block.unwritten.found && kind != Kind::race)
    block.fault = {Kind::uninitialised, block.unwritten.thread,
                   [](const void*) { return describe_unwritten(); }, nullptr};
  else block.fault = {kind, thread, format, data};
  block.failed = true;
  static void* abandoned = nullptr;
  emulator_switch(&abandoned, block.main_stack_pointer);
  __builtin_unreachable();
}

}  // namespace emulator
