// What the program measured, and how it is written down.
#pragma once

#include <office_caltech/deep.hpp>
#include <office_caltech/shallow.hpp>

#include <string>
#include <vector>

namespace office_caltech {

// Per cent right on the target, for each pair.
struct Column {
  std::string name, detail;
  bool deep = false;
  std::vector<std::vector<double>> accuracy;  // [pair][seed]; shallow ones have one

  double of_pair(std::size_t pair) const;  // mean over seeds
  double mean() const;                     // over pairs
  double deviation() const;                // of the mean over pairs, between seeds
};

struct Results {
  std::vector<Column> columns;
  DeepOptions deep;
  index_t seeds = 0;
  std::string data;  // the folder's name
};

// The protocol, the selection rules and the findings, in sentences.
std::vector<std::string> remarks(const Results& results);
// Both tables for the terminal.
std::string table_text(const Results& results);
// results.csv, results.json and report.html in a folder, which is made. Throws when it cannot be written.
void write_results(const Results& results, const std::string& folder);

}  // namespace office_caltech
