// What the calling thread records: NoGrad, and anomaly mode.
#pragma once

#include <limbic/core/error.hpp>

namespace limbic {

namespace detail {
struct Mode {
  bool record = true;
  bool anomaly = false;
  bool recomputing = false;
};
inline Mode& mode() {
  thread_local Mode m;
  return m;
}

// Sets a flag of the thread's mode for a scope.
template <bool Mode::*Flag>
class ModeGuard {
 public:
  explicit ModeGuard(bool value) : before_(mode().*Flag) { mode().*Flag = value; }
  ~ModeGuard() { mode().*Flag = before_; }
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;

 private:
  bool before_;
};
}  // namespace detail

// While alive, operations of this thread are not recorded: evaluation without a tape. It needs a name
// (`NoGrad off;`), else it is gone at once.
class [[nodiscard]] NoGrad : detail::ModeGuard<&detail::Mode::record> {
 public:
  NoGrad() : ModeGuard(false) {}
};
// While alive, operations are recorded again, inside a NoGrad.
class [[nodiscard]] EnableGrad : detail::ModeGuard<&detail::Mode::record> {
 public:
  EnableGrad() : ModeGuard(true) {}
};
// Whether this thread records.
inline bool grad_enabled() { return detail::mode().record; }

// While alive, the first operation of this thread that makes a NaN or Inf, forward or backward, throws
// an Error with its name, the ranges of its inputs and the place it was called from. So does one that hands
// on an Inf that is meant, such as a mask of -Inf.
class [[nodiscard]] AnomalyMode : detail::ModeGuard<&detail::Mode::anomaly> {
 public:
  AnomalyMode() : ModeGuard(true) {}
};

// Whether checkpoint() is evaluating its function again for backward. What has side effects in forward
// (running statistics) leaves them out then.
inline bool recomputing() { return detail::mode().recomputing; }

}  // namespace limbic
