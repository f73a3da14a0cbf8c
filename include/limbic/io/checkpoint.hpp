// Checkpoints: a StateDict and text metadata in one safetensors file with checksums.
//
// Any reader of safetensors can open one. Three entries of its metadata are limbic's own:
//   limbic.checkpoint  version of this scheme, "1"
//   limbic.tensors     for every tensor in the order of names, 16 hexadecimal digits: hash64 of its name,
//                      dtype, shape and data
//   limbic.checksum    hash64 of the other metadata, the one above included
// Loading checks all of them, so that a damaged file is refused and the damaged part named; it is written
// atomically, so that a crash leaves the one before.
#pragma once

#include <limbic/io/safetensors.hpp>
#include <limbic/io/state_dict.hpp>

namespace limbic {

// A 64-bit checksum of a sequence of byte ranges, against accidents, not against forgers.
//
// Four lanes take 8-byte words in turn: lane = rotate((lane ^ word) * P, 29), P odd. Each step can be undone
// for a known word and tells all words apart for a known lane, and so does the end, which folds the lanes
// one after the other: damage within one word is always found, other damage but for a chance of 2^-64.
class Hash64 {
 public:
  // Ranges are told apart: add("ab"), add("c") differs from add("a"), add("bc").
  Hash64& add(std::span<const std::byte> bytes) {
    step(0, bytes.size());
    std::size_t i = 0;
    for (; i + 32 <= bytes.size(); i += 32)
      for (std::size_t k = 0; k < 4; ++k) step(k, word(bytes.data() + i + 8 * k, 8));
    for (std::size_t k = 0; i < bytes.size(); i += 8, ++k)
      step(k, word(bytes.data() + i, std::min<std::size_t>(8, bytes.size() - i)));
    return *this;
  }
  Hash64& add(std::string_view text) { return add(std::as_bytes(std::span(text.data(), text.size()))); }

  // The checksum of what was added so far.
  std::uint64_t value() const {
    std::uint64_t h = 0x6c696d6269632e31u;
    for (std::uint64_t lane : lanes_) {
      h = (h ^ lane) * kPrime;
      h ^= h >> 32;
    }
    return h;
  }
  // 16 hexadecimal digits.
  std::string text() const {
    std::string s;
    for (int shift = 60; shift >= 0; shift -= 4) s += "0123456789abcdef"[value() >> shift & 15];
    return s;
  }

 private:
  static constexpr std::uint64_t kPrime = 0x9e3779b97f4a7c15u;  // 2^64 / golden ratio: odd, bits well mixed

  static std::uint64_t word(const std::byte* p, std::size_t n) {
    std::uint64_t w = 0;
    std::memcpy(&w, p, n);
    return w;
  }
  void step(std::size_t lane, std::uint64_t w) { lanes_[lane] = std::rotl((lanes_[lane] ^ w) * kPrime, 29); }

  std::uint64_t lanes_[4] = {1, 2, 3, 4};
};

// The entries of a StateDict as they go into a file; dense tensors share their memory.
inline NamedTensors named_tensors(const StateDict& state) {
  NamedTensors out;
  for (const auto& [name, value] : state.values())
    std::visit([&, &n = name](const auto& v) { out.emplace_back(n, TensorVariant(v)); }, value);
  return out;
}

// All tensors of a file, copied: F64 as double, F32, F16 and BF16 as float, BOOL as bool, integers as
// index_t; a U64 of shape () is a number. Throws when one has no such type, or a U64 does not fit index_t.
inline StateDict read_state_dict(const SafetensorsFile& file) {
  StateDict state;
  for (const auto& [name, entry] : file.entries()) {
    switch (entry.dtype) {
      case Dtype::f64: state.put(name, file.load<double>(name)); break;
      case Dtype::boolean: state.put(name, file.load<bool>(name)); break;
      case Dtype::u64:
        if (entry.shape.rank() == 0) {
          state.put_u64(name, detail::load_raw<std::uint64_t>(file.bytes(name).data(), false));
          break;
        }
        [[fallthrough]];
      case Dtype::i8:
      case Dtype::u8:
      case Dtype::i16:
      case Dtype::u16:
      case Dtype::i32:
      case Dtype::u32:
      case Dtype::i64: state.put(name, file.load<index_t>(name)); break;
      default: state.put(name, file.load<float>(name)); break;
    }
  }
  return state;
}

// What training needs to go on: the state of model, optimiser, schedule and random streams, with counters
// as 64-bit numbers; and texts about it.
struct Checkpoint {
  static constexpr const char* kVersion = "1";  // of the scheme

  StateDict state;
  SafetensorsFile::Metadata metadata;  // keys and texts of the caller's own

  // Throws when the file cannot be written or a key of the metadata begins with "limbic.".
  void save(const std::string& path) const { save_safetensors(path, named_tensors(state), sealed()); }
  // What save() would write. Throws for such a key.
  std::vector<std::byte> bytes() const { return safetensors_bytes(named_tensors(state), sealed()); }

  // From a file, or from memory, which `source` names in messages. Throw when it is no checkpoint, of another
  // version, or damaged.
  static Checkpoint load(const std::string& path) { return from(SafetensorsFile::open(path)); }
  static Checkpoint parse(std::span<const std::byte> bytes, const std::string& source = "memory") {
    return from(SafetensorsFile::parse(bytes, source));
  }

 private:
  static std::string tensor_hash(std::string_view name, Dtype dtype, const Shape& shape,
                                 std::span<const std::byte> bytes) {
    return Hash64().add(name).add(to_text(dtype)).add(to_text(shape)).add(bytes).text();
  }
  static std::string metadata_hash(const SafetensorsFile::Metadata& metadata) {
    Hash64 hash;
    for (const auto& [key, text] : metadata)
      if (key != "limbic.checksum") hash.add(key).add(text);
    return hash.text();
  }

  SafetensorsFile::Metadata sealed() const {
    SafetensorsFile::Metadata out = metadata;
    for (const auto& [key, text] : metadata)
      if (key.starts_with("limbic."))
        fail("checkpoint", "metadata keys must not begin with 'limbic.'; got ", detail::quoted(key));
    std::string hashes;
    for (const auto& [name, tensor] : named_tensors(state))
      hashes += tensor_hash(name, tensor.dtype(), tensor.shape(), tensor.bytes());
    out["limbic.checkpoint"] = kVersion;
    out["limbic.tensors"] = hashes;
    out["limbic.checksum"] = metadata_hash(out);
    return out;
  }

  static Checkpoint from(const SafetensorsFile& file) {
    const std::string source = detail::quoted(file.source());
    SafetensorsFile::Metadata metadata = file.metadata();
    if (!metadata.count("limbic.checkpoint"))
      fail("checkpoint", source,
           " is a safetensors file but not a checkpoint: it has no metadata 'limbic.checkpoint'");
    if (metadata["limbic.checkpoint"] != kVersion)
      fail("checkpoint", source, " must be of version ", kVersion, "; got ",
           detail::quoted(metadata["limbic.checkpoint"]));
    if (metadata["limbic.checksum"] != metadata_hash(metadata))
      fail("checkpoint", source, " is damaged: the checksum of its metadata is wrong");
    const std::string& hashes = metadata["limbic.tensors"];
    if (hashes.size() != 16 * file.entries().size())
      fail("checkpoint", source, " is damaged: it must have ", hashes.size() / 16, " tensors; got ",
           file.entries().size());
    std::size_t at = 0;
    for (const auto& [name, entry] : file.entries()) {
      if (hashes.compare(at, 16, tensor_hash(name, entry.dtype, entry.shape, file.bytes(name))) != 0)
        fail("checkpoint", source, " is damaged: the checksum of tensor ", detail::quoted(name), " is wrong");
      at += 16;
    }
    Checkpoint out{read_state_dict(file), std::move(metadata)};
    for (const char* key : {"limbic.checkpoint", "limbic.tensors", "limbic.checksum"})
      out.metadata.erase(key);
    return out;
  }
};

}  // namespace limbic
