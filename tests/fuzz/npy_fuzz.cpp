// Any bytes as an .npy file: all values are read; Error is the only way out.
#include <limbic/io/npy.hpp>

#include "touch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    (void)limbic::parse_npy_header(bytes);
    touch_as_all([&](auto type) { return limbic::parse_npy<decltype(type)>(bytes); });
  } catch (const limbic::Error&) {
  }
  return 0;
}
