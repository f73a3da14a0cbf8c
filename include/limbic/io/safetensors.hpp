// safetensors files (https://github.com/huggingface/safetensors, "Format"):
//
//   8 bytes   N, length of the header, little-endian
//   N bytes   JSON {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [begin, end]}, ...,
//             "__metadata__": {"key": "text", ...}}, padded with spaces
//   the rest  the data: offsets count from here; row-major, little-endian, no holes, no overlaps
//
// Everything the header says is checked when the file is opened; nothing is allocated by what it claims.
#pragma once

#include <limbic/io/dtype.hpp>
#include <limbic/io/file.hpp>
#include <limbic/io/json.hpp>

#include <map>

namespace limbic {

// A file open for reading: names, types, shapes and metadata at once, data when asked for.
class SafetensorsFile {
 public:
  // A tensor of the file.
  struct Entry {
    Dtype dtype;
    Shape shape;
    std::size_t begin, end;  // within the data
  };
  // By name.
  using Entries = std::map<std::string, Entry, std::less<>>;
  using Metadata = std::map<std::string, std::string>;

  // Maps the file. Throws when it cannot be opened or breaks a rule of the format, and for a header of more
  // than 100 MB or a tensor of more than 8 dimensions.
  static SafetensorsFile open(const std::string& path) {
    auto map = MappedFile::open(path);
    const auto bytes = map->bytes();
    return SafetensorsFile(bytes, path, std::move(map));
  }
  // The same from memory, which must outlive the object. `source` names it in messages.
  static SafetensorsFile parse(std::span<const std::byte> bytes, const std::string& source = "memory") {
    return SafetensorsFile(bytes, source, nullptr);
  }

  const Entries& entries() const { return entries_; }
  const Metadata& metadata() const { return metadata_; }
  bool contains(std::string_view name) const { return entries_.find(name) != entries_.end(); }
  const std::string& source() const { return source_; }

  // Type, shape and place of a tensor; its bytes as they are. Throw when there is no tensor of that name.
  const Entry& entry(std::string_view name) const {
    const auto it = entries_.find(name);
    if (it == entries_.end())
      fail("safetensors", detail::quoted(source_), ": no tensor is named ", detail::quoted(name),
           "; there are ", entries_.size());
    return it->second;
  }
  std::span<const std::byte> bytes(std::string_view name) const {
    const Entry& e = entry(name);
    return data_.subspan(e.begin, e.end - e.begin);
  }

  // The tensor in memory of its own, converted as dtype.hpp says; throws where it says nothing, and when
  // there is no tensor of that name.
  template <class T>
  Tensor<T> load(std::string_view name) const {
    const Entry& e = entry(name);
    return detail::tensor_from_bytes<T>("safetensors", label(name), e.dtype, e.shape, data_.data() + e.begin);
  }

  // The tensor on the mapped file itself, not copied; the map lives as long as a tensor on it. Views of one
  // name share their memory; writing to it changes them and later loads, never the file. Throws when the
  // type is another, the data are not aligned for it, or the file is not a mapped one.
  template <class T>
  Tensor<T> view(std::string_view name) const {
    static_assert(!std::is_same_v<T, bool>, "a byte of a file may be neither 0 nor 1: load<bool>()");
    const Entry& e = entry(name);
    if (e.dtype != dtype_of<T>)
      fail("safetensors", label(name), " is ", e.dtype, " and cannot be viewed as ", dtype_name<T>);
    if (!map_) fail("safetensors", label(name), " cannot be viewed: only mapped files can (hint: load())");
    std::byte* data = const_cast<std::byte*>(data_.data()) + e.begin;
    if (reinterpret_cast<std::uintptr_t>(data) % alignof(T) != 0)
      fail("safetensors", label(name), " cannot be viewed: its data are not aligned to ", alignof(T),
           " bytes (hint: load())");
    using Keep = std::shared_ptr<const MappedFile>;
    auto keep = std::make_unique<Keep>(map_);
    auto tensor = Tensor<T>::wrap(
        reinterpret_cast<T*>(data), e.shape, {}, [](void* context) { delete static_cast<Keep*>(context); },
        keep.get());
    static_cast<void>(keep.release());  // the tensor's now
    return tensor;
  }

 private:
  SafetensorsFile(std::span<const std::byte> bytes, const std::string& source,
                  std::shared_ptr<const MappedFile> map)
      : source_(source), map_(std::move(map)) {
    if (bytes.size() < 8) wrong("at least 8 bytes are needed; got ", bytes.size());
    const auto length = detail::load_raw<std::uint64_t>(bytes.data(), false);
    if (length > 100'000'000) wrong("the header must be at most 100 MB; got ", length, " bytes");
    if (length > bytes.size() - 8)
      wrong("the header must end within the file; got ", length, " bytes of ", bytes.size() - 8);
    const std::string_view header(reinterpret_cast<const char*>(bytes.data()) + 8, length);
    data_ = bytes.subspan(8 + length);
    if (!header.starts_with('{')) wrong("the header must begin with '{'");
    const Json json = Json::parse(header, "safetensors " + detail::quoted(source_));
    const Json::Object& members = json.as_object();
    for (std::size_t i = 0; i < members.keys.size(); ++i) {
      if (members.keys[i] == "__metadata__") read_metadata(members.values[i]);
      else entries_.emplace(members.keys[i], read_entry(members.keys[i], members.values[i]));
    }
    check_layout();
  }

  template <class... Parts>
  [[noreturn]] void wrong(const Parts&... parts) const {
    fail("safetensors", detail::quoted(source_), ": ", parts...);
  }
  std::string label(std::string_view name) const {
    return detail::quoted(source_) + ": tensor " + detail::quoted(name);
  }

  void read_metadata(const Json& json) {
    if (!json.is_object()) wrong("__metadata__ must be an object; got ", json.kind());
    const Json::Object& members = json.as_object();
    for (std::size_t i = 0; i < members.keys.size(); ++i) {
      if (!members.values[i].is_string())
        wrong("__metadata__ must hold strings; got ", members.values[i].kind(), " for ",
              detail::quoted(members.keys[i]));
      metadata_.emplace(members.keys[i], members.values[i].as_string());
    }
  }

  // A list of sizes or offsets, not negative.
  Json::Array numbers(const Json& object, std::string_view key, std::string_view name) const {
    const Json* list = object.find(key);
    if (!list || !list->is_array()) wrong("tensor ", detail::quoted(name), " must have a list '", key, "'");
    for (const Json& v : list->as_array())
      if (!v.is_integer() || v.as_integer() < 0)
        wrong("tensor ", detail::quoted(name), " must have '", key, "' of integers that are not negative");
    return list->as_array();
  }

  Entry read_entry(const std::string& name, const Json& json) const {
    if (!json.is_object()) wrong("tensor ", detail::quoted(name), " must be an object; got ", json.kind());
    const Json* dtype = json.find("dtype");
    if (!dtype || !dtype->is_string()) wrong("tensor ", detail::quoted(name), " must have a string 'dtype'");
    const auto* known = std::find_if(std::begin(kDtypes), std::end(kDtypes),
                                     [&](const DtypeInfo& d) { return dtype->as_string() == d.name; });
    if (known == std::end(kDtypes))
      wrong("tensor ", detail::quoted(name), " is of an unknown dtype ", detail::quoted(dtype->as_string()));

    Entry e{};
    e.dtype = static_cast<Dtype>(known - kDtypes);
    const Json::Array sizes = numbers(json, "shape", name), offsets = numbers(json, "data_offsets", name);
    if (sizes.size() > kMaxRank)
      wrong("tensor ", detail::quoted(name), " must have at most 8 dimensions; got ", sizes.size());
    for (const Json& v : sizes) e.shape.push_back(v.as_integer());
    if (!detail::size_fits(e.shape, known->size))
      wrong("tensor ", detail::quoted(name), " has too many elements; got ", e.shape);
    if (offsets.size() != 2)
      wrong("tensor ", detail::quoted(name), " must have 2 data_offsets; got ", offsets.size());
    e.begin = static_cast<std::size_t>(offsets[0].as_integer());
    e.end = static_cast<std::size_t>(offsets[1].as_integer());
    if (e.begin > e.end || e.end > data_.size())
      wrong("tensor ", detail::quoted(name), " must lie within the ", data_.size(), " bytes of data; got ",
            e.begin, " to ", e.end);
    const std::size_t wanted = static_cast<std::size_t>(numel(e.shape)) * known->size;
    if (e.end - e.begin != wanted)
      wrong("tensor ", detail::quoted(name), " of ", e.dtype, " ", e.shape, " must take ", wanted,
            " bytes; got ", e.end - e.begin);
    return e;
  }

  // The tensors must tile the data.
  void check_layout() const {
    std::vector<const Entries::value_type*> order;
    for (const auto& item : entries_) order.push_back(&item);
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
      return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
    });
    std::size_t at = 0;
    for (const auto* item : order) {
      const Entry& e = item->second;
      if (e.begin < at)
        wrong("tensor ", detail::quoted(item->first), " must not overlap others; it begins at ", e.begin,
              " before ", at);
      if (e.begin > at) wrong("the data must have no holes; got one from ", at, " to ", e.begin);
      at = e.end;
    }
    if (at != data_.size())
      wrong("the data must have no holes; got one from ", at, " to the end, ", data_.size());
  }

  std::string source_;
  std::shared_ptr<const MappedFile> map_;
  std::span<const std::byte> data_;
  Entries entries_;
  Metadata metadata_;
};

namespace detail {

// Calls out(bytes) with the parts of the file, in order. Data come by falling size of their elements and
// then by name, so that every tensor is aligned.
template <class Out>
void write_safetensors(NamedTensors tensors, const SafetensorsFile::Metadata& metadata, Out&& out) {
  std::sort(tensors.begin(), tensors.end(), [](const auto& a, const auto& b) {
    const std::size_t p = dtype_info(a.second.dtype()).size, q = dtype_info(b.second.dtype()).size;
    return p != q ? p > q : a.first < b.first;
  });
  Json::Object header, texts;
  for (const auto& [key, text] : metadata) texts.add(key, text);
  if (!metadata.empty()) header.add("__metadata__", std::move(texts));
  std::size_t at = 0;
  for (const auto& [name, tensor] : tensors) {
    check(name != "__metadata__", "safetensors", "a tensor must not be named '__metadata__'");
    Json::Object entry;
    Json::Array shape;
    for (index_t d : tensor.shape()) shape.push_back(d);
    entry.add("dtype", dtype_info(tensor.dtype()).name);
    entry.add("shape", std::move(shape));
    entry.add("data_offsets", Json::Array{at, at + tensor.bytes().size()});
    header.add(name, std::move(entry));
    at += tensor.bytes().size();
  }
  std::vector<std::string_view> names(header.keys.begin(), header.keys.end());
  std::sort(names.begin(), names.end());
  if (const auto twice = std::adjacent_find(names.begin(), names.end()); twice != names.end())
    fail("safetensors", "names must be unique; got ", detail::quoted(*twice), " twice");

  std::string text = Json(std::move(header)).dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  check(text.size() <= 100'000'000, "safetensors", "the header must be at most 100 MB; got ", text.size(),
        " bytes");
  const std::uint64_t length = text.size();
  out(std::as_bytes(std::span(&length, 1)));
  out(std::as_bytes(std::span(text.data(), text.size())));
  for (const auto& item : tensors) out(item.second.bytes());
}

}  // namespace detail

// Writes the tensors and text metadata, atomically: save_safetensors(path, {{"w", w}, {"b", b}}). The same
// input gives the same bytes. Throws when a name comes twice or is "__metadata__", a name or text is not
// UTF-8, or the file cannot be written.
inline void save_safetensors(const std::string& path, const NamedTensors& tensors,
                             const SafetensorsFile::Metadata& metadata = {}) {
  AtomicFile file(path);
  detail::write_safetensors(tensors, metadata, [&](std::span<const std::byte> bytes) { file.write(bytes); });
  file.commit();
}

// The same into memory: the bytes of the file. Throws for such names and texts.
inline std::vector<std::byte> safetensors_bytes(const NamedTensors& tensors,
                                                const SafetensorsFile::Metadata& metadata = {}) {
  std::vector<std::byte> out;
  detail::write_safetensors(tensors, metadata, [&](std::span<const std::byte> bytes) {
    out.insert(out.end(), bytes.begin(), bytes.end());
  });
  return out;
}

}  // namespace limbic
