// Values of .mat files: arrays of numbers, text, cells and structs, nested as they like.
//
// Element (i, j, k) of a tensor is MATLAB's (i+1, j+1, k+1). MATLAB stores the first index fastest, so
// tensors that come from a file have column-major strides; nothing is copied to reorder them. MATLAB has no
// arrays of fewer than two dimensions: a scalar is (1, 1), and on writing a tensor (n) becomes a column
// (n, 1).
#pragma once

#include <limbic/core/tensor.hpp>

#include <cstdint>
#include <optional>
#include <utility>
#include <variant>

namespace limbic::mat {

// An extent of any size, in an expected shape.
inline constexpr index_t kAny = -1;

// A variable of this name (text) marks files that a simulator wrote.
inline constexpr const char* kSimulated = "simulated";

// MATLAB's classes, numbered as in the files; `logical` has none there, it is a flag.
enum class Class : std::uint8_t {
  cell = 1,
  structure,
  object,
  text,
  sparse,
  float64,
  float32,
  int8,
  uint8,
  int16,
  uint16,
  int32,
  uint32,
  int64,
  uint64,
  function,
  opaque,
  logical
};

// As MATLAB's class() says it.
inline std::string to_text(Class c) {
  static constexpr const char* kNames[] = {
      "unknown", "cell",   "struct",          "object", "char",   "sparse", "double",
      "single",  "int8",   "uint8",           "int16",  "uint16", "int32",  "uint32",
      "int64",   "uint64", "function_handle", "opaque", "logical"};
  const auto i = static_cast<std::size_t>(c);
  return kNames[i < std::size(kNames) ? i : 0];
}

// Whether it is an array of numbers, logical ones included.
inline bool is_numeric(Class c) { return (c >= Class::float64 && c <= Class::uint64) || c == Class::logical; }

// The class of an array of T; opaque where there is none.
template <class T>
inline constexpr Class class_of = Class::opaque;
template <>
inline constexpr Class class_of<double> = Class::float64;
template <>
inline constexpr Class class_of<float> = Class::float32;
template <>
inline constexpr Class class_of<std::int8_t> = Class::int8;
template <>
inline constexpr Class class_of<std::uint8_t> = Class::uint8;
template <>
inline constexpr Class class_of<std::int16_t> = Class::int16;
template <>
inline constexpr Class class_of<std::uint16_t> = Class::uint16;
template <>
inline constexpr Class class_of<std::int32_t> = Class::int32;
template <>
inline constexpr Class class_of<std::uint32_t> = Class::uint32;
template <>
inline constexpr Class class_of<std::int64_t> = Class::int64;
template <>
inline constexpr Class class_of<std::uint64_t> = Class::uint64;
template <>
inline constexpr Class class_of<bool> = Class::logical;

// A tensor of one of those types.
using Numbers =
    std::variant<Tensor<double>, Tensor<float>, Tensor<std::int8_t>, Tensor<std::uint8_t>,
                 Tensor<std::int16_t>, Tensor<std::uint16_t>, Tensor<std::int32_t>, Tensor<std::uint32_t>,
                 Tensor<std::int64_t>, Tensor<std::uint64_t>, Tensor<bool>>;

class Value;

// Numbers; complex ones have an imaginary part of the same type and shape.
struct Array {
  Numbers real;
  std::optional<Numbers> imaginary;
};

// A char array: its rows as UTF-8.
struct Text {
  std::vector<std::string> rows;
};

// A cell array; items in column-major order.
struct Cell {
  Shape shape;
  std::vector<Value> items;
};

// A struct array of numel(shape) elements, in column-major order; field f of element e is
// items[e * fields.size() + f].
struct Struct {
  Shape shape = {1, 1};
  std::vector<std::string> fields;
  std::vector<Value> items;

  // A field of an element. Throws when there is none.
  const Value& at(std::string_view field, std::size_t element = 0) const;
};

// Any of these. Made implicitly from what it can hold, from a number (double, or logical of a bool) and from
// text.
class Value {
 public:
  template <class T>
  requires(class_of<T> != Class::opaque) Value(Tensor<T> values) : content_(Array{std::move(values), {}}) {}
  template <class T>
  requires std::is_arithmetic_v<T> Value(T number)
      : Value([&] {
          using U = std::conditional_t<std::is_same_v<T, bool>, bool, double>;
          return Tensor<U>::full({1, 1}, static_cast<U>(number));
        }()) {}
  Value(Array array) : content_(std::move(array)) {}
  Value(Text text) : content_(std::move(text)) {}
  Value(std::string line) : content_(Text{{std::move(line)}}) {}
  Value(const char* line) : Value(std::string(line)) {}
  Value(Cell cell) : content_(std::move(cell)) {}
  Value(Struct record) : content_(std::move(record)) {}

  // What it is; null when it is something else.
  const Array* array() const { return std::get_if<Array>(&content_); }
  const Text* text() const { return std::get_if<Text>(&content_); }
  const Cell* cell() const { return std::get_if<Cell>(&content_); }
  const Struct* structure() const { return std::get_if<Struct>(&content_); }

  // The real tensor of type T; null when it is not exactly that.
  template <class T>
  const Tensor<T>* tensor() const {
    const Array* a = array();
    return a && !a->imaginary ? std::get_if<Tensor<T>>(&a->real) : nullptr;
  }

  Class type() const {
    if (const Array* a = array())
      return std::visit(
          [](const auto& t) { return class_of<typename std::decay_t<decltype(t)>::value_type>; }, a->real);
    return text() ? Class::text : cell() ? Class::cell : Class::structure;
  }
  // Of text: rows and the bytes of the longest one.
  Shape shape() const {
    if (const Array* a = array()) return std::visit([](const auto& t) { return t.shape(); }, a->real);
    if (const Cell* c = cell()) return c->shape;
    if (const Struct* s = structure()) return s->shape;
    std::size_t longest = 0;
    for (const std::string& row : text()->rows) longest = std::max(longest, row.size());
    return {static_cast<index_t>(text()->rows.size()), static_cast<index_t>(longest)};
  }

 private:
  std::variant<Array, Text, Cell, Struct> content_;
};

inline const Value& Struct::at(std::string_view field, std::size_t element) const {
  for (std::size_t f = 0; f < fields.size(); ++f)
    if (const std::size_t i = element * fields.size() + f; fields[f] == field && i < items.size())
      return items[i];
  fail("mat", "the struct has no field '", field, "' in element ", element);
}

// Variables of a file, in order.
using Variables = std::vector<std::pair<std::string, Value>>;

// Of the file format.
enum class Version : std::uint8_t { v4, v5, v73 };

// "4", "5" or "7.3".
inline std::string to_text(Version v) { return v == Version::v4 ? "4" : v == Version::v5 ? "5" : "7.3"; }

namespace detail {

// A dense tensor whose memory order is column-major.
template <class T>
Tensor<T> column_major(const Shape& shape) {
  Shape reversed = shape, order = shape;
  for (int d = 0; d < shape.rank(); ++d) {
    reversed[d] = shape[shape.rank() - 1 - d];
    order[d] = shape.rank() - 1 - d;
  }
  return Tensor<T>::empty(reversed).permute(order);
}

// The dimensions the other way round: column-major data become dense in order.
template <class T>
Tensor<T> reversed(const Tensor<T>& t) {
  Dims order = t.shape();
  for (int d = 0; d < t.rank(); ++d) order[d] = t.rank() - 1 - d;
  return t.permute(order);
}

}  // namespace detail

}  // namespace limbic::mat
