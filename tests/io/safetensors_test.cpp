// safetensors: files of the reference implementation, round trips, views, and every rule of the format that
// a file may break. The seeds of the fuzz targets are the files.
#include <limbic/io/safetensors.hpp>

#include "temporary_folder.hpp"

#include <doctest/doctest.h>

#include <cmath>

using limbic::Dtype;
using limbic::Error;
using limbic::index_t;
using limbic::SafetensorsFile;
using limbic::Tensor;

namespace {

std::string seed(const std::string& name) {
  return LIMBIC_SOURCE_DIR "/tests/fuzz/seeds/safetensors/" + name;
}

// A file of that header and `data` zeros.
std::vector<std::byte> made(std::string_view header, std::size_t data = 0) {
  std::vector<std::byte> out(8 + header.size() + data);
  const std::uint64_t length = header.size();
  std::memcpy(out.data(), &length, 8);
  std::memcpy(out.data() + 8, header.data(), header.size());
  return out;
}

std::string refusal(std::span<const std::byte> bytes) {
  try {
    (void)SafetensorsFile::parse(bytes, "m");
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}
std::string refusal(std::string_view header, std::size_t data = 0) { return refusal(made(header, data)); }

const std::vector<double> kSteps = {-2, -1.5, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5};

}  // namespace

TEST_CASE("a file of the reference implementation, all types") {
  const auto file = SafetensorsFile::open(seed("everything"));
  CHECK(file.entries().size() == 15);
  CHECK(file.metadata().at("op") == "softmax");
  CHECK(file.metadata().at("text") == "\xc3\xa9\"\\");
  CHECK(file.entry("F64").dtype == Dtype::f64);
  CHECK(file.entry("F32").shape == limbic::Shape{2, 6});

  for (const char* name : {"F64", "F32", "F16", "BF16"}) {
    CHECK(file.load<double>(name).to_vector() == kSteps);
    CHECK(file.load<float>(name).to<double>().to_vector() == kSteps);
  }
  CHECK(file.load<double>("F64").shape() == limbic::Shape{3, 4});
  const auto integers = [&](const char* name) { return file.load<index_t>(name).to_vector(); };
  CHECK(integers("I64") == std::vector<index_t>{-(index_t{1} << 62), index_t{1} << 62});
  CHECK(integers("I32") == std::vector<index_t>{-2147483648, 2147483647});
  CHECK(integers("I16") == std::vector<index_t>{-32768, 32767});
  CHECK(integers("I8") == std::vector<index_t>{-128, 127});
  CHECK(integers("U64") == std::vector<index_t>{0, std::numeric_limits<index_t>::max()});
  CHECK(integers("U32") == std::vector<index_t>{0, 4294967295});
  CHECK(integers("U16") == std::vector<index_t>{0, 65535});
  CHECK(integers("U8") == std::vector<index_t>{0, 255, 1});
  CHECK(integers("BOOL") == std::vector<index_t>{1, 0, 1});
  CHECK(file.load<bool>("BOOL").to_vector() == std::vector<bool>{true, false, true});
  CHECK(file.load<bool>("U8").to_vector() == std::vector<bool>{false, true, true});
  CHECK(file.load<std::int32_t>("I32").to_vector() == std::vector<std::int32_t>{-2147483647 - 1, 2147483647});
  CHECK(file.load<std::uint8_t>("U8").to_vector() == std::vector<std::uint8_t>{0, 255, 1});
  CHECK(file.load<double>("scalar").item() == 2.5);
  CHECK(file.load<float>("none").shape() == limbic::Shape{0, 3});
}

TEST_CASE("views share the mapped file and outlive everything else") {
  Tensor<double> view, again;
  {
    const auto file = SafetensorsFile::open(seed("everything"));
    view = file.view<double>("F64");
    again = file.view<double>("F64");
    CHECK(view.data() == again.data());
    CHECK(file.load<double>("F64").data() != view.data());
    CHECK(file.view<float>("none").numel() == 0);
    CHECK_THROWS_WITH_AS(
        file.view<float>("F64"),
        ("[safetensors] '" + seed("everything") + "': tensor 'F64' is F64 and cannot be viewed as float32")
            .c_str(),
        Error);
  }
  CHECK(view.to_vector() == kSteps);
  // Written to memory only.
  view.fill(7);
  CHECK(again.at(2, 3) == 7);
  CHECK(SafetensorsFile::open(seed("everything")).load<double>("F64").to_vector() == kSteps);
}

TEST_CASE("data at any alignment load; a view says that it cannot") {
  const auto file = SafetensorsFile::open(seed("unaligned"));
  CHECK(file.load<double>("b").to_vector() == std::vector<double>{-2, -1.5});
  bool refused = false;
  try {
    (void)file.view<double>("b");
  } catch (const Error& e) {
    refused = std::string(e.what()).find("not aligned to 8 bytes (hint: load())") != std::string::npos;
  }
  CHECK(refused);
}

TEST_CASE("what is written is read back") {
  const TemporaryFolder folder;
  const auto w = Tensor<float>::from({2, 3}, {1, 2, 3, 4, 5, std::nanf("")});
  const auto x = Tensor<double>::from({2}, {0.1, -0.0});
  const auto mask = Tensor<bool>::from({3}, {true, false, true});
  const auto ids = Tensor<index_t>::from({1}, {-5});
  limbic::save_safetensors(folder / "a",
                           {{"w.t", w.transpose(0, 1)},
                            {"x", x},
                            {"mask", mask},
                            {"ids", ids},
                            {"s", Tensor<double>::scalar(3)},
                            {"none", Tensor<float>::zeros({0, 2})}},
                           {{"op", "x\n\"y\""}});
  const auto file = SafetensorsFile::open(folder / "a");
  CHECK(file.metadata() == SafetensorsFile::Metadata{{"op", "x\n\"y\""}});
  CHECK(file.load<float>("w.t").shape() == limbic::Shape{3, 2});
  CHECK(file.load<float>("w.t").at(0, 1) == 4);
  CHECK(std::isnan(file.view<float>("w.t").at(2, 1)));
  CHECK(file.view<double>("x").at(0) == 0.1);
  CHECK(std::signbit(file.load<double>("x").at(1)));
  CHECK(file.load<bool>("mask").to_vector() == std::vector<bool>{true, false, true});
  CHECK(file.view<index_t>("ids").item() == -5);
  CHECK(file.load<double>("s").item() == 3);
  CHECK(file.load<float>("none").numel() == 0);
  CHECK(folder.files() == 1);

  limbic::save_safetensors(folder / "empty", {});
  CHECK(SafetensorsFile::open(folder / "empty").entries().empty());
  CHECK(file_text(folder / "empty").size() == 16);
}

TEST_CASE("the same input gives the same bytes, in whatever order") {
  const auto a = Tensor<float>::ones({2}), b = Tensor<float>::zeros({3});
  CHECK(limbic::safetensors_bytes({{"a", a}, {"b", b}}) == limbic::safetensors_bytes({{"b", b}, {"a", a}}));
}

TEST_CASE("what cannot be written") {
  const auto a = Tensor<float>::ones({2});
  CHECK_THROWS_WITH_AS(limbic::safetensors_bytes({{"a", a}, {"a", Tensor<double>::ones({1})}}),
                       "[safetensors] names must be unique; got 'a' twice", Error);
  CHECK_THROWS_WITH_AS(limbic::safetensors_bytes({{"__metadata__", a}}),
                       "[safetensors] a tensor must not be named '__metadata__'", Error);
  CHECK_THROWS_AS(limbic::safetensors_bytes({{"\xff", a}}), Error);
  const TemporaryFolder folder;
  CHECK_THROWS_AS(limbic::save_safetensors(folder / "a", {{"a", a}, {"a", a}}), Error);
  CHECK(folder.files() == 0);
}

TEST_CASE("names and types that are not there") {
  const auto file =
      SafetensorsFile::parse(made(R"({"w":{"dtype":"F8_E5M2","shape":[2],"data_offsets":[0,2]}})", 2), "m");
  CHECK_FALSE(file.contains("v"));
  CHECK_THROWS_WITH_AS(file.load<float>("v"), "[safetensors] 'm': no tensor is named 'v'; there are 1",
                       Error);
  CHECK_THROWS_WITH_AS(file.load<float>("w"),
                       "[safetensors] 'm': tensor 'w' is F8_E5M2 and cannot be read as float32", Error);
  CHECK_THROWS_WITH_AS(
      SafetensorsFile::open(seed("everything")).load<index_t>("F64"),
      ("[safetensors] '" + seed("everything") + "': tensor 'F64' is F64 and cannot be read as int64").c_str(),
      Error);
  const auto bytes = limbic::safetensors_bytes({{"n", limbic::TensorVariant(~std::uint64_t{0})}});
  CHECK_THROWS_WITH_AS(
      SafetensorsFile::parse(bytes, "m").load<index_t>("n"),
      "[safetensors] 'm': tensor 'n' must have values that fit int64; got 18446744073709551615", Error);
  const auto embedded = SafetensorsFile::parse(bytes, "m");
  CHECK_THROWS_AS(embedded.view<double>("n"), Error);
  const auto floats = limbic::safetensors_bytes({{"w", Tensor<float>::ones({1})}});
  CHECK_THROWS_WITH_AS(SafetensorsFile::parse(floats, "m").view<float>("w"),
                       "[safetensors] 'm': tensor 'w' cannot be viewed: only mapped files can (hint: load())",
                       Error);
}

TEST_CASE("every rule of the header") {
  CHECK(refusal(std::vector<std::byte>(7)) == "[safetensors] 'm': at least 8 bytes are needed; got 7");
  auto bytes = made("{}");
  bytes[0] = std::byte{3};
  CHECK(refusal(bytes) == "[safetensors] 'm': the header must end within the file; got 3 bytes of 2");
  bytes[7] = std::byte{0x80};
  CHECK(refusal(bytes) ==
        "[safetensors] 'm': the header must be at most 100 MB; got 9223372036854775811 bytes");
  CHECK(refusal(" {}") == "[safetensors] 'm': the header must begin with '{'");
  CHECK(refusal("") == "[safetensors] 'm': the header must begin with '{'");
  CHECK(refusal("{} ") == "accepted");
  CHECK(refusal("{}x") == "[json] safetensors 'm': nothing may follow the value; at byte 2");
  CHECK(refusal("{") == "[json] safetensors 'm': a key in double quotes must come here; at byte 1, the end");
  CHECK(refusal(R"({"__metadata__":{"a":1}})") ==
        "[safetensors] 'm': __metadata__ must hold strings; got an integer for 'a'");
  CHECK(refusal(R"({"__metadata__":[]})") ==
        "[safetensors] 'm': __metadata__ must be an object; got an array");
  CHECK(refusal(R"({"w":1})") == "[safetensors] 'm': tensor 'w' must be an object; got an integer");
}

TEST_CASE("every rule of an entry") {
  const auto with = [](const std::string& entry, std::size_t data = 8) {
    return refusal("{\"w\":{" + entry + "}}", data);
  };
  CHECK(with(R"("dtype":"F32","shape":[2],"data_offsets":[0,8])") == "accepted");
  CHECK(with(R"("shape":[2],"data_offsets":[0,8])") ==
        "[safetensors] 'm': tensor 'w' must have a string 'dtype'");
  CHECK(with(R"("dtype":4,"shape":[2],"data_offsets":[0,8])") ==
        "[safetensors] 'm': tensor 'w' must have a string 'dtype'");
  CHECK(with(R"("dtype":"f32","shape":[2],"data_offsets":[0,8])") ==
        "[safetensors] 'm': tensor 'w' is of an unknown dtype 'f32'");
  CHECK(with(R"("dtype":"F32","data_offsets":[0,8])") ==
        "[safetensors] 'm': tensor 'w' must have a list 'shape'");
  CHECK(with(R"("dtype":"F32","shape":[2])") ==
        "[safetensors] 'm': tensor 'w' must have a list 'data_offsets'");
  CHECK(with(R"("dtype":"F32","shape":[2],"data_offsets":8)") ==
        "[safetensors] 'm': tensor 'w' must have a list 'data_offsets'");
  for (const char* sizes : {"-2", "2.0", "\"2\"", "null", "[2]"})
    CHECK(with(std::string(R"("dtype":"F32","shape":[)") + sizes + R"(],"data_offsets":[0,8])") ==
          "[safetensors] 'm': tensor 'w' must have 'shape' of integers that are not negative");
  CHECK(with(R"("dtype":"F32","shape":[1,1,1,1,1,1,1,1,2],"data_offsets":[0,8])") ==
        "[safetensors] 'm': tensor 'w' must have at most 8 dimensions; got 9");
  CHECK(with(R"("dtype":"F32","shape":[2],"data_offsets":[0])") ==
        "[safetensors] 'm': tensor 'w' must have 2 data_offsets; got 1");
  CHECK(with(R"("dtype":"F32","shape":[2],"data_offsets":[0,9])") ==
        "[safetensors] 'm': tensor 'w' must lie within the 8 bytes of data; got 0 to 9");
  CHECK(with(R"("dtype":"F32","shape":[2],"data_offsets":[8,0])") ==
        "[safetensors] 'm': tensor 'w' must lie within the 8 bytes of data; got 8 to 0");
  CHECK(with(R"("dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775807])") ==
        "[safetensors] 'm': tensor 'w' must lie within the 8 bytes of data; got 0 to 9223372036854775807");
  CHECK(with(R"("dtype":"F32","shape":[2],"data_offsets":[0,18446744073709551615])")
            .starts_with("[json] safetensors 'm': an integer must fit 64 bits"));
  CHECK(with(R"("dtype":"F32","shape":[3],"data_offsets":[0,8])") ==
        "[safetensors] 'm': tensor 'w' of F32 (3) must take 12 bytes; got 8");
  CHECK(with(R"("dtype":"F32","shape":[1000000000,1000000000],"data_offsets":[0,8])") ==
        "[safetensors] 'm': tensor 'w' has too many elements; got (1000000000, 1000000000)");
  CHECK(with(R"("dtype":"F32","shape":[4611686018427387904,4],"data_offsets":[0,0])", 0) ==
        "[safetensors] 'm': tensor 'w' has too many elements; got (4611686018427387904, 4)");
  CHECK(
      with(R"("dtype":"F32","shape":[0,4611686018427387904,4611686018427387904],"data_offsets":[0,0])", 0) ==
      "[safetensors] 'm': tensor 'w' has too many elements; got (0, 4611686018427387904, "
      "4611686018427387904)");
}

TEST_CASE("the tensors must tile the data") {
  const auto two = [](const char* a, const char* b, std::size_t data) {
    return refusal(std::string(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[)") + a +
                       R"(]},"b":{"dtype":"U8","shape":[4],"data_offsets":[)" + b + "]}}",
                   data);
  };
  CHECK(two("0,4", "4,8", 8) == "accepted");
  CHECK(two("4,8", "0,4", 8) == "accepted");
  CHECK(two("0,4", "2,6", 6) ==
        "[safetensors] 'm': tensor 'b' must not overlap others; it begins at 2 before 4");
  CHECK(two("0,4", "0,4", 4) ==
        "[safetensors] 'm': tensor 'b' must not overlap others; it begins at 0 before 4");
  CHECK(two("0,4", "6,10", 10) == "[safetensors] 'm': the data must have no holes; got one from 4 to 6");
  CHECK(two("1,5", "5,9", 9) == "[safetensors] 'm': the data must have no holes; got one from 0 to 1");
  CHECK(two("0,4", "4,8", 9) ==
        "[safetensors] 'm': the data must have no holes; got one from 8 to the end, 9");
  CHECK(refusal("{}", 1) == "[safetensors] 'm': the data must have no holes; got one from 0 to the end, 1");
}

TEST_CASE("no file cut short is accepted") {
  const std::string whole = file_text(seed("everything"));
  const auto bytes = std::as_bytes(std::span(whole.data(), whole.size()));
  (void)SafetensorsFile::parse(bytes);
  for (std::size_t n = 0; n < bytes.size(); ++n) CHECK(refusal(bytes.first(n)) != "accepted");
}

TEST_CASE("10^18 elements are refused without memory") {
  limbic::reset_peak_memory();
  const auto before = limbic::memory_stats().peak_bytes;
  CHECK_THROWS_AS(SafetensorsFile::open(seed("huge")), Error);
  CHECK(limbic::memory_stats().peak_bytes == before);
}

TEST_CASE("half-precision values, every one") {
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const int exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const double sign = bits >> 15 ? -1 : 1;
    const float got = limbic::detail::half_value(static_cast<std::uint16_t>(bits));
    if (exponent == 31 && fraction) CHECK(std::isnan(got));
    else {
      const double want = exponent == 31 ? HUGE_VAL
                          : exponent     ? std::ldexp(1024 + fraction, exponent - 25)
                                         : std::ldexp(fraction, -24);
      REQUIRE(got == static_cast<float>(sign * want));
      REQUIRE(std::signbit(got) == (sign < 0));
    }
  }
}
