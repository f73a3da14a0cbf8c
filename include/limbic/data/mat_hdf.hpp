// Variables of .mat files of version 7.3, which are HDF5 files: read by matio in a child process.
//
// What the child finds comes back as a file of version 5 in memory, and goes through the same checks.
#pragma once

#include <limbic/data/mat_files.hpp>
#include <limbic/data/mat_save.hpp>

namespace limbic::mat::detail {

// Memory that HDF5 and matio may take to look into a file, beside that of the values.
inline constexpr std::uint64_t kChildBytes = std::uint64_t{1} << 30;

inline Mat open_hdf(const std::string& path) {
  keep_matio_quiet();
  Mat mat(Mat_Open(path.c_str(), MAT_ACC_RDONLY));
  if (!mat || Mat_GetVersion(mat.get()) != MAT_FT_MAT73)
    fail("mat", limbic::detail::quoted(path), " is damaged: the HDF5 library cannot open it");
  return mat;
}

// The list comes back as variables that stand for those of the file: their headers, as numbers.
inline std::vector<Entry> list_hdf(const std::string& path, unsigned seconds) {
  const std::string quoted = limbic::detail::quoted(path);
  MemoryFile memory(quoted);
  limbic::detail::in_child(quoted, {seconds, kChildBytes}, [&] {
    const Mat mat = open_hdf(path);
    std::size_t count = 0;
    char* const* names = Mat_GetDir(mat.get(), &count);
    if (!names || count == 0) fail("mat", quoted, " is empty or damaged: no variable could be found in it");
    std::string list;
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = names[i] ? names[i] : "";
      const std::string label = variable_label(path, name);
      const Variable v(Mat_VarReadInfo(mat.get(), name.c_str()));
      if (!v) fail("mat", label, " is damaged: its description cannot be read");
      if (name.size() > kMaxName) fail("mat", label, " is damaged: a name of ", name.size(), " bytes");
      if (v->class_type == MAT_C_EMPTY && numel(shape_of(*v, label)) != 0)
        fail("mat", label, " is damaged: its class cannot be read");
      const auto put = [&](std::int64_t n) { list.append(reinterpret_cast<const char*>(&n), sizeof n); };
      put(static_cast<std::int64_t>(name.size()));
      list += name;
      put(static_cast<std::int64_t>(class_of_variable(*v)));
      put(v->isComplex != 0);
      if (v->rank < 0 || v->rank > kMaxFileRank) fail("mat", label, " is damaged: ", v->rank, " dimensions");
      put(v->rank);
      for (int d = 0; d < v->rank; ++d)
        put(v->dims && v->dims[d] <= std::size_t{1} << 44 ? static_cast<std::int64_t>(v->dims[d]) : -1);
    }
    memory.write(std::as_bytes(std::span(list)));
  });

  const auto map = memory.map();
  Cursor c{map->bytes(), false, quoted};
  std::vector<Entry> entries;
  while (c.left() > 0) {
    Entry e;
    const auto length = c.load<std::int64_t>();
    if (length <= 0 || static_cast<std::uint64_t>(length) > std::min(kMaxName, c.left()))
      c.damaged("its list of variables is wrong");
    e.name.assign(reinterpret_cast<const char*>(c.bytes.data() + c.at), static_cast<std::size_t>(length));
    c.at += static_cast<std::size_t>(length);
    const auto type = c.load<std::int64_t>();
    if (type < 1 || type > static_cast<std::int64_t>(Class::logical))
      c.damaged("variable '", e.name, "' is of an unknown class");
    e.type = static_cast<Class>(type);
    e.complex = c.load<std::int64_t>() != 0;
    const auto rank = c.load<std::int64_t>();
    for (std::int64_t d = 0; d < rank; ++d) {
      const auto n = c.load<std::int64_t>();
      if (n < 0)
        c.damaged("variable ", limbic::detail::quoted(e.name), " has dimensions too large to be true");
      if (d < kMaxRank) e.shape.push_back(n);
    }
    while (e.shape.rank() < 2) e.shape.push_back(rank == 0 ? 0 : 1);
    if (rank > kMaxRank) e.cannot = "it has " + std::to_string(rank) + " dimensions, and 8 are the limit";
    if (!is_numeric(e.type) && e.type != Class::text && e.type != Class::cell && e.type != Class::structure)
      e.cannot = "it is a " + to_text(e.type) + " array";
    entries.push_back(std::move(e));
  }
  return entries;
}

inline Value read_hdf(const std::string& path, const Entry& e, std::uint64_t max_bytes, unsigned seconds) {
  const std::string label = variable_label(path, e.name);
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) limbic::detail::fail_file("open", path, errno);
  // A cell array takes a pointer an item; numbers up to 8 bytes each, packed at most 1032 to 1. The copy that
  // comes back is a file of version 5, which is bound to 2 GiB a variable.
  const std::uint64_t file_bytes = static_cast<std::uint64_t>(status.st_size);
  const std::uint64_t limit = std::min({max_bytes, 1032 * 8 * file_bytes, (std::uint64_t{1} << 31) - 1});
  const double claimed = [&] {
    double n = e.complex ? 2.0 : 1.0;
    for (index_t d : e.shape) n *= static_cast<double>(d);
    return n;
  }();
  const std::size_t size =
      e.type == Class::float64 || e.type == Class::int64 || e.type == Class::uint64 ? 8 : 1;
  if (claimed * static_cast<double>(size) > static_cast<double>(limit))
    fail("mat", label, " takes more than ", limit, " bytes, the limit for it: ", describe(e));

  const auto numbers = static_cast<std::uint64_t>(claimed) * 8;
  MemoryFile memory(label);
  limbic::detail::in_child(label, {seconds, kChildBytes + 4 * std::max(numbers, 4 * file_bytes)}, [&] {
    const Mat mat = open_hdf(path);
    const Variable v(Mat_VarRead(mat.get(), e.name.c_str()));
    if (!v) fail("mat", label, " could not be read by matio");
    write_variables(memory.path(), path, {{e.name, from_matio(v.get(), label)}}, {.compress = false});
  });
  const auto map = memory.map();
  const auto entries = scan_v5(map->bytes(), path);
  if (entries.size() != 1 || entries[0].name != e.name || entries[0].type != e.type ||
      !(entries[0].shape == e.shape))
    fail("mat", label, " could not be read: ", describe(e), " is expected; found ",
         entries.empty() ? "nothing" : describe(entries[0]));
  return read_scanned(map->bytes(), Version::v5, path, entries[0], max_bytes);
}

}  // namespace limbic::mat::detail
