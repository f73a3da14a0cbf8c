// BERT's uncased tokenizer (Devlin et al., arXiv 1810.04805): text to ids (link limbic::text).
//
// Control characters dropped, CJK characters set apart, accents stripped, lower case; split at white space
// and around punctuation; each word cut greedily into the longest pieces of the vocabulary, "##" before those
// that do not begin it; [UNK] for a word that cannot be cut so or has more than 100 characters. [CLS] before,
// [SEP] behind. [MASK] and its like, written so, are themselves.
#pragma once

#include <limbic/text/lines.hpp>
#include <limbic/text/token_ids.hpp>
#include <limbic/text/unicode.hpp>

#include <array>
#include <unordered_map>

namespace limbic::text {

namespace detail {

// What is dropped: control, format and private code points, and U+FFFD.
inline bool is_bert_control(char32_t c) {
  if (c == '\t' || c == '\n' || c == '\r') return false;
  const auto k = category(c);
  return c == 0xfffd || k == UTF8PROC_CATEGORY_CC || k == UTF8PROC_CATEGORY_CF || k == UTF8PROC_CATEGORY_CO;
}
inline bool is_cjk(char32_t c) {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) || (c >= 0x2f800 && c <= 0x2fa1f);
}
inline bool is_bert_punctuation(char32_t c) {
  if (c < 0x80)
    return (c >= 33 && c <= 47) || (c >= 58 && c <= 64) || (c >= 91 && c <= 96) || (c >= 123 && c <= 126);
  const auto k = category(c);
  return k >= UTF8PROC_CATEGORY_PC && k <= UTF8PROC_CATEGORY_PO;
}

}  // namespace detail

// The tokenizer. Copies share nothing; several threads may use one.
class WordPieceTokenizer {
 public:
  // Reads vocab.txt: a token a line, the first has id 0. At most `context` ids come out. Throws when the file
  // cannot be read, has a token twice, or lacks [UNK], [CLS] or [SEP], and when the context has no room for
  // both.
  explicit WordPieceTokenizer(const std::string& path, std::size_t context = 512) : context_(context) {
    check(context >= 2, "wordpiece", "a context of at least 2 is needed; got ", context);
    const std::string text = detail::text_file(path);
    for (const auto line : detail::lines_of(text)) {
      const auto id = static_cast<index_t>(ids_.size());
      if (!ids_.emplace(line, id).second)
        fail("vocabulary", limbic::detail::quoted(path), ": tokens must differ; line ", id + 1, " repeats ",
             limbic::detail::quoted(line));
    }
    const auto special = [&](const char* token) {
      const auto it = ids_.find(token);
      if (it == ids_.end())
        fail("vocabulary", limbic::detail::quoted(path), ": the vocabulary must have the token '", token,
             "'");
      return it->second;
    };
    unknown_ = special("[UNK]");
    start_ = special("[CLS]");
    end_ = special("[SEP]");
    for (const char* token : {"[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"})
      if (ids_.contains(token)) specials_.push_back(decode_utf8(token));
  }

  // Number of tokens.
  index_t size() const { return static_cast<index_t>(ids_.size()); }

  // [CLS], pieces, [SEP]; of a text with more than the context those that fit.
  TokenIds operator()(std::string_view text) const {
    TokenIds out{{start_}};
    const std::u32string s = decode_utf8(text);
    std::size_t begin = 0;
    for (std::size_t i = 0; i < s.size() && out.ids.size() < context_; ++i) {
      for (const auto& special : specials_) {
        if (s.compare(i, special.size(), special) != 0) continue;
        words(std::u32string_view(s).substr(begin, i - begin), out.ids);
        out.ids.push_back(ids_.find(encode_utf8(special))->second);
        begin = i + special.size();
        i = begin - 1;
        break;
      }
    }
    words(std::u32string_view(s).substr(begin), out.ids);
    out.truncated = out.ids.size() + 1 > context_;
    if (out.truncated) out.ids.resize(context_ - 1);
    out.ids.push_back(end_);
    return out;
  }

 private:
  static std::u32string cleaned(std::u32string_view s) {
    std::u32string out;
    for (const char32_t c : s) {
      if (detail::is_bert_control(c)) continue;
      if (detail::is_cjk(c)) out.append({U' ', c, U' '});
      else out += is_space(c) ? U' ' : c;
    }
    out = normalize(out, NormalForm::decomposed);
    std::erase_if(out, [](char32_t c) { return category(c) == UTF8PROC_CATEGORY_MN; });
    return lower(out, false);
  }

  void words(std::u32string_view raw, std::vector<index_t>& ids) const {
    const std::u32string s = cleaned(raw);
    for (std::size_t i = 0; i < s.size() && ids.size() < context_;) {
      std::size_t end = i + 1;
      if (!is_space(s[i])) {
        while (end < s.size() && !detail::is_bert_punctuation(s[i]) && !is_space(s[end]) &&
               !detail::is_bert_punctuation(s[end]))
          ++end;
        pieces(std::u32string_view(s).substr(i, end - i), ids);
      }
      i = end;
    }
  }

  void pieces(std::u32string_view word, std::vector<index_t>& ids) const {
    const std::size_t before = ids.size();
    for (std::size_t begin = 0, end = 0; begin < word.size(); begin = end) {
      auto found = ids_.end();
      for (end = word.size(); end > begin && word.size() <= 100; --end) {
        found = ids_.find((begin ? "##" : "") + encode_utf8(word.substr(begin, end - begin)));
        if (found != ids_.end()) break;
      }
      if (found == ids_.end()) {
        ids.resize(before);
        ids.push_back(unknown_);
        return;
      }
      ids.push_back(found->second);
    }
  }

  std::size_t context_;
  std::unordered_map<std::string, index_t> ids_;
  std::vector<std::u32string> specials_;
  index_t unknown_ = 0, start_ = 0, end_ = 0;
};

}  // namespace limbic::text
