// Any bytes as a safetensors file and as a checkpoint: all values are read; Error is the only way out.
// What is accepted and written again holds the same.
#include <limbic/io/checkpoint.hpp>

#include "touch.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  try {
    const auto file = limbic::SafetensorsFile::parse(bytes);
    for (const auto& [name, entry] : file.entries())
      touch_as_all([&, &n = name](auto type) { return file.load<decltype(type)>(n); });
    const auto state = limbic::read_state_dict(file);
    const auto written = limbic::safetensors_bytes(limbic::named_tensors(state), file.metadata());
    const auto again = limbic::SafetensorsFile::parse(written);
    if (again.metadata() != file.metadata() || again.entries().size() != file.entries().size()) std::abort();
    (void)limbic::Checkpoint::parse(bytes);
  } catch (const limbic::Error&) {
  }
  return 0;
}
