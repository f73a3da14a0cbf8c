// Any bytes as a .mat file of version 4 or 5: all values are read; Error is the only way out.
#include <limbic/data/mat.hpp>

#include "touch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const auto file = limbic::mat::File::parse(bytes, "memory", {.max_bytes = std::uint64_t{1} << 26});
    for (const auto& entry : file.list()) {
      touch_as_all([&](auto type) { return file.read<decltype(type)>(entry.name); });
      try {
        (void)file.value(entry.name);
      } catch (const limbic::Error&) {
      }
    }
  } catch (const limbic::Error&) {
  }
  return 0;
}
