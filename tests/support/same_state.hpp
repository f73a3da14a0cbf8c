// Whether two state dicts have the same names and, bit for bit, the same values.
#pragma once

#include <limbic/io/state_dict.hpp>

#include "support/op_check.hpp"

namespace limbic::test {

inline bool same_state(const StateDict& a, const StateDict& b) {
  if (a.size() != b.size()) return false;
  for (const auto& [name, value] : a.values()) {
    const auto it = b.values().find(name);
    if (it == b.values().end()) return false;
    const bool same = std::visit(
        []<class V, class W>(const V& v, const W& w) {
          if constexpr (!std::is_same_v<V, W>) return false;
          else if constexpr (requires { v.shape(); }) return identical(v, w);
          else return v == w;
        },
        value, it->second);
    if (!same) return false;
  }
  return true;
}

}  // namespace limbic::test
