// The folder of a run: everything that it writes, so that it can be resumed, reported and compared.
//
//   config.json     the resolved settings              protocol.json   what the numbers mean
//   report.html     the report                         METHOD/FOLD/    metrics.csv, checkpoint.safetensors,
//   ...
//
// One process and its children use a folder at a time (flock on .lock, inherited by children, so that it is
// free only when the last of them ended). Files are replaced whole or not at all; a full disk loses nothing
// that was there.
#pragma once

#include <app/options.hpp>

#include <limbic/io/file.hpp>

#include <memory>
#include <span>

namespace limbic::app {

enum class IfExists {
  refuse,  // a folder that holds a run is an error that names --resume and --force
  resume,  // it must hold a run
  force,   // what is there is moved to NAME.1, NAME.2, ...: the first that is free
};

class RunFolder {
 public:
  // Makes the folder and those above it, and takes its lock. Throws when another process has it, when it
  // cannot be written, and as IfExists says.
  RunFolder(std::string path, IfExists mode);
  // For a child process or a reader: no lock of its own. Throws when `path` holds no run.
  static RunFolder attach(std::string path);

  const std::string& path() const { return path_; }
  // The folder that a run in this place would have been moved to by IfExists::force; "" when none was there.
  const std::string& moved_to() const { return moved_to_; }
  // path/name; folders in `name` are made.
  std::string file(const std::string& name) const;
  bool has(const std::string& name) const;
  void write_json(const std::string& name, const Json& value) const;
  void write_text(const std::string& name, std::string_view text) const;
  Json json(const std::string& name) const { return read_json(path_ + "/" + name); }

 private:
  RunFolder() = default;

  std::string path_, moved_to_;
  std::shared_ptr<detail::Descriptor> lock_;
};

// Rows of numbers under named columns, appended one at a time. The first column counts up (the epoch).
class MetricsFile {
 public:
  // Opens or makes the file and drops the rows whose first column is above `last`, and a half-written row at
  // its end. Throws when the columns of an existing file are others.
  MetricsFile(std::string path, std::vector<std::string> columns, double last);

  // Throws when the number of values is not that of the columns, or the disk is full (the file then stays as
  // it was).
  void append(std::span<const double> row);
  const std::vector<std::vector<double>>& rows() const { return rows_; }

 private:
  std::string path_;
  std::vector<std::string> columns_;
  std::vector<std::vector<double>> rows_;
};

// A CSV file of numbers with a header.
struct NumberTable {
  std::vector<std::string> columns;
  std::vector<std::vector<double>> rows;

  // The values of one column. Throws when there is none of that name.
  std::vector<double> column(const std::string& name) const;
  bool has(const std::string& name) const;
};
// Throws naming file and line when it is not such a file.
NumberTable read_number_table(const std::string& path);
// The shortest text that reads back as the same number.
std::string number_text(double value);

}  // namespace limbic::app
