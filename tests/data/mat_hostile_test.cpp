// Damaged .mat files: with bytes changed at random, a file is read or is an Error; no crash, no endless loop,
// no memory beyond what the file can hold.
//
// LIMBIC_MAT_VARIANTS sets how many variants of each format are tried (10000 takes some ten minutes, and an
// hour with the address sanitizer, mostly for version 7.3).
#include <doctest/doctest.h>

#include <limbic/backend/cpu/random.hpp>
#include <limbic/core/random.hpp>
#include <limbic/data/mat.hpp>

#include <cstdlib>
#include <functional>

#include "io/temporary_folder.hpp"

using namespace limbic;

namespace {

// A copy with one to four bytes changed, half of them among the first 1024.
std::string changed(std::string bytes, RandomStream& random) {
  const std::vector<index_t> draws = random.integers({32}, 0, index_t{1} << 40).to_vector();
  std::size_t next = 0;
  const auto below = [&](std::size_t n) { return static_cast<std::size_t>(draws[next++]) % n; };
  for (std::size_t n = 1 + below(4); n > 0; --n) {
    const std::size_t at = below(below(2) ? bytes.size() : std::min<std::size_t>(bytes.size(), 1024));
    const auto old = static_cast<unsigned char>(bytes[at]);
    bytes[at] = static_cast<char>(below(2) ? below(256) : old ^ (std::size_t{1} << below(8)));
  }
  return bytes;
}

struct Outcome {
  int whole = 0, errors = 0;
};

// Opens and reads everything.
void try_all(const std::function<mat::File()>& open, Outcome& outcome) {
  try {
    const mat::File file = open();
    bool whole = true;
    for (const mat::Entry& e : file.list()) try {
        const mat::Value v = file.value(e.name);
        // Never less than what the file says: an array of no elements only where it says so.
        if (numel(e.shape) > 0) CHECK(numel(v.shape()) > 0);
      } catch (const Error&) {
        whole = false;
      }
    whole ? ++outcome.whole : ++outcome.errors;
  } catch (const Error& e) {
    CHECK(std::string(e.what()).find("hostile") != std::string::npos);
    ++outcome.errors;
  }
}

std::string seed(const std::string& name) {
  return file_text(LIMBIC_SOURCE_DIR "/tests/fuzz/seeds/mat/" + name);
}

int variants(int usual) {
  const char* given = std::getenv("LIMBIC_MAT_VARIANTS");
  return given ? std::atoi(given) : usual;
}

}  // namespace

TEST_CASE("versions 4 and 5 with changed bytes") {
  for (const char* name :
       {"v4.mat", "v4_big_endian.mat", "v5.mat", "v5_big_endian.mat", "v5_compressed.mat"}) {
    const std::string original = seed(name);
    RandomStream random = Random(1).stream(name);
    Outcome outcome;
    const int n = variants(400);
    for (int i = 0; i < n; ++i) {
      const std::string bytes = changed(original, random);
      try_all(
          [&] {
            return mat::File::parse(std::as_bytes(std::span(bytes)), "hostile", {.max_bytes = 1 << 26});
          },
          outcome);
    }
    MESSAGE(std::string(name) << ": " << n << " variants, " << outcome.whole << " read whole, "
                              << outcome.errors << " errors");
    CHECK(outcome.whole + outcome.errors == n);
    CHECK(outcome.errors > n / 10);
  }
}

TEST_CASE("version 7.3 with changed bytes") {
  TemporaryFolder folder;
  const std::string path = folder / "hostile.mat";
  const std::string original = seed("v73.mat");
  RandomStream random = Random(1).stream("v73");
  Outcome outcome;
  const int n = variants(30);
  for (int i = 0; i < n; ++i) {
    std::ofstream(path, std::ios::binary) << changed(original, random);
    try_all([&] { return mat::File::open(path, {.max_bytes = 1 << 26, .seconds = 1}); }, outcome);
  }
  MESSAGE("v73.mat: " << n << " variants, " << outcome.whole << " read whole, " << outcome.errors
                      << " errors");
  CHECK(outcome.whole + outcome.errors == n);
  CHECK(outcome.errors > 0);
}

TEST_CASE("a child that crashes, hangs or fails is an Error of its parent") {
  const auto says = [](auto&& f) {
    try {
      limbic::detail::in_child("'f'", {1, 1 << 28}, f);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string();
  };
  CHECK(says([] {}) == "");
  CHECK(says([] { fail("mat", "no"); }) == "[mat] no");
  CHECK(says([] { throw std::bad_alloc(); }) != "");
  if (limbic::detail::kLimitAddresses)
    CHECK(says([] {
            std::vector<char> much(std::size_t{1} << 30);
            ::raise(much.back() ? SIGTERM : SIGKILL);
          }).find("bad_alloc") != std::string::npos);
  CHECK(says([] { std::abort(); }).find("crashed") != std::string::npos);
  CHECK(says([] { ::raise(SIGSEGV); }).find("crashed") != std::string::npos);
  CHECK(says([] { ::_exit(0); }).find("crashed") != std::string::npos);
  CHECK(says([] {
          for (volatile unsigned i = 0;;) i = i + 1;
        }).find("did not come to an end") != std::string::npos);
}
