#include <app/progress.hpp>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>

#include <sys/ioctl.h>
#include <unistd.h>

namespace limbic::app {

namespace {

constexpr double kRedraw = 0.1;  // seconds between two pictures of a bar

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

int terminal_width(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 100;
}

// At most `width` characters; UTF-8 sequences stay whole.
std::string cut(const std::string& text, std::size_t width) {
  std::size_t characters = 0, end = 0;
  for (; end < text.size(); ++end) {
    const bool starts = (static_cast<unsigned char>(text[end]) & 0xc0) != 0x80;
    if (starts && characters++ == width) break;
  }
  return text.substr(0, end);
}

// Line breaks and tabs would break the block and the pipe's lines.
std::string one_line(std::string text) {
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return text;
}

}  // namespace

std::string duration_text(double seconds) {
  const auto total = static_cast<long long>(std::clamp(seconds, 0.0, 1e9) + 0.5);
  char buffer[64];
  if (total < 60) std::snprintf(buffer, sizeof buffer, "%lld s", total);
  else if (total < 3600) std::snprintf(buffer, sizeof buffer, "%lld min %02lld s", total / 60, total % 60);
  else std::snprintf(buffer, sizeof buffer, "%lld h %02lld min", total / 3600, total % 3600 / 60);
  return buffer;
}

std::string progress_line(const std::string& name, index_t done, index_t total, index_t first, double elapsed,
                          const std::string& text, int width) {
  const double share =
      total > 0 ? std::clamp(static_cast<double>(done) / static_cast<double>(total), 0.0, 1.0) : 0;
  constexpr int kBar = 20;
  const int full = static_cast<int>(share * kBar);
  std::string line = name + " [" + std::string(static_cast<std::size_t>(full), '=') +
                     std::string(static_cast<std::size_t>(kBar - full), ' ') + "] ";
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%3.0f %%", 100 * share);
  line += buffer;
  if (done > first && elapsed > 0) {
    const double rate = static_cast<double>(done - first) / elapsed;
    std::snprintf(buffer, sizeof buffer, rate < 10 ? "  %.1f/s" : "  %.0f/s", rate);
    line += buffer;
    if (done < total) line += "  " + duration_text(static_cast<double>(total - done) / rate) + " left";
  }
  if (!text.empty()) line += "  " + text;
  return cut(line, static_cast<std::size_t>(std::max(width, 10)));
}

Progress::Progress(Style style, int fd, double seconds_between_lines)
    : style_(style), fd_(fd), seconds_(seconds_between_lines) {
  if (style_ == Style::automatic) style_ = ::isatty(fd) ? Style::bars : Style::lines;
}

Progress::~Progress() {
  if (style_ == Style::bars && lines_drawn_) draw_block();
}

// Progress is not worth failing for: what cannot be written is left out.
void Progress::write(std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd_, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

Progress::Job& Progress::job(const std::string& name) {
  for (Job& j : jobs_)
    if (j.name == name) return j;
  jobs_.push_back({name, "", 0, 0, -1, Clock::now(), {}});
  return jobs_.back();
}

void Progress::update(const std::string& name, index_t done, index_t total, const std::string& text) {
  if (style_ == Style::quiet) return;
  Job& j = job(name);
  const auto now = Clock::now();
  if (j.first < 0) {
    j.first = done;
    j.start = now;
  }
  j.done = done;
  j.total = total;
  j.text = one_line(text);
  if (style_ == Style::bars) {
    if (seconds_between(drawn_, now) >= kRedraw) draw_block();
    return;
  }
  const double gap = style_ == Style::pipe ? kRedraw : seconds_;
  if (j.shown != Clock::time_point{} && seconds_between(j.shown, now) < gap) return;
  j.shown = now;
  if (style_ == Style::pipe) {
    write("\tupdate\t" + one_line(name) + "\t" + std::to_string(done) + "\t" + std::to_string(total) + "\t" +
          j.text + "\n");
  } else {
    write(progress_line(name, done, total, j.first, seconds_between(j.start, now), j.text, 200) + "\n");
  }
}

void Progress::finish(const std::string& name, const std::string& text) {
  const auto found = std::ranges::find(jobs_, name, &Job::name);
  if (style_ == Style::pipe) {
    if (found != jobs_.end()) jobs_.erase(found);
    write("\tfinish\t" + one_line(name) + "\t0\t0\t" + one_line(text) + "\n");
    return;
  }
  if (style_ == Style::bars) erase_block();
  if (found != jobs_.end()) jobs_.erase(found);
  if (style_ != Style::quiet) write(name + "  " + one_line(text) + "\n");
  if (style_ == Style::bars) draw_block();
}

void Progress::note(const std::string& text) {
  if (style_ == Style::pipe) {
    write("\tnote\t\t0\t0\t" + one_line(text) + "\n");
    return;
  }
  if (style_ == Style::bars) erase_block();
  write(text + "\n");
  if (style_ == Style::bars) draw_block();
}

bool Progress::relay(std::string_view line) {
  if (line.empty() || line[0] != '\t') return false;
  std::string_view field[5];
  line.remove_prefix(1);
  for (int i = 0; i < 5; ++i) {
    const auto tab = i < 4 ? line.find('\t') : line.npos;
    if (i < 4 && tab == line.npos) return false;
    field[i] = line.substr(0, tab);
    if (i < 4) line.remove_prefix(tab + 1);
  }
  index_t numbers[2];
  for (int i = 0; i < 2; ++i) {
    const auto& f = field[2 + i];
    const auto end = f.data() + f.size();
    if (std::from_chars(f.data(), end, numbers[i]).ptr != end || f.empty()) return false;
  }
  const std::string name(field[1]), text(field[4]);
  if (field[0] == "update") update(name, numbers[0], numbers[1], text);
  else if (field[0] == "finish") finish(name, text);
  else if (field[0] == "note") note(text);
  else return false;
  return true;
}

void Progress::erase_block() {
  std::string codes;
  for (; lines_drawn_ > 0; --lines_drawn_) codes += "\x1b[1A\x1b[2K";
  write(codes);
}

void Progress::draw_block() {
  erase_block();
  const auto now = Clock::now();
  const int width = terminal_width(fd_) - 1;
  std::string block;
  for (const Job& j : jobs_) {
    block +=
        progress_line(j.name, j.done, j.total, j.first, seconds_between(j.start, now), j.text, width) + "\n";
    ++lines_drawn_;
  }
  write(block);
  drawn_ = now;
}

}  // namespace limbic::app
