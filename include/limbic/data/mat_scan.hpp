// What lies where in a .mat file of version 4 or 5: a scan that bounds every size by the bytes that are
// there.
//
// matio trusts what a file says about sizes; so nothing reaches it before this scan has gone through all of
// it. Formats: "MAT-File Format" (The MathWorks). Version 5: a header of 128 bytes, then elements (type, byte
// count, data padded to 8 bytes), each a matrix or a zlib stream of one. A matrix is a sequence of elements:
// flags, dimensions, name, data. Version 4: for each variable a header of five numbers, the name, the data.
#pragma once

#include <limbic/data/mat_value.hpp>
#include <limbic/io/file.hpp>

#include <bit>
#include <cstring>

namespace limbic::mat {

// A variable as its header describes it.
struct Entry {
  std::string name;
  Class type = Class::opaque;
  Shape shape;
  bool complex = false;
  bool compressed = false;
  std::uint64_t offset = 0, bytes = 0;  // where it lies in a file of version 4 or 5
  std::string cannot;                   // why there can be no value of it; empty when there can
};

namespace detail {

using Bytes = std::span<const std::byte>;

// "'f.mat': variable 'x'".
inline std::string variable_label(const std::string& path, std::string_view name) {
  return limbic::detail::quoted(path) + ": variable " + limbic::detail::quoted(name);
}

// "double (62, 235, 5)".
inline std::string describe(const Entry& e) {
  return std::string(e.complex ? "complex " : "") + to_text(e.type) + " " + to_text(e.shape);
}

// Element types of version 5.
enum Type : std::uint32_t {
  kInt8 = 1,
  kUint8,
  kInt16,
  kUint16,
  kInt32,
  kUint32,
  kSingle,
  kDouble = 9,
  kInt64 = 12,
  kUint64,
  kMatrix,
  kCompressed,
  kUtf8,
  kUtf16,
  kUtf32
};

// Bytes of one number; 0 for what is none.
inline std::size_t size_of_type(std::uint32_t type) {
  switch (type) {
    case kInt8:
    case kUint8:
    case kUtf8: return 1;
    case kInt16:
    case kUint16:
    case kUtf16: return 2;
    case kInt32:
    case kUint32:
    case kSingle:
    case kUtf32: return 4;
    case kDouble:
    case kInt64:
    case kUint64: return 8;
    default: return 0;
  }
}

// Walks over bytes and never past their end. `label` begins the text of an error.
struct Cursor {
  Bytes bytes;
  bool swap = false;
  std::string_view label;
  std::size_t at = 0;

  template <class... Parts>
  [[noreturn]] void damaged(const Parts&... parts) const {
    fail("mat", label, " is damaged: ", parts...);
  }
  std::size_t left() const { return bytes.size() - at; }

  template <class V>
  V load() {
    if (left() < sizeof(V)) damaged("it ends where ", sizeof(V), " more bytes are needed");
    std::byte raw[sizeof(V)];
    std::memcpy(raw, bytes.data() + at, sizeof(V));
    if (swap) std::reverse(raw, raw + sizeof(V));
    at += sizeof(V);
    return std::bit_cast<V>(raw);
  }

  struct Element {
    std::uint32_t type = 0;
    bool small = false;  // the data lie in the tag itself
    Bytes data;
  };
  // The next element. Padding may be absent at the very end, as some programs leave it out.
  Element element(std::string_view what) {
    if (left() < 8) damaged("it ends where ", what, " should be");
    Element e;
    e.type = load<std::uint32_t>();
    if (const std::uint32_t n = e.type >> 16; n != 0) {
      e.small = true;
      e.type &= 0xffff;
      if (n > 4) damaged(what, " of ", n, " bytes in a place of 4");
      e.data = bytes.subspan(at, n);
      at += 4;
      return e;
    }
    const std::uint64_t n = load<std::uint32_t>();
    if (n > left()) damaged(what, " of ", n, " bytes where ", left(), " are left");
    e.data = bytes.subspan(at, n);
    at += std::min<std::size_t>((n + 7) / 8 * 8, left());
    return e;
  }
};

// What stands before the data of a matrix.
struct Header {
  Class type = Class::opaque;
  bool complex = false;
  Shape shape;
  std::uint64_t numel = 0;
  std::string name, cannot;
};

inline constexpr int kMaxFileRank = 64;
inline constexpr std::size_t kMaxName = 512;
inline constexpr std::size_t kHeaderBytes = 16 + 8 + 4 * kMaxFileRank + 8 + kMaxName;

inline Header read_header(Cursor& c) {
  Header h;
  const auto flags = c.element("the array flags");
  if (flags.type != kUint32 || flags.data.size() != 8) c.damaged("array flags of another kind");
  const std::uint32_t word = Cursor{flags.data, c.swap, c.label}.load<std::uint32_t>();
  const std::uint32_t type = word & 0xff;
  if (type < 1 || type > 17) c.damaged("an array of the unknown class ", type);
  h.type = static_cast<Class>(type);
  h.complex = (word & 0x800) != 0;
  if ((word & 0x200) && is_numeric(h.type)) h.type = Class::logical;
  if (h.type == Class::opaque) {  // has no dimensions: its parts follow the name
    h.shape = {1, 1};
    h.cannot = "it is an object of a MATLAB class";
  } else {
    const auto dims = c.element("the dimensions");
    const std::size_t rank = dims.data.size() / 4;
    if (dims.type != kInt32 || dims.data.size() % 4 || rank < 2) c.damaged("dimensions of another kind");
    if (rank > kMaxFileRank) c.damaged(rank, " dimensions");
    Cursor numbers{dims.data, c.swap, c.label};
    h.numel = 1;
    bool zero = false;
    for (std::size_t d = 0; d < rank; ++d) {
      const auto n = numbers.load<std::int32_t>();
      if (n < 0) c.damaged("a dimension of ", n);
      if (d < kMaxRank) h.shape.push_back(n);
      zero = zero || n == 0;
      if (n > 0 && h.numel > (std::uint64_t{1} << 44) / static_cast<std::uint64_t>(n))
        c.damaged("dimensions too large to be true");
      h.numel *= static_cast<std::uint64_t>(std::max(n, 1));
    }
    if (zero) h.numel = 0;
    if (rank > kMaxRank) h.cannot = "it has " + std::to_string(rank) + " dimensions, and 8 are the limit";
  }
  const auto name = c.element("the name");
  if (name.type != kInt8 && name.type != kUint8 && name.type != kUtf8) c.damaged("a name of another kind");
  if (name.data.size() > kMaxName) c.damaged("a name of ", name.data.size(), " bytes");
  for (std::byte b : name.data) {
    if (b == std::byte{0}) break;
    h.name += static_cast<char>(b);
  }
  if (h.type == Class::sparse) h.cannot = "it is a sparse array";
  if (h.type == Class::object) h.cannot = "it is an object of a MATLAB class";
  if (h.type == Class::function) h.cannot = "it is a function handle";
  if (h.complex && !is_numeric(h.type) && h.cannot.empty()) c.damaged("a complex ", h.type);
  return h;
}

inline void check_numbers(Cursor& c, const Header& h, std::string_view part) {
  if (h.numel == 0 && c.left() == 0) return;
  const auto e = c.element(part);
  const std::size_t size = size_of_type(e.type);
  const bool floating = e.type == kSingle || e.type == kDouble;
  const bool text = e.type == kUtf8 || e.type == kUtf16 || e.type == kUtf32;
  if (size == 0 || text ||
      (floating && h.type != Class::float64 && h.type != Class::float32 && h.type != Class::logical))
    c.damaged(part, " of type ", e.type, " in a ", h.type, " array");
  if (e.data.size() != h.numel * size)
    c.damaged(part, " of ", e.data.size(), " bytes where ", h.numel, " numbers of ", size,
              " bytes are said to be");
}

// Throws unless the rest of a matrix is whole and matio can be trusted with it. `depth`: cells in cells.
inline void check_content(Cursor& c, const Header& h, int depth) {
  if (!h.cannot.empty())
    fail("mat", c.label, depth ? " cannot be read, for what is in it: " : " cannot be read: ", h.cannot);
  if (depth > 16) fail("mat", c.label, " cannot be read: more than 16 arrays inside one another");
  if (is_numeric(h.type)) {
    check_numbers(c, h, "the data");
    if (h.complex) check_numbers(c, h, "the imaginary part");
    return;
  }
  if (h.type == Class::text) {
    if (h.numel == 0 && c.left() == 0) return;
    const auto e = c.element("the characters");
    const std::size_t size = size_of_type(e.type);
    if (size == 0 || size > 2 || e.type == kInt16) c.damaged("characters of type ", e.type);
    if (e.type == kUtf8 ? e.data.size() < h.numel || e.data.size() > 4 * h.numel
                        : e.data.size() != h.numel * size)
      c.damaged(e.data.size(), " bytes of text where ", h.numel, " characters are said to be");
    return;
  }
  std::uint64_t items = h.numel;
  if (h.type == Class::structure) {
    const auto length = c.element("the length of field names");
    if (length.type != kInt32 || !length.small || length.data.size() != 4)
      c.damaged("a length of field names of another kind");
    const auto n = Cursor{length.data, c.swap, c.label}.load<std::int32_t>();
    const auto names = c.element("the field names");
    if (n < 1 || n > static_cast<std::int32_t>(kMaxName) || (names.type != kInt8 && names.type != kUint8))
      c.damaged("field names of another kind");
    const std::size_t width = static_cast<std::size_t>(n);
    if (names.data.size() % width) c.damaged("field names of ", names.data.size(), " bytes, ", n, " each");
    for (std::size_t at = 0; at < names.data.size(); at += width)
      if (!std::memchr(names.data.data() + at, 0, width)) c.damaged("a field name without an end");
    const std::uint64_t fields = names.data.size() / width;
    if (fields && items > c.left() / 8 / fields) c.damaged("more fields than there are bytes for");
    items *= fields;
  }
  if (items > c.left() / 8) c.damaged(items, " arrays where ", c.left(), " bytes are left");
  for (std::uint64_t i = 0; i < items; ++i) {
    const auto item = c.element("an array");
    if (item.type != kMatrix || item.small) c.damaged("type ", item.type, " where an array should be");
    if (item.data.empty()) continue;
    Cursor inner{item.data, c.swap, c.label};
    const Header header = read_header(inner);
    check_content(inner, header, depth + 1);
  }
}

// The version by the first bytes.
inline Version version_of(Bytes bytes, const std::string& path) {
  constexpr char kHdf[] = "\x89HDF\r\n\x1a\n";
  const auto holds = [&](std::size_t at, std::string_view text) {
    return bytes.size() >= at + text.size() && std::memcmp(bytes.data() + at, text.data(), text.size()) == 0;
  };
  const std::string file = limbic::detail::quoted(path);
  if (bytes.empty()) fail("mat", file, " must be a .mat file; it is empty");
  if (holds(0, kHdf))
    fail("mat", file, " must be a .mat file; found HDF5 data without MATLAB's header of 512 bytes");
  if (holds(126, "IM") || holds(126, "MI")) {
    const bool little = holds(126, "IM");
    const std::uint32_t low = std::to_integer<std::uint32_t>(bytes[little ? 124 : 125]);
    const std::uint32_t high = std::to_integer<std::uint32_t>(bytes[little ? 125 : 124]);
    if (high == 1) return Version::v5;
    if (high == 2 && holds(512, kHdf)) return Version::v73;
    if (high == 2) fail("mat", file, " is damaged: its header says version 7.3, but no HDF5 data follow");
    fail("mat", file, " must be of version 4, 5 or 7.3; its header says ", high, ".", low);
  }
  if (holds(0, "MATLAB 5.0") || holds(0, "MATLAB 7.3") || bytes.size() < 20)
    fail("mat", file, " is damaged or no .mat file: ", bytes.size(),
         " bytes, without the mark of MATLAB's byte order");
  return Version::v4;
}

}  // namespace detail

}  // namespace limbic::mat
