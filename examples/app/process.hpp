// Programs started by this one: run one to its end with a text as its input, or several side by side.
#pragma once

#include <app/progress.hpp>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace limbic::app {

struct ProcessResult {
  int status = 0;           // what it returned, or 128 + the signal that ended it
  std::string out, errors;  // what it wrote
};
// Runs `arguments[0]` (searched in PATH) with `input` on its standard input. Throws when it cannot be
// started.
ProcessResult run_process(const std::vector<std::string>& arguments, std::string_view input);

// A child process of the same program.
struct Job {
  std::string name;
  std::vector<std::string> arguments;  // after the program's name
};
struct JobResult {
  std::string name;
  int status = 0;       // 0: done; else what it returned, or 128 + signal; -1: not started
  std::string message;  // the last lines of what it wrote to its standard error, when status is not 0
};
// Runs the jobs, at most `parallel` at a time, in their order; children report through the file descriptor
// that the environment variable LIMBIC_PROGRESS_FD names (child_progress()). One that fails does not stop the
// others. An interrupt (interrupt.hpp) is passed on to the children, and no further one is started. `ended`
// is called as each ends. Results are in the order of the jobs.
std::vector<JobResult> run_jobs(const std::vector<Job>& jobs, index_t parallel, Progress& progress,
                                const std::function<void(const JobResult&)>& ended = {});

// In a child: the descriptor to report to; -1 when the process is not a child of run_jobs. Also asks the
// system to interrupt this process when its parent dies.
int child_progress();

}  // namespace limbic::app
