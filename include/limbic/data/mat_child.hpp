// Work that may crash or hang, done in a child process.
//
// HDF5 1.10, which Debian 12 ships, dies or never ends on some damaged files: about one in 300 with a few
// bytes changed. A copy of this process tries instead. It shares nothing that matters: results come back in
// files in memory and are checked as files from anywhere are.
#pragma once

#include <limbic/io/file.hpp>

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

// Sanitizers reserve terabytes of addresses, which a limit would forbid.
#if defined(LIMBIC_ASAN) || defined(__SANITIZE_THREAD__)
inline constexpr bool kLimitAddresses = false;
#elif defined(__has_feature)
inline constexpr bool kLimitAddresses = !__has_feature(thread_sanitizer) && !__has_feature(memory_sanitizer);
#else
inline constexpr bool kLimitAddresses = true;
#endif

// What a child may use beyond what its parent has.
struct ChildLimits {
  unsigned seconds = 60;    // of processor time
  std::uint64_t bytes = 0;  // of memory; 0: no limit
};

// Lets a child be killed without a word by what it does to itself: no handlers, no core file, no messages.
inline void become_expendable(const ChildLimits& limits) {
  for (int s : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGXCPU, SIGPIPE}) ::signal(s, SIG_DFL);
  const rlimit none{0, 0}, time{limits.seconds, limits.seconds + 1};
  ::setrlimit(RLIMIT_CORE, &none);
  ::setrlimit(RLIMIT_CPU, &time);
  if (kLimitAddresses && limits.bytes > 0) {
    // The first number of statm is the size of this process, in pages.
    char text[32] = {};
    const Descriptor statm(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC));
    if (statm.get() >= 0 && ::read(statm.get(), text, sizeof text - 1) > 0) {
      const auto pages = static_cast<rlim_t>(std::strtoull(text, nullptr, 10));
      const rlim_t most = pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + limits.bytes;
      const rlimit memory{most, most};
      ::setrlimit(RLIMIT_AS, &memory);
    }
  }
  // Folders that cannot be written have no place for HDF5's locks; nobody else has the file in memory.
  ::setenv("HDF5_USE_FILE_LOCKING", "FALSE", 1);
  if (const int null = ::open("/dev/null", O_RDWR); null >= 0) {
    ::dup2(null, 1);
    ::dup2(null, 2);
  }
}

// Runs f in a child process, within limits, and waits for it. What f throws is thrown
// here; if the child dies or does not end, `label` and the reason are.
template <class F>
void in_child(std::string_view label, const ChildLimits& limits, F&& f) {
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
    become_expendable(limits);
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
  if (slow)
    fail("mat", label, " is damaged or too large: the HDF5 library did not come to an end with it within ",
         limits.seconds, " s");
  fail("mat", label, " is damaged: the HDF5 library crashed on it");
}

}  // namespace limbic::detail
