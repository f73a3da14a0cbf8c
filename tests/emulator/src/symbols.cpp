// What the program's own ELF file says: the kernels' shared variables, and names of functions for findings.
#include "runtime.hpp"

#include <cxxabi.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#ifdef LIMBIC_EMULATOR_BACKTRACE
// libbacktrace, which comes with g++; declared here because its header lies out of other compilers' sight.
extern "C" {
struct backtrace_state;
backtrace_state* backtrace_create_state(const char* file, int threaded,
                                        void (*error)(void*, const char*, int), void* data);
int backtrace_pcinfo(backtrace_state* state, std::uintptr_t pc,
                     int (*place)(void*, std::uintptr_t, const char*, int, const char*),
                     void (*error)(void*, const char*, int), void* data);
}
#endif

namespace emulator {

namespace {

struct Symbol {
  std::uintptr_t value;
  std::size_t size;
  std::string name;
};

// The object (program or shared library) that this code is part of.
struct Object {
  std::string path;
  std::uintptr_t base = 0;
  std::size_t tls_bytes = 0, tls_align = 1;
  std::vector<Symbol> functions, thread_locals;
  std::vector<std::pair<std::uintptr_t, std::uintptr_t>> images;  // of all objects
};

void read_symbols(Object& object) {
  const int file = open(object.path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return;
  struct stat info {};
  fstat(file, &info);
  const std::size_t size = static_cast<std::size_t>(info.st_size);
  void* map = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (map == MAP_FAILED) return;
  const char* data = static_cast<const char*>(map);
  const auto* header = reinterpret_cast<const ElfW(Ehdr)*>(data);
  const auto* sections = reinterpret_cast<const ElfW(Shdr)*>(data + header->e_shoff);
  for (int i = 0; i < header->e_shnum; ++i) {
    if (sections[i].sh_type != SHT_SYMTAB) continue;
    const char* names = data + sections[sections[i].sh_link].sh_offset;
    const auto* symbols = reinterpret_cast<const ElfW(Sym)*>(data + sections[i].sh_offset);
    for (std::size_t k = 0; k < sections[i].sh_size / sizeof(ElfW(Sym)); ++k) {
      const ElfW(Sym)& s = symbols[k];
      if (s.st_shndx == SHN_UNDEF) continue;
      const int type = ELF64_ST_TYPE(s.st_info);
      if (type == STT_FUNC)
        object.functions.push_back({object.base + s.st_value, s.st_size, names + s.st_name});
      if (type == STT_TLS) object.thread_locals.push_back({s.st_value, s.st_size, names + s.st_name});
    }
  }
  munmap(map, size);
  const auto by_value = [](const Symbol& a, const Symbol& b) { return a.value < b.value; };
  std::sort(object.functions.begin(), object.functions.end(), by_value);
  std::sort(object.thread_locals.begin(), object.thread_locals.end(), by_value);
}

const Object& own_object() {
  static const Object object = [] {
    Object o;
    dl_iterate_phdr(
        [](dl_phdr_info* info, std::size_t, void* data) {
          Object& found = *static_cast<Object*>(data);
          const std::uintptr_t me = reinterpret_cast<std::uintptr_t>(&own_object);
          bool mine = false;
          std::size_t tls_bytes = 0;
          for (int i = 0; i < info->dlpi_phnum; ++i) {
            const auto& p = info->dlpi_phdr[i];
            if (p.p_type == PT_TLS) tls_bytes = p.p_memsz;
            if (p.p_type != PT_LOAD) continue;
            const std::uintptr_t begin = info->dlpi_addr + p.p_vaddr;
            found.images.emplace_back(begin, begin + p.p_memsz);
            mine |= me - begin < p.p_memsz;
          }
          if (mine) {
            found.path = info->dlpi_name && *info->dlpi_name ? info->dlpi_name : "/proc/self/exe";
            found.base = info->dlpi_addr;
            found.tls_bytes = tls_bytes;
          }
          return 0;
        },
        &o);
    read_symbols(o);
    return o;
  }();
  return object;
}

// The calling thread's copy of the object's thread-local variables.
std::uintptr_t own_tls() {
  std::uintptr_t tls = 0;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* data) {
        if (info->dlpi_addr != own_object().base) return 0;
        *static_cast<std::uintptr_t*>(data) = reinterpret_cast<std::uintptr_t>(info->dlpi_tls_data);
        return 1;
      },
      &tls);
  return tls;
}

// "row_sum<float>" of "void limbic::cuda::row_sum<float>(float const*, float*, int)".
std::string shorten(std::string name) {
  int depth = 0;
  std::size_t begin = 0, end = name.size();
  for (std::size_t i = 0; i < name.size(); ++i) {
    const char c = name[i];
    if (c == '<') ++depth;
    if (c == '>') --depth;
    if (depth) continue;
    if (name.compare(i, 21, "(anonymous namespace)") == 0) {
      i += 20;
    } else if (c == '(') {
      end = i;
      break;
    } else if (c == ' ') {
      begin = i + 1;
    } else if (c == ':' && i + 1 < name.size() && name[i + 1] == ':') {
      begin = i + 2;
      ++i;
    }
  }
  name = name.substr(begin, end - begin);
  return name.size() > 120 ? name.substr(0, 117) + "..." : name;
}

std::string demangled(const char* name) {
  int status = 0;
  char* text = abi::__cxa_demangle(name, nullptr, nullptr, &status);
  std::string result = status == 0 && text ? text : name;
  std::free(text);
  return result;
}

}  // namespace

SharedVariables& shared_variables() {
  thread_local SharedVariables shared;
  if (shared.region.base) return shared;
  const Object& o = own_object();
  const std::uintptr_t tls = own_tls();
  shared.region.base = tls & ~(kChunkBytes - 1);
  shared.region.bytes = tls ? tls + o.tls_bytes - shared.region.base : 0;
  shared.of_byte.assign(shared.region.bytes, 0xffff);
  thread_local std::vector<Chunk> chunks;
  chunks.resize((shared.region.bytes >> kChunkShift) + 1);
  shared.region.chunks = chunks.data();
  std::map<std::string, unsigned> owners;
  const auto add = [&](std::uintptr_t begin, std::size_t size, std::string name, const std::string& owner) {
    Allocation a;
    a.begin = begin;
    a.end = begin + size;
    a.live = true;
    a.space = Allocation::shared;
    a.name = std::move(name);
    a.owner = owners.try_emplace(owner, static_cast<unsigned>(owners.size())).first->second;
    const auto number = static_cast<std::uint16_t>(shared.variables.size());
    for (std::uintptr_t i = a.begin - shared.region.base; i < a.end - shared.region.base; ++i)
      shared.of_byte[i] = number;
    shared.variables.push_back(std::move(a));
  };
  for (const Symbol& s : o.thread_locals) {
    if (s.value + s.size > o.tls_bytes) continue;
    const std::string full = demangled(s.name.c_str());
    const auto colons = full.rfind("::");
    const std::string variable = colons == full.npos ? full : full.substr(colons + 2);
    const std::string owner = colons == full.npos ? "" : full.substr(0, colons);
    add(tls + s.value, s.size, owner.empty() ? variable : variable + " of " + shorten(owner), owner);
  }
  // A stripped program: one variable with everything in it.
  if (o.thread_locals.empty() && tls) add(tls, o.tls_bytes, "static shared memory", "");
  return shared;
}

const Allocation* shared_variable_before(std::uintptr_t address) {
  const Allocation* found = nullptr;
  for (const Allocation& a : shared_variables().variables)
    if (a.begin <= address && (!found || a.begin > found->begin)) found = &a;
  return found;
}

bool is_image(std::uintptr_t address) {
  for (const auto& [begin, end] : own_object().images)
    if (address - begin < end - begin) return true;
  return false;
}

std::string function_name(const void* function) {
  const std::uintptr_t pc = reinterpret_cast<std::uintptr_t>(function);
  const auto& all = own_object().functions;
  auto next = std::upper_bound(all.begin(), all.end(), pc,
                               [](std::uintptr_t value, const Symbol& s) { return value < s.value; });
  if (next == all.begin() || pc >= std::prev(next)->value + std::max<std::size_t>(std::prev(next)->size, 1))
    return "an unknown function";
  return shorten(demangled(std::prev(next)->name.c_str()));
}

std::string place_of(const void* pc) {
  const std::uintptr_t call = reinterpret_cast<std::uintptr_t>(pc) - 1;
  std::string text = function_name(reinterpret_cast<const void*>(call));
#ifdef LIMBIC_EMULATOR_BACKTRACE
  static backtrace_state* const lines = backtrace_create_state(
      nullptr, 0, [](void*, const char*, int) {}, nullptr);
  std::string places;
  static constexpr auto base_name = [](const char* path) -> std::string_view {
    const char* slash = std::strrchr(path, '/');
    return slash ? slash + 1 : path;
  };
  const auto add = [](void* data, std::uintptr_t, const char* file, int line, const char*) {
    auto& all = *static_cast<std::string*>(data);
    if (!file) return 0;
    const std::string place = std::string(base_name(file)) + ":" + std::to_string(line);
    if (place.rfind("device.hpp:", 0) == 0 || place.rfind("device_functions.hpp:", 0) == 0) return 0;
    all += (all.empty() ? "" : " in ") + place;
    return 0;
  };
  if (lines)
    backtrace_pcinfo(
        lines, call, add, [](void*, const char*, int) {}, &places);
  if (!places.empty()) return text + " (" + places + ")";
#endif
  char offset[40];
  std::snprintf(offset, sizeof offset, " (program + 0x%zx)", call - own_object().base);
  return text + offset;
}

}  // namespace emulator
