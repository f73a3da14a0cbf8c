// What is written is read back, in versions 5 and 7.3; files appear whole or not at all.
#include <doctest/doctest.h>

#include <limbic/core/compare.hpp>
#include <limbic/data/mat.hpp>

#include <thread>

#include <sys/stat.h>

#include "io/temporary_folder.hpp"
#include "support/throws.hpp"

using namespace limbic;

namespace {

template <class T>
Tensor<T> counted(const Shape& shape) {
  std::vector<T> values(static_cast<std::size_t>(numel(shape)));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(i + 1);
  return Tensor<T>::from(shape, values);
}

// Same type, shape and content.
bool same(const mat::Value& a, const mat::Value& b) {
  if (a.type() != b.type() || !(a.shape() == b.shape())) return false;
  const auto all = [](const std::vector<mat::Value>& x, const std::vector<mat::Value>& y) {
    if (x.size() != y.size()) return false;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (!same(x[i], y[i])) return false;
    return true;
  };
  if (a.text()) return a.text()->rows == b.text()->rows;
  if (a.cell()) return all(a.cell()->items, b.cell()->items);
  if (a.structure())
    return a.structure()->fields == b.structure()->fields && all(a.structure()->items, b.structure()->items);
  const auto equal_parts = [](const mat::Numbers& x, const mat::Numbers& y) {
    return std::visit([&](const auto& t) { return equal(t, std::get<std::decay_t<decltype(t)>>(y)); }, x);
  };
  const mat::Array &x = *a.array(), &y = *b.array();
  return equal_parts(x.real, y.real) && x.imaginary.has_value() == y.imaginary.has_value() &&
         (!x.imaginary || equal_parts(*x.imaginary, *y.imaginary));
}

mat::Variables everything() {
  const Tensor<double> x = counted<double>({2, 3, 4});
  mat::Struct record{{1, 2}, {"name", "x"}, {"first", x, "second", mat::Cell{{1, 2}, {x, "inside"}}}};
  return {{"x", x},
          {"transposed", x.permute({2, 0, 1})},
          {"part", x.slice(1, 0, 2)},
          {"single", counted<float>({5, 1})},
          {"int8", counted<std::int8_t>({1, 3})},
          {"uint8", counted<std::uint8_t>({2, 2})},
          {"int16", counted<std::int16_t>({2, 2})},
          {"uint16", counted<std::uint16_t>({2, 2})},
          {"int32", counted<std::int32_t>({2, 2})},
          {"uint32", counted<std::uint32_t>({2, 2})},
          {"int64", Tensor<std::int64_t>::from({1, 2}, {std::int64_t{1} << 62, -5})},
          {"uint64", Tensor<std::uint64_t>::from({1, 1}, {~std::uint64_t{0}})},
          {"logical", Tensor<bool>::from({1, 3}, std::vector<bool>{true, false, true})},
          {"empty", Tensor<double>::zeros({0, 3})},
          {"complex", mat::Array{x, counted<double>({2, 3, 4})}},
          {"text", "Grüße, 𝄞"},
          {"rows", mat::Text{{"one  ", "three"}}},
          {"cell", mat::Cell{{2, 2}, {x, "text", true, mat::Cell{{1, 1}, {counted<float>({1, 2})}}}}},
          {"record", record},
          {"scalar", 2.5}};
}

}  // namespace

TEST_CASE("round trip") {
  TemporaryFolder folder;
  const mat::Variables variables = everything();
  for (mat::Version version : {mat::Version::v5, mat::Version::v73})
    for (bool compress : {false, true}) {
      const std::string path = folder / "f.mat";
      CAPTURE(to_text(version));
      CAPTURE(compress);
      mat::save(path, variables, {.version = version, .compress = compress});
      const mat::File file = mat::File::open(path);
      CHECK(file.version() == version);
      CHECK(file.list().size() == variables.size());
      for (const auto& variable : variables) {
        CAPTURE(variable.first);
        CHECK(same(file.value(variable.first), variable.second));
      }
    }
  CHECK(folder.files() == 1);
}

TEST_CASE("a tensor (n) becomes a column; the last extents may be 1") {
  TemporaryFolder folder;
  const std::string path = folder / "f.mat";
  mat::save(
      path,
      {{"a", counted<double>({3})}, {"b", counted<float>({2, 3, 1})}, {"c", Tensor<double>::scalar(4)}});
  const mat::File file = mat::File::open(path);
  CHECK(file.find("a")->shape == Shape{3, 1});
  CHECK(file.read<double>("a", {3}).to_vector() == std::vector<double>{1, 2, 3});
  CHECK(file.read<float>("b", {2, mat::kAny, 1}).shape() == Shape{2, 3, 1});
  CHECK(file.read<double>("c", {1, 1}).item() == 4);
}

TEST_CASE("version 5: the same bytes each time") {
  TemporaryFolder folder;
  mat::save(folder / "a.mat", everything());
  mat::save(folder / "b.mat", everything());
  const std::string a = file_text(folder / "a.mat");
  CHECK(a == file_text(folder / "b.mat"));
  CHECK(a.starts_with("MATLAB 5.0 MAT-file, written by limbic"));
  mat::save(folder / "a.mat", {{"x", 1.0}}, {.description = "MATLAB 5.0 MAT-file, simulated"});
  CHECK(file_text(folder / "a.mat").starts_with("MATLAB 5.0 MAT-file, simulated"));
}

TEST_CASE("refused: names, sizes, places; what was there stays") {
  TemporaryFolder folder;
  const std::string path = folder / "f.mat";
  mat::save(path, {{"x", 1.0}});
  const std::string before = file_text(path);
  const auto says = [&](const mat::Variables& v, const mat::SaveOptions& o = {}) {
    return thrown([&] { mat::save(path, v, o); });
  };
  for (const char* name : {"", "1x", "_x", "a b", "ä", "a/b"})
    CHECK(says({{name, 1.0}}).find("must be up to 63 letters") != std::string::npos);
  CHECK(says({{std::string(64, 'x'), 1.0}}) != "");
  CHECK(says({{"x", 1.0}, {"y", 1.0}, {"x", 2.0}}).find("got x twice") != std::string::npos);
  CHECK(says({{"x", mat::Cell{{2, 2}, {1.0}}}}).find("cell array (2, 2) of 1 items") != std::string::npos);
  CHECK(says({{"x", mat::Struct{{1, 1}, {"a", "b"}, {1.0}}}}) != "");
  CHECK(says({{"x", mat::Struct{{1, 1}, {"a b"}, {1.0}}}}).find("name of a field") != std::string::npos);
  CHECK(says({{"x", mat::Array{counted<double>({2, 2}), counted<float>({2, 2})}}}) != "");
  CHECK(says({{"x", 1.0}}, {.version = mat::Version::v4}).find("got 4") != std::string::npos);
  CHECK(says({{"x", 1.0}}, {.description = std::string(117, 'x')}) != "");
  for (mat::Version v : {mat::Version::v5, mat::Version::v73})  // found only while writing
    CHECK(says({{"a", 1.0}, {"x", mat::Cell{{2, 2}, {1.0}}}}, {.version = v}) != "");
  CHECK(file_text(path) == before);
  CHECK(folder.files() == 1);
  CHECK(thrown([&] {
          mat::save(folder / "no/f.mat", {{"x", 1.0}});
        }).find("No such file") != std::string::npos);
}

TEST_CASE("several threads read and write at once") {
  TemporaryFolder folder;
  const Tensor<double> x = counted<double>({20, 30});
  for (mat::Version v : {mat::Version::v5, mat::Version::v73})
    mat::save(folder / to_text(v), {{"x", x}, {"y", 1.0}}, {.version = v});
  std::atomic<int> right{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      const mat::Version v = t % 2 ? mat::Version::v5 : mat::Version::v73;
      const mat::File file = mat::File::open(folder / to_text(v));
      for (int i = 0; i < 5; ++i) {
        if (equal(file.read<double>("x"), x)) ++right;
        mat::save(folder / ("copy" + std::to_string(t)), {{"x", x}}, {.version = v});
        if (equal(mat::File::open(folder / ("copy" + std::to_string(t))).read<double>("x"), x)) ++right;
      }
    });
  for (auto& t : threads) t.join();
  CHECK(right == 40);
}
