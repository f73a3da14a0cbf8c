// JSON (RFC 8259): a strict reader and a writer, for headers of files and their metadata.
//
// Strict: valid UTF-8, no repeated keys, no comments, nothing after the value; integers must fit 64 bits
// and other numbers a double; at most 64 levels, a million values and 100 MB, so that a hostile text costs
// bounded memory. Throws Error with the position in bytes.
#pragma once

#include <limbic/core/error.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace limbic {

// A JSON value. (No std::variant: it would double what this header takes to compile.)
class Json {
 public:
  // An array's values.
  using Array = std::vector<Json>;
  // keys[i] has values[i], in the order of the text. add() does not look for the key.
  struct Object {
    std::vector<std::string> keys;
    std::vector<Json> values;
    void add(std::string key, Json value) {
      keys.push_back(std::move(key));
      values.push_back(std::move(value));
    }
  };

  // null, or the value given. Throws for an integer of 2^63 and more.
  Json() = default;
  Json(std::nullptr_t) {}
  Json(bool v) : kind_(kBoolean), integer_(v) {}
  Json(double v) : kind_(kNumber), number_(v) {}
  template <class I>
  requires(std::is_integral_v<I> && !std::is_same_v<I, bool>) Json(I v)
      : kind_(kInteger), integer_(static_cast<std::int64_t>(v)) {
    if constexpr (std::is_same_v<I, std::uint64_t>)
      check(v <= std::uint64_t{std::numeric_limits<std::int64_t>::max()}, "json",
            "an integer must fit 63 bits; got ", v);
  }
  Json(const char* v) : Json(std::string(v)) {}
  Json(std::string_view v) : Json(std::string(v)) {}
  Json(std::string v) : kind_(kString), text_(std::move(v)) {}
  Json(Array v) : kind_(kArray), content_{{}, std::move(v)} {}
  Json(Object v) : kind_(kObject), content_(std::move(v)) {}

  // The value that a text says. `source` names the text in messages. Throws as the head of this file says.
  static Json parse(std::string_view text, std::string_view source = "");
  // Without any space; members in their order. Throws for NaN, infinities and strings that are not UTF-8.
  std::string dump() const {
    std::string out;
    write(out);
    return out;
  }

  bool is_null() const { return kind_ == kNull; }
  bool is_bool() const { return kind_ == kBoolean; }
  bool is_integer() const { return kind_ == kInteger; }
  bool is_number() const { return kind_ == kInteger || kind_ == kNumber; }
  bool is_string() const { return kind_ == kString; }
  bool is_array() const { return kind_ == kArray; }
  bool is_object() const { return kind_ == kObject; }
  // "an object", "a string", ...
  const char* kind() const { return name(kind_); }

  // The value; throws when it is of another kind. An integer is a number too.
  bool as_bool() const { return expect(kBoolean), integer_ != 0; }
  std::int64_t as_integer() const { return expect(kInteger), integer_; }
  double as_number() const {
    return is_integer() ? static_cast<double>(integer_) : (expect(kNumber), number_);
  }
  const std::string& as_string() const { return expect(kString), text_; }
  const Array& as_array() const { return expect(kArray), content_.values; }
  const Object& as_object() const { return expect(kObject), content_; }

  // The member of that name: null where there is none; at() throws there. Both throw for what is no object.
  const Json* find(std::string_view key) const;
  const Json& at(std::string_view key) const {
    if (const Json* v = find(key)) return *v;
    fail("json", "the object must have a member '", key, "'");
  }

 private:
  enum Kind : unsigned char { kNull, kBoolean, kInteger, kNumber, kString, kArray, kObject };
  static const char* name(Kind kind) {
    static constexpr const char* names[] = {"null",     "a boolean", "an integer", "a number",
                                            "a string", "an array",  "an object"};
    return names[kind];
  }
  void expect(Kind wanted) const {
    if (kind_ != wanted) [[unlikely]]
      fail("json", "the value must be ", name(wanted), "; got ", kind());
  }
  void write(std::string& out) const;

  Kind kind_ = kNull;
  std::int64_t integer_ = 0;  // of a boolean too
  double number_ = 0;
  std::string text_;
  Object content_;  // an array has values alone
};

namespace detail {

// Length of the UTF-8 sequence at s[i], 0 when it is none (overlong forms, surrogates and code points past
// U+10FFFF are none).
inline std::size_t utf8_length(std::string_view s, std::size_t i) {
  const auto byte = [&](std::size_t k) {
    return i + k < s.size() ? static_cast<unsigned char>(s[i + k]) : 0u;
  };
  const unsigned a = byte(0), b = byte(1);
  const auto tail = [&](std::size_t k) { return (byte(k) & 0xc0) == 0x80; };
  if (a < 0x80) return 1;
  if (a >= 0xc2 && a < 0xe0) return tail(1) ? 2 : 0;
  if (a >= 0xe0 && a < 0xf0)
    return tail(1) && tail(2) && !(a == 0xe0 && b < 0xa0) && !(a == 0xed && b >= 0xa0) ? 3 : 0;
  if (a >= 0xf0 && a < 0xf5)
    return tail(1) && tail(2) && tail(3) && !(a == 0xf0 && b < 0x90) && !(a == 0xf4 && b >= 0x90) ? 4 : 0;
  return 0;
}

inline void write_json_string(std::string& out, std::string_view s) {
  static constexpr char hex[] = "0123456789abcdef";
  out += '"';
  for (std::size_t i = 0; i < s.size();) {
    const std::size_t n = utf8_length(s, i);
    check(n != 0, "json", "a string must be valid UTF-8; got byte ",
          static_cast<int>(static_cast<unsigned char>(s[i])));
    const char c = s[i];
    if (c == '"' || c == '\\') out += {'\\', c};
    else if (static_cast<unsigned char>(c) < 0x20) out += {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    else out.append(s, i, n);
    i += n;
  }
  out += '"';
}

}  // namespace detail

// Declared above.
inline const Json* Json::find(std::string_view key) const {
  const Object& object = as_object();
  for (std::size_t i = 0; i < object.keys.size(); ++i)
    if (object.keys[i] == key) return &object.values[i];
  return nullptr;
}

// Appends the text of the value.
inline void Json::write(std::string& out) const {
  if (is_null()) out += "null";
  else if (is_bool()) out += as_bool() ? "true" : "false";
  else if (is_integer()) out += std::to_string(as_integer());
  else if (is_string()) detail::write_json_string(out, as_string());
  else if (is_number()) {
    check(std::isfinite(as_number()), "json", "a number must be finite; got ", as_number());
    char buffer[32];
    const std::string_view text(
        buffer, static_cast<std::size_t>(std::to_chars(buffer, buffer + 32, as_number()).ptr - buffer));
    out += text;
    if (text.find_first_of(".e") == text.npos) out += ".0";
  } else if (is_array()) {
    out += '[';
    for (const Json& v : as_array()) {
      if (&v != as_array().data()) out += ',';
      v.write(out);
    }
    out += ']';
  } else {
    const Object& object = as_object();
    out += '{';
    for (std::size_t i = 0; i < object.keys.size(); ++i) {
      if (i) out += ',';
      detail::write_json_string(out, object.keys[i]);
      out += ':';
      object.values[i].write(out);
    }
    out += '}';
  }
}

}  // namespace limbic

#include <limbic/io/json_reader.inl>
