// Character references of HTML: &amp; &#233; &#xE9; (link limbic::text).
#pragma once

#include <limbic/text/unicode.hpp>

#include <algorithm>
#include <cctype>
#include <vector>

namespace limbic::text {

namespace detail {

struct HtmlName {
  std::string_view name, codes;
};

// All names, sorted.
inline const std::vector<HtmlName>& html_names() {
  static const std::vector<HtmlName> names = [] {
    static constexpr std::string_view text =
#include <limbic/text/html_entities.inl>
        ;
    std::vector<HtmlName> out;
    for (std::size_t i = 0; i < text.size();) {
      const std::size_t end = text.find(' ', i), middle = text.find('=', i);
      out.push_back({text.substr(i, middle - i), text.substr(middle + 1, end - middle - 1)});
      i = end + 1;
    }
    return out;
  }();
  return names;
}

// What &name stands for ("amp", "amp;"); empty where there is no such name.
inline std::u32string html_named(std::string_view name) {
  const auto& names = html_names();
  const auto it = std::lower_bound(names.begin(), names.end(), name,
                                   [](const HtmlName& a, std::string_view b) { return a.name < b; });
  std::u32string out;
  if (it == names.end() || it->name != name) return out;
  for (std::size_t i = 0; i < it->codes.size();) {
    const std::size_t end = std::min(it->codes.find('+', i), it->codes.size());
    out += static_cast<char32_t>(std::stoul(std::string(it->codes.substr(i, end - i)), nullptr, 16));
    i = end + 1;
  }
  return out;
}

// Windows-1252 between 0x80 and 0x9f; its five gaps stay what they are.
inline char32_t windows_1252(char32_t c) {
  static constexpr char32_t kTable[] = {0x20ac, 0x81,   0x201a, 0x192,  0x201e, 0x2026, 0x2020, 0x2021,
                                        0x2c6,  0x2030, 0x160,  0x2039, 0x152,  0x8d,   0x17d,  0x8f,
                                        0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                        0x2dc,  0x2122, 0x161,  0x203a, 0x153,  0x9d,   0x17e,  0x178};
  return c >= 0x80 && c <= 0x9f ? kTable[c - 0x80] : c;
}

// What a number stands for: nothing for a control character that HTML forbids.
inline std::u32string html_numbered(char32_t c) {
  if (c == 0 || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return U"\uFFFD";
  if (c >= 0x80 && c <= 0x9f) return {windows_1252(c)};
  const bool forbidden = c <= 8 || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f ||
                         (c >= 0xfdd0 && c <= 0xfdef) || (c & 0xfffe) == 0xfffe;
  return forbidden ? std::u32string{} : std::u32string{c};
}

// A reference at s[i], which is '&': its length, 0 for none, and what it stands for.
struct HtmlReference {
  std::size_t length = 0;
  std::u32string text{};
};

inline HtmlReference html_number_at(std::u32string_view s, std::size_t i) {
  std::size_t at = i + 2;
  const bool hex = at < s.size() && (s[at] | 0x20) == 'x';
  at += hex;
  const std::size_t begin = at;
  char32_t value = 0;
  for (; at < s.size(); ++at) {
    const char32_t c = s[at], letter = c | 0x20;
    const bool digit = c >= '0' && c <= '9';
    if (!digit && !(hex && letter >= 'a' && letter <= 'f')) break;
    value = std::min<char32_t>(value * (hex ? 16 : 10) + (digit ? c - '0' : letter - 'a' + 10), 0x110000);
  }
  if (at == begin) return {};
  at += at < s.size() && s[at] == ';';
  return {at - i, html_numbered(value)};
}

inline HtmlReference html_reference_at(std::u32string_view s, std::size_t i) {
  if (i + 1 < s.size() && s[i + 1] == '#') return html_number_at(s, i);
  std::string name;  // up to the first character that no name has
  for (std::size_t at = i + 1; at < s.size() && name.size() < 32 && s[at] < 0x80; ++at) {
    const char c = static_cast<char>(s[at]);
    if (!std::isalnum(static_cast<unsigned char>(c))) {
      if (c == ';' && !name.empty()) name += c;
      break;
    }
    name += c;
  }
  // The longest beginning that is a name.
  for (; name.size() >= 2; name.pop_back())
    if (auto text = html_named(name); !text.empty()) return {name.size() + 1, std::move(text)};
  return {};
}

}  // namespace detail

// Replaces all character references, as Python's html.unescape() does: also those without semicolon, and the
// longest name that a longer word begins with.
inline std::u32string html_unescape(std::u32string_view s) {
  std::u32string out;
  for (std::size_t i = 0; i < s.size();) {
    const auto reference = s[i] == '&' ? detail::html_reference_at(s, i) : detail::HtmlReference{};
    if (reference.length) out += reference.text;
    else out += s[i];
    i += reference.length ? reference.length : 1;
  }
  return out;
}

}  // namespace limbic::text
