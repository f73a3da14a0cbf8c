#include <doctest/doctest.h>
#include <limbic/text/wordpiece.hpp>

#include "io/temporary_folder.hpp"
#include "support/throws.hpp"
#include "text/data.hpp"

using namespace limbic;
using namespace limbic::text;

TEST_CASE("wordpiece: the ids of transformers' tokenizer") {
  const WordPieceTokenizer tokenizer(data_path("tiny_bert/vocab.txt"), 64);
  const Json rows = Json::parse(file_text(data_path("wordpiece_strings.json")));
  CHECK(rows.as_array().size() >= 150);
  std::size_t truncated = 0;
  for (const Json& row : rows.as_array()) {
    const std::string& text = row.as_array()[0].as_string();
    const TokenIds got = tokenizer(text);
    INFO(text);
    CHECK(got.ids == integers(row.as_array()[1]));
    truncated += got.truncated;
  }
  CHECK(truncated >= 1);
}

TEST_CASE("wordpiece: what is not UTF-8 is dropped as U+FFFD is") {
  const WordPieceTokenizer tokenizer(data_path("tiny_bert/vocab.txt"));
  CHECK(tokenizer("calm\xff").ids == tokenizer("calm").ids);
  CHECK(tokenizer("\xf0\x9f").ids == tokenizer("").ids);
}

TEST_CASE("wordpiece: damaged vocabularies are errors") {
  const TemporaryFolder folder;
  const auto message = [&](const std::string& text, std::size_t context = 512) {
    write_file(folder / "vocab.txt", text);
    return thrown([&] { WordPieceTokenizer(folder / "vocab.txt", context); });
  };
  CHECK(message("[UNK]\n[CLS]\n[SEP]\na\n") == "");
  CHECK(message("[UNK]\r\n[CLS]\r\n[SEP]\r\n") == "");
  CHECK(contains(message("[UNK]\n[CLS]\na\n"), "must have the token '[SEP]'"));
  CHECK(contains(message(""), "must have the token"));
  CHECK(contains(message("[UNK]\n[CLS]\n[SEP]\na\nb\na\n"), "line 6 repeats 'a'"));
  CHECK(contains(message("[UNK]\n[CLS]\n[SEP]\n", 1), "at least 2"));
  CHECK(contains(thrown([&] { WordPieceTokenizer(folder / "none.txt"); }), "cannot open"));
}
