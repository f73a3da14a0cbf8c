// Element types of files and how they become a tensor's; a tensor of any type on its way into a file.
//
// Read as        from
//   float, double  F32 F64 F16 BF16 (rounded to the nearest where it is narrower)
//   index_t        I8 I16 I32 I64 U8 U16 U32 BOOL, and U64 where every value fits
//   bool           BOOL, U8 (true where not zero)
//   other types    the same type only
#pragma once

#include <limbic/core/tensor.hpp>

#include <bit>

namespace limbic {

// Element types that files may name.
enum class Dtype : std::uint8_t {
  boolean,
  u8,
  i8,
  u16,
  i16,
  f16,
  bf16,
  u32,
  i32,
  f32,
  u64,
  i64,
  f64,
  f8_e4m3,
  f8_e5m2
};

// Name and size in bytes of a type.
struct DtypeInfo {
  const char* name;  // as safetensors has it
  std::size_t size;
};

// In the order of Dtype.
inline constexpr DtypeInfo kDtypes[] = {{"BOOL", 1}, {"U8", 1},   {"I8", 1},  {"U16", 2},     {"I16", 2},
                                        {"F16", 2},  {"BF16", 2}, {"U32", 4}, {"I32", 4},     {"F32", 4},
                                        {"U64", 8},  {"I64", 8},  {"F64", 8}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};

// What the table says, and the name in messages.
inline constexpr const DtypeInfo& dtype_info(Dtype d) { return kDtypes[static_cast<std::size_t>(d)]; }
inline std::string to_text(Dtype d) { return dtype_info(d).name; }

static_assert(std::endian::native == std::endian::little,
              "the formats are little-endian; this code copies them as they are");

// The type of a file that holds a T bit for bit: of float, double, index_t, std::int32_t, std::uint8_t and
// bool.
template <class T>
inline constexpr Dtype dtype_of = Dtype::f64;
template <>
inline constexpr Dtype dtype_of<float> = Dtype::f32;
template <>
inline constexpr Dtype dtype_of<std::int64_t> = Dtype::i64;
template <>
inline constexpr Dtype dtype_of<std::int32_t> = Dtype::i32;
template <>
inline constexpr Dtype dtype_of<std::uint8_t> = Dtype::u8;
template <>
inline constexpr Dtype dtype_of<bool> = Dtype::boolean;

namespace detail {

// The value of an IEEE half-precision number: 1 sign, 5 exponent, 10 fraction bits.
inline float half_value(std::uint16_t h) {
  const std::uint32_t sign = (h & 0x8000u) << 16, exponent = (h >> 10) & 31u, fraction = h & 0x3ffu;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7f800000u | fraction << 13);
  if (exponent != 0) return std::bit_cast<float>(sign | (exponent + 112) << 23 | fraction << 13);
  const float small = static_cast<float>(fraction) * 0x1p-24f;
  return sign ? -small : small;
}
// That of a bfloat16: the upper half of a float.
inline float bfloat16_value(std::uint16_t b) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(b) << 16);
}

// A value of type V at p, at any alignment, its bytes reversed if `swap`.
template <class V>
V load_raw(const std::byte* p, bool swap) {
  std::byte bytes[sizeof(V)];
  std::memcpy(bytes, p, sizeof(V));
  if (swap) std::reverse(bytes, bytes + sizeof(V));
  V v;
  std::memcpy(&v, bytes, sizeof(V));
  return v;
}

// Calls f with a function that reads one value of the type at an address. F8 types have none.
template <class T, class F>
bool with_reader(Dtype d, bool swap, F&& f) {
  const auto as = [&](auto v) {
    f([swap](const std::byte* p) { return load_raw<decltype(v)>(p, swap); });
    return true;
  };
  if constexpr (std::is_floating_point_v<T>) {
    if (d == Dtype::f32) return as(float());
    if (d == Dtype::f64) return as(double());
    if (d == Dtype::f16)
      return f([swap](const std::byte* p) { return half_value(load_raw<std::uint16_t>(p, swap)); }), true;
    if (d == Dtype::bf16)
      return f([swap](const std::byte* p) { return bfloat16_value(load_raw<std::uint16_t>(p, swap)); }), true;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (d == Dtype::boolean || d == Dtype::u8)
      return f([](const std::byte* p) { return *p != std::byte{0}; }), true;
  } else if constexpr (std::is_same_v<T, index_t>) {
    if (d == Dtype::boolean) return f([](const std::byte* p) { return *p != std::byte{0}; }), true;
    if (d == Dtype::i8) return as(std::int8_t());
    if (d == Dtype::u8) return as(std::uint8_t());
    if (d == Dtype::i16) return as(std::int16_t());
    if (d == Dtype::u16) return as(std::uint16_t());
    if (d == Dtype::i32) return as(std::int32_t());
    if (d == Dtype::u32) return as(std::uint32_t());
    if (d == Dtype::i64) return as(std::int64_t());
    if (d == Dtype::u64) return as(std::uint64_t());
  } else if (d == dtype_of<T>) {
    return as(T());
  }
  return false;
}

// Whether numel(shape) * size fits comfortably, zeros counted as ones: what a file says before its data
// are seen. (Strides of a shape with zeros must not overflow either.)
inline bool size_fits(const Shape& shape, std::size_t size) {
  std::size_t n = size;
  for (index_t d : shape) {
    if (d < 0) return false;
    if (d > 0 && n > (std::size_t{1} << 46) / static_cast<std::size_t>(d)) return false;
    n *= static_cast<std::size_t>(std::max<index_t>(d, 1));
  }
  return true;
}

// A tensor of its own memory from dense file data (numel(shape) * size bytes, `swap`: big-endian).
// `op` and `what` ("'path': tensor 'w'") begin the text of an error.
template <class T>
Tensor<T> tensor_from_bytes(std::string_view op, std::string_view what, Dtype dtype, const Shape& shape,
                            const std::byte* data, bool swap = false) {
  Tensor<T> t = Tensor<T>::empty(shape);
  T* out = t.mutable_data();
  const std::size_t n = static_cast<std::size_t>(t.numel()), size = dtype_info(dtype).size;
  if (dtype == dtype_of<T> && !std::is_same_v<T, bool> && !swap) {
    if (n) std::memcpy(out, data, n * size);
    return t;
  }
  const bool known = with_reader<T>(dtype, swap, [&](auto read) {
    using V = decltype(read(data));
    for (std::size_t i = 0; i < n; ++i) {
      const V v = read(data + i * size);
      if constexpr (std::is_same_v<V, std::uint64_t>)
        if (v > std::uint64_t{std::numeric_limits<index_t>::max()})
          fail(op, what, " must have values that fit int64; got ", v);
      out[i] = static_cast<T>(v);
    }
  });
  if (!known) fail(op, what, " is ", dtype, " and cannot be read as ", dtype_name<T>);
  return t;
}

}  // namespace detail

// A tensor of any type on its way into a file: made from a Tensor<T> where one is passed, or from a
// number. Keeps dense data alive.
class TensorVariant {
 public:
  // Of one of the types of dtype_of; shares its memory if dense. Others do not compile.
  template <class T>
  TensorVariant(const Tensor<T>& tensor) : dtype_(dtype_of<T>), shape_(tensor.shape()) {
    static_assert(std::is_same_v<T, double> || dtype_of<T> != Dtype::f64, "a type that files can hold");
    const Tensor<T> dense = tensor.contiguous();
    storage_ = dense.storage();
    bytes_ = std::as_bytes(dense.span());
  }
  // Shape (), U64.
  explicit TensorVariant(std::uint64_t value)
      : TensorVariant(Tensor<index_t>::scalar(std::bit_cast<index_t>(value))) {
    dtype_ = Dtype::u64;
  }

  Dtype dtype() const { return dtype_; }
  const Shape& shape() const { return shape_; }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  Dtype dtype_;
  Shape shape_;
  Storage<Cpu> storage_;
  std::span<const std::byte> bytes_;
};

// What functions that write several tensors take, names first: {{"weight", w}, {"bias", b}}.
using NamedTensors = std::vector<std::pair<std::string, TensorVariant>>;

}  // namespace limbic
