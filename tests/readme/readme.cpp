// Keeps README.md true: its C++ code is cut from compiled examples, its support table is what the tests
// register.
//
//   readme check README.md ROWS   exits 1 and says what differs
//   readme write README.md ROWS   puts the right text in
//
// Code:  <!-- code examples/quickstart/quickstart.cpp quickstart --> before a ```cpp block holds what the
//        file has between "// [readme:quickstart]" and "// [/readme]". No other ```cpp block may be there.
// Table: between <!-- support --> and <!-- /support --> stand the lines "op | device | gradient | second
//        gradient" that the tests wrote into the files of the folder ROWS.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace {

using Lines = std::vector<std::string>;

Lines read_lines(const std::filesystem::path& file) {
  std::ifstream in(file);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  Lines lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::string trimmed(const std::string& line) {
  const auto begin = line.find_first_not_of(" \t\r\n");
  return begin == line.npos ? "" : line.substr(begin, line.find_last_not_of(" \t\r\n") - begin + 1);
}

// The region `name` of a source file, moved to the left margin.
Lines region(const std::filesystem::path& file, const std::string& name) {
  Lines lines;
  bool inside = false;
  for (const auto& line : read_lines(file)) {
    if (trimmed(line) == "// [/readme]") inside = false;
    if (inside) lines.push_back(line);
    if (trimmed(line) == "// [readme:" + name + "]") inside = true;
  }
  if (lines.empty()) throw std::runtime_error("no region [readme:" + name + "] in " + file.string());
  std::size_t margin = std::string::npos;
  for (const auto& line : lines)
    if (!trimmed(line).empty()) margin = std::min(margin, line.find_first_not_of(' '));
  for (auto& line : lines) line.erase(0, std::min(margin, line.size()));
  return lines;
}

// The rows in the files of a folder as a Markdown table; devices with the same support share one. Tests may
// register one operation in parts.
Lines support_table(const std::filesystem::path& folder) {
  std::map<std::string, std::map<std::string, std::pair<bool, bool>>>
      operations;  // operation -> device -> gradients
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    for (const auto& line : read_lines(entry.path())) {
      const auto third = line.rfind(" | "), second = line.rfind(" | ", third - 1),
                 first = line.rfind(" | ", second - 1);
      if (third == line.npos || second == line.npos || first == line.npos)
        throw std::runtime_error("not a row: " + line);
      auto& [gradient, again] = operations[line.substr(0, first)][line.substr(first + 3, second - first - 3)];
      gradient |= line.substr(second, third - second) == " | yes";
      again |= line.substr(third) == " | yes";
    }
  Lines lines = {"| op | device | gradient | second gradient |", "|---|---|---|---|"};
  for (const auto& [operation, on] : operations) {
    std::map<std::pair<bool, bool>, std::string> devices;
    for (const auto& [device, yes] : on) devices[yes] += (devices[yes].empty() ? "" : ", ") + device;
    for (const auto& [yes, names] : devices)
      lines.push_back("| " + operation + " | " + names + (yes.first ? " | yes" : " | no") +
                      (yes.second ? " | yes |" : " | no |"));
  }
  return lines;
}

// The text as it must be.
Lines corrected(const std::filesystem::path& readme, const std::filesystem::path& rows) {
  const Lines lines = read_lines(readme);
  Lines out;
  auto skip_to = [&](std::size_t i, const std::string& end) {
    while (++i < lines.size() && lines[i] != end) {
    }
    if (i >= lines.size()) throw std::runtime_error("README has no " + end);
    return i;
  };
  for (std::size_t i = 0; i < lines.size(); ++i) {
    out.push_back(lines[i]);
    char file[256], name[256];
    if (std::sscanf(lines[i].c_str(), "<!-- code %255s %255s -->", file, name) == 2) {
      if (i + 1 >= lines.size() || lines[i + 1] != "```cpp")
        throw std::runtime_error("no ```cpp after " + lines[i]);
      out.push_back("```cpp");
      for (const auto& line : region(readme.parent_path() / file, name)) out.push_back(line);
      i = skip_to(i + 1, "```");
      out.push_back(lines[i]);
    } else if (lines[i] == "```cpp") {
      throw std::runtime_error("line " + std::to_string(i + 1) +
                               ": C++ code that is not cut from an example");
    } else if (lines[i] == "<!-- support -->") {
      for (const auto& line : support_table(rows)) out.push_back(line);
      i = skip_to(i, "<!-- /support -->");
      out.push_back(lines[i]);
    }
  }
  return out;
}

int run(const std::string& mode, const std::filesystem::path& readme, const std::filesystem::path& rows) {
  const Lines is = read_lines(readme), must = corrected(readme, rows);
  if (is == must) return 0;
  if (mode == "write") {
    std::ofstream out(readme);
    for (const auto& line : must) out << line << '\n';
    return 0;
  }
  std::size_t i = 0;
  while (i < is.size() && i < must.size() && is[i] == must[i]) ++i;
  std::printf(
      "README.md line %zu\n  is:   %s\n  must: %s\n(to correct it: run the tests, then build the target "
      "\"readme_write\")\n",
      i + 1, i < is.size() ? is[i].c_str() : "(end)", i < must.size() ? must[i].c_str() : "(end)");
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  try {
    return run(argv[1], argv[2], argv[3]);
  } catch (const std::exception& e) {
    std::printf("README.md: %s\n", e.what());
    return 1;
  }
}
