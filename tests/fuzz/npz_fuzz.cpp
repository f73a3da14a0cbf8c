// Any bytes as an .npz archive: all values are read; Error is the only way out.
#include <limbic/io/npz.hpp>

#include "touch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const auto file = limbic::NpzFile::parse(bytes, "memory", std::uint64_t{1} << 26);
    for (const auto& name : file.names())
      touch_as_all([&](auto type) { return file.load<decltype(type)>(name); });
  } catch (const limbic::Error&) {
  }
  return 0;
}
