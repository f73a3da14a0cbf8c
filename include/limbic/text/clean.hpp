// The clean-up that CLIP's tokenizer does before anything else (link limbic::text): what ftfy.fix_text()
// does, then HTML unescaped twice.
//
// Of ftfy: character references with semicolon (line by line, until a line holds '<'), C1 control characters
// read as Windows-1252, Latin ligatures, full and half widths, curly quotes, terminal escapes, control
// characters, NFC; again until nothing changes. Not done: guessing at text that was decoded in a wrong
// encoding ("mojibake"), and references in capitals that HTML does not have (&EACUTE;).
#pragma once

#include <limbic/text/html.hpp>

namespace limbic::text {

namespace detail {

// Alphanumeric references &...; of at most 24 characters, those that end in their semicolon.
inline std::u32string unescape_whole(std::u32string_view s) {
  std::u32string out;
  for (std::size_t i = 0; i < s.size();) {
    if (s[i] == '&') {
      std::size_t end = i + 1 + (i + 1 < s.size() && s[i + 1] == '#');
      const std::size_t begin = end;
      while (end < s.size() && s[end] < 0x80 && std::isalnum(static_cast<int>(s[end]))) ++end;
      const bool closed = end < s.size() && s[end] == ';' && end > begin && end - begin <= 24;
      const auto reference = closed ? html_reference_at(s, i) : HtmlReference{};
      if (reference.length == end + 1 - i && reference.text.find(U';') == reference.text.npos) {
        out += reference.text;
        i = end + 1;
        continue;
      }
    }
    out += s[i++];
  }
  return out;
}

// Latin ligatures and digraphs in their parts.
inline std::u32string_view latin_ligature(char32_t c) {
  switch (c) {
    case 0x132: return U"IJ";
    case 0x133: return U"ij";
    case 0x149: return U"\u02bcn";
    case 0x1c4: return U"D\u017d";
    case 0x1c5: return U"D\u017e";
    case 0x1c6: return U"d\u017e";
    case 0x1c7: return U"LJ";
    case 0x1c8: return U"Lj";
    case 0x1c9: return U"lj";
    case 0x1ca: return U"NJ";
    case 0x1cb: return U"Nj";
    case 0x1cc: return U"nj";
    case 0x1f1: return U"DZ";
    case 0x1f2: return U"Dz";
    case 0x1f3: return U"dz";
    case 0xfb00: return U"ff";
    case 0xfb01: return U"fi";
    case 0xfb02: return U"fl";
    case 0xfb03: return U"ffi";
    case 0xfb04: return U"ffl";
    case 0xfb05: return U"\u017ft";
    case 0xfb06: return U"st";
    default: return {};
  }
}

// Control characters that nobody means to write.
inline bool is_stray_control(char32_t c) {
  return c <= 8 || c == 0x0b || (c >= 0x0e && c <= 0x1f) || c == 0x7f || (c >= 0x206a && c <= 0x206f) ||
         c == 0xfeff || (c >= 0xfff9 && c <= 0xfffc);
}

// Length of the terminal escape at s[i]: ESC [ digits and semicolons, a letter; 0 for none.
inline std::size_t terminal_escape(std::u32string_view s, std::size_t i) {
  if (s[i] != 0x1b || i + 1 >= s.size() || s[i + 1] != '[') return 0;
  std::size_t at = i + 2;
  while (at < s.size() && (s[at] == ';' || category(s[at]) == UTF8PROC_CATEGORY_ND)) ++at;
  return at < s.size() && s[at] < 0x80 && is_letter(s[at]) ? at + 1 - i : 0;
}

// One round over characters; widths go through the normal form of their own.
inline std::u32string fix_characters(std::u32string_view s) {
  std::u32string whole;  // with ligatures, widths and quotes replaced
  for (char32_t c : s) {
    c = windows_1252(c);
    const auto parts = latin_ligature(c);
    if (!parts.empty()) whole += parts;
    else if (c >= 0xff01 && c <= 0xffef) whole += normalize({&c, 1}, NormalForm::compatible_composed);
    else if (c == 0x3000) whole += U' ';
    else if (c >= 0x201c && c <= 0x201f) whole += U'"';
    else if (c == 0x2bc || (c >= 0x2018 && c <= 0x201b)) whole += U'\'';
    else whole += c;
  }
  std::u32string out;
  for (std::size_t i = 0; i < whole.size();) {
    if (const std::size_t n = terminal_escape(whole, i)) {
      i += n;
    } else {
      if (!is_stray_control(whole[i])) out += whole[i];
      ++i;
    }
  }
  const auto composed = [](char32_t c) { return c < 0x300; };
  return std::all_of(out.begin(), out.end(), composed) ? out : normalize(out, NormalForm::composed);
}

inline std::u32string fix_line(std::u32string line, bool unescape) {
  while (true) {
    std::u32string fixed = fix_characters(unescape ? unescape_whole(line) : line);
    if (fixed == line) return fixed;
    line = std::move(fixed);
  }
}

}  // namespace detail

// What CLIP's tokenizer splits: the text fixed and unescaped, white space as it is. Throws as normalize().
inline std::u32string clean_text(std::u32string_view s) {
  const auto plain = [](char32_t c) {
    return (c >= 0x20 && c < 0x7f && c != '&') || (c >= 0x09 && c <= 0x0d && c != 0x0b);
  };
  if (std::all_of(s.begin(), s.end(), plain)) return std::u32string(s);
  std::u32string out;
  bool unescape = true;
  for (std::size_t i = 0; i < s.size();) {
    const std::size_t end = std::min(s.find(U'\n', i), s.size() - 1) + 1;
    const std::u32string_view line = s.substr(i, end - i);
    if (line.find(U'<') != line.npos) unescape = false;
    out += detail::fix_line(std::u32string(line), unescape);
    i = end;
  }
  return html_unescape(html_unescape(out));
}

}  // namespace limbic::text
