// Class prototypes: the embeddings of all prompts, as a small safetensors file that needs no text model to be
// used.
//
//   "prototypes"  F32 (templates, classes, dim), rows of length 1
//   metadata      format "limbic-prototypes", templates and classes (JSON lists), and whatever says where the
//                 rows come from (model, licence, tool)
#pragma once

#include <limbic/core/tensor.hpp>
#include <limbic/io/json.hpp>
#include <limbic/io/safetensors.hpp>

#include <cmath>

namespace limbic::text {

// Rows by template and class, what stands for both, and where they come from.
struct Prototypes {
  Tensor<float> rows;  // (templates, classes, dim)
  std::vector<std::string> templates, classes;
  SafetensorsFile::Metadata source;

  index_t dim() const { return rows.size(2); }
};

namespace detail {

inline std::vector<std::string> strings_of(const SafetensorsFile& file, const char* key) {
  const auto it = file.metadata().find(key);
  if (it == file.metadata().end())
    fail("prototypes", limbic::detail::quoted(file.source()), ": the metadata must name the ", key);
  std::vector<std::string> out;
  const Json list = Json::parse(it->second, file.source());
  for (const Json& v : list.as_array()) out.push_back(v.as_string());
  return out;
}

inline std::string json_list(const std::vector<std::string>& texts) {
  Json::Array list;
  for (const std::string& text : texts) list.push_back(text);
  return Json(std::move(list)).dump();
}

}  // namespace detail

// Reads such a file. Throws when it is none, when its sizes do not fit the lists, or when a row is not of
// length 1 (to 1e-3).
inline Prototypes load_prototypes(const std::string& path) {
  const auto file = SafetensorsFile::open(path);
  auto wrong = [&](const auto&... parts) {
    fail("prototypes", limbic::detail::quoted(path), ": ", parts...);
  };
  const auto format = file.metadata().find("format");
  if (format == file.metadata().end() || format->second != "limbic-prototypes")
    wrong("the metadata must say format limbic-prototypes (hint: text_prototypes writes such files)");
  Prototypes p{file.load<float>("prototypes"), detail::strings_of(file, "templates"),
               detail::strings_of(file, "classes"), file.metadata()};
  const auto count = [](const auto& list) { return static_cast<index_t>(list.size()); };
  const Shape& s = p.rows.shape();
  if (s.rank() != 3 || s[0] != count(p.templates) || s[1] != count(p.classes) || p.rows.numel() == 0)
    wrong("prototypes must be (templates, classes, dim) with ", p.templates.size(), " templates and ",
          p.classes.size(), " classes; got ", s);
  const float* x = p.rows.data();
  for (index_t row = 0; row < s[0] * s[1]; ++row) {
    double sum = 0;
    for (index_t k = 0; k < s[2]; ++k, ++x) sum += static_cast<double>(*x) * static_cast<double>(*x);
    if (!(std::fabs(std::sqrt(sum) - 1) <= 1e-3))
      wrong("rows must be of length 1; row ", row, " has ", std::sqrt(sum));
  }
  return p;
}

// Writes such a file, atomically; `source` becomes its metadata. Throws when it cannot be written.
inline void save_prototypes(const std::string& path, const Prototypes& p) {
  SafetensorsFile::Metadata metadata = p.source;
  metadata["format"] = "limbic-prototypes";
  metadata["templates"] = detail::json_list(p.templates);
  metadata["classes"] = detail::json_list(p.classes);
  save_safetensors(path, {{"prototypes", p.rows}}, metadata);
}

}  // namespace limbic::text
