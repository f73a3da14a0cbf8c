// Small text files as a whole and by lines.
#pragma once

#include <limbic/io/file.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace limbic::text::detail {

// What a vocabulary or configuration may take at most, in bytes.
inline constexpr std::size_t kMaxTextFile = std::size_t{1} << 26;

// The lines of a text, without their ends.
inline std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    out.push_back(line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// A whole file as text. Throws when it cannot be read or is above the limit.
inline std::string text_file(const std::string& path) {
  const auto map = MappedFile::open(path);
  const auto bytes = map->bytes();
  check(bytes.size() <= kMaxTextFile, "vocabulary", "a file of at most 64 MB is needed; got '", path, "' of ",
        bytes.size(), " bytes");
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

}  // namespace limbic::text::detail
