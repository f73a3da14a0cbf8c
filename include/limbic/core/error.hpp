// limbic::Error and the one way to throw it.
//
// A message reads "[op] what must hold; got name (shape), name (shape)", with a hint where the
// cause is common. The library never aborts, prints or exits.
#pragma once

#include <limbic/config.hpp>

#include <cstdio>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

namespace limbic {

// What limbic throws for every failure that it finds; what() is the message. (Containers of the standard
// library may still throw std::bad_alloc.)
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A place in the source. `Site site = Site::here()` as last parameter of a public function is the
// caller's place; what is recorded keeps it, and messages name it. (std::source_location, but for
// clang++ 14, which does not have it.)
struct Site {
  const char* file = "an unknown place";
  int line = 0;

  // The place of the call in whose arguments, default ones included, it stands.
  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

// Text of a value in an error message. Types of the library add overloads of their own, found by
// argument-dependent lookup, so that building a message needs no stream.
inline std::string to_text(std::string_view s) { return std::string(s); }
inline std::string to_text(const char* s) { return s; }
inline std::string to_text(const std::string& s) { return s; }
inline std::string to_text(bool b) { return b ? "true" : "false"; }
std::string to_text(double v);  // six significant digits
template <class I>
requires(std::is_integral_v<I>) std::string to_text(I v) { return std::to_string(v); }
// "file.cpp:12", without the folder.
inline std::string to_text(const Site& site) {
  std::string_view file = site.file;
  if (auto slash = file.rfind('/'); slash != file.npos) file.remove_prefix(slash + 1);
  return site.line ? std::string(file) + ":" + std::to_string(site.line) : std::string(file);
}

// Throws Error("[op] " + all parts one after the other).
template <class... Parts>
[[noreturn, gnu::cold, gnu::noinline]] void fail(std::string_view op, const Parts&... parts) {
  std::string text("[");  // not "[" + ...: g++ 12 warns of an overlap there at -O3
  text.append(op).append("] ");
  ((text += to_text(parts)), ...);
  throw Error(text);
}

// Throws unless `ok`. For checks whose parts cost nothing to pass; else write `if (...) fail(...)`.
template <class... Parts>
LIMBIC_INLINE void check(bool ok, std::string_view op, const Parts&... parts) {
  if (!ok) [[unlikely]]
    fail(op, parts...);
}

// Declared above.
inline std::string to_text(double v) {
  char buffer[32];
  const int n = std::snprintf(buffer, sizeof buffer, "%.6g", v);
  return std::string(buffer, static_cast<std::size_t>(n));
}

}  // namespace limbic
