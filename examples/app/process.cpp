#include <app/process.hpp>

#include <app/interrupt.hpp>

#include <limbic/core/error.hpp>
#include <limbic/io/file.hpp>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace limbic::app {

namespace {

constexpr const char* kProgressVariable = "LIMBIC_PROGRESS_FD";
constexpr int kProgressDescriptor = 3;     // in a child
constexpr std::size_t kKeptErrors = 4000;  // characters of a child's standard error, from its end

struct Pipe {
  std::unique_ptr<limbic::detail::Descriptor> read, write;
};

// Both ends above the descriptors that a child gets, so that dup2 in the child never meets its own source.
Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("process", "cannot make a pipe: ", std::strerror(errno));
  for (int& fd : ends) {
    if (fd > kProgressDescriptor) continue;
    const int higher = ::fcntl(fd, F_DUPFD_CLOEXEC, kProgressDescriptor + 1);
    ::close(fd);
    fd = higher;
  }
  Pipe p{std::make_unique<limbic::detail::Descriptor>(ends[0]),
         std::make_unique<limbic::detail::Descriptor>(ends[1])};
  check(ends[0] >= 0 && ends[1] >= 0, "process", "cannot make a pipe: too many open files");
  return p;
}

int status_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

int wait_for(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return status_of(status);
}

// A started program; `descriptors[i]` becomes its descriptor i.
pid_t spawn(const std::vector<std::string>& arguments, const std::vector<int>& descriptors,
            const std::vector<std::string>& environment, bool own_group, const char* path = nullptr) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  for (std::size_t i = 0; i < descriptors.size(); ++i)
    ::posix_spawn_file_actions_adddup2(&actions, descriptors[i], static_cast<int>(i));
  // The terminal's Ctrl-C goes to the parent alone, which passes it on: a child never sees it twice.
  short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
  if (own_group) flags = static_cast<short>(flags | POSIX_SPAWN_SETPGROUP);
  sigset_t none, defaults;
  ::sigemptyset(&none);
  ::sigemptyset(&defaults);
  ::sigaddset(&defaults, SIGPIPE);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &defaults);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes, flags);

  const auto pointers = [](const std::vector<std::string>& texts) {
    std::vector<char*> p;
    for (const std::string& text : texts) p.push_back(const_cast<char*>(text.c_str()));
    p.push_back(nullptr);
    return p;
  };
  std::vector<char*> argv = pointers(arguments), envp = pointers(environment);
  pid_t pid = -1;
  const int error = path ? ::posix_spawn(&pid, path, &actions, &attributes, argv.data(), envp.data())
                         : ::posix_spawnp(&pid, argv[0], &actions, &attributes, argv.data(), envp.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (error) fail("process", "cannot start '", arguments[0], "': ", std::strerror(error));
  return pid;
}

std::vector<std::string> environment_with(const std::string& extra) {
  std::vector<std::string> out;
  const std::string name = extra.substr(0, extra.find('=') + 1);
  for (char** e = environ; *e; ++e)
    if (name.empty() || !std::string_view(*e).starts_with(name)) out.emplace_back(*e);
  if (!extra.empty()) out.push_back(extra);
  return out;
}

// Reads what is there; false at the end of the stream.
bool read_some(int fd, std::string& to) {
  char buffer[65536];
  const ssize_t n = ::read(fd, buffer, sizeof buffer);
  if (n > 0) to.append(buffer, static_cast<std::size_t>(n));
  return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

// Writing to a pipe whose reader ended is an error here, not the end of this process.
class IgnorePipeSignal {
 public:
  IgnorePipeSignal() {
    struct sigaction ignore {};
    ignore.sa_handler = SIG_IGN;
    ::sigaction(SIGPIPE, &ignore, &before_);
  }
  ~IgnorePipeSignal() { ::sigaction(SIGPIPE, &before_, nullptr); }
  IgnorePipeSignal(const IgnorePipeSignal&) = delete;
  IgnorePipeSignal& operator=(const IgnorePipeSignal&) = delete;

 private:
  struct sigaction before_ {};
};

}  // namespace

ProcessResult run_process(const std::vector<std::string>& arguments, std::string_view input) {
  check(!arguments.empty(), "process", "a program's name is needed; got none");
  const IgnorePipeSignal guard;
  Pipe in = make_pipe(), out = make_pipe(), err = make_pipe();
  const pid_t pid =
      spawn(arguments, {in.read->get(), out.write->get(), err.write->get()}, environment_with(""), false);
  in.read.reset();
  out.write.reset();
  err.write.reset();
  ::fcntl(in.write->get(), F_SETFL, O_NONBLOCK);
  ProcessResult result;
  while (in.write || out.read || err.read) {
    pollfd polls[3] = {{in.write ? in.write->get() : -1, POLLOUT, 0},
                       {out.read ? out.read->get() : -1, POLLIN, 0},
                       {err.read ? err.read->get() : -1, POLLIN, 0}};
    if (::poll(polls, 3, -1) < 0 && errno != EINTR) fail("process", "cannot wait for '", arguments[0], "'");
    if (polls[0].revents) {
      const ssize_t n = input.empty() ? 0 : ::write(in.write->get(), input.data(), input.size());
      if (n >= 0) input.remove_prefix(static_cast<std::size_t>(n));
      const bool later = n < 0 && (errno == EAGAIN || errno == EINTR);
      if (input.empty() || (n < 0 && !later)) in.write.reset();
    }
    if (polls[1].revents && !read_some(out.read->get(), result.out)) out.read.reset();
    if (polls[2].revents && !read_some(err.read->get(), result.errors)) err.read.reset();
  }
  result.status = wait_for(pid);
  return result;
}

std::vector<JobResult> run_jobs(const std::vector<Job>& jobs, index_t parallel, Progress& progress,
                                const std::function<void(const JobResult&)>& ended) {
  struct Child {
    std::size_t index;
    pid_t pid;
    std::unique_ptr<limbic::detail::Descriptor> reports, errors;
    std::string report_text, error_text;
  };
  check(parallel >= 1, "jobs", "at least one job at a time is needed; got ", parallel);
  std::vector<JobResult> results;
  for (const Job& job : jobs) results.push_back({job.name, -1, "not started"});
  std::vector<Child> running;
  std::size_t next = 0;
  int passed_on = interrupt_count();

  const auto close_job = [&](Child& child) {
    JobResult& result = results[child.index];
    result.status = wait_for(child.pid);
    result.message.clear();
    if (result.status != 0) {
      while (!child.error_text.empty() && child.error_text.back() == '\n') child.error_text.pop_back();
      result.message = child.error_text;
      if (result.message.empty())
        result.message = result.status > 128 ? "ended by signal " + std::to_string(result.status - 128)
                                             : "returned " + std::to_string(result.status);
    }
    if (ended) ended(result);
  };

  while (next < jobs.size() || !running.empty()) {
    while (next < jobs.size() && running.size() < static_cast<std::size_t>(parallel) && !interrupted()) {
      const Job& job = jobs[next];
      Pipe reports = make_pipe(), errors = make_pipe();
      const limbic::detail::Descriptor null(::open("/dev/null", O_RDWR | O_CLOEXEC));
      std::vector<std::string> arguments{job.name};
      arguments.insert(arguments.end(), job.arguments.begin(), job.arguments.end());
      const std::string variable = std::string(kProgressVariable) + "=" + std::to_string(kProgressDescriptor);
      try {
        const pid_t pid =
            spawn(arguments, {null.get(), null.get(), errors.write->get(), reports.write->get()},
                  environment_with(variable), true, "/proc/self/exe");
        running.push_back({next, pid, std::move(reports.read), std::move(errors.read), "", ""});
      } catch (const Error& e) {
        results[next].message = e.what();
        if (ended) ended(results[next]);
      }
      ++next;
    }
    if (interrupted()) next = jobs.size();
    if (interrupt_count() > passed_on) {
      passed_on = interrupt_count();
      for (const Child& child : running) ::kill(child.pid, interrupt_signal());
    }
    if (running.empty()) continue;

    std::vector<pollfd> polls;
    for (const Child& child : running) {
      polls.push_back({child.reports ? child.reports->get() : -1, POLLIN, 0});
      polls.push_back({child.errors ? child.errors->get() : -1, POLLIN, 0});
    }
    if (::poll(polls.data(), polls.size(), 200) < 0) continue;
    for (std::size_t i = running.size(); i-- > 0;) {
      Child& child = running[i];
      if (polls[2 * i].revents && !read_some(child.reports->get(), child.report_text)) child.reports.reset();
      for (auto end = child.report_text.find('\n'); end != std::string::npos;
           end = child.report_text.find('\n')) {
        progress.relay(std::string_view(child.report_text).substr(0, end));
        child.report_text.erase(0, end + 1);
      }
      if (polls[2 * i + 1].revents && !read_some(child.errors->get(), child.error_text)) child.errors.reset();
      if (child.error_text.size() > kKeptErrors)
        child.error_text.erase(0, child.error_text.size() - kKeptErrors);
      if (!child.reports && !child.errors) {
        close_job(child);
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }
  return results;
}

int child_progress() {
  const char* text = std::getenv(kProgressVariable);
  if (!text) return -1;
  int fd = -1;
  const char* end = text + std::strlen(text);
  if (std::from_chars(text, end, fd).ptr != end || ::fcntl(fd, F_GETFD) < 0) return -1;
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);  // gnuplot and the like need not have it
  return fd;
}

}  // namespace limbic::app
