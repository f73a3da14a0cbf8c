// Values from and to matio's variables, and what surrounds a call of matio.
#pragma once

#include <limbic/data/mat_scan.hpp>

#include <initializer_list>
#include <memory>
#include <mutex>

#include <matio.h>

namespace limbic::mat::detail {

struct FreeVariable {
  void operator()(matvar_t* v) const { Mat_VarFree(v); }
};
using Variable = std::unique_ptr<matvar_t, FreeVariable>;
struct CloseMat {
  void operator()(mat_t* m) const { Mat_Close(m); }
};
using Mat = std::unique_ptr<mat_t, CloseMat>;

// matio prints what it dislikes unless told where to.
inline void keep_matio_quiet() {
  static std::once_flag once;
  std::call_once(once, [] { Mat_LogInitFunc("limbic", [](int, char*) {}); });
}

// A file without a name in memory, that matio can open.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view label) : file_(::memfd_create("limbic", MFD_CLOEXEC)), label_(label) {
    if (file_.get() < 0) fail("mat", label_, ": no file in memory: ", std::generic_category().message(errno));
  }
  std::string path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }
  int get() const { return file_.get(); }
  void write(Bytes bytes) {
    while (!bytes.empty()) {
      const ssize_t n =
          ::write(file_.get(), bytes.data(), std::min<std::size_t>(bytes.size(), std::size_t{1} << 30));
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) fail("mat", label_, ": no memory: ", std::generic_category().message(errno));
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    }
  }
  // What lies in it.
  std::shared_ptr<const MappedFile> map() const { return MappedFile::open(path()); }

 private:
  limbic::detail::Descriptor file_;
  std::string label_;
};

// Calls f(mat_t*) with a file of these bytes.
template <class F>
Value with_memory_file(std::initializer_list<Bytes> parts, const std::string& label, F&& f) {
  keep_matio_quiet();
  MemoryFile file(label);
  for (Bytes part : parts) file.write(part);
  const Mat mat(Mat_Open(file.path().c_str(), MAT_ACC_RDONLY));
  if (!mat) fail("mat", label, " is damaged: matio cannot open it");
  return f(mat.get());
}

// The numbers of a real array or of one part of a complex one, `bytes` of them.
template <class From, class To = From>
Tensor<To> copied_numbers(const void* data, std::size_t bytes, const Shape& shape, std::string_view label) {
  Tensor<To> t = column_major<To>(shape);
  const std::size_t n = static_cast<std::size_t>(t.numel());
  if (n && (!data || bytes / sizeof(From) < n))
    fail("mat", label, " could not be read: its data are missing");
  To* out = t.mutable_data();
  if constexpr (std::is_same_v<From, To>) {
    if (n) std::memcpy(out, data, n * sizeof(To));
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      From v;
      std::memcpy(&v, static_cast<const std::byte*>(data) + i * sizeof(From), sizeof v);
      out[i] = v != From{};
    }
  }
  return t;
}

inline Numbers numbers(const matvar_t& v, const void* data, const Shape& shape, std::string_view label) {
  const auto as = [&](auto zero) -> Numbers {
    using T = decltype(zero);
    if (v.isLogical) return copied_numbers<T, bool>(data, v.nbytes, shape, label);
    return copied_numbers<T>(data, v.nbytes, shape, label);
  };
  switch (v.data_type) {
    case MAT_T_DOUBLE: return as(double());
    case MAT_T_SINGLE: return as(float());
    case MAT_T_INT8: return as(std::int8_t());
    case MAT_T_UINT8: return as(std::uint8_t());
    case MAT_T_INT16: return as(std::int16_t());
    case MAT_T_UINT16: return as(std::uint16_t());
    case MAT_T_INT32: return as(std::int32_t());
    case MAT_T_UINT32: return as(std::uint32_t());
    case MAT_T_INT64: return as(std::int64_t());
    case MAT_T_UINT64: return as(std::uint64_t());
    default:
      fail("mat", label, " could not be read: numbers of matio's type ", static_cast<int>(v.data_type));
  }
}

inline void append_utf8(std::string& out, char32_t c) {
  const auto put = [&](char32_t byte) { out += static_cast<char>(static_cast<unsigned char>(byte)); };
  if (c < 0x80) return put(c);
  if (c < 0x800) put(0xc0 | c >> 6);
  else if (c < 0x10000) put(0xe0 | c >> 12), put(0x80 | (c >> 6 & 63));
  else put(0xf0 | c >> 18), put(0x80 | (c >> 12 & 63)), put(0x80 | (c >> 6 & 63));
  put(0x80 | (c & 63));
}

// UTF-8 as UTF-16 units; what is no UTF-8 becomes U+FFFD.
inline std::u16string to_utf16(std::string_view s) {
  std::u16string out;
  for (std::size_t i = 0; i < s.size();) {
    const auto byte = [&](std::size_t k) { return static_cast<unsigned char>(s[k]); };
    const unsigned first = byte(i++);
    const int more = first < 0x80                    ? 0
                     : first >= 0xc2 && first < 0xe0 ? 1
                     : first >= 0xe0 && first < 0xf0 ? 2
                     : first >= 0xf0 && first < 0xf5 ? 3
                                                     : -1;
    char32_t c = more <= 0 ? first : first & (0x3fu >> more);
    int k = 0;
    for (; k < more && i < s.size() && (byte(i) & 0xc0) == 0x80; ++k) c = c << 6 | (byte(i++) & 0x3fu);
    constexpr char32_t kLeast[] = {0, 0x80, 0x800, 0x10000};
    if (more < 0 || k < more || c < kLeast[more] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) c = 0xfffd;
    if (c < 0x10000) out += static_cast<char16_t>(c);
    else out += static_cast<char16_t>(0xd7c0 + (c >> 10)), out += static_cast<char16_t>(0xdc00 | (c & 0x3ff));
  }
  return out;
}

// Rows of characters that lie in column-major order.
inline Text rows_of(const std::u16string& units, std::size_t rows) {
  Text text;
  const std::size_t columns = rows ? units.size() / rows : 0;
  for (std::size_t r = 0; r < rows; ++r) {
    std::string line;
    for (std::size_t k = 0; k < columns; ++k) {
      char32_t c = units[k * rows + r];
      if (c >= 0xd800 && c < 0xe000) {
        const char32_t low = k + 1 < columns ? units[(k + 1) * rows + r] : 0;
        const bool pair = c < 0xdc00 && low >= 0xdc00 && low < 0xe000;
        c = pair ? 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff)) : 0xfffd;
        k += pair;
      }
      append_utf8(line, c);
    }
    text.rows.push_back(std::move(line));
  }
  return text;
}

inline Text text_of(const matvar_t& v, const Shape& shape, std::string_view label) {
  const std::size_t n = static_cast<std::size_t>(numel(shape));
  if (shape.rank() != 2) fail("mat", label, " could not be read: text of shape ", shape);
  if (n == 0) return {};
  if (!v.data || v.nbytes < n) fail("mat", label, " could not be read: its characters are missing");
  std::u16string units;
  if (v.data_type == MAT_T_UTF8) {
    units = to_utf16({static_cast<const char*>(v.data), v.nbytes});
  } else if (v.data_type == MAT_T_UINT16 || v.data_type == MAT_T_UTF16) {
    if (v.nbytes < 2 * n) fail("mat", label, " could not be read: its characters are missing");
    units.resize(n);
    std::memcpy(units.data(), v.data, 2 * n);
  } else if (v.data_type == MAT_T_UINT8 || v.data_type == MAT_T_INT8) {
    for (std::size_t i = 0; i < n; ++i) units += static_cast<const unsigned char*>(v.data)[i];
  } else {
    fail("mat", label, " could not be read: characters of matio's type ", static_cast<int>(v.data_type));
  }
  if (units.size() != n)
    fail("mat", label, " is damaged: ", units.size(), " characters where ", n, " are said to be");
  return rows_of(units, static_cast<std::size_t>(shape[0]));
}

inline Shape shape_of(const matvar_t& v, std::string_view label) {
  if (v.rank < 0 || v.rank > kMaxRank || (v.rank > 0 && !v.dims))
    fail("mat", label, " could not be read: ", v.rank, " dimensions, and 8 are the limit");
  Shape shape;
  for (int d = 0; d < v.rank; ++d) {
    if (v.dims[d] > std::size_t{1} << 44)
      fail("mat", label, " could not be read: a dimension of ", v.dims[d]);
    shape.push_back(static_cast<index_t>(v.dims[d]));
  }
  while (shape.rank() < 2) shape.push_back(v.rank == 0 ? 0 : 1);
  return shape;
}

inline Class class_of_variable(const matvar_t& v) {
  const Class c = v.class_type == MAT_C_EMPTY ? Class::float64 : static_cast<Class>(v.class_type);
  return v.isLogical && is_numeric(c) ? Class::logical : c;
}

// The value of a variable whose data matio has read.
inline Value from_matio(const matvar_t* v, std::string_view label, int depth = 0) {
  if (!v || v->class_type == MAT_C_EMPTY) return column_major<double>({0, 0});
  if (depth > 16) fail("mat", label, " cannot be read: more than 16 arrays inside one another");
  const Shape shape = shape_of(*v, label);
  const std::size_t n = static_cast<std::size_t>(numel(shape));
  const Class type = class_of_variable(*v);
  if (is_numeric(type)) {
    if (!v->isComplex) return Array{numbers(*v, v->data, shape, label), {}};
    const auto* parts = static_cast<const mat_complex_split_t*>(v->data);
    if (!parts && n) fail("mat", label, " could not be read: its data are missing");
    return Array{numbers(*v, parts ? parts->Re : nullptr, shape, label),
                 numbers(*v, parts ? parts->Im : nullptr, shape, label)};
  }
  if (type == Class::text) return text_of(*v, shape, label);
  if (type != Class::cell && type != Class::structure)
    fail("mat", label, " cannot be read: there is a ", type, " in it");

  Struct out{shape, {}, {}};
  std::size_t items = n;
  if (type == Class::structure) {
    const unsigned fields = Mat_VarGetNumberOfFields(const_cast<matvar_t*>(v));
    char* const* names = Mat_VarGetStructFieldnames(v);
    for (unsigned f = 0; f < fields; ++f) out.fields.emplace_back(names && names[f] ? names[f] : "");
    items = n * fields;
  }
  const auto* data = static_cast<matvar_t* const*>(v->data);
  if (items && (!data || v->nbytes / sizeof(matvar_t*) < items))
    fail("mat", label, " could not be read: its parts are missing");
  for (std::size_t i = 0; i < items; ++i) out.items.push_back(from_matio(data[i], label, depth + 1));
  if (type == Class::cell) return Cell{shape, std::move(out.items)};
  return out;
}

// The next variable of an open file, which must be what `e` says.
inline Value read_next(mat_t* mat, const std::string& label, const Entry& e) {
  const Variable v(Mat_VarReadNext(mat));
  if (!v) fail("mat", label, " could not be read by matio");
  Value value = from_matio(v.get(), label);
  const bool same_shape = e.type == Class::text ? shape_of(*v, label) == e.shape : value.shape() == e.shape;
  if (!same_shape || (is_numeric(e.type) && !value.array()))
    fail("mat", label, " could not be read: ", describe(e), " is expected; matio found ", value.type(), " ",
         value.shape());
  return value;
}

// The value of an entry without elements.
inline Value empty_value(const Entry& e) {
  if (e.type == Class::cell) return Cell{e.shape, {}};
  if (e.type == Class::structure) return Struct{e.shape, {}, {}};
  if (e.type == Class::text) return Text{};
  const auto as = [&](auto zero) -> Value {
    Tensor<decltype(zero)> t = column_major<decltype(zero)>(e.shape);
    return e.complex ? Value(Array{t, t}) : Value(t);
  };
  switch (e.type) {
    case Class::float32: return as(float());
    case Class::int8: return as(std::int8_t());
    case Class::uint8: return as(std::uint8_t());
    case Class::int16: return as(std::int16_t());
    case Class::uint16: return as(std::uint16_t());
    case Class::int32: return as(std::int32_t());
    case Class::uint32: return as(std::uint32_t());
    case Class::int64: return as(std::int64_t());
    case Class::uint64: return as(std::uint64_t());
    case Class::logical: return as(bool());
    default: return as(double());
  }
}

// Whether a shape is as expected: kAny matches any extent, an empty list any shape, a missing extent is 1.
inline bool matches(const Shape& shape, const Shape& expected) {
  if (expected.empty()) return true;
  if (shape.rank() > expected.rank() && !(expected.rank() < 2 && shape.rank() == 2 && shape[1] == 1))
    return false;
  for (int d = 0; d < expected.rank(); ++d)
    if (expected[d] != kAny && expected[d] != (d < shape.rank() ? shape[d] : 1)) return false;
  return true;
}

// "(62, any, 5)".
inline std::string pattern_text(const Shape& expected) {
  std::string s = "(";
  for (int d = 0; d < expected.rank(); ++d)
    s += (d ? ", " : "") + (expected[d] == kAny ? "any" : std::to_string(expected[d]));
  return s + ")";
}

// Whether v is exactly a T; double counts as float where it is NaN, infinite or within float's range.
template <class T, class U>
bool is_exactly(U v) {
  if constexpr (std::is_same_v<T, U> || std::is_same_v<U, bool>) {
    return true;
  } else if constexpr (std::is_same_v<T, bool>) {
    return v == U(0) || v == U(1);
  } else if constexpr (std::is_floating_point_v<T> && std::is_floating_point_v<U>) {
    return sizeof(T) >= sizeof(U) ||
           !(v > U(std::numeric_limits<T>::max()) || v < U(std::numeric_limits<T>::lowest())) ||
           v - v != U(0);
  } else if constexpr (std::is_floating_point_v<T>) {
    // Whole numbers up to 2^24 or 2^53, either sign: beyond, not all of them are a T.
    constexpr std::int64_t kLimit = std::int64_t{1} << std::numeric_limits<T>::digits;
    return std::cmp_less_equal(v, kLimit) && std::cmp_greater_equal(v, -kLimit);
  } else if constexpr (std::is_floating_point_v<U>) {
    constexpr U kHigh = U(2) * static_cast<U>(std::numeric_limits<T>::max() / 2 + 1);
    const bool fits = v < kHigh && (std::is_signed_v<T> ? v >= -kHigh : v >= U(0));
    return fits && static_cast<U>(static_cast<T>(v)) == v;
  } else {
    return std::in_range<T>(v);
  }
}

// The same numbers as T, in the same memory order. Throws for the first that is none.
template <class T, class U>
Tensor<T> exactly(const Tensor<U>& from, std::string_view label) {
  if constexpr (std::is_same_v<T, U>) {
    return from;
  } else {
    Tensor<T> to = column_major<T>(from.shape());
    const Tensor<U> dense = reversed(from).contiguous();
    const U* in = dense.data();
    T* out = to.mutable_data();
    for (index_t i = 0; i < from.numel(); ++i) {
      if (!is_exactly<T>(in[i])) [[unlikely]]
        fail("mat", label, " must hold numbers that are ", class_of<T>, "; found ",
             static_cast<double>(in[i]), " in its element ", i + 1, ", counted by columns, of ", class_of<U>,
             " ", from.shape());
      out[i] = static_cast<T>(in[i]);
    }
    return to;
  }
}

}  // namespace limbic::mat::detail
