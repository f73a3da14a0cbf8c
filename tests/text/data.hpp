// What the text tests share: their data and small helpers.
#pragma once

#include <limbic/io/json.hpp>

#include <string>
#include <vector>

// The path of a file of tests/text.
inline std::string data_path(const std::string& name) {
  return std::string(LIMBIC_SOURCE_DIR) + "/tests/text/" + name;
}

inline std::vector<limbic::index_t> integers(const limbic::Json& list) {
  std::vector<limbic::index_t> out;
  for (const limbic::Json& v : list.as_array()) out.push_back(v.as_integer());
  return out;
}

inline bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != text.npos;
}
