#include <doctest/doctest.h>
#include <limbic/text/clip_tokenizer.hpp>

#include "io/temporary_folder.hpp"
#include "support/throws.hpp"
#include "text/data.hpp"

using namespace limbic;
using namespace limbic::text;

namespace {

ClipTokenizer small_tokenizer(std::size_t context = 77) {
  const std::string folder = data_path("clip_small/");
  return ClipTokenizer(BpeVocabulary::from_json(folder + "vocab.json", folder + "merges.txt"), context);
}

// Packs a text as gzip does.
void write_gzip(const std::string& path, const std::string& text) {
  const gzFile file = gzopen(path.c_str(), "wb");
  REQUIRE(file);
  REQUIRE(gzwrite(file, text.data(), static_cast<unsigned>(text.size())) == static_cast<int>(text.size()));
  REQUIRE(gzclose(file) == Z_OK);
}

}  // namespace

TEST_CASE("clip tokenizer: the ids of the original, odd texts included") {
  ClipTokenizer tokenizer = small_tokenizer();
  const Json rows = Json::parse(file_text(data_path("clip_strings.json")));
  CHECK(rows.as_array().size() >= 500);
  for (int round = 0; round < 2; ++round) {  // the second time from what it remembers
    std::size_t truncated = 0;
    for (const Json& row : rows.as_array()) {
      const std::string& text = row.as_array()[0].as_string();
      const TokenIds got = tokenizer(text);
      INFO(text);
      CHECK(got.ids == integers(row.as_array()[1]));
      truncated += got.truncated;
      if (got.truncated) CHECK(got.ids.size() == 77);
    }
    CHECK(truncated >= 3);
  }
}

TEST_CASE("clip tokenizer: a text fills the context exactly, or is cut and says so") {
  ClipTokenizer tokenizer = small_tokenizer(5);
  const auto end = tokenizer.vocabulary().end();
  CHECK(tokenizer("x y z").ids.size() == 5);
  CHECK(!tokenizer("x y z").truncated);
  const TokenIds cut = tokenizer("x y z x");
  CHECK(cut.truncated);
  CHECK(cut.ids.size() == 5);
  CHECK(cut.ids.back() == end);
  CHECK(tokenizer("").ids == std::vector<index_t>{tokenizer.vocabulary().start(), end});
  CHECK(contains(thrown([] { small_tokenizer(1); }), "context of at least 2"));
}

TEST_CASE("clip tokenizer: bytes that are not UTF-8 count as U+FFFD") {
  ClipTokenizer tokenizer = small_tokenizer();
  // As Python's bytes.decode("utf-8", "replace").
  for (const auto& [bytes, text] :
       std::vector<std::pair<std::string, std::string>>{{"a\xff", "a\uFFFD"},
                                                        {"\xe2\x82", "\uFFFD"},
                                                        {"\xe2\x82z", "\uFFFDz"},
                                                        {"\xc0\x80", "\uFFFD\uFFFD"},
                                                        {"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},
                                                        {"\xf0\x9f\x98x", "\uFFFDx"},
                                                        {"\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"}}) {
    CHECK(encode_utf8(decode_utf8(bytes)) == text);
    CHECK(tokenizer(bytes).ids == tokenizer(text).ids);
  }
  CHECK(tokenizer(std::string("a\0b", 3)).ids == tokenizer("ab").ids);
}

TEST_CASE("clip tokenizer: the merge that comes first in the list goes first, all of its kind at once") {
  const TemporaryFolder folder;
  // Ids: 512 bytes, then these merges.
  write_gzip(folder / "v.gz", "#version\na a\naa aa\naa a</w>\nb c\na b\nab c</w>\n");
  ClipTokenizer tokenizer(BpeVocabulary::from_gzip(folder / "v.gz"));
  CHECK(tokenizer.vocabulary().size() == 512 + 6 + 2);
  const auto inner = [&](const char* text) {
    const auto ids = tokenizer(text).ids;
    return std::vector<index_t>(ids.begin() + 1, ids.end() - 1);
  };
  const index_t a_end = 256 + 'a' - '!', c_end = 256 + 'c' - '!', a = 'a' - '!';
  CHECK(inner("aaa") == std::vector<index_t>{514});
  CHECK(inner("aaaaaa") == std::vector<index_t>{513, 'a' - '!', a_end});
  CHECK(inner("abc") == std::vector<index_t>{517});
  CHECK(inner("abcc") == std::vector<index_t>{a, 515, c_end});
}

TEST_CASE("clip tokenizer: a long word takes no longer than it must") {
  ClipTokenizer tokenizer = small_tokenizer();
  CHECK(tokenizer(std::string(1000000, 'a')).truncated);
}

TEST_CASE("bpe vocabulary: damaged files are errors that name the file") {
  const TemporaryFolder folder;
  const auto json = [&](const std::string& vocabulary, const std::string& merges) {
    write_file(folder / "vocab.json", vocabulary);
    write_file(folder / "merges.txt", merges);
    return thrown([&] { BpeVocabulary::from_json(folder / "vocab.json", folder / "merges.txt"); });
  };
  const std::string vocabulary = file_text(data_path("clip_small/vocab.json"));
  const std::string merges = file_text(data_path("clip_small/merges.txt"));
  CHECK(json(vocabulary, merges) == "");
  CHECK(contains(json("{\"a\":1}", merges), "must have the token"));
  CHECK(contains(json("{\"a\":-1}", merges), "ids must be from 0"));
  CHECK(contains(json("{\"a\":\"b\"}", merges), "an integer"));
  CHECK(contains(json(vocabulary.substr(0, 100), merges), "vocab.json"));
  CHECK(contains(json(vocabulary, merges + "one\n"), "two tokens with a space"));
  CHECK(contains(json(vocabulary, merges + "qq zz\n"), "must have the token 'qq'"));
  CHECK(contains(json(vocabulary, "#version: 0.2\n"), "at least one merge"));

  const auto gzip = [&] { return thrown([&] { BpeVocabulary::from_gzip(folder / "v.gz"); }); };
  CHECK(contains(gzip(), "cannot open"));
  write_file(folder / "v.gz", "plain text");
  CHECK(contains(gzip(), "not what gzip wrote"));
  write_gzip(folder / "v.gz", "#version\na b\n");
  CHECK(gzip() == "");
  write_file(folder / "v.gz", file_text(folder / "v.gz").substr(0, 20));
  CHECK(contains(gzip(), "not all of it"));
  write_gzip(folder / "v.gz", "");
  CHECK(contains(gzip(), "at least one merge"));
  write_gzip(folder / "v.gz", std::string((std::size_t{1} << 26) + 1, '\n'));
  CHECK(contains(gzip(), "at most 64 MB"));
}
