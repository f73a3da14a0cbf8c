// How far the work is: a bar for each job on a terminal, a plain line every few seconds elsewhere.
#pragma once

#include <limbic/config.hpp>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace limbic::app {

class Progress {
 public:
  enum class Style {
    automatic,  // bars when the file is a terminal, else lines
    bars,       // a block of lines, one a job, redrawn in place
    lines,      // a line a job every few seconds
    pipe,       // for another process, whose relay() reads them
    quiet,      // nothing but notes
  };
  // Writes to file descriptor `fd`.
  explicit Progress(Style style = Style::automatic, int fd = 2, double seconds_between_lines = 5);
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  ~Progress();

  // `done` of `total` steps of this job; `text` says how it goes (losses, accuracy). The rate counts from the
  // job's first update on, so that work done before a resumption does not inflate it.
  void update(const std::string& job, index_t done, index_t total, const std::string& text);
  // The job ended: its bar becomes a line that stays.
  void finish(const std::string& job, const std::string& text);
  // A line of its own.
  void note(const std::string& text);
  // Takes a line that a Progress of Style::pipe wrote in another process; false when it is none.
  bool relay(std::string_view line);

 private:
  using Clock = std::chrono::steady_clock;
  struct Job {
    std::string name, text;
    index_t done = 0, total = 0, first = 0;
    Clock::time_point start, shown;
  };

  Job& job(const std::string& name);
  void erase_block();
  void draw_block();
  void write(std::string_view text);

  Style style_;
  int fd_;
  double seconds_;
  std::vector<Job> jobs_;
  int lines_drawn_ = 0;
  Clock::time_point drawn_{};
};

// One bar of at most `width` columns: name, bar, share, rate, time left, text. `elapsed` seconds for done -
// first steps.
std::string progress_line(const std::string& name, index_t done, index_t total, index_t first, double elapsed,
                          const std::string& text, int width);
// "8 s", "3 min 05 s", "2 h 07 min".
std::string duration_text(double seconds);

}  // namespace limbic::app
