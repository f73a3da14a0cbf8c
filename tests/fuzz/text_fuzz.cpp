// Any bytes as a text for both tokenizers, and as the files that they read: ids are those of the vocabulary,
// Error is the only way out.
#include <limbic/text/clip_tokenizer.hpp>
#include <limbic/text/wordpiece.hpp>

#include <cstdio>
#include <cstdlib>

#include <sys/mman.h>
#include <unistd.h>

using namespace limbic;
using namespace limbic::text;

namespace {

void require(bool ok, const char* what) {
  if (ok) return;
  std::fprintf(stderr, "broken: %s\n", what);
  std::abort();
}

void check_ids(const TokenIds& tokens, std::size_t context, index_t size) {
  require(tokens.ids.size() >= 2 && tokens.ids.size() <= context, "between 2 ids and the context");
  for (const index_t id : tokens.ids) require(id >= 0 && id < size, "ids of the vocabulary");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string folder = LIMBIC_SOURCE_DIR "/tests/text/";
  static ClipTokenizer clip(
      BpeVocabulary::from_json(folder + "clip_small/vocab.json", folder + "clip_small/merges.txt"));
  static const WordPieceTokenizer bert(folder + "tiny_bert/vocab.txt", 64);

  const std::string text(reinterpret_cast<const char*>(data), size);
  check_ids(clip(text), 77, clip.vocabulary().size());
  check_ids(bert(text), 64, bert.size());
  const std::u32string points = decode_utf8(text);
  require(encode_utf8(decode_utf8(encode_utf8(points))) == encode_utf8(points), "UTF-8 there and back");
  (void)clean_text(points);

  static const int file = ::memfd_create("text_fuzz", 0);
  static const std::string path = "/proc/self/fd/" + std::to_string(file);
  require(::ftruncate(file, 0) == 0 && ::pwrite(file, data, size, 0) == static_cast<ssize_t>(size),
          "a file written");
  const auto read = [](auto&& f) {
    try {
      f();
    } catch (const Error&) {
    }
  };
  read([] { (void)BpeVocabulary::from_gzip(path); });
  read([] { (void)BpeVocabulary::from_json(path, folder + "clip_small/merges.txt"); });
  // Slow, so only of what looks like merges.
  if (text.starts_with("#v"))
    read([] { (void)BpeVocabulary::from_json(folder + "clip_small/vocab.json", path); });
  read([&] { check_ids(WordPieceTokenizer(path)(text), 512, 1 << 20); });
  return 0;
}
