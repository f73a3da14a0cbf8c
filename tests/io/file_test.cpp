// Maps, and files that appear whole or not at all: what stands under the name after a failure.
#include <limbic/io/file.hpp>

#include "temporary_folder.hpp"

#include <doctest/doctest.h>

#include <csignal>

#include <sys/resource.h>

using limbic::AtomicFile;
using limbic::Error;
using limbic::MappedFile;

namespace {

std::string mapped(const std::string& path) {
  const auto map = MappedFile::open(path);
  return {reinterpret_cast<const char*>(map->bytes().data()), map->bytes().size()};
}

// Lets this process write files of at most `bytes` bytes: a disk that is full.
struct FileSizeLimit {
  rlimit before{};
  void (*handler)(int);
  explicit FileSizeLimit(rlim_t bytes) : handler(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit limit{bytes, before.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, handler);
  }
};

}  // namespace

TEST_CASE("what is written is what is mapped") {
  const TemporaryFolder folder;
  limbic::write_file(folder / "a", "hello");
  CHECK(mapped(folder / "a") == "hello");
  limbic::write_file(folder / "a", "");
  CHECK(mapped(folder / "a") == "");
  CHECK(folder.files() == 1);
}

TEST_CASE("a map outlives the replacement of its file") {
  const TemporaryFolder folder;
  limbic::write_file(folder / "a", "old");
  const auto map = MappedFile::open(folder / "a");
  limbic::write_file(folder / "a", "new and longer");
  CHECK(static_cast<char>(map->bytes()[0]) == 'o');
  CHECK(map->bytes().size() == 3);
}

TEST_CASE("without commit nothing changes and nothing is left") {
  const TemporaryFolder folder;
  limbic::write_file(folder / "a", "old");
  {
    AtomicFile file(folder / "a");
    file.write("new");
    CHECK(folder.files() == 2);
    CHECK(mapped(folder / "a") == "old");
  }
  CHECK(mapped(folder / "a") == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("a full disk leaves the old file") {
  const TemporaryFolder folder;
  const std::string path = folder / "a";
  limbic::write_file(path, "old");
  {
    const FileSizeLimit limit(4096);
    CHECK_THROWS_WITH_AS(limbic::write_file(path, std::string(10000, 'x')),
                         ("[file] cannot write '" + path + "': File too large").c_str(), Error);
  }
  CHECK(mapped(path) == "old");
  CHECK(folder.files() == 1);
}

TEST_CASE("a file can be written by its bare name") {
  const TemporaryFolder folder;
  const auto here = std::filesystem::current_path();
  std::filesystem::current_path(folder / "");
  limbic::write_file("bare", "x");
  CHECK(mapped("bare") == "x");
  std::filesystem::current_path(here);
}

TEST_CASE("texts name the file and the reason") {
  const TemporaryFolder folder;
  const std::string none = folder / "none", deep = folder / "none/a", taken = folder / "taken";
  std::filesystem::create_directory(taken);
  CHECK_THROWS_WITH_AS(MappedFile::open(none),
                       ("[file] cannot open '" + none + "': No such file or directory").c_str(), Error);
  CHECK_THROWS_WITH_AS(MappedFile::open(taken),
                       ("[file] a regular file is needed; got '" + taken + "'").c_str(), Error);
  CHECK_THROWS_WITH_AS(limbic::write_file(deep, "x"),
                       ("[file] cannot create '" + deep + "': No such file or directory").c_str(), Error);
  CHECK_THROWS_WITH_AS(limbic::write_file(taken, "x"),
                       ("[file] cannot replace '" + taken + "': Is a directory").c_str(), Error);
  CHECK(folder.files() == 1);
  limbic::write_file(none, "x");
  CHECK_THROWS_WITH_AS(limbic::write_file(deep, "x"),
                       ("[file] cannot create '" + deep + "': Not a directory").c_str(), Error);
  if (::geteuid() != 0) {
    ::chmod(taken.c_str(), 0500);
    const std::string closed = taken + "/a";
    CHECK_THROWS_WITH_AS(limbic::write_file(closed, "x"),
                         ("[file] cannot create '" + closed + "': Permission denied").c_str(), Error);
  }
}

TEST_CASE("hostile names are tamed in messages") {
  CHECK(limbic::detail::quoted("a\n\x1b[31m") == "'a??[31m'");
  CHECK(limbic::detail::quoted(std::string(100, 'x')) == "'" + std::string(80, 'x') + "...'");
}
