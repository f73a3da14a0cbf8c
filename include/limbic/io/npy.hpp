// .npy files (NumPy's format, versions 1.0, 2.0 and 3.0): one array.
//
//   "\x93NUMPY", major, minor, header length (2 bytes in 1.0, else 4; little-endian), header, data
//
// The header is a Python dict {'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), } padded with
// spaces up to a newline. Read: b1, i1 to i8, u1 to u8, f2, f4, f8, either byte order, either element order.
#pragma once

#include <limbic/io/dtype.hpp>
#include <limbic/io/file.hpp>

namespace limbic {

// What the header says.
struct NpyHeader {
  Dtype dtype{};               // of the elements
  bool swapped = false;        // big-endian
  bool fortran_order = false;  // the first index runs fastest
  Shape shape;
  std::size_t data_at = 0;  // where the data begin, in bytes

  std::size_t data_bytes() const { return static_cast<std::size_t>(numel(shape)) * dtype_info(dtype).size; }
};

namespace detail {

// Reads the dict of the header, and only that much of Python's syntax.
class NpyDict {
 public:
  NpyDict(std::string_view text, const std::string& source) : text_(text), source_(source) {}

  NpyHeader read() {
    NpyHeader h;
    bool seen[3] = {};
    expect('{');
    while (!take('}')) {
      const std::string_view key = string();
      const int which = key == "descr" ? 0 : key == "fortran_order" ? 1 : key == "shape" ? 2 : 3;
      if (which == 3 || seen[which])
        wrong("the header must have 'descr', 'fortran_order' and 'shape' once each; got ",
              detail::quoted(key));
      seen[which] = true;
      expect(':');
      if (which == 0) descr(h);
      else if (which == 1) h.fortran_order = boolean();
      else shape(h);
      if (take('}')) break;
      expect(',');
    }
    if (!seen[0] || !seen[1] || !seen[2]) wrong("the header must have 'descr', 'fortran_order' and 'shape'");
    space();
    if (at_ != text_.size()) wrong("nothing may follow the header's dict");
    if (!size_fits(h.shape, dtype_info(h.dtype).size)) wrong("too many elements; got ", h.shape);
    return h;
  }

 private:
  template <class... Parts>
  [[noreturn]] void wrong(const Parts&... parts) const {
    fail("npy", detail::quoted(source_), ": ", parts...);
  }
  void space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool take(char c) {
    space();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!take(c)) wrong("the header must have ", std::string("'") + c + "' at its byte ", at_);
  }
  std::string_view string() {
    space();
    const char quote = at_ < text_.size() ? text_[at_] : ' ';
    const auto end = quote == '\'' || quote == '"' ? text_.find(quote, at_ + 1) : text_.npos;
    if (end == text_.npos) wrong("the header must have a string at its byte ", at_);
    const std::string_view s = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return s;
  }
  bool boolean() {
    space();
    for (const std::string_view word : {std::string_view("True"), std::string_view("False")})
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return word == "True";
      }
    wrong("fortran_order must be True or False");
  }
  void shape(NpyHeader& h) {
    expect('(');
    while (!take(')')) {
      space();
      index_t n = 0;
      const std::size_t start = at_;
      for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_) {
        if (n > (index_t{1} << 58)) wrong("too many elements along dimension ", h.shape.rank());
        n = n * 10 + (text_[at_] - '0');
      }
      if (at_ == start) wrong("shape must be a tuple of integers that are not negative");
      if (h.shape.rank() == kMaxRank) wrong("at most 8 dimensions are supported");
      h.shape.push_back(n);
      // "(3)" is a number in Python; the tuple is "(3,)".
      if (h.shape.rank() > 1 && take(')')) break;
      expect(',');
    }
  }
  void descr(NpyHeader& h) {
    space();
    if (at_ < text_.size() && text_[at_] == '[') wrong("structured arrays are not supported");
    const std::string_view d = string();
    static constexpr struct {
      std::string_view code;
      Dtype dtype;
    } kCodes[] = {{"b1", Dtype::boolean}, {"i1", Dtype::i8},  {"u1", Dtype::u8},  {"i2", Dtype::i16},
                  {"u2", Dtype::u16},     {"i4", Dtype::i32}, {"u4", Dtype::u32}, {"i8", Dtype::i64},
                  {"u8", Dtype::u64},     {"f2", Dtype::f16}, {"f4", Dtype::f32}, {"f8", Dtype::f64}};
    for (const auto& known : kCodes) {
      if (d.size() != 3 || d.substr(1) != known.code) continue;
      const bool one_byte = dtype_info(known.dtype).size == 1;
      if (d[0] != '<' && d[0] != '>' && d[0] != '=' && !(d[0] == '|' && one_byte)) break;
      h.dtype = known.dtype;
      h.swapped = d[0] == '>' && !one_byte;
      return;
    }
    wrong("descr must be a type of booleans, integers or real numbers such as '<f8'; got ",
          detail::quoted(d));
  }

  std::string_view text_;
  const std::string& source_;
  std::size_t at_ = 0;
};

}  // namespace detail

// Length in bytes of everything before the data, from the first bytes of a file (12 are always enough).
// Throws when they do not begin an .npy file, and for a header of more than 64 KiB.
inline std::size_t npy_preamble(std::span<const std::byte> bytes, const std::string& source = "memory") {
  const auto at = [&](std::size_t i) { return std::to_integer<unsigned>(bytes[i]); };
  if (bytes.size() < 10 || std::memcmp(bytes.data(), "\x93NUMPY", 6) != 0)
    fail("npy", detail::quoted(source), ": the file must begin with \"\\x93NUMPY\"");
  if (at(6) < 1 || at(6) > 3 || at(7) != 0)
    fail("npy", detail::quoted(source), ": the version must be 1.0, 2.0 or 3.0; got ", at(6), ".", at(7));
  const std::size_t fixed = at(6) == 1 ? 10 : 12;
  check(bytes.size() >= fixed, "npy", detail::quoted(source), ": the header is cut off");
  const std::size_t length = at(6) == 1 ? detail::load_raw<std::uint16_t>(&bytes[8], false)
                                        : detail::load_raw<std::uint32_t>(&bytes[8], false);
  if (length > 65536)
    fail("npy", detail::quoted(source), ": the header must be at most 64 KiB; got ", length, " bytes");
  return fixed + length;
}

// The header of a file of which at least npy_preamble() bytes are given. Throws when fewer are, or when it is
// not as the format has it.
inline NpyHeader parse_npy_header(std::span<const std::byte> bytes, const std::string& source = "memory") {
  const std::size_t end = npy_preamble(bytes, source);
  if (end > bytes.size()) fail("npy", detail::quoted(source), ": the header is cut off");
  const std::size_t begin = bytes[6] == std::byte{1} ? 10 : 12;
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + begin, end - begin);
  NpyHeader h = detail::NpyDict(text, source).read();
  h.data_at = end;
  return h;
}

// The array of an .npy file in memory, in memory of its own, converted as dtype.hpp says. Arrays in Fortran
// order come with the strides that this means (contiguous() reorders). Throws when anything is not as the
// format has it, data are missing or left over, or dtype.hpp knows no way to a T. `source` names it in
// messages.
template <class T>
Tensor<T> parse_npy(std::span<const std::byte> bytes, const std::string& source = "memory") {
  const NpyHeader h = parse_npy_header(bytes, source);
  if (bytes.size() - h.data_at != h.data_bytes())
    fail("npy", detail::quoted(source), ": ", h.dtype, " ", h.shape, " must have ", h.data_bytes(),
         " bytes of data; got ", bytes.size() - h.data_at);
  Shape stored = h.shape;
  Dims order = h.shape;
  for (int d = 0; d < h.shape.rank(); ++d) {
    order[d] = h.fortran_order ? h.shape.rank() - 1 - d : d;
    stored[d] = h.shape[static_cast<int>(order[d])];
  }
  return detail::tensor_from_bytes<T>("npy", detail::quoted(source), h.dtype, stored,
                                      bytes.data() + h.data_at, h.swapped)
      .permute(order);
}

// The array of a file. Throws also when it cannot be opened.
template <class T>
Tensor<T> load_npy(const std::string& path) {
  const auto map = MappedFile::open(path);
  return parse_npy<T>(map->bytes(), path);
}

// Everything before the data of an array: version 1.0, padded to a multiple of 64 bytes. Throws for a
// type that NumPy does not have.
inline std::string npy_header_text(const TensorVariant& tensor) {
  const char* descr = "";
  switch (tensor.dtype()) {
    case Dtype::boolean: descr = "|b1"; break;
    case Dtype::u8: descr = "|u1"; break;
    case Dtype::i32: descr = "<i4"; break;
    case Dtype::i64: descr = "<i8"; break;
    case Dtype::u64: descr = "<u8"; break;
    case Dtype::f32: descr = "<f4"; break;
    case Dtype::f64: descr = "<f8"; break;
    default: fail("npy", "the dtype must be one that NumPy has; got ", tensor.dtype());
  }
  std::string shape = to_text(tensor.shape());
  if (tensor.shape().rank() == 1) shape.insert(shape.size() - 1, ",");
  std::string text =
      std::string("{'descr': '") + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  text.append(63 - (10 + text.size()) % 64, ' ');
  text += '\n';
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(text.size() & 255);
  out += static_cast<char>(text.size() >> 8);
  return out + text;
}

// Writes an array, atomically: save_npy("x.npy", tensor). Throws when the file cannot be written. The
// name is taken as it is: ".npy" is not added.
inline void save_npy(const std::string& path, const TensorVariant& tensor) {
  AtomicFile file(path);
  file.write(npy_header_text(tensor));
  file.write(tensor.bytes());
  file.commit();
}

}  // namespace limbic
