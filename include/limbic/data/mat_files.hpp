// Variables of .mat files of version 4 and 5: listed by the scan, unpacked, checked, and read by matio.
//
// matio sees one variable at a time, in a file in memory that holds nothing else: unpacked, and gone through
// by mat_scan.hpp before.
#pragma once

#include <limbic/data/mat_convert.hpp>
#include <limbic/data/mat_scan.hpp>

#include <zlib.h>

namespace limbic::mat::detail {

// A zlib stream, unpacked piece by piece.
class Inflater {
 public:
  Inflater(Bytes packed, std::string_view label) : label_(label) {
    // zlib's interface lacks a const; it does not write there.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed.data()));
    stream_.avail_in = static_cast<uInt>(packed.size());
    if (inflateInit(&stream_) != Z_OK) fail("mat", label_, " cannot be unpacked: no memory");
  }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
  ~Inflater() { inflateEnd(&stream_); }

  // Up to n bytes; fewer at the end of the stream, whose checksum is then right.
  std::size_t read(std::byte* out, std::size_t n) {
    std::size_t got = 0;
    while (got < n && !ended_) {
      const uInt part = static_cast<uInt>(std::min<std::size_t>(n - got, 1u << 30));
      stream_.next_out = reinterpret_cast<Bytef*>(out + got);
      stream_.avail_out = part;
      const int code = inflate(&stream_, Z_NO_FLUSH);
      got += part - stream_.avail_out;
      if (code == Z_STREAM_END) ended_ = true;
      else if (code != Z_OK)
        fail("mat", label_, " is damaged: its compressed data ",
             code == Z_BUF_ERROR ? "end too early"
             : stream_.msg       ? stream_.msg
                                 : "are wrong");
    }
    return got;
  }

 private:
  z_stream stream_ = {};
  std::string_view label_;
  bool ended_ = false;
};

inline bool big_endian(Bytes file) { return file[126] == std::byte{'M'}; }

// The variables of a file of version 5.
inline std::vector<Entry> scan_v5(Bytes file, const std::string& path) {
  const std::string quoted = limbic::detail::quoted(path);
  std::vector<Entry> entries;
  Cursor c{file, big_endian(file), quoted, 128};
  while (c.left() > 0) {
    Entry entry;
    entry.offset = c.at;
    const std::string label = quoted + ": the variable at byte " + std::to_string(c.at);
    if (c.left() < 8) fail("mat", label, " is cut off");
    const auto type = c.load<std::uint32_t>();
    const std::uint64_t n = c.load<std::uint32_t>();
    if (type != kMatrix && type != kCompressed) fail("mat", label, " is damaged: an element of type ", type);
    if (n > c.left()) fail("mat", label, " is cut off: ", n, " bytes where ", c.left(), " are left");
    entry.compressed = type == kCompressed;
    entry.bytes = 8 + n;
    Bytes content = file.subspan(c.at, n);
    c.at += n;

    std::byte beginning[8 + kHeaderBytes];
    if (entry.compressed) {
      Inflater inflater(content, label);
      content = Bytes(beginning, inflater.read(beginning, sizeof beginning));
      Cursor tag{content, c.swap, label};
      if (tag.load<std::uint32_t>() != kMatrix) tag.damaged("what is compressed in it is no array");
      content = content.subspan(8, std::min<std::size_t>(tag.load<std::uint32_t>(), content.size() - 8));
    }
    if (content.empty()) continue;  // an array without anything, a name included
    Cursor inner{content, c.swap, label};
    const Header h = read_header(inner);
    if (h.name.empty()) continue;  // MATLAB's own notes on objects
    entry.name = h.name;
    entry.type = h.type;
    entry.shape = h.shape;
    entry.complex = h.complex;
    entry.cannot = h.cannot;
    entries.push_back(std::move(entry));
  }
  return entries;
}

// The variables of a file of version 4.
inline std::vector<Entry> scan_v4(Bytes file, const std::string& path) {
  const std::string quoted = limbic::detail::quoted(path);
  std::vector<Entry> entries;
  Cursor c{file, false, quoted};
  while (c.left() > 0) {
    Entry entry;
    entry.offset = c.at;
    const std::string label = quoted + ": the variable at byte " + std::to_string(c.at);
    const auto wrong = [&](std::string_view what) {
      if (entries.empty())
        fail("mat", quoted, " must be a .mat file; its first bytes are of none (as version 4: ", what, ")");
      fail("mat", label, " is damaged: ", what);
    };
    if (c.left() < 20) wrong("it is cut off");
    // The thousands of the type say the byte order, 0 little and 1 big; so read otherwise it is far too
    // large.
    const Bytes type_bytes = file.subspan(c.at, 4);
    Cursor type_cursor{type_bytes, false, label};
    auto type = type_cursor.load<std::uint32_t>();
    c.swap = type > 4052;
    if (c.swap) type = Cursor{type_bytes, true, label}.load<std::uint32_t>();
    c.at += 4;
    const std::uint32_t order = type / 1000, zero = type / 100 % 10, number = type / 10 % 10,
                        kind = type % 10;
    if (type > 1052 || order != (c.swap ? 1u : 0u) || zero != 0 || number > 5 || kind > 2)
      wrong("its type is unknown");
    const auto rows = c.load<std::int32_t>(), columns = c.load<std::int32_t>(),
               imaginary = c.load<std::int32_t>(), length = c.load<std::int32_t>();
    if (rows < 0 || columns < 0 || (imaginary != 0 && imaginary != 1)) wrong("its sizes are impossible");
    if (length < 2 || length > static_cast<std::int32_t>(kMaxName))
      wrong("its name has an impossible length");
    constexpr std::size_t kSizes[] = {8, 4, 4, 2, 2, 1};
    const std::uint64_t numel = static_cast<std::uint64_t>(rows) * static_cast<std::uint64_t>(columns);
    const std::uint64_t each = kSizes[number] * (imaginary ? 2 : 1);
    const std::size_t name_length = static_cast<std::size_t>(length);
    if (name_length > c.left() || numel > (c.left() - name_length) / each) wrong("it is cut off");
    const char* name = reinterpret_cast<const char*>(file.data() + c.at);
    if (!std::memchr(name, 0, name_length) || *name == 0) wrong("its name has no end");
    entry.name = name;
    c.at += name_length + numel * each;
    entry.bytes = c.at - entry.offset;
    entry.type = kind == 2 ? Class::sparse : kind == 1 ? Class::text : Class::float64;
    entry.shape = {rows, columns};
    entry.complex = imaginary != 0;
    if (kind == 2) entry.cannot = "it is a sparse array";
    if (kind == 1 && imaginary) entry.cannot = "it is complex text";
    entries.push_back(std::move(entry));
  }
  return entries;
}

// A variable that a scan listed.
inline Value read_scanned(Bytes file, Version version, const std::string& path, const Entry& e,
                          std::uint64_t max_bytes) {
  const std::string label = variable_label(path, e.name);
  Bytes whole = file.subspan(e.offset, e.bytes);
  if (version == Version::v4) {
    if (numel(e.shape) == 0) return empty_value(e);
    return with_memory_file({whole}, label, [&](mat_t* mat) { return read_next(mat, label, e); });
  }

  const bool swap = big_endian(file);
  std::unique_ptr<std::byte[]> unpacked;
  if (e.compressed) {
    Inflater inflater(whole.subspan(8), label);
    std::byte tag[8];
    inflater.read(tag, 8);
    Cursor c{Bytes(tag, 8), swap, label};
    (void)c.load<std::uint32_t>();
    const std::uint64_t n = 8 + std::uint64_t{c.load<std::uint32_t>()};
    // deflate packs at most 1032 to 1.
    if (n > max_bytes) fail("mat", label, " takes ", n, " bytes, and ", max_bytes, " are the limit");
    if (n > 1032 * e.bytes + 64) c.damaged("it cannot unpack to ", n, " bytes");
    unpacked = std::make_unique_for_overwrite<std::byte[]>(n);
    std::memcpy(unpacked.get(), tag, 8);
    if (inflater.read(unpacked.get() + 8, n - 8) != n - 8) c.damaged("its compressed data end too early");
    std::byte beyond;
    if (inflater.read(&beyond, 1) != 0) c.damaged("more data are compressed in it than it says");
    whole = Bytes(unpacked.get(), n);
  }
  Cursor c{whole.subspan(8), swap, label};
  const Header h = read_header(c);
  if (h.name != e.name || h.type != e.type || !(h.shape == e.shape))
    c.damaged("it changed while it was read");
  check_content(c, h, 0);
  if (h.numel == 0) return empty_value(e);

  std::byte header[128];
  std::memcpy(header, file.data(), 128);
  std::memset(header, ' ', 124);  // no words, and no place of a subsystem
  return with_memory_file({Bytes(header, 128), whole}, label,
                          [&](mat_t* mat) { return read_next(mat, label, e); });
}

}  // namespace limbic::mat::detail
