// Writes .mat files of version 5 and 7.3, through matio. A file appears whole under its name or not at all.
//
// The same variables give the same bytes in version 5. (HDF5, of which version 7.3 is made, notes the time.)
#pragma once

#include <limbic/data/mat_child.hpp>
#include <limbic/data/mat_convert.hpp>

namespace limbic::mat {

// How a file is written.
struct SaveOptions {
  Version version = Version::v5;  // or v73
  bool compress = true;
  std::string description = {};  // the header's text, up to 116 bytes; empty: says that limbic wrote it
};

namespace detail {

// Letters, digits and '_', a letter first, at most 63: what MATLAB takes for a name.
inline void check_name(std::string_view name, const std::string& file, std::string_view what) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  bool ok = !name.empty() && name.size() <= 63 && letter(name[0]);
  for (char c : name) ok = ok && (letter(c) || (c >= '0' && c <= '9') || c == '_');
  if (!ok)
    fail("mat", file, ": the name of a ", what,
         " must be up to 63 letters, digits and '_', a letter first; got ", limbic::detail::quoted(name));
}

inline std::vector<std::size_t> matio_dims(const Shape& shape) {
  std::vector<std::size_t> dims(shape.begin(), shape.end());
  while (dims.size() < 2) dims.push_back(1);
  return dims;
}

template <class T>
inline constexpr matio_types matio_type = MAT_T_DOUBLE;
template <>
inline constexpr matio_types matio_type<float> = MAT_T_SINGLE;
template <>
inline constexpr matio_types matio_type<std::int8_t> = MAT_T_INT8;
template <>
inline constexpr matio_types matio_type<std::uint8_t> = MAT_T_UINT8;
template <>
inline constexpr matio_types matio_type<bool> = MAT_T_UINT8;
template <>
inline constexpr matio_types matio_type<std::int16_t> = MAT_T_INT16;
template <>
inline constexpr matio_types matio_type<std::uint16_t> = MAT_T_UINT16;
template <>
inline constexpr matio_types matio_type<std::int32_t> = MAT_T_INT32;
template <>
inline constexpr matio_types matio_type<std::uint32_t> = MAT_T_UINT32;
template <>
inline constexpr matio_types matio_type<std::int64_t> = MAT_T_INT64;
template <>
inline constexpr matio_types matio_type<std::uint64_t> = MAT_T_UINT64;

// matio's variable of a value; `name` null for one inside another. `bytes` counts what it holds.
inline Variable to_matio(const char* name, const Value& value, const std::string& label, std::uint64_t& bytes,
                         int depth = 0) {
  if (depth > 16) fail("mat", label, " cannot be written: more than 16 arrays inside one another");
  const auto made = [&](matvar_t* v) {
    if (!v) fail("mat", label, " cannot be written: matio refuses it");
    return Variable(v);
  };
  const auto create = [&](matio_classes c, matio_types t, const Shape& shape, void* data, int flags) {
    std::vector<std::size_t> dims = matio_dims(shape);
    return made(Mat_VarCreate(name, c, t, static_cast<int>(dims.size()), dims.data(), data, flags));
  };
  if (const Array* a = value.array()) {
    return std::visit(
        [&](const auto& real) {
          using T = typename std::decay_t<decltype(real)>::value_type;
          constexpr auto kClass =
              static_cast<matio_classes>(std::is_same_v<T, bool> ? Class::uint8 : class_of<T>);
          constexpr int kFlags = std::is_same_v<T, bool> ? MAT_F_LOGICAL : 0;
          bytes += static_cast<std::uint64_t>(real.numel()) * sizeof(T) * (a->imaginary ? 2 : 1);
          const Tensor<T> re = reversed(real).contiguous();
          // matio copies what it is given and does not write to it.
          T* data = re.numel() ? const_cast<T*>(re.data()) : nullptr;
          if (!a->imaginary) return create(kClass, matio_type<T>, real.shape(), data, kFlags);
          const auto* imaginary = std::get_if<Tensor<T>>(&*a->imaginary);
          if (!imaginary || !(imaginary->shape() == real.shape()) || std::is_same_v<T, bool>)
            fail("mat", label,
                 " cannot be written: real and imaginary part must be numbers of one type and shape");
          const Tensor<T> im = reversed(*imaginary).contiguous();
          if (re.numel() == 0) return create(kClass, matio_type<T>, real.shape(), nullptr, kFlags);
          mat_complex_split_t parts{data, const_cast<T*>(im.data())};
          return create(kClass, matio_type<T>, real.shape(), &parts, kFlags | MAT_F_COMPLEX);
        },
        a->real);
  }
  if (const Text* text = value.text()) {
    std::vector<std::u16string> rows;
    std::size_t width = 0;
    for (const std::string& row : text->rows)
      width = std::max(width, rows.emplace_back(to_utf16(row)).size());
    std::u16string units(rows.size() * width, u' ');
    for (std::size_t r = 0; r < rows.size(); ++r)
      for (std::size_t k = 0; k < rows[r].size(); ++k) units[k * rows.size() + r] = rows[r][k];
    bytes += units.size() * 2;
    const Shape shape{static_cast<index_t>(width ? rows.size() : 0), static_cast<index_t>(width)};
    return create(MAT_C_CHAR, MAT_T_UINT16, shape, units.empty() ? nullptr : units.data(), 0);
  }
  if (const Cell* cell = value.cell()) {
    if (static_cast<index_t>(cell->items.size()) != numel(cell->shape))
      fail("mat", label, " cannot be written: a cell array ", cell->shape, " of ", cell->items.size(),
           " items");
    Variable v = create(MAT_C_CELL, MAT_T_CELL, cell->shape, nullptr, 0);
    for (std::size_t i = 0; i < cell->items.size(); ++i)
      Mat_VarSetCell(v.get(), static_cast<int>(i),
                     to_matio(nullptr, cell->items[i], label, bytes, depth + 1).release());
    return v;
  }
  const Struct& s = *value.structure();
  const std::size_t n = static_cast<std::size_t>(numel(s.shape));
  if (s.items.size() != n * s.fields.size())
    fail("mat", label, " cannot be written: a struct array ", s.shape, " of ", s.fields.size(),
         " fields with ", s.items.size(), " items");
  std::vector<const char*> fields;
  for (const std::string& field : s.fields) {
    check_name(field, label, "field");
    fields.push_back(field.c_str());
  }
  fields.push_back(nullptr);
  const std::vector<std::size_t> dims = matio_dims(s.shape);
  Variable v = made(Mat_VarCreateStruct2(name, static_cast<int>(dims.size()), dims.data(), fields.data()));
  for (std::size_t i = 0; i < s.items.size(); ++i)
    Mat_VarSetStructFieldByIndex(v.get(), i % s.fields.size(), i / s.fields.size(),
                                 to_matio(nullptr, s.items[i], label, bytes, depth + 1).release());
  return v;
}

// Writes all variables into a file that is there already.
inline void write_variables(const std::string& path, const std::string& file, const Variables& variables,
                            const SaveOptions& options) {
  keep_matio_quiet();
  const std::string words = !options.description.empty()      ? options.description
                            : options.version == Version::v73 ? "MATLAB 7.3 MAT-file, written by limbic"
                                                              : "MATLAB 5.0 MAT-file, written by limbic";
  const Mat mat(Mat_CreateVer(path.c_str(), words.c_str(),
                              options.version == Version::v73 ? MAT_FT_MAT73 : MAT_FT_MAT5));
  if (!mat) fail("mat", file, " cannot be written: matio cannot create it");
  for (const auto& [name, value] : variables) {
    const std::string label = variable_label(file, name);
    std::uint64_t bytes = 0;
    const Variable v = to_matio(name.c_str(), value, label, bytes);
    if (options.version == Version::v5 && bytes >= std::uint64_t{1} << 31)
      fail("mat", label, " must be smaller than 2 GiB in a file of version 5; got ", bytes,
           " bytes (hint: version 7.3)");
    if (Mat_VarWrite(mat.get(), v.get(), options.compress ? MAT_COMPRESSION_ZLIB : MAT_COMPRESSION_NONE) != 0)
      fail("mat", label, " cannot be written: matio failed");
  }
}

// Throws unless a file of version 7.3 lists so many variables: closing it does not say whether all was
// written.
inline void check_written(const std::string& path, const std::string& file, std::size_t expected) {
  const Mat mat(Mat_Open(path.c_str(), MAT_ACC_RDONLY));
  std::size_t count = 0, found = 0;
  if (char* const* names = mat ? Mat_GetDir(mat.get(), &count) : nullptr)
    for (std::size_t i = 0; i < count; ++i)
      found += Variable(Mat_VarReadInfo(mat.get(), names[i])) != nullptr;
  if (found != expected)
    fail("mat", file, " could not be written: ", found, " of ", expected,
         " variables arrived (hint: is the disk full?)");
}

}  // namespace detail

// Writes a file. Throws when a name is unfit (MATLAB's have up to 63 letters, digits and '_', a letter first)
// or given twice, a value inconsistent, nested more than 16 deep or, in version 5, of 2 GiB and more, a
// description too long, the version 4, or the file cannot be written; what stood under the name before is
// untouched then.
inline void save(const std::string& path, const Variables& variables, const SaveOptions& options = {}) {
  const std::string file = limbic::detail::quoted(path);
  check(options.version != Version::v4, "mat", file, ": files are written in version 5 or 7.3; got 4");
  check(options.description.size() <= 116, "mat", file, ": a description has up to 116 bytes; got ",
        options.description.size());
  std::vector<std::string_view> names;
  for (const auto& [name, value] : variables) {
    detail::check_name(name, file, "variable");
    names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  check(twice == names.end(), "mat", file, ": names must be unique; got ", twice == names.end() ? "" : *twice,
        " twice");

  AtomicFile out(path);  // first, as it fails at once where nothing can be written
  if (options.version == Version::v73) {
    // HDF5 wants a file with a name.
    limbic::detail::in_child(file, {.seconds = 3600}, [&] {
      detail::write_variables(out.temporary_path(), path, variables, options);
      detail::check_written(out.temporary_path(), file, variables.size());
    });
  } else {
    detail::MemoryFile memory(file);
    detail::write_variables(memory.path(), path, variables, options);
    out.write(memory.map()->bytes());
  }
  out.commit();
}

}  // namespace limbic::mat
