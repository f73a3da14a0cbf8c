// .mat files of MATLAB versions 4, 5 (compressed or not) and 7.3, through matio (link limbic::mat).
//
// What a file says about itself is checked before it is believed: versions 4 and 5 by mat_scan.hpp, which
// bounds every size by the bytes that are there; files of version 7.3 are opened in a child process
// (mat_child.hpp), since the HDF5 library can crash or hang on damaged ones. Whatever cannot be read whole is
// an Error that names the file, the variable, what was expected and what was found.
#pragma once

#include <limbic/data/mat_hdf.hpp>
#include <limbic/data/mat_save.hpp>
#include <limbic/data/mat_scan.hpp>

#include <map>

namespace limbic::mat {

// Limits of what a file may ask for.
struct OpenOptions {
  std::uint64_t max_bytes = std::uint64_t{1} << 34;  // limit of one variable, unpacked
  unsigned seconds =
      60;  // processor time that one look into a file of version 7.3 may take, in whole seconds
};

// A file open for reading. Several threads may read from one File.
class File {
 public:
  // Opens a file and lists what it holds; data are read when asked for. Throws when it cannot be opened, is
  // not a .mat file, is cut off or damaged where the list is made, or names a variable twice.
  static File open(const std::string& path, const OpenOptions& options = {}) {
    auto map = MappedFile::open(path);
    const auto bytes = map->bytes();
    return File(bytes, path, options, std::move(map));
  }
  // The same from memory, which must outlive the object; versions 4 and 5. `source` names it in messages.
  static File parse(std::span<const std::byte> bytes, const std::string& source = "memory",
                    const OpenOptions& options = {}) {
    return File(bytes, source, options, nullptr);
  }

  Version version() const { return version_; }
  const std::string& path() const { return path_; }
  // The variables in the order of the file.
  const std::vector<Entry>& list() const { return entries_; }
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  // Null when there is none of that name.
  const Entry* find(std::string_view name) const {
    const auto it = index_.find(name);
    return it == index_.end() ? nullptr : &entries_[it->second];
  }

  // Any variable. Throws where there is none of that name, for what there is no value for (sparse arrays,
  // objects, function handles), for one above max_bytes and for damage; read() and text() do, too.
  Value value(std::string_view name) const {
    const Entry& e = entry(name);
    if (!e.cannot.empty()) wrong(e, "cannot be read: ", e.cannot);
    if (version_ == Version::v73) return detail::read_hdf(path_, e, options_.max_bytes, options_.seconds);
    return detail::read_scanned(bytes_, version_, path_, e, options_.max_bytes);
  }

  // A real array of numbers as T, of the expected shape: kAny stands for any extent; an empty one for any
  // shape. Trailing extents of 1, which MATLAB drops, may be expected. Every number must be exactly a T, but
  // that double is rounded to float. Column-major strides. Throws for anything else.
  template <class T>
  Tensor<T> read(std::string_view name, const Shape& expected = {}) const {
    const Entry& e = entry(name);
    if (!is_numeric(e.type) || e.complex || !detail::matches(e.shape, expected))
      wrong(e, "a real array of numbers",
            expected.empty() ? "" : " of shape " + detail::pattern_text(expected), " is expected; found ",
            detail::describe(e));
    const Value v = value(name);
    const Array* array = v.array();
    if (!array || array->imaginary || !detail::matches(v.shape(), expected))
      wrong(e, "is not the ", detail::describe(e), " that its header says");
    Tensor<T> t =
        std::visit([&](const auto& from) { return detail::exactly<T>(from, label(e)); }, array->real);
    while (t.rank() < expected.rank()) t = t.unsqueeze(t.rank());
    return t;
  }

  // A char array of one row (or none: ""), as UTF-8. Throws for anything else.
  std::string text(std::string_view name) const {
    const Entry& e = entry(name);
    if (e.type != Class::text) wrong(e, "text is expected; found ", detail::describe(e));
    const Value v = value(name);
    if (!v.text() || v.text()->rows.size() > 1)
      wrong(e, "one line of text is expected; found ", detail::describe(e));
    return v.text()->rows.empty() ? "" : v.text()->rows[0];
  }

 private:
  File(std::span<const std::byte> bytes, const std::string& path, const OpenOptions& options,
       std::shared_ptr<const MappedFile> map)
      : path_(path), options_(options), map_(std::move(map)), bytes_(bytes) {
    version_ = detail::version_of(bytes, path);
    if (version_ == Version::v73) {
      if (!map_)
        fail("mat", limbic::detail::quoted(path), ": files of version 7.3 are read from a folder only");
      entries_ = detail::list_hdf(path, options_.seconds);
    } else {
      entries_ = version_ == Version::v5 ? detail::scan_v5(bytes, path) : detail::scan_v4(bytes, path);
    }
    for (std::size_t i = 0; i < entries_.size(); ++i)
      if (!index_.emplace(entries_[i].name, i).second) wrong(entries_[i], "stands in the file twice");
  }

  std::string label(const Entry& e) const { return detail::variable_label(path_, e.name); }
  template <class... Parts>
  [[noreturn]] void wrong(const Entry& e, const Parts&... parts) const {
    fail("mat", label(e), " ", parts...);
  }
  const Entry& entry(std::string_view name) const {
    if (const Entry* e = find(name)) return *e;
    std::string names;
    for (std::size_t i = 0; i < entries_.size() && i < 8; ++i)
      names += (i ? ", " : "") + entries_[i].name.substr(0, 40);
    fail("mat", limbic::detail::quoted(path_), " must hold a variable ", limbic::detail::quoted(name),
         "; found ", entries_.empty() ? "none" : names, entries_.size() > 8 ? ", ..." : "", " (",
         entries_.size(), " in all)");
  }

  std::string path_;
  OpenOptions options_;
  std::shared_ptr<const MappedFile> map_;
  std::span<const std::byte> bytes_;
  Version version_ = Version::v5;
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t, std::less<>> index_;
};

}  // namespace limbic::mat
