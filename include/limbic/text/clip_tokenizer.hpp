// CLIP's tokenizer (Radford et al., arXiv 2103.00020): text to at most 77 ids (link limbic::text).
//
// Cleaned (clean.hpp), lower-cased, split into words (a contraction's tail, letters, one digit, or anything
// else that is not white space), each word's bytes merged pair by pair (Sennrich et al., arXiv 1508.07909),
// the merge that comes first in the list first. A start token before, an end token behind.
#pragma once

#include <limbic/text/bpe_vocabulary.hpp>
#include <limbic/text/clean.hpp>
#include <limbic/text/token_ids.hpp>

#include <queue>

namespace limbic::text {

// Not for several threads at once: it remembers words. Copies are independent.
class ClipTokenizer {
 public:
  // Throws unless the context has room for start and end.
  explicit ClipTokenizer(BpeVocabulary vocabulary, std::size_t context = 77)
      : vocabulary_(std::move(vocabulary)), context_(context) {
    check(context >= 2, "clip_tokenizer", "a context of at least 2 is needed; got ", context);
  }

  const BpeVocabulary& vocabulary() const { return vocabulary_; }

  // Start, words, end; of a text with more ids than the context those that fit, the last one replaced by the
  // end.
  TokenIds operator()(std::string_view text) {
    TokenIds out{{vocabulary_.start()}};
    split(lower(clean_text(decode_utf8(text))), [&](std::u32string_view word) {
      append(word, out.ids);
      return out.ids.size() < context_;
    });
    out.truncated = out.ids.size() + 1 > context_;
    if (out.truncated) out.ids.resize(context_ - 1);
    out.ids.push_back(vocabulary_.end());
    return out;
  }

  // Calls f(word) for each word of a cleaned, lower-cased text until it returns false.
  template <class F>
  static void split(std::u32string_view s, F&& f) {
    for (std::size_t i = 0, n = 0; i < s.size(); i += n) {
      n = is_gap(s[i]) ? 1 : word_length(s, i);
      if (!is_gap(s[i]) && !f(s.substr(i, n))) return;
    }
  }

 private:
  static constexpr std::u32string_view kStart = U"<|startoftext|>", kEnd = U"<|endoftext|>";

  // What no word holds. (The original's pattern ignores case, by which the iota subscript is a letter and
  // none.)
  static bool is_gap(char32_t c) { return is_space(c) || c == 0x345; }
  // Whether s has `word` at i; a long s counts as s.
  static bool has_at(std::u32string_view s, std::size_t i, std::u32string_view word) {
    if (s.size() - i < word.size()) return false;
    for (std::size_t k = 0; k < word.size(); ++k)
      if (s[i + k] != word[k] && !(word[k] == U's' && s[i + k] == U'\u017f')) return false;
    return true;
  }
  static std::size_t word_length(std::u32string_view s, std::size_t i) {
    for (const auto whole :
         {kStart, kEnd, std::u32string_view(U"'s"), std::u32string_view(U"'t"), std::u32string_view(U"'re"),
          std::u32string_view(U"'ve"), std::u32string_view(U"'m"), std::u32string_view(U"'ll"),
          std::u32string_view(U"'d")})
      if (s[i] == whole[0] && has_at(s, i, whole)) return whole.size();
    if (is_number(s[i])) return 1;
    const bool letters = is_letter(s[i]);
    std::size_t end = i + 1;
    while (end < s.size() &&
           (letters ? is_letter(s[end]) : !is_letter(s[end]) && !is_number(s[end]) && !is_gap(s[end])))
      ++end;
    return end - i;
  }

  void append(std::u32string_view word, std::vector<index_t>& ids) {
    if (word == kStart || word == kEnd) {
      ids.push_back(word == kStart ? vocabulary_.start() : vocabulary_.end());
      return;
    }
    const std::string bytes = encode_utf8(word);
    if (const auto known = words_.find(bytes); known != words_.end()) {
      ids.insert(ids.end(), known->second.begin(), known->second.end());
      return;
    }
    const std::vector<std::int32_t> merged = merge(bytes);
    ids.insert(ids.end(), merged.begin(), merged.end());
    if (bytes.size() > kLongestKept) return;
    if (words_.size() >= kMostKept) words_.clear();
    words_.emplace(bytes, merged);
  }

  // A pair of neighbours that can merge.
  struct Candidate {
    std::int32_t rank;
    std::size_t left;
    std::int32_t left_id, right_id;  // what they were when it was found
    bool operator>(const Candidate& o) const { return rank != o.rank ? rank > o.rank : left > o.left; }
  };

  // All pairs of the lowest rank from left to right, then those of what is the lowest rank now, until none
  // merge.
  std::vector<std::int32_t> merge(std::string_view bytes) const {
    constexpr std::size_t kNone = static_cast<std::size_t>(-1);
    const std::size_t n = bytes.size();
    std::vector<std::int32_t> id(n);
    std::vector<std::size_t> next(n), previous(n);
    std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> queue;
    for (std::size_t i = 0; i < n; ++i) {
      id[i] = vocabulary_.byte_id(static_cast<unsigned char>(bytes[i]), i + 1 == n);
      next[i] = i + 1 < n ? i + 1 : kNone;
      previous[i] = i ? i - 1 : kNone;
    }
    const auto propose = [&](std::size_t left) {
      if (left == kNone || next[left] == kNone) return;
      if (const auto* m = vocabulary_.merge(id[left], id[next[left]]))
        queue.push({m->rank, left, id[left], id[next[left]]});
    };
    for (std::size_t i = 0; i < n; ++i) propose(i);
    std::vector<std::size_t> made;
    while (!queue.empty()) {
      const std::int32_t rank = queue.top().rank;
      made.clear();
      while (!queue.empty() && queue.top().rank == rank) {
        const Candidate c = queue.top();
        queue.pop();
        const std::size_t right = next[c.left];
        if (id[c.left] != c.left_id || right == kNone || id[right] != c.right_id) continue;  // gone meanwhile
        id[c.left] = vocabulary_.merge(c.left_id, c.right_id)->id;
        id[right] = -1;
        next[c.left] = next[right];
        if (next[right] != kNone) previous[next[right]] = c.left;
        made.push_back(c.left);
      }
      for (std::size_t i : made) {
        propose(previous[i]);
        propose(i);
      }
    }
    std::erase(id, -1);
    return id;
  }

  // What is remembered: prompts repeat their words.
  static constexpr std::size_t kLongestKept = 64, kMostKept = 1 << 16;

  BpeVocabulary vocabulary_;
  std::size_t context_;
  std::unordered_map<std::string, std::vector<std::int32_t>> words_;
};

}  // namespace limbic::text
