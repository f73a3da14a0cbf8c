// Every golden file opens, names its case, and its tensors read the same mapped and copied.
#include <limbic/io/safetensors.hpp>

#include <doctest/doctest.h>

#include <filesystem>

TEST_CASE("the golden files are read") {
  int files = 0;
  for (const auto& item : std::filesystem::directory_iterator(LIMBIC_SOURCE_DIR "/tests/golden")) {
    if (item.path().extension() != ".safetensors") continue;
    ++files;
    INFO(item.path().string());
    const auto file = limbic::SafetensorsFile::open(item.path().string());
    CHECK(file.metadata().at("op") != "");
    CHECK(limbic::Json::parse(file.metadata().at("attrs")).is_object());
    bool has_result = false;
    for (const auto& [name, entry] : file.entries()) {
      has_result = has_result || name.starts_with("out.");
      const auto both = [&, &n = name, &e = entry](auto type) {
        const auto x = file.load<decltype(type)>(n), y = file.view<decltype(type)>(n);
        CHECK(x.shape() == e.shape);
        CHECK(std::memcmp(x.data(), y.data(), file.bytes(n).size()) == 0);
      };
      if (entry.dtype == limbic::Dtype::f64) both(double());
      else if (entry.dtype == limbic::Dtype::f32) both(float());
      else both(limbic::index_t());
    }
    CHECK(has_result);
  }
  CHECK(files == 144);
}
