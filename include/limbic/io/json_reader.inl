// The reader of json.hpp, which includes this file at its end: recursive descent, one function a rule.

namespace limbic {

namespace detail {

class JsonReader {
 public:
  JsonReader(std::string_view text, std::string_view source) : text_(text), source_(source) {}

  Json document() {
    if (text_.size() > 100'000'000) wrong("a text of at most 100 MB is needed");
    Json v = value(0);
    space();
    if (at_ != text_.size()) wrong("nothing may follow the value");
    return v;
  }

 private:
  [[noreturn]] void wrong(std::string_view what) const {
    fail("json", source_, source_.empty() ? "" : ": ", what, "; at byte ", at_,
         at_ < text_.size() ? "" : ", the end");
  }
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void space() {
    while (at_ < text_.size() &&
           (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }
  bool word(std::string_view w) {
    if (text_.substr(at_, w.size()) != w) return false;
    at_ += w.size();
    return true;
  }

  Json value(int depth) {
    if (depth >= 64) wrong("at most 64 levels are allowed");
    if (++values_ > 1'000'000) wrong("at most 1000000 values are allowed");
    space();
    const char c = peek();
    if (c == '{') return object(depth);
    if (c == '[') return array(depth);
    if (c == '"') return string();
    if (c == '-' || (c >= '0' && c <= '9')) return number();
    if (word("true")) return true;
    if (word("false")) return false;
    if (word("null")) return nullptr;
    wrong("a value must come here");
  }

  Json array(int depth) {
    Json::Array items;
    ++at_;
    space();
    if (take(']')) return items;
    for (;;) {
      items.push_back(value(depth + 1));
      space();
      if (take(']')) return items;
      if (!take(',')) wrong("',' or ']' must come here");
    }
  }

  Json object(int depth) {
    Json::Object members;
    ++at_;
    space();
    if (take('}')) return members;
    for (;;) {
      space();
      if (peek() != '"') wrong("a key in double quotes must come here");
      std::string key = string();
      space();
      if (!take(':')) wrong("':' must come here");
      Json v = value(depth + 1);
      members.add(std::move(key), std::move(v));
      space();
      if (take('}')) break;
      if (!take(',')) wrong("',' or '}' must come here");
    }
    std::vector<std::string_view> keys(members.keys.begin(), members.keys.end());
    std::sort(keys.begin(), keys.end());
    if (auto twice = std::adjacent_find(keys.begin(), keys.end()); twice != keys.end())
      wrong("keys must be unique; got '" + std::string(twice->substr(0, 80)) + "' twice");
    return members;
  }

  std::string string() {
    std::string out;
    ++at_;
    for (;;) {
      if (at_ >= text_.size()) wrong("a string must end with '\"'");
      const char c = text_[at_];
      if (c == '"') {
        ++at_;
        return out;
      }
      if (static_cast<unsigned char>(c) < 0x20) wrong("a control character must be escaped");
      if (c == '\\') {
        ++at_;
        escape(out);
        continue;
      }
      const std::size_t n = utf8_length(text_, at_);
      if (n == 0) wrong("a string must be valid UTF-8");
      out.append(text_, at_, n);
      at_ += n;
    }
  }

  void escape(std::string& out) {
    static constexpr std::string_view from = "\"\\/bfnrt", to = "\"\\/\b\f\n\r\t";
    const char c = peek();
    if (const auto i = c ? from.find(c) : from.npos; i != from.npos) {
      out += to[i];
      ++at_;
      return;
    }
    if (!take('u')) wrong("an escape must be one of \\\" \\\\ \\/ \\b \\f \\n \\r \\t \\uXXXX");
    unsigned code = hex4();
    if (code >= 0xd800 && code < 0xe000) {
      const bool high = code < 0xdc00 && word("\\u");
      const unsigned low = high ? hex4() : 0;
      if (low < 0xdc00 || low > 0xdfff) wrong("a surrogate must be half of a pair");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    const auto put = [&](unsigned byte) { out += static_cast<char>(byte); };
    const auto tail = [&](int shift) { put(0x80 | ((code >> shift) & 0x3f)); };
    if (code < 0x80) put(code);
    else if (code < 0x800) put(0xc0 | (code >> 6)), tail(0);
    else if (code < 0x10000) put(0xe0 | (code >> 12)), tail(6), tail(0);
    else put(0xf0 | (code >> 18)), tail(12), tail(6), tail(0);
  }
  unsigned hex4() {
    unsigned code = 0;
    if (text_.size() - at_ < 4) wrong("four hexadecimal digits must come here");
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, begin + 4, code, 16);
    if (error != std::errc() || end != begin + 4 || *begin == '-')
      wrong("four hexadecimal digits must come here");
    at_ += 4;
    return code;
  }

  Json number() {
    const std::size_t start = at_;
    const auto digits = [&] {
      const std::size_t first = at_;
      while (peek() >= '0' && peek() <= '9') ++at_;
      if (at_ == first) wrong("a digit must come here");
    };
    take('-');
    if (!take('0')) digits();
    const std::size_t whole = at_;
    if (take('.')) digits();
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      digits();
    }
    const char *begin = text_.data() + start, *end = text_.data() + at_;
    if (at_ == whole) {
      std::int64_t v = 0;
      if (std::from_chars(begin, end, v).ec != std::errc()) wrong("an integer must fit 64 bits");
      return v;
    }
    double v = 0;
    if (std::from_chars(begin, end, v).ec != std::errc()) wrong("a number must fit a double");
    return v;
  }

  std::string_view text_, source_;
  std::size_t at_ = 0, values_ = 0;
};

}  // namespace detail

inline Json Json::parse(std::string_view text, std::string_view source) {
  return detail::JsonReader(text, source).document();
}

}  // namespace limbic
