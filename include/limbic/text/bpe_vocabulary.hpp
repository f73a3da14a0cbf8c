// Byte-pair vocabularies of CLIP: tokens, merges in the order of their rank, ids (link limbic::text).
//
//   bpe_simple_vocab_16e6.txt.gz   a line of version, then one merge "LEFT RIGHT" a line, CLIP's being the
//                                  first 48894; ids: 256 bytes, the same at a word's end, merges, start, end
//   vocab.json + merges.txt        {"token": id}, and such lines
//
// Tokens are written with one printable character for each byte (as GPT-2 does) and "</w>" at a word's end.
#pragma once

#include <limbic/io/json.hpp>
#include <limbic/text/lines.hpp>
#include <limbic/text/unicode.hpp>

#include <zlib.h>
#include <array>
#include <memory>
#include <unordered_map>

namespace limbic::text {

namespace detail {

// The character that stands for each byte: itself where it is printable Latin-1 and no space, else the next
// free one from U+0100 on. In the order of the first 256 ids.
struct ByteCharacters {
  std::array<char32_t, 256> of{};
  std::array<unsigned char, 256> order{};

  ByteCharacters() {
    std::size_t n = 0;
    const auto shown = [](std::size_t b) {
      return (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
    };
    for (std::size_t b = 0; b < 256; ++b)
      if (shown(b)) of[b] = static_cast<char32_t>(b), order[n++] = static_cast<unsigned char>(b);
    for (std::size_t b = 0; b < 256; ++b)
      if (!shown(b)) of[b] = static_cast<char32_t>(256 + n - 188), order[n++] = static_cast<unsigned char>(b);
  }
};

// A whole file that gzip packed, as text.
inline std::string gzip_file(const std::string& path) {
  const std::string packed = text_file(path);
  z_stream z{};
  if (inflateInit2(&z, 15 + 16) != Z_OK) fail("vocabulary", "cannot unpack '", path, "': out of memory");
  const std::unique_ptr<z_stream, int (*)(z_stream*)> owner(&z, inflateEnd);
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  z.avail_in = static_cast<uInt>(packed.size());
  std::string out, part(std::size_t{1} << 16, '\0');
  for (int status = Z_OK; status != Z_STREAM_END;) {
    z.next_out = reinterpret_cast<Bytef*>(part.data());
    z.avail_out = static_cast<uInt>(part.size());
    status = inflate(&z, Z_NO_FLUSH);
    if (status != Z_OK && status != Z_STREAM_END)
      fail("vocabulary", "'", path, "' is not what gzip wrote, or not all of it", z.msg ? ": " : "",
           z.msg ? z.msg : "");
    out.append(part, 0, part.size() - z.avail_out);
    check(out.size() <= kMaxTextFile, "vocabulary", "'", path, "' must unpack to at most 64 MB");
  }
  return out;
}

}  // namespace detail

// Ids of bytes and what pairs of ids merge to.
class BpeVocabulary {
 public:
  // A merge: its place in the list (the lowest goes first), and the id that comes out.
  struct Merge {
    std::int32_t rank, id;
  };

  // Reads bpe_simple_vocab_16e6.txt.gz. Throws when it cannot be read or is damaged.
  static BpeVocabulary from_gzip(const std::string& path) {
    BpeVocabulary v(path);
    const std::string text = detail::gzip_file(path);
    auto lines = detail::lines_of(text);
    if (!lines.empty()) lines.erase(lines.begin());  // the version
    if (lines.size() > kClipMerges) lines.resize(kClipMerges);

    std::unordered_map<std::string, std::int32_t> ids;
    std::int32_t next = 0;
    for (const char* end : {"", "</w>"})
      for (const unsigned char b : v.characters_.order) ids[v.shown(b) + end] = next++;
    for (const auto line : lines) {
      const auto [left, right] = v.split_merge(line);
      ids[std::string(left).append(right)] = next++;  // of merges with one result the last gives the id
    }
    ids[kStart] = next++;
    ids[kEnd] = next++;
    v.build(ids, lines);
    return v;
  }
  // Reads vocab.json and merges.txt. Throws when they cannot be read, are damaged, or do not fit each other.
  static BpeVocabulary from_json(const std::string& vocabulary, const std::string& merges) {
    BpeVocabulary v(vocabulary);
    const Json json = Json::parse(detail::text_file(vocabulary), vocabulary);
    const Json::Object& object = json.as_object();
    std::unordered_map<std::string, std::int32_t> ids;
    for (std::size_t i = 0; i < object.keys.size(); ++i) {
      const std::int64_t id = object.values[i].as_integer();
      if (id < 0 || id >= (1 << 24)) v.damaged("ids must be from 0 to 2^24 - 1; got ", id);
      ids[object.keys[i]] = static_cast<std::int32_t>(id);
    }
    const std::string text = detail::text_file(merges);
    auto lines = detail::lines_of(text);
    v.path_ = merges;
    if (!lines.empty() && lines[0].starts_with("#version")) lines.erase(lines.begin());
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    v.build(ids, lines);
    return v;
  }

  // Ids of the tokens that begin and end a text; the latter is the largest.
  index_t start() const { return start_; }
  index_t end() const { return end_; }
  // One more than the largest id.
  index_t size() const { return size_; }
  // The id of a byte, inside a word or as its last.
  std::int32_t byte_id(unsigned char byte, bool last) const { return bytes_[last][byte]; }
  // How two neighbours merge; null where they do not.
  const Merge* merge(std::int32_t left, std::int32_t right) const {
    const auto it = merges_.find(pair(left, right));
    return it == merges_.end() ? nullptr : &it->second;
  }

 private:
  static constexpr std::size_t kClipMerges = 49152 - 256 - 2;
  static constexpr const char *kStart = "<|startoftext|>", *kEnd = "<|endoftext|>";

  explicit BpeVocabulary(std::string path) : path_(std::move(path)) {}

  template <class... Parts>
  [[noreturn]] void damaged(const Parts&... parts) const {
    fail("vocabulary", limbic::detail::quoted(path_), ": ", parts...);
  }
  static std::uint64_t pair(std::int32_t left, std::int32_t right) {
    return static_cast<std::uint64_t>(left) << 32 | static_cast<std::uint32_t>(right);
  }
  std::string shown(unsigned char byte) const { return encode_utf8({&characters_.of[byte], 1}); }

  std::pair<std::string_view, std::string_view> split_merge(std::string_view line) const {
    const auto gap = line.find(' ');
    if (gap == line.npos || gap == 0 || gap + 1 == line.size() || line.find(' ', gap + 1) != line.npos)
      damaged("a merge must be two tokens with a space between; got ", limbic::detail::quoted(line));
    return {line.substr(0, gap), line.substr(gap + 1)};
  }

  void build(const std::unordered_map<std::string, std::int32_t>& ids,
             const std::vector<std::string_view>& lines) {
    const auto id = [&](const std::string& token) {
      const auto it = ids.find(token);
      if (it == ids.end()) damaged("the vocabulary must have the token ", limbic::detail::quoted(token));
      return it->second;
    };
    for (std::size_t b = 0; b < 256; ++b) {
      const std::string byte = shown(static_cast<unsigned char>(b));
      bytes_[0][b] = id(byte);
      bytes_[1][b] = id(byte + "</w>");
    }
    start_ = id(kStart);
    end_ = id(kEnd);
    for (const auto& entry : ids) size_ = std::max<index_t>(size_, entry.second + 1);
    if (end_ + 1 != size_) damaged("'", kEnd, "' must have the largest id, ", size_ - 1, "; got ", end_);
    if (lines.empty()) damaged("at least one merge is needed; got none");
    merges_.reserve(lines.size());
    for (std::size_t rank = 0; rank < lines.size(); ++rank) {
      const auto [left, right] = split_merge(lines[rank]);
      const std::string a(left), b(right);
      const std::int32_t a_id = id(a), b_id = id(b);
      merges_[pair(a_id, b_id)] = {static_cast<std::int32_t>(rank), id(a + b)};
    }
  }

  std::string path_;
  detail::ByteCharacters characters_;
  std::array<std::array<std::int32_t, 256>, 2> bytes_{};
  std::unordered_map<std::uint64_t, Merge> merges_;
  index_t start_ = 0, end_ = 0, size_ = 0;
};

}  // namespace limbic::text
