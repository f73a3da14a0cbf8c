// Work that may crash or hang, done in a child process.
//
// HDF5 1.10, which Debian 12 ships, dies or never ends on some damaged files: about one in 300 with a few
// bytes changed. A copy of this process tries instead. It shares nothing that matters: results come back in
// files in memory and are checked as files from anywhere are.
#pragma once

#include <limbic/core/error.hpp>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <mutex>
#include <system_error>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace limbic::detail {

// Lets a child be killed without a word by what it does to itself: no handlers, no core file, no messages.
inline void become_expendable(unsigned seconds) {
  for (int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGPIPE}) ::signal(s, SIG_DFL);
  const rlimit none{0, 0}, time{seconds, seconds + 1};
  ::setrlimit(RLIMIT_CORE, &none);
  ::setrlimit(RLIMIT_CPU, &time);
  // Folders that cannot be written have no place for HDF5's locks; nobody else has the file in memory.
  ::setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
  if (const int null = ::open("/dev/null", O_RDWR); null >= 0) {
    ::dup2(null, 1);
    ::dup2(null, 2);
  }
}

// Runs f in a child process, for at most so much processor time, and waits for it. What f throws is thrown
// here; if the child dies or does not end, `label` and the reason are.
template <class F>
void in_child(std::string_view label, unsigned seconds, F&& f) {
  int ends[2];
  pid_t child;
  {
    // One at a time: a child must not hold the end of another's pipe.
    static std::mutex mutex;
    const std::lock_guard lock(mutex);
    if (::pipe2(ends, O_CLOEXEC) != 0)
      fail("mat", label, ": no pipe: ", std::generic_category().message(errno));
    child = ::fork();
    const int error = errno;
    if (child != 0) ::close(ends[1]);
    if (child < 0) {
      ::close(ends[0]);
      fail("mat", label, ": no child process: ", std::generic_category().message(error));
    }
  }
  if (child == 0) {
    become_expendable(seconds);
    std::string result(1, '+');
    try {
      f();
    } catch (const std::exception& e) {
      result = std::string("-") + e.what();
    } catch (...) {
      result = "-[mat] unknown exception";
    }
    for (std::string_view rest = result; !rest.empty();) {
      const ssize_t n = ::write(ends[1], rest.data(), rest.size());
      if (n <= 0) break;
      rest.remove_prefix(static_cast<std::size_t>(n));
    }
    ::_exit(0);
  }

  std::string result;
  char part[512];
  for (;;) {
    const ssize_t n = ::read(ends[0], part, sizeof part);
    if (n > 0 && result.size() < 100000) result.append(part, static_cast<std::size_t>(n));
    if (n == 0 || (n < 0 && errno != EINTR)) break;
  }
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (result == "+") return;
  if (!result.empty() && result[0] == '-') throw Error(result.substr(1));
  const bool slow = WIFSIGNALED(status) && (WTERMSIG(status) == SIGXCPU || WTERMSIG(status) == SIGKILL);
  fail("mat", label,
       slow ? " is damaged or too large: the HDF5 library did not come to an end with it within "
            : " is damaged: the HDF5 library crashed on it (limit of time: ",
       seconds, slow ? " s" : " s)");
}

}  // namespace limbic::detail
