// .npy: files of NumPy in all types and orders, round trips, and what is refused with which text.
#include <limbic/core/compare.hpp>
#include <limbic/io/npy.hpp>

#include "temporary_folder.hpp"

#include <doctest/doctest.h>

using limbic::Error;
using limbic::index_t;
using limbic::Tensor;

namespace {

std::string seed(const std::string& name) { return LIMBIC_SOURCE_DIR "/tests/fuzz/seeds/npy/" + name; }

std::string made(const std::string& header, const std::string& data = "") {
  std::string out("\x93NUMPY\x01\x00", 8);
  out += static_cast<char>(header.size() & 255);
  out += static_cast<char>(header.size() >> 8);
  return out + header + data;
}

std::span<const std::byte> bytes_of(const std::string& s) {
  return std::as_bytes(std::span(s.data(), s.size()));
}

std::string refusal(const std::string& file) {
  try {
    (void)limbic::parse_npy<double>(bytes_of(file), "m");
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

std::string with_dict(const std::string& text) { return refusal(made(text, std::string(8, '\0'))); }

}  // namespace

TEST_CASE("NumPy's files of every type, version and order") {
  const std::vector<double> grid = {0, 1, 2, 3, 4, 5};
  for (const char* name : {"f8", "f8_big", "f4", "f4_big", "f2", "version2", "version3", "fortran"}) {
    INFO(name);
    const auto x = limbic::load_npy<double>(seed(name));
    CHECK(x.shape() == limbic::Shape{2, 3});
    CHECK(x.to_vector() == grid);
    CHECK(limbic::load_npy<float>(seed(name)).to<double>().to_vector() == grid);
  }
  for (const char* name : {"i8", "i4_big", "i2", "i1", "u1", "u2_big", "u4", "u8"}) {
    INFO(name);
    CHECK(limbic::load_npy<index_t>(seed(name)).to_vector() == std::vector<index_t>{0, 1, 2, 3, 4, 5});
  }
  CHECK(limbic::load_npy<bool>(seed("b1")).to_vector() ==
        std::vector<bool>{false, true, true, true, true, true});
  CHECK(limbic::load_npy<bool>(seed("u1")).to_vector() ==
        std::vector<bool>{false, true, true, true, true, true});
  CHECK(limbic::load_npy<double>(seed("scalar")).item() == 2.5);
  CHECK(limbic::load_npy<double>(seed("line")).shape() == limbic::Shape{3});
  CHECK(limbic::load_npy<double>(seed("none")).shape() == limbic::Shape{0, 4});
  CHECK_FALSE(limbic::load_npy<float>(seed("fortran")).is_contiguous());
}

TEST_CASE("what is written is read back, and as NumPy writes it") {
  const TemporaryFolder folder;
  const std::string path = folder / "x.npy";
  const auto x = Tensor<double>::from({2, 3}, {0, 1, 2, 3, 4, 5});
  limbic::save_npy(path, x);
  CHECK(file_text(path) == file_text(seed("f8")));
  limbic::save_npy(path, x.to<float>());
  CHECK(file_text(path) == file_text(seed("f4")));
  limbic::save_npy(path, x.to<index_t>());
  CHECK(file_text(path) == file_text(seed("i8")));
  limbic::save_npy(path, x.to<bool>());
  CHECK(file_text(path) == file_text(seed("b1")));
  limbic::save_npy(path, x.to<std::uint8_t>());
  CHECK(file_text(path) == file_text(seed("u1")));
  limbic::save_npy(path, Tensor<double>::scalar(2.5));
  CHECK(file_text(path) == file_text(seed("scalar")));
  limbic::save_npy(path, Tensor<double>::arange(3));
  CHECK(file_text(path) == file_text(seed("line")));
  limbic::save_npy(path, Tensor<double>::zeros({0, 4}));
  CHECK(file_text(path) == file_text(seed("none")));
  limbic::save_npy(path, x.transpose(0, 1));
  CHECK(limbic::equal(limbic::load_npy<double>(path), x.transpose(0, 1).contiguous()));
}

TEST_CASE("what is refused") {
  const std::string good = file_text(seed("f8"));
  CHECK(refusal(good) == "accepted");
  CHECK(refusal("") == "[npy] 'm': the file must begin with \"\\x93NUMPY\"");
  CHECK(refusal("x" + good) == "[npy] 'm': the file must begin with \"\\x93NUMPY\"");
  std::string changed = good;
  changed[6] = 4;
  CHECK(refusal(changed) == "[npy] 'm': the version must be 1.0, 2.0 or 3.0; got 4.0");
  changed = file_text(seed("version2"));
  changed[11] = 1;
  CHECK(refusal(changed).starts_with("[npy] 'm': the header must be at most 64 KiB; got 16777"));
  CHECK(refusal(changed.substr(0, 11)) == "[npy] 'm': the header is cut off");
  CHECK(refusal(good.substr(0, 50)) == "[npy] 'm': the header is cut off");
  CHECK(refusal(good.substr(0, good.size() - 1)) ==
        "[npy] 'm': F64 (2, 3) must have 48 bytes of data; got 47");
  CHECK(refusal(good + "x") == "[npy] 'm': F64 (2, 3) must have 48 bytes of data; got 49");
  for (std::size_t n = 0; n < good.size(); ++n) CHECK(refusal(good.substr(0, n)) != "accepted");
  CHECK_THROWS_WITH_AS(limbic::load_npy<double>(seed("structured")),
                       ("[npy] '" + seed("structured") + "': structured arrays are not supported").c_str(),
                       Error);
  CHECK_THROWS_WITH_AS(
      limbic::load_npy<double>(seed("text")),
      ("[npy] '" + seed("text") +
       "': descr must be a type of booleans, integers or real numbers such as '<f8'; got '<U2'")
          .c_str(),
      Error);
  CHECK_THROWS_WITH_AS(limbic::load_npy<index_t>(seed("f8")),
                       ("[npy] '" + seed("f8") + "' is F64 and cannot be read as int64").c_str(), Error);
}

TEST_CASE("every rule of the header's dict") {
  CHECK(with_dict("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), }\n") == "accepted");
  CHECK(with_dict("{\"shape\":(1,1),\"fortran_order\":True,\"descr\":\"<f8\"}") == "accepted");
  CHECK(with_dict("{'descr': '<f8', 'fortran_order': False, 'shape': ()}") == "accepted");
  CHECK(with_dict("{'descr': '<f8', 'fortran_order': False, 'shape': (1)}") ==
        "[npy] 'm': the header must have ',' at its byte 52");
  CHECK(with_dict("") == "[npy] 'm': the header must have '{' at its byte 0");
  CHECK(with_dict("{}") == "[npy] 'm': the header must have 'descr', 'fortran_order' and 'shape'");
  CHECK(with_dict("{'descr' '<f8'}") == "[npy] 'm': the header must have ':' at its byte 9");
  CHECK(with_dict("{'descr: 1}") == "[npy] 'm': the header must have a string at its byte 1");
  CHECK(with_dict("{'descr': '<f8', 'descr': '<f8'}") ==
        "[npy] 'm': the header must have 'descr', 'fortran_order' and 'shape' once each; got 'descr'");
  CHECK(with_dict("{'extra': 1}") ==
        "[npy] 'm': the header must have 'descr', 'fortran_order' and 'shape' once each; got 'extra'");
  CHECK(with_dict("{'fortran_order': 1}") == "[npy] 'm': fortran_order must be True or False");
  CHECK(with_dict("{'shape': (-1,)}") ==
        "[npy] 'm': shape must be a tuple of integers that are not negative");
  CHECK(with_dict("{'shape': (99999999999999999999,)}") == "[npy] 'm': too many elements along dimension 0");
  CHECK(with_dict("{'shape': (1,1,1,1,1,1,1,1,1)}") == "[npy] 'm': at most 8 dimensions are supported");
  CHECK(with_dict("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000, 1000000000)}") ==
        "[npy] 'm': too many elements; got (1000000000, 1000000000)");
  CHECK(with_dict("{'descr': '<f8', 'fortran_order': False, 'shape': (0, 288230376151711744, 16)}") ==
        "[npy] 'm': too many elements; got (0, 288230376151711744, 16)");
  CHECK(with_dict("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), } x") ==
        "[npy] 'm': nothing may follow the header's dict");
  for (const char* code : {"|f8", "f8", "<f3", "<c8", "|O", "<f88", "", "<b2", "|V4", "<M8[us]"})
    CHECK(with_dict(std::string("{'descr': '") + code + "'}") ==
          std::string(
              "[npy] 'm': descr must be a type of booleans, integers or real numbers such as '<f8'; got '") +
              code + "'");
}
