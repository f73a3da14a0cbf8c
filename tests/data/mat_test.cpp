// .mat files by other programs: tests/fuzz/make_mat_seeds.py wrote seeds/mat, and data/office_caltech10 is
// real.
#include <doctest/doctest.h>

#include <limbic/data/mat.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>

#include "io/temporary_folder.hpp"
#include "support/throws.hpp"

using namespace limbic;

namespace {

std::string seed(const std::string& name) { return LIMBIC_SOURCE_DIR "/tests/fuzz/seeds/mat/" + name; }

template <class T>
void check_x(const Tensor<T>& x) {
  REQUIRE(x.shape() == Shape{2, 3, 4});
  for (index_t i = 0; i < 2; ++i)
    for (index_t j = 0; j < 3; ++j)
      for (index_t k = 0; k < 4; ++k)
        CHECK(static_cast<double>(x(i, j, k)) ==
              100.0 * static_cast<double>(i) + 10.0 * static_cast<double>(j) + static_cast<double>(k) + 0.5);
}

template <class T>
void check_extremes(const mat::File& file, const std::string& name) {
  CAPTURE(name);
  const Tensor<T> t = file.read<T>(name, {1, 2});
  CHECK(t(0, 0) == std::numeric_limits<T>::min());
  CHECK(t(0, 1) == std::numeric_limits<T>::max());
  const mat::Value v = file.value(name);
  CHECK(v.tensor<T>() != nullptr);
  CHECK(v.type() == mat::class_of<T>);
}

void check_everything(const mat::File& file) {
  CHECK(file.list().size() == 20);
  check_x(file.read<double>("x", {2, mat::kAny, 4}));
  CHECK(file.read<double>("x").strides() == Strides{1, 2, 6});
  check_x(file.read<float>("x"));
  check_x(file.read<float>("single", {2, 3, 4}));
  check_x(file.read<double>("single"));
  check_extremes<std::int8_t>(file, "int8");
  check_extremes<std::uint8_t>(file, "uint8");
  check_extremes<std::int16_t>(file, "int16");
  check_extremes<std::uint16_t>(file, "uint16");
  check_extremes<std::int32_t>(file, "int32");
  check_extremes<std::uint32_t>(file, "uint32");
  check_extremes<std::int64_t>(file, "int64");
  check_extremes<std::uint64_t>(file, "uint64");
  CHECK(file.read<bool>("logical").to_vector() == std::vector<bool>{true, false, true});
  CHECK(file.read<double>("logical").to_vector() == std::vector<double>{1, 0, 1});
  CHECK(file.find("logical")->type == mat::Class::logical);
  CHECK(file.text("text") == "Grüße");
  CHECK(file.value("rows").text()->rows == std::vector<std::string>{"one  ", "three"});
  CHECK(file.read<double>("nothing", {mat::kAny, 3}).shape() == Shape{0, 3});
  CHECK(file.read<double>("scalar", {1, 1}).item() == 2.5);
  CHECK(file.read<double>("scalar", {1, 1, 1}).shape() == Shape{1, 1, 1});

  const mat::Value complex = file.value("complex");
  REQUIRE(complex.array()->imaginary);
  CHECK(std::get<Tensor<double>>(complex.array()->real).to_vector() == std::vector<double>{1, 3});
  CHECK(std::get<Tensor<double>>(*complex.array()->imaginary).to_vector() == std::vector<double>{2, -4});

  const mat::Value outer = file.value("nested");
  REQUIRE(outer.cell() != nullptr);
  for (const mat::Value& v : {file.value("cell"), outer.cell()->items[0]}) {
    const mat::Cell* cell = v.cell();
    REQUIRE(cell != nullptr);
    REQUIRE(cell->shape == Shape{2, 2});
    check_x(*cell->items[0].tensor<double>());
    CHECK(cell->items[1].text()->rows[0] == "text");
    CHECK(cell->items[2].tensor<std::int16_t>()->to_vector() == std::vector<std::int16_t>{1, 2});
    CHECK(cell->items[3].shape() == Shape{0, 0});
  }
  const mat::Value record = file.value("record"), records = file.value("records");
  REQUIRE(record.structure() != nullptr);
  CHECK(record.structure()->fields == std::vector<std::string>{"number", "name", "inner"});
  CHECK(record.structure()->at("number").tensor<double>()->item() == 7);
  CHECK(record.structure()->at("name").text()->rows[0] == "seven");
  check_x(*record.structure()->at("inner").structure()->at("x").tensor<double>());
  CHECK(records.structure()->shape == Shape{1, 2});
  CHECK(records.structure()->at("n", 1).tensor<double>()->item() == 2);
  CHECK(records.structure()->at("s", 0).text()->rows[0] == "a");
  CHECK(thrown([&] { (void)records.structure()->at("n", 2); }).find("no field 'n'") != std::string::npos);
}

}  // namespace

TEST_CASE("version 5, compressed and not: every class") {
  for (const char* name : {"v5.mat", "v5_compressed.mat"}) {
    CAPTURE(name);
    const mat::File file = mat::File::open(seed(name));
    CHECK(file.version() == mat::Version::v5);
    CHECK(file.find("x")->compressed == (std::string(name) != "v5.mat"));
    check_everything(file);
  }
}

TEST_CASE("big-endian files of versions 4 and 5") {
  const mat::File five = mat::File::open(seed("v5_big_endian.mat"));
  check_x(five.read<double>("x"));
  CHECK(five.read<double>("packed", {1, 3}).to_vector() == std::vector<double>{-1, 2, 300});
  CHECK(five.text("text") == "ok");
  const mat::File four = mat::File::open(seed("v4_big_endian.mat"));
  CHECK(four.read<double>("x", {3, 4})(2, 3) == 23.5);
  CHECK(four.read<index_t>("i").to_vector() == std::vector<index_t>{-5, 6});
}

TEST_CASE("version 4") {
  const mat::File file = mat::File::open(seed("v4.mat"));
  CHECK(file.version() == mat::Version::v4);
  CHECK(file.read<double>("x", {3, 4})(2, 3) == 23.5);
  CHECK(file.text("text") == "hello");
  CHECK(file.read<std::int32_t>("int").to_vector() == std::vector<std::int32_t>{1, -2});
  CHECK(file.read<std::uint8_t>("small", {2}).to_vector() == std::vector<std::uint8_t>{3, 4});
  CHECK(std::get<Tensor<double>>(*file.value("complex").array()->imaginary).item() == 2);
}

TEST_CASE("version 7.3 as MATLAB writes it") {
  const mat::File file = mat::File::open(seed("v73.mat"));
  CHECK(file.version() == mat::Version::v73);
  CHECK(file.list().size() == 7);
  check_x(file.read<double>("x", {2, 3, 4}));
  check_x(file.read<float>("x"));
  check_extremes<std::int64_t>(file, "int64");
  CHECK(file.read<bool>("logical").to_vector() == std::vector<bool>{true, false, true});
  CHECK(file.text("text") == "Grüße");
  CHECK(file.read<double>("nothing").shape() == Shape{0, 3});
  const mat::Value cell = file.value("cell"), record = file.value("record");
  REQUIRE(cell.cell()->items.size() == 2);
  check_x(*cell.cell()->items[0].tensor<double>());
  CHECK(cell.cell()->items[1].text()->rows[0] == "text");
  CHECK(record.structure()->at("number").tensor<double>()->item() == 7);
  const std::string bytes = file_text(seed("v73.mat"));
  CHECK(thrown([&] { (void)mat::File::parse(std::as_bytes(std::span(bytes))); }).find("7.3") !=
        std::string::npos);
}

TEST_CASE("what is asked for must be there, of that shape and type") {
  const std::string path = seed("v5.mat");
  const mat::File file = mat::File::open(path);
  const std::string at = "[mat] '" + path + "': variable 'x' ";
  CHECK(thrown([&] {
          (void)file.read<float>("x", {2, mat::kAny, 5});
        }) == at + "a real array of numbers of shape (2, any, 5) is expected; found double (2, 3, 4)");
  CHECK(thrown([&] { (void)file.read<double>("x", {2, 3}); }) != "");
  CHECK(thrown([&] { (void)file.read<double>("text"); }).find("found char (1, 5)") != std::string::npos);
  CHECK(thrown([&] { (void)file.read<double>("complex"); }).find("found complex double") !=
        std::string::npos);
  CHECK(thrown([&] { (void)file.text("x"); }) == at + "text is expected; found double (2, 3, 4)");
  CHECK(thrown([&] { (void)file.text("rows"); }).find("one line of text") != std::string::npos);
  CHECK(thrown([&] { (void)file.value("y"); }).find("must hold a variable 'y'; found x, single") !=
        std::string::npos);
  CHECK(thrown([&] { (void)file.read<index_t>("x"); }) ==
        at + "must hold numbers that are int64; found 0.5 in its element 1, counted by columns, of double "
             "(2, 3, 4)");
  CHECK(thrown([&] { (void)file.read<std::int8_t>("int16"); }).find("found -32768") != std::string::npos);
  CHECK(thrown([&] { (void)file.read<double>("int64"); }) != "");
  CHECK(thrown([&] { (void)file.read<bool>("int8"); }) != "");
  CHECK(file.read<index_t>("uint32")(0, 1) == 4294967295);
  CHECK(thrown([&] { (void)file.read<index_t>("uint64"); }) != "");
  CHECK(thrown([&] { (void)mat::File::open(path, {.max_bytes = 100}); }) == "");

  const mat::File sparse = mat::File::open(seed("sparse.mat"));
  check_x(sparse.read<double>("x"));
  CHECK(thrown([&] { (void)sparse.value("s"); }).find("it is a sparse array") != std::string::npos);
  const mat::File small = mat::File::open(seed("v5_compressed.mat"), {.max_bytes = 200});
  CHECK(thrown([&] { (void)small.value("x"); }).find("200 are the limit") != std::string::npos);
}

TEST_CASE("files that are something else, empty or cut off") {
  TemporaryFolder folder;
  const std::string path = folder / "f.mat";
  const auto says = [&](std::string_view bytes) {
    write_file(path, bytes);
    return thrown([&] {
      const mat::File f = mat::File::open(path);
      for (const mat::Entry& e : f.list()) (void)f.value(e.name);
    });
  };
  CHECK(thrown([&] { (void)mat::File::open(folder / "none.mat"); }).find("No such file") !=
        std::string::npos);
  CHECK(says("").find("it is empty") != std::string::npos);
  CHECK(says("hello") != "");
  CHECK(says(std::string(200, 'x')).find("must be a .mat file") != std::string::npos);
  CHECK(says("\x89HDF\r\n\x1a\n" + std::string(2000, '\0')).find("without MATLAB's header") !=
        std::string::npos);
  const std::string version9 = std::string(124, ' ') + std::string("\0\x09IM", 4);
  CHECK(says(version9).find("9.0") != std::string::npos);

  // Cut anywhere, a file is an error or lacks whole variables; it never reads as less than it says.
  for (const char* name : {"v4.mat", "v5.mat", "v5_compressed.mat", "v5_big_endian.mat"}) {
    CAPTURE(name);
    const std::string whole = file_text(seed(name));
    const auto bytes = std::as_bytes(std::span(whole));
    const std::size_t all = mat::File::parse(bytes).list().size();
    std::size_t errors = 0;
    for (std::size_t n = 0; n < whole.size(); n += 1 + whole.size() / 300) {
      const std::string error = thrown([&] {
        const mat::File f = mat::File::parse(bytes.subspan(0, n), "cut");
        CHECK(f.list().size() < all);
        for (const mat::Entry& e : f.list()) CHECK(f.value(e.name).type() == e.type);
      });
      if (!error.empty()) {
        ++errors;
        CHECK(error.find("cut") != std::string::npos);
      }
    }
    CHECK(errors > 10);
  }
  const std::string hdf = file_text(seed("v73.mat"));
  for (std::size_t n : {std::size_t{600}, std::size_t{3000}, hdf.size() / 2, hdf.size() - 100}) {
    CAPTURE(n);
    CHECK(says(hdf.substr(0, n)) != "");
  }
}

TEST_CASE("a changed byte of compressed data is noticed") {
  std::string bytes = file_text(seed("v5_compressed.mat"));
  const mat::File file = mat::File::parse(std::as_bytes(std::span(bytes)), "changed");
  const mat::Entry x = *file.find("x");
  REQUIRE(x.compressed);
  bytes[x.offset + x.bytes - 6] ^= 1;  // the last bytes are zlib's checksum
  CHECK(thrown([&] { (void)file.value("x"); }).find("is damaged") != std::string::npos);
}

TEST_CASE("Office-Caltech10, where it is") {
  const char* given = std::getenv("LIMBIC_OFFICE_CALTECH");
  const std::filesystem::path folder = given ? given : LIMBIC_SOURCE_DIR "/../shared/data/office_caltech10";
  if (!std::filesystem::exists(folder / "amazon_SURF_L10.mat")) {
    MESSAGE("skipped: no office_caltech10 (set LIMBIC_OFFICE_CALTECH)");
    return;
  }
  for (const auto& [set, n] : {std::pair<const char*, index_t>{"amazon", 958},
                               {"Caltech10", 1123},
                               {"dslr", 157},
                               {"webcam", 295}}) {
    const std::string name = set;
    CAPTURE(name);
    const mat::File file = mat::File::open((folder / (name + "_SURF_L10.mat")).string());
    CHECK(file.list().size() == 2);
    const Tensor<std::uint8_t> labels = file.read<std::uint8_t>("labels", {n, 1});
    const Tensor<float> features = file.read<float>("fts", {n, 800});
    std::vector<std::uint8_t> sorted = labels.to_vector();
    std::sort(sorted.begin(), sorted.end());
    CHECK(sorted.front() == 1);
    CHECK(sorted.back() == 10);
    // Counts of visual words: whole numbers, some in every row.
    for (index_t row : {index_t{0}, n / 2, n - 1}) {
      float sum = 0;
      for (float v : features.select(0, row).to_vector()) {
        CHECK(v == std::floor(v));
        sum += v;
      }
      CHECK(sum > 0);
    }
  }
}
