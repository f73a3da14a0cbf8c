#include <app/run_folder.hpp>

#include <charconv>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <thread>

#include <sys/file.h>

namespace limbic::app {

namespace fs = std::filesystem;

namespace {

constexpr const char* kMarker = "config.json";  // a folder that holds it holds a run
constexpr auto kPatience =
    std::chrono::seconds(3);  // children of a killed run save what they have before they end

void make_folder(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) detail::fail_file("make the folder", path.string(), error.value());
}

// The lock lies above descriptor 3, which children use for something else, and is handed down to them.
std::shared_ptr<detail::Descriptor> take_lock(const std::string& folder) {
  const std::string path = folder + "/.lock";
  const detail::Descriptor low(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666));
  if (low.get() < 0) detail::fail_file("write", path, errno);
  auto lock = std::make_shared<detail::Descriptor>(::fcntl(low.get(), F_DUPFD, 10));
  if (lock->get() < 0) detail::fail_file("lock", path, errno);
  const auto until = std::chrono::steady_clock::now() + kPatience;
  while (::flock(lock->get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) detail::fail_file("lock", path, errno);
    if (std::chrono::steady_clock::now() > until) {
      char text[32] = {};
      const ssize_t n = ::pread(lock->get(), text, sizeof text - 1, 0);
      fail("run folder", "'", folder, "' must not be in use; process ", n > 0 ? text : "(unknown)",
           " is using it (hint: wait for it, or choose another folder with --out)");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(lock->get(), 0) != 0 || ::pwrite(lock->get(), pid.data(), pid.size(), 0) < 0)
    detail::fail_file("write", path, errno);
  return lock;
}

double parse_number(std::string_view text, bool& ok) {
  double v = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), v);
  ok = error == std::errc() && end == text.data() + text.size();
  return v;
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string row_text(std::span<const double> row) {
  std::string text;
  for (double v : row) text += (text.empty() ? "" : ",") + number_text(v);
  return text + "\n";
}

std::string header_text(const std::vector<std::string>& columns) {
  std::string text;
  for (const auto& c : columns) text += (text.empty() ? "" : ",") + c;
  return text + "\n";
}

}  // namespace

std::string number_text(double value) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value).ptr;
  return std::string(buffer, end);
}

RunFolder::RunFolder(std::string path, IfExists mode) : path_(std::move(path)) {
  while (path_.size() > 1 && path_.back() == '/') path_.pop_back();
  check(!path_.empty(), "run folder", "a name is needed; got ''");
  const bool holds_run = fs::exists(path_ + "/" + kMarker);
  if (mode == IfExists::resume && !holds_run)
    fail("run folder", "'", path_,
         "' must hold a run to resume; got none (hint: leave out --resume to begin one)");
  std::error_code error;
  const bool other =
      !holds_run && fs::exists(path_) && !fs::is_empty(path_, error) && !fs::exists(path_ + "/.lock");
  if (other)
    fail("run folder", "'", path_,
         "' must be empty or hold a run; got other files (hint: choose another with --out)");
  make_folder(path_);
  lock_ = take_lock(path_);
  if (!fs::exists(path_ + "/" + kMarker)) {
    if (mode == IfExists::resume) fail("run folder", "'", path_, "' was moved meanwhile");
    return;
  }
  if (mode == IfExists::refuse)
    fail("run folder", "'", path_,
         "' holds a run already (hint: --resume goes on with it, --force starts anew and keeps it under "
         "another name, --out names another folder)");
  if (mode == IfExists::force) {
    int n = 1;
    while (fs::exists(path_ + "." + std::to_string(n))) ++n;
    moved_to_ = path_ + "." + std::to_string(n);
    if (::rename(path_.c_str(), moved_to_.c_str()) != 0) detail::fail_file("move", path_, errno);
    make_folder(path_);
    lock_ = take_lock(path_);
  }
}

RunFolder RunFolder::attach(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  if (!fs::exists(path + "/" + kMarker))
    fail("run folder", "'", path, "' must hold a run; it has no ", kMarker);
  RunFolder folder;
  folder.path_ = std::move(path);
  return folder;
}

std::string RunFolder::file(const std::string& name) const {
  const fs::path path = fs::path(path_) / name;
  make_folder(path.parent_path());
  return path.string();
}

bool RunFolder::has(const std::string& name) const { return fs::exists(fs::path(path_) / name); }

void RunFolder::write_text(const std::string& name, std::string_view text) const {
  write_file(file(name), text);
}

void RunFolder::write_json(const std::string& name, const Json& value) const {
  write_text(name, value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

MetricsFile::MetricsFile(std::string path, std::vector<std::string> columns, double last)
    : path_(std::move(path)), columns_(std::move(columns)) {
  if (fs::exists(path_)) {
    const NumberTable table = read_number_table(path_);
    if (table.columns != columns_)
      fail("metrics", "'", path_, "' must have the columns ", header_text(columns_).substr(0, 200), "; got ",
           header_text(table.columns).substr(0, 200));
    for (const auto& row : table.rows)
      if (row[0] <= last) rows_.push_back(row);
  }
  std::string text = header_text(columns_);
  for (const auto& row : rows_) text += row_text(row);
  write_file(path_, text);
}

void MetricsFile::append(std::span<const double> row) {
  check(row.size() == columns_.size(), "metrics", "a value for each of the ", columns_.size(),
        " columns is needed; got ", row.size());
  const std::string text = row_text(row);
  const detail::Descriptor file(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
  if (file.get() < 0) detail::fail_file("open", path_, errno);
  const off_t before = ::lseek(file.get(), 0, SEEK_END);
  std::string_view left = text;
  while (!left.empty()) {
    const ssize_t n = ::write(file.get(), left.data(), left.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) {
      const int error = errno;
      if (::ftruncate(file.get(), before) != 0) detail::fail_file("shorten", path_, errno);
      detail::fail_file("write", path_, error);
    }
    left.remove_prefix(static_cast<std::size_t>(n));
  }
  rows_.emplace_back(row.begin(), row.end());
}

bool NumberTable::has(const std::string& name) const {
  return std::find(columns.begin(), columns.end(), name) != columns.end();
}

std::vector<double> NumberTable::column(const std::string& name) const {
  const auto at = std::find(columns.begin(), columns.end(), name);
  if (at == columns.end()) fail("table", "a column named '", name, "' is needed; got ", header_text(columns));
  std::vector<double> out;
  for (const auto& row : rows) out.push_back(row[static_cast<std::size_t>(at - columns.begin())]);
  return out;
}

NumberTable read_number_table(const std::string& path) {
  const auto file = MappedFile::open(path);
  const auto bytes = file->bytes();
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  text = text.substr(0, text.rfind('\n') + 1);  // what follows the last line's end was not finished
  NumberTable table;
  index_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.empty()) continue;
    const auto parts = split(line, ',');
    if (table.columns.empty()) {
      table.columns.assign(parts.begin(), parts.end());
      continue;
    }
    if (parts.size() != table.columns.size())
      fail("table", "'", path, "' must have ", table.columns.size(), " values a line; line ", number, " has ",
           parts.size());
    auto& row = table.rows.emplace_back();
    for (std::string_view part : parts) {
      bool ok = false;
      row.push_back(parse_number(part, ok));
      if (!ok)
        fail("table", "'", path, "' must hold numbers; line ", number, " has '", part.substr(0, 40), "'");
    }
  }
  if (table.columns.empty())
    fail("table", "'", path, "' must begin with the names of its columns; got nothing");
  return table;
}

}  // namespace limbic::app
