// .npz: archives of NumPy, round trips stored and deflated, and what is refused with which text.
#include <limbic/core/compare.hpp>
#include <limbic/io/npz.hpp>

#include "temporary_folder.hpp"

#include <doctest/doctest.h>

using limbic::Error;
using limbic::index_t;
using limbic::NpzFile;
using limbic::Tensor;

namespace {

std::string seed(const std::string& name) { return LIMBIC_SOURCE_DIR "/tests/fuzz/seeds/npz/" + name; }

std::string refusal(const std::string& path, const std::string& name = "x",
                    std::uint64_t max_bytes = 1 << 20) {
  try {
    (void)NpzFile::open(path, max_bytes).load<double>(name);
  } catch (const Error& e) {
    std::string text = e.what();
    if (const auto at = text.find(path); at != text.npos) text.replace(at, path.size(), "PATH");
    return text;
  }
  return "accepted";
}

}  // namespace

TEST_CASE("NumPy's archives, with and without zip64 fields") {
  const auto stored = NpzFile::open(seed("savez"));
  CHECK(stored.names() == std::vector<std::string>{"mask", "x"});
  CHECK(stored.load<double>("x").to_vector() == std::vector<double>{0, 1, 2, 3, 4, 5});
  CHECK(stored.load<bool>("mask").to_vector() == std::vector<bool>{false, false, false, true, true, true});
  CHECK(stored.header("x").shape == limbic::Shape{2, 3});
  const auto deflated = NpzFile::open(seed("savez_compressed"));
  CHECK(limbic::equal(deflated.load<float>("x"), Tensor<float>::zeros({20, 30})));
  CHECK(deflated.load<index_t>("n").item() == 7);
  CHECK(NpzFile::open(seed("other_files")).names() == std::vector<std::string>{"a", "b"});
  CHECK(NpzFile::open(seed("empty")).names().empty());
}

TEST_CASE("what is written is read back, the same bytes every time") {
  const TemporaryFolder folder;
  const auto x = Tensor<float>::full({100, 50}, 1.5f);
  const auto n = Tensor<index_t>::from({2}, {-1, 1});
  for (const auto packing : {limbic::NpzPacking::stored, limbic::NpzPacking::deflate}) {
    limbic::save_npz(folder / "a.npz", {{"x", x}, {"n", n}, {"none", Tensor<double>::zeros({0})}}, packing);
    limbic::save_npz(folder / "b.npz", {{"x", x}, {"n", n}, {"none", Tensor<double>::zeros({0})}}, packing);
    const auto file = NpzFile::open(folder / "a.npz");
    CHECK(limbic::equal(file.load<float>("x"), x));
    CHECK(limbic::equal(file.load<index_t>("n"), n));
    CHECK(file.load<double>("none").shape() == limbic::Shape{0});
    const std::string text = file_text(folder / "a.npz");
    CHECK(text == file_text(folder / "b.npz"));
    CHECK((text.size() < 2000) == (packing == limbic::NpzPacking::deflate));
    CHECK(folder.files() == 2);
  }
  limbic::save_npz(folder / "a.npz", {});
  CHECK(NpzFile::open(folder / "a.npz").names().empty());
}

TEST_CASE("what is refused") {
  CHECK(refusal(seed("savez"), "y") == "[npz] 'PATH': no array is named 'y'; there are 2");
  CHECK(refusal(seed("bzip2")) == "[npz] 'PATH/x.npy': must be stored or deflated; got method 12");
  CHECK(refusal(seed("checksum")) == "[npz] 'PATH/x.npy': cannot be unpacked: CRC error");
  CHECK(refusal(seed("other_files"), "b") == "[npz] 'PATH/b.npy': must have at least 12 bytes; got 5");
  CHECK(refusal(seed("bomb")) ==
        "[npz] 'PATH/x.npy': U8 (99999999999) must take 100000000077 bytes; the archive declares 100078");
  CHECK(refusal(seed("savez"), "x", 100) == "[npz] 'PATH/x.npy': must take at most 100 bytes; got 176");
  CHECK(refusal(seed("savez_compressed"), "n") == "[npy] 'PATH/n.npy' is I64 and cannot be read as float64");

  const TemporaryFolder folder;
  limbic::write_file(folder / "text", "not an archive");
  CHECK(refusal(folder / "text") == "[npz] 'PATH': a zip archive is needed: Not a zip archive");
  CHECK_THROWS_WITH_AS(
      limbic::save_npz("a", {{"x", Tensor<float>::ones({1})}, {"x", Tensor<float>::ones({1})}}),
      "[npz] names must be unique; got 'x' twice", Error);
  CHECK_THROWS_WITH_AS(limbic::save_npz("a", {{"", Tensor<float>::ones({1})}}),
                       "[npz] a name must not be empty", Error);
  const std::string deep = folder / "none/a.npz";
  CHECK_THROWS_WITH_AS(limbic::save_npz(deep, {}),
                       ("[file] cannot create '" + deep + "': No such file or directory").c_str(), Error);
}

TEST_CASE("sizes that the archive lies about take no memory") {
  // The sizes in the central directory and in the .npy header agree on 1 GiB; 190 bytes are there.
  std::string text = file_text(seed("savez"));
  const auto replace = [&](const std::string& from, const std::string& to) {
    REQUIRE(from.size() == to.size());
    for (auto at = text.find(from); at != text.npos; at = text.find(from, at + to.size()))
      text.replace(at, from.size(), to);
  };
  const auto le = [](std::uint32_t v) { return std::string(reinterpret_cast<const char*>(&v), 4); };
  replace("(2, 3), }             ", "(1024, 131072), }     ");
  const auto directory = text.find("PK\x01\x02");
  const auto sizes = text.find(le(176), directory);
  REQUIRE(sizes != text.npos);
  const TemporaryFolder folder;
  text.replace(sizes + 4, 4, le((1u << 30) + 128));
  limbic::write_file(folder / "a", text);
  CHECK(refusal(folder / "a", "x", 1u << 31) ==
        "[npz] 'PATH/x.npy': cannot hold 1073741952 bytes: only 176 packed ones are there");
  text.replace(sizes, 4, le((1u << 30) + 128));
  limbic::write_file(folder / "a", text);
  CHECK(refusal(folder / "a", "x", 1u << 31) != "accepted");
}
