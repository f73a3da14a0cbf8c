// Unicode as tokenizers see it: code points, their classes, lower case and normal forms (link limbic::text).
//
// Text is UTF-8 outside and std::u32string inside. Bytes that are not UTF-8 become U+FFFD, one for each
// longest part of a sequence that could have been one (Unicode 15, section 3.9; Python's errors="replace").
#pragma once

#include <limbic/core/error.hpp>

#include <utf8proc.h>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

namespace limbic::text {

// ---- UTF-8 -----------------------------------------------------------------------------------------

namespace detail {
struct Sequence {
  std::size_t length;  // bytes, at least one
  bool whole;          // false: the beginning of a sequence at best
};
// The UTF-8 sequence at s[i], or as much of one as there is.
inline Sequence sequence_at(std::string_view s, std::size_t i) {
  const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(s[i + k]); };
  const unsigned first = byte(0);
  if (first < 0x80) return {1, true};
  const std::size_t wanted = first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  // Neither overlong forms, nor surrogates, nor what lies above U+10FFFF.
  unsigned low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  unsigned high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  std::size_t n = 1;
  for (; n < wanted && i + n < s.size() && byte(n) >= low && byte(n) <= high; ++n) {
    low = 0x80;
    high = 0xbf;
  }
  return {n, n == wanted};
}
}  // namespace detail

// Code points of UTF-8.
inline std::u32string decode_utf8(std::string_view s) {
  std::u32string out;
  out.reserve(s.size());
  for (std::size_t i = 0; i < s.size();) {
    const auto [n, whole] = detail::sequence_at(s, i);
    char32_t c = static_cast<unsigned char>(s[i]);
    if (n > 1) c &= 0x7fu >> n;
    for (std::size_t k = 1; k < n; ++k) c = c << 6 | (static_cast<unsigned char>(s[i + k]) & 0x3fu);
    out += whole ? c : U'\uFFFD';
    i += n;
  }
  return out;
}

// UTF-8 of code points; none may be a surrogate or above U+10FFFF.
inline std::string encode_utf8(std::u32string_view s) {
  std::string out;
  out.reserve(s.size());
  for (const char32_t c : s) {
    utf8proc_uint8_t bytes[4];
    const auto n = utf8proc_encode_char(static_cast<utf8proc_int32_t>(c), bytes);
    out.append(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(n));
  }
  return out;
}

// ---- classes ---------------------------------------------------------------------------------------

// General category (UTF8PROC_CATEGORY_LU, ...).
inline utf8proc_category_t category(char32_t c) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(c));
}

// Categories L and N.
inline bool is_letter(char32_t c) {
  if (c < 0x80) return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
  const auto k = category(c);
  return k >= UTF8PROC_CATEGORY_LU && k <= UTF8PROC_CATEGORY_LO;
}
inline bool is_number(char32_t c) {
  if (c < 0x80) return c >= '0' && c <= '9';
  const auto k = category(c);
  return k >= UTF8PROC_CATEGORY_ND && k <= UTF8PROC_CATEGORY_NO;
}
// As Python's str.isspace().
inline bool is_space(char32_t c) {
  if (c < 0x80) return c == ' ' || (c >= 0x09 && c <= 0x0d) || (c >= 0x1c && c <= 0x1f);
  return c == 0x85 || c == 0x2028 || c == 0x2029 || category(c) == UTF8PROC_CATEGORY_ZS;
}

// ---- lower case and normal forms -------------------------------------------------------------------

namespace detail {
inline bool is_cased(char32_t c) {
  const auto k = category(c);
  const bool letter = k == UTF8PROC_CATEGORY_LU || k == UTF8PROC_CATEGORY_LL || k == UTF8PROC_CATEGORY_LT;
  // What has a case and is no such letter: ordinals, Roman numerals, letters in circles and squares.
  return letter || c == 0xaa || c == 0xba || (c >= 0x2160 && c <= 0x217f) || (c >= 0x24b6 && c <= 0x24e9) ||
         (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) || (c >= 0x1f170 && c <= 0x1f189);
}
// What a final sigma may have between it and the letters beside it.
inline bool is_case_ignorable(char32_t c) {
  const auto k = category(c);
  return k == UTF8PROC_CATEGORY_MN || k == UTF8PROC_CATEGORY_ME || k == UTF8PROC_CATEGORY_CF ||
         k == UTF8PROC_CATEGORY_LM || k == UTF8PROC_CATEGORY_SK ||
         std::u32string_view(
             U"'.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a")
                 .find(c) != std::u32string_view::npos;
}
// Whether the letter at s[i] ends a word.
inline bool is_final(std::u32string_view s, std::size_t i) {
  std::size_t before = i, after = i + 1;
  while (before > 0 && is_case_ignorable(s[before - 1])) --before;
  while (after < s.size() && is_case_ignorable(s[after])) ++after;
  return before > 0 && is_cased(s[before - 1]) && !(after < s.size() && is_cased(s[after]));
}
}  // namespace detail

// Lower case, as Python's str.lower(): the dotted capital I becomes two code points and, with `final_sigma`,
// a capital sigma at a word's end its own form.
inline std::u32string lower(std::u32string_view s, bool final_sigma = true) {
  std::u32string out;
  out.reserve(s.size());
  for (std::size_t i = 0; i < s.size(); ++i) {
    const char32_t c = s[i];
    if (c < 0x80) out += c >= 'A' && c <= 'Z' ? c + 32 : c;
    else if (c == 0x130) out += U"i\u0307";
    else if (c == 0x3a3 && final_sigma && detail::is_final(s, i)) out += U'\u03c2';
    else out += static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
  }
  return out;
}

// Normal forms of Unicode. The latter two differ in whether compatibility forms (ligatures, widths) are
// replaced too.
enum class NormalForm { decomposed, composed, compatible_composed };

// s in that form. Throws for what is no text, such as surrogates.
inline std::u32string normalize(std::u32string_view s, NormalForm form) {
  int options = UTF8PROC_STABLE;
  options |= form == NormalForm::decomposed ? UTF8PROC_DECOMPOSE : UTF8PROC_COMPOSE;
  if (form == NormalForm::compatible_composed) options |= UTF8PROC_COMPAT;
  const std::string bytes = encode_utf8(s);
  utf8proc_uint8_t* made = nullptr;
  const auto n = utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(bytes.data()),
                              static_cast<utf8proc_ssize_t>(bytes.size()), &made,
                              static_cast<utf8proc_option_t>(options));
  const std::unique_ptr<utf8proc_uint8_t, void (*)(void*)> owner(made, std::free);
  if (n < 0) fail("unicode", "text cannot be normalised: ", utf8proc_errmsg(n));
  return decode_utf8({reinterpret_cast<const char*>(made), static_cast<std::size_t>(n)});
}

}  // namespace limbic::text
