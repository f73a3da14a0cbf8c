// Reads every #include line of the library: an arrow of the layers may only point down.
//
//   config < core < backend/{cpu,cuda} < autograd < ops < loss < nn      optim on autograd
//   nn and optim hand their state to io
//   data, interop, io on core                text on nn and io
//   kernels on nothing but the declarations of their launchers, backend/cuda/launch
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace fs = std::filesystem;

namespace {

// What each layer may include beside itself.
const std::map<std::string, std::set<std::string>> kBelow = {
    {"config", {}},
    {"core", {"config"}},
    {"backend/cpu", {"config", "core"}},
    {"backend/cuda", {"config", "core"}},
    {"autograd", {"config", "core", "backend/cpu", "backend/cuda"}},
    {"ops", {"config", "core", "backend/cpu", "backend/cuda", "autograd"}},
    {"loss", {"config", "core", "backend/cpu", "backend/cuda", "autograd", "ops"}},
    {"nn", {"config", "core", "backend/cpu", "backend/cuda", "autograd", "ops", "loss", "io"}},
    {"optim", {"config", "core", "backend/cpu", "backend/cuda", "autograd", "io"}},
    {"data", {"config", "core", "io"}},
    {"interop", {"config", "core"}},
    {"io", {"config", "core"}},
    {"text", {"config", "core", "autograd", "ops", "io", "nn"}},
};

// The declarations that kernels share with the library: plain C++ on nothing.
const std::string kLaunch = "limbic/backend/cuda/launch/";

// Slow to compile, or printing, which the library never does.
const std::set<std::string> kBanned = {"iostream", "sstream", "regex", "format", "source_location"};

// "limbic/core/shape.hpp" -> "core"; the umbrella and what is not limbic's have none.
std::string layer_of(const std::string& header) {
  if (header == "limbic/config.hpp") return "config";
  static const std::regex pattern("limbic/(backend/[^/]+|[^/]+)/.*");
  std::smatch match;
  return std::regex_match(header, match, pattern) ? match[1].str() : "";
}

struct Include {
  std::string target;
  bool quoted = false;
};

// The header that a line names: #include lines, and the file handed to isa_foreach.hpp.
std::vector<Include> parse(const std::string& line) {
  static const std::regex pattern(R"(^\s*#\s*(include|define\s+LIMBIC_ISA_FILE)\s*([<"])([^>"]+)[>"].*)");
  std::smatch match;
  if (!std::regex_match(line, match, pattern)) return {};
  return {{match[3].str(), match[2].str() == "\""}};
}

// What is wrong with `header` (such as "limbic/core/shape.hpp") including `include`; "" when nothing is.
std::string complaint(const std::string& header, const Include& include) {
  const std::string& target = include.target;
  const std::string from = layer_of(header), to = layer_of(target);
  if (include.quoted) return "write <limbic/...>, not quotes";
  if (kBanned.count(target)) return "<" + target + "> is not used in the library";
  if (target.rfind("Eigen", 0) == 0 && from != "backend/cpu" && from != "interop")
    return "Eigen is seen in backend/cpu and interop only";
  if (header == "limbic/limbic.hpp" || header == "limbic/cuda.hpp") return "";
  if (target == "limbic/limbic.hpp" || target == "limbic/cuda.hpp")
    return "the umbrella stands on top of everything";
  if (target.rfind("limbic/", 0) != 0) return "";
  if (!kBelow.count(from)) return "a folder that has no place among the layers";
  if (from != to && !kBelow.at(from).count(to)) return "an arrow that points up";
  return "";
}

std::vector<Include> includes_of(const fs::path& file) {
  std::vector<Include> all;
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    for (auto& include : parse(line)) all.push_back(include);
  return all;
}

// All files below `folder`, with their paths relative to `base`.
std::vector<std::string> files_below(const fs::path& base, const fs::path& folder) {
  std::vector<std::string> all;
  if (!fs::exists(base / folder)) return all;
  for (const auto& entry : fs::recursive_directory_iterator(base / folder))
    if (entry.is_regular_file()) all.push_back(fs::relative(entry.path(), base).generic_string());
  std::sort(all.begin(), all.end());
  return all;
}

const fs::path kRoot = LIMBIC_SOURCE_DIR;

}  // namespace

TEST_CASE("no #include points up") {
  std::size_t arrows = 0;
  for (const auto& header : files_below(kRoot / "include", "limbic"))
    for (const auto& include : includes_of(kRoot / "include" / header)) {
      ++arrows;
      INFO(header << " includes " << include.target);
      CHECK(complaint(header, include) == "");
    }
  CHECK(arrows > 20);
}

TEST_CASE("no headers include each other in a circle") {
  enum class Mark { none, open, done };
  std::map<std::string, Mark> marks;
  std::function<void(const std::string&)> visit = [&](const std::string& header) {
    INFO(header);
    CHECK(marks[header] != Mark::open);
    if (marks[header] != Mark::none) return;
    marks[header] = Mark::open;
    for (const auto& include : includes_of(kRoot / "include" / header))
      if (include.target.rfind("limbic/", 0) == 0) visit(include.target);
    marks[header] = Mark::done;
  };
  for (const auto& header : files_below(kRoot / "include", "limbic")) visit(header);
}

TEST_CASE("every included header exists") {
  for (const auto& header : files_below(kRoot / "include", "limbic"))
    for (const auto& include : includes_of(kRoot / "include" / header))
      if (include.target.rfind("limbic/", 0) == 0) {
        INFO(header << " includes " << include.target);
        CHECK(fs::exists(kRoot / "include" / include.target));
      }
}

TEST_CASE("the umbrellas reach every header") {
  // What another library is needed for, and the readers of data sets and text models, which few programs
  // want.
  auto left_out = [](const std::string& header) {
    return header == "limbic/io/npz.hpp" || layer_of(header) == "data" || layer_of(header) == "text";
  };
  std::set<std::string> reached;
  std::function<void(const std::string&)> visit = [&](const std::string& header) {
    if (!reached.insert(header).second) return;
    for (const auto& include : includes_of(kRoot / "include" / header))
      if (include.target.rfind("limbic/", 0) == 0) visit(include.target);
  };
  visit("limbic/limbic.hpp");
  CHECK(std::none_of(reached.begin(), reached.end(),
                     [](const std::string& h) { return layer_of(h) == "backend/cuda"; }));
  visit("limbic/cuda.hpp");
  for (const auto& header : files_below(kRoot / "include", "limbic")) {
    INFO(header);
    CHECK(reached.contains(header) != left_out(header));
  }
}

TEST_CASE("kernels are a leaf: of the library they see the declarations of launchers alone") {
  std::size_t kernels = 0;
  for (const auto& file : files_below(kRoot, "kernels"))
    for (const auto& include : includes_of(kRoot / file)) {
      INFO(file << " includes " << include.target);
      if (include.target.rfind("limbic/", 0) == 0) CHECK(include.target.rfind(kLaunch, 0) == 0);
      ++kernels;
    }
  CHECK(kernels > 20);
  for (const auto& header : files_below(kRoot / "include", kLaunch))
    for (const auto& include : includes_of(kRoot / "include" / header)) {
      INFO(header << " includes " << include.target);
      const bool system = include.target == "cstdint" || include.target == "cstddef";
      CHECK((system || include.target.rfind(kLaunch, 0) == 0));
    }
}

TEST_CASE("the rules see what is wrong") {
  auto wrong = [](const std::string& header, const std::string& line) {
    const auto found = parse(line);
    REQUIRE(found.size() == 1);
    return complaint(header, found[0]) != "";
  };
  CHECK(wrong("limbic/core/a.hpp", "#include <limbic/autograd/var.hpp>"));
  CHECK(wrong("limbic/core/a.hpp", "  #  include <limbic/backend/cpu/gemm.hpp>  // why"));
  CHECK(wrong("limbic/core/a.hpp", "#include <limbic/limbic.hpp>"));
  CHECK(wrong("limbic/core/a.hpp", "#include <Eigen/Core>"));
  CHECK(wrong("limbic/core/a.hpp", "#include \"shape.hpp\""));
  CHECK(wrong("limbic/core/a.hpp", "#include <iostream>"));
  CHECK(wrong("limbic/core/a.hpp", "#define LIMBIC_ISA_FILE <limbic/backend/cpu/rows.inl>"));
  CHECK(wrong("limbic/backend/cpu/a.hpp", "#include <limbic/backend/cuda/a.hpp>"));
  CHECK(wrong("limbic/backend/cuda/a.hpp", "#include <limbic/backend/cpu/a.hpp>"));
  CHECK(wrong("limbic/optim/a.hpp", "#include <limbic/nn/module.hpp>"));
  CHECK(wrong("limbic/io/a.hpp", "#include <limbic/autograd/var.hpp>"));
  CHECK(wrong("limbic/ops/a.hpp", "#include <limbic/loss/mmd.hpp>"));
  CHECK(wrong("limbic/config.hpp", "#include <limbic/core/shape.hpp>"));
  CHECK(wrong("limbic/misc/a.hpp", "#include <limbic/config.hpp>"));

  CHECK(!wrong("limbic/ops/a.hpp", "#include <limbic/autograd/var.hpp>"));
  CHECK(!wrong("limbic/ops/a.hpp", "#include <limbic/ops/b.hpp>"));
  CHECK(!wrong("limbic/backend/cpu/a.hpp", "#include <Eigen/Core>"));
  CHECK(!wrong("limbic/core/a.hpp", "#include <vector>"));
  CHECK(!wrong("limbic/limbic.hpp", "#include <limbic/nn/linear.hpp>"));
  CHECK(parse("// see #include <limbic/nn/linear.hpp>").empty());
  CHECK(parse("#include LIMBIC_ISA_FILE").empty());
}
