// JSON: what is read and written back, and what is refused with which text.
#include <limbic/io/json.hpp>

#include <doctest/doctest.h>

using limbic::Error;
using limbic::Json;

namespace {

std::string again(std::string_view text) { return Json::parse(text).dump(); }

std::string refusal(std::string_view text) {
  try {
    (void)Json::parse(text);
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("values are written as they were read") {
  for (const char* text : {"null", "true", "false", "0", "-7", "9223372036854775807", "-9223372036854775808",
                           "0.5", "1e+300", "-2.25", "\"\"", "\"a b\"", "[]", "{}", "[1,[2,[]],{\"a\":{}}]",
                           "{\"b\":1,\"a\":[true,null]}", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""})
    CHECK(again(text) == text);
  CHECK(again(" { \"a\" :\t[ 1 , 2 ]\r\n} ") == "{\"a\":[1,2]}");
  CHECK(again("1.0") == "1.0");
  CHECK(again("100E-2") == "1.0");
  CHECK(again("-0") == "0");
  CHECK(again("0.1") == "0.1");
}

TEST_CASE("escapes") {
  CHECK(Json::parse(R"("\"\\\/\b\f\n\r\t")").as_string() == "\"\\/\b\f\n\r\t");
  CHECK(Json::parse(R"("\u0041\u00e9\u20AC\ud83d\ude00")").as_string() ==
        "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80");
  CHECK(Json::parse(R"("\u0000")").as_string() == std::string(1, '\0'));
  CHECK(Json("a\"\\\n\x1f").dump() == R"("a\"\\\u000a\u001f")");
  CHECK(again(R"("\u000a")") == R"("\u000a")");
}

TEST_CASE("members and kinds") {
  const Json j = Json::parse(R"({"n": 3, "x": 1.5, "s": "t", "l": [1], "b": true})");
  CHECK(j.at("n").as_integer() == 3);
  CHECK(j.at("n").as_number() == 3.0);
  CHECK(j.at("x").as_number() == 1.5);
  CHECK(j.at("s").as_string() == "t");
  CHECK(j.at("l").as_array().size() == 1);
  CHECK(j.at("b").as_bool());
  CHECK(j.find("none") == nullptr);
  CHECK_THROWS_WITH_AS(j.at("none"), "[json] the object must have a member 'none'", Error);
  CHECK_THROWS_WITH_AS((void)j.at("x").as_integer(), "[json] the value must be an integer; got a number",
                       Error);
  CHECK_THROWS_WITH_AS((void)j.at("s").as_array(), "[json] the value must be an array; got a string", Error);
}

TEST_CASE("what is refused, and where") {
  CHECK(refusal("") == "[json] a value must come here; at byte 0, the end");
  CHECK(refusal("{\"a\":1,}") == "[json] a key in double quotes must come here; at byte 7");
  CHECK(refusal("{\"a\" 1}") == "[json] ':' must come here; at byte 5");
  CHECK(refusal("[1 2]") == "[json] ',' or ']' must come here; at byte 3");
  CHECK(refusal("{\"a\":1") == "[json] ',' or '}' must come here; at byte 6, the end");
  CHECK(refusal("1 1") == "[json] nothing may follow the value; at byte 2");
  CHECK(refusal("{\"a\":1,\"b\":2,\"a\":3}") ==
        "[json] keys must be unique; got 'a' twice; at byte 19, the end");
  CHECK(refusal("\"a") == "[json] a string must end with '\"'; at byte 2, the end");
  CHECK(refusal("\"a\nb\"") == "[json] a control character must be escaped; at byte 2");
  CHECK(refusal("\"\\x\"") ==
        "[json] an escape must be one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX; at byte 2");
  CHECK(refusal("\"\\u12g4\"") == "[json] four hexadecimal digits must come here; at byte 3");
  CHECK(refusal("\"\\u-123\"") == "[json] four hexadecimal digits must come here; at byte 3");
  CHECK(refusal("\"\\u12") == "[json] four hexadecimal digits must come here; at byte 3");
  CHECK(refusal("9223372036854775808") == "[json] an integer must fit 64 bits; at byte 19, the end");
  CHECK(refusal("1e999") == "[json] a number must fit a double; at byte 5, the end");
  CHECK(refusal(std::string(100, '[')) == "[json] at most 64 levels are allowed; at byte 64");
  for (const char* text : {"01",
                           "+1",
                           "1.",
                           ".5",
                           "1e",
                           "-",
                           "nul",
                           "NaN",
                           "Infinity",
                           "'a'",
                           "[1,]",
                           "//",
                           "\xef\xbb\xbf"
                           "1",
                           "tru",
                           "{1:2}",
                           "{\"a\"}",
                           "\"\\ud83d\"",
                           "\"\\ude00\"",
                           "\"\\ud83d\\u0041\"",
                           "\"\\ud83dx\""})
    CHECK_MESSAGE(refusal(text) != "accepted", text);
  CHECK_THROWS_WITH_AS(Json::parse("?", "model.json"), "[json] model.json: a value must come here; at byte 0",
                       Error);
}

TEST_CASE("strings must be UTF-8") {
  for (const char* bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xc3", "\xe0\x80\x80", "\xed\xa0\x80", "\xe2\x82",
                          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"}) {
    CHECK(refusal("\"" + std::string(bad) + "\"") == "[json] a string must be valid UTF-8; at byte 1");
    CHECK_THROWS_AS((void)Json(bad).dump(), Error);
  }
  CHECK_THROWS_WITH_AS((void)Json("\xff").dump(), "[json] a string must be valid UTF-8; got byte 255", Error);
}

TEST_CASE("a hostile text of many values is refused before it takes much memory") {
  std::string text = "[0";
  for (int i = 0; i < 1'000'000; ++i) text += ",0";
  CHECK(refusal(text).find("at most 1000000 values are allowed") != std::string::npos);
}

TEST_CASE("numbers that JSON lacks are not written") {
  CHECK_THROWS_WITH_AS((void)Json(1.0 / 0.0).dump(), "[json] a number must be finite; got inf", Error);
  CHECK_THROWS_AS(Json(std::uint64_t{1} << 63), Error);
}
