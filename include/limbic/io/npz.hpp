// .npz files: a zip archive of NAME.npy, stored or deflated, zip64 included. Needs libzip (link
// limbic::npz); limbic/limbic.hpp leaves it out.
//
// An array is read only when asked for. What it will take is known from its .npy header, must agree with
// what the archive declares, and must be possible for the bytes that are there, before memory is taken.
#pragma once

#include <limbic/io/npy.hpp>

#include <map>
#include <memory>

#include <zip.h>

namespace limbic {

namespace detail {

struct ZipError {
  zip_error_t error;
  ZipError() { zip_error_init(&error); }
  ZipError(const ZipError&) = delete;
  ZipError& operator=(const ZipError&) = delete;
  ~ZipError() { zip_error_fini(&error); }
};

}  // namespace detail

// An archive open for reading. One thread at a time may use it.
class NpzFile {
 public:
  // Maps the archive. Throws when it cannot be opened, is no zip archive or names an array twice.
  // `max_bytes` limits a single array, unpacked: 16 GiB by default.
  static NpzFile open(const std::string& path, std::uint64_t max_bytes = std::uint64_t{1} << 34) {
    auto map = MappedFile::open(path);
    const auto bytes = map->bytes();
    return NpzFile(bytes, path, max_bytes, std::move(map));
  }
  // The same from memory, which must outlive the object. `source` names it in messages.
  static NpzFile parse(std::span<const std::byte> bytes, const std::string& source = "memory",
                       std::uint64_t max_bytes = std::uint64_t{1} << 34) {
    return NpzFile(bytes, source, max_bytes, nullptr);
  }

  // Names of the arrays, without ".npy", in lexicographic order. Other files in the archive are left out.
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& item : arrays_) out.push_back(item.first);
    return out;
  }
  bool contains(std::string_view name) const { return arrays_.find(name) != arrays_.end(); }

  // Type and shape of an array. Throws when there is none of that name or its header is wrong.
  NpyHeader header(std::string_view name) const {
    std::vector<std::byte> bytes;
    read(name, bytes, true);
    return parse_npy_header(bytes, label(name));
  }
  // The array, as parse_npy() gives it. Throws also when there is none of that name, it is larger than
  // allowed or packed in another way than deflate's, or the archive's checksum of it is wrong.
  template <class T>
  Tensor<T> load(std::string_view name) const {
    std::vector<std::byte> bytes;
    read(name, bytes, false);
    return parse_npy<T>(bytes, label(name));
  }

 private:
  struct CloseArchive {
    void operator()(zip_t* z) const { zip_discard(z); }
  };
  struct CloseEntry {
    void operator()(zip_file_t* f) const { zip_fclose(f); }
  };

  NpzFile(std::span<const std::byte> bytes, const std::string& source, std::uint64_t max_bytes,
          std::shared_ptr<const MappedFile> map)
      : source_(source), archive_bytes_(bytes.size()), max_bytes_(max_bytes), map_(std::move(map)) {
    detail::ZipError error;
    zip_source_t* zip_source = zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error.error);
    zip_t* archive = zip_source ? zip_open_from_source(zip_source, ZIP_RDONLY, &error.error) : nullptr;
    if (!archive) {
      if (zip_source) zip_source_free(zip_source);
      fail("npz", detail::quoted(source_), ": a zip archive is needed: ", zip_error_strerror(&error.error));
    }
    archive_.reset(archive);

    const zip_int64_t count = zip_get_num_entries(archive, 0);
    for (zip_int64_t i = 0; i < count; ++i) {
      const char* raw = zip_get_name(archive, static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW);
      std::string name = raw ? raw : "";
      if (!name.ends_with(".npy")) continue;
      name.resize(name.size() - 4);
      if (!arrays_.emplace(name, static_cast<zip_uint64_t>(i)).second)
        fail("npz", detail::quoted(source_), ": names must be unique; got ", detail::quoted(name), " twice");
    }
  }

  std::string label(std::string_view name) const {
    return source_ + "/" + std::string(name.substr(0, 80)) + ".npy";
  }
  template <class... Parts>
  [[noreturn]] void wrong(std::string_view name, const Parts&... parts) const {
    fail("npz", detail::quoted(label(name)), ": ", parts...);
  }

  // Appends `n` bytes of an open entry.
  void take(zip_file_t* file, std::string_view name, std::vector<std::byte>& out, std::size_t n) const {
    const std::size_t begin = out.size();
    out.resize(begin + n);
    for (std::size_t at = 0; at < n;) {
      const zip_int64_t got = zip_fread(file, out.data() + begin + at, n - at);
      if (got < 0) wrong(name, "cannot be unpacked: ", zip_file_strerror(file));
      if (got == 0) wrong(name, "is cut off after ", begin + at, " bytes");
      at += static_cast<std::size_t>(got);
    }
  }

  // The unpacked .npy, or its beginning up to the data.
  void read(std::string_view name, std::vector<std::byte>& out, bool header_only) const {
    const auto it = arrays_.find(name);
    if (it == arrays_.end())
      fail("npz", detail::quoted(source_), ": no array is named ", detail::quoted(name), "; there are ",
           arrays_.size());
    zip_stat_t stat;
    if (zip_stat_index(archive_.get(), it->second, 0, &stat) != 0 || !(stat.valid & ZIP_STAT_SIZE) ||
        !(stat.valid & ZIP_STAT_COMP_SIZE) || !(stat.valid & ZIP_STAT_COMP_METHOD))
      wrong(name, "must declare its size and packing");
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE)
      wrong(name, "must be stored or deflated; got method ", stat.comp_method);
    const std::unique_ptr<zip_file_t, CloseEntry> file(zip_fopen_index(archive_.get(), it->second, 0));
    if (!file) wrong(name, "cannot be unpacked: ", zip_strerror(archive_.get()));

    if (stat.size < 12) wrong(name, "must have at least 12 bytes; got ", stat.size);
    take(file.get(), name, out, 12);
    const std::size_t preamble = npy_preamble(out, label(name));
    if (preamble > stat.size) wrong(name, "must have a header of ", preamble, " bytes; got ", stat.size);
    take(file.get(), name, out, preamble - std::min<std::size_t>(preamble, 12));
    const NpyHeader h = parse_npy_header(out, label(name));
    if (header_only) return;

    const std::uint64_t wanted = preamble + h.data_bytes();
    if (stat.size != wanted)
      wrong(name, h.dtype, " ", h.shape, " must take ", wanted, " bytes; the archive declares ", stat.size);
    // Deflate packs at most 1032 bytes into one.
    const std::uint64_t packed = std::min<std::uint64_t>(stat.comp_size, archive_bytes_);
    if (wanted / 1032 > packed)
      wrong(name, "cannot hold ", wanted, " bytes: only ", packed, " packed ones are there");
    if (wanted > max_bytes_) wrong(name, "must take at most ", max_bytes_, " bytes; got ", wanted);
    out.reserve(wanted);
    take(file.get(), name, out, wanted - std::min<std::uint64_t>(wanted, out.size()));
    // Reading past the end makes libzip compare the checksum.
    std::byte more{};
    const zip_int64_t got = zip_fread(file.get(), &more, 1);
    if (got < 0) wrong(name, "cannot be unpacked: ", zip_file_strerror(file.get()));
    if (got > 0) wrong(name, "has more than the ", wanted, " bytes that are declared");
  }

  std::string source_;
  std::uint64_t archive_bytes_, max_bytes_;
  std::shared_ptr<const MappedFile> map_;
  std::unique_ptr<zip_t, CloseArchive> archive_;
  std::map<std::string, zip_uint64_t, std::less<>> arrays_;
};

// How arrays lie in an archive: as they are, as by numpy.savez, or as by numpy.savez_compressed.
enum class NpzPacking { stored, deflate };

// Writes an archive of arrays, atomically: save_npz(path, {{"x", x}, {"y", y}}). The same input gives the
// same bytes (the entries are dated 1980). Throws when a name is empty or comes twice, or the file cannot
// be written.
inline void save_npz(const std::string& path, const NamedTensors& tensors,
                     NpzPacking packing = NpzPacking::stored) {
  if (tensors.empty()) {
    // libzip removes an archive that has become empty; this is one: nothing but its end record.
    return write_file(path, std::string("PK\x05\x06", 4) + std::string(18, '\0'));
  }
  // The archive is made in memory: libzip's own way of replacing a file does not wait for the disk.
  detail::ZipError error;
  zip_source_t* target = zip_source_buffer_create(nullptr, 0, 0, &error.error);
  zip_t* archive = target ? zip_open_from_source(target, ZIP_TRUNCATE, &error.error) : nullptr;
  if (archive) zip_source_keep(target);
  struct Free {
    zip_source_t* source;
    zip_t* archive;
    ~Free() {
      if (archive) zip_discard(archive);
      if (source) zip_source_free(source);
    }
  } owned{target, archive};
  const auto need = [&](bool ok, zip_error_t* reason) {
    if (!ok) fail("npz", detail::quoted(path), ": cannot make the archive: ", zip_error_strerror(reason));
  };
  need(archive != nullptr, &error.error);

  std::vector<std::string> headers(tensors.size());
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const auto& [name, tensor] = tensors[i];
    check(!name.empty(), "npz", "a name must not be empty");
    headers[i] = npy_header_text(tensor);
    // libzip fails on the name it has already; the text here says it better.
    const std::string entry = name + ".npy";
    if (zip_name_locate(archive, entry.c_str(), 0) >= 0)
      fail("npz", "names must be unique; got ", detail::quoted(name), " twice");
    const zip_buffer_fragment_t parts[2] = {
        {reinterpret_cast<zip_uint8_t*>(headers[i].data()), headers[i].size()},
        {reinterpret_cast<zip_uint8_t*>(const_cast<std::byte*>(tensor.bytes().data())),
         tensor.bytes().size()}};
    zip_source_t* data = zip_source_buffer_fragment(archive, parts, tensor.bytes().empty() ? 1 : 2, 0);
    need(data != nullptr, zip_get_error(archive));
    const zip_int64_t index = zip_file_add(archive, entry.c_str(), data, ZIP_FL_ENC_UTF_8);
    if (index < 0) zip_source_free(data);
    need(index >= 0, zip_get_error(archive));
    const auto at = static_cast<zip_uint64_t>(index);
    need(zip_set_file_compression(archive, at, packing == NpzPacking::stored ? ZIP_CM_STORE : ZIP_CM_DEFLATE,
                                  0) == 0 &&
             zip_file_set_dostime(archive, at, 0, 0x21, 0) == 0,
         zip_get_error(archive));
  }
  if (zip_close(archive) != 0) need(false, zip_get_error(archive));
  owned.archive = nullptr;

  AtomicFile file(path);
  need(zip_source_open(target) == 0, zip_source_error(target));
  std::vector<std::byte> chunk(std::size_t{1} << 16);
  zip_int64_t n = 0;
  while ((n = zip_source_read(target, chunk.data(), chunk.size())) > 0)
    file.write(std::span(chunk.data(), static_cast<std::size_t>(n)));
  zip_source_close(target);
  need(n == 0, zip_source_error(target));
  file.commit();
}

}  // namespace limbic
