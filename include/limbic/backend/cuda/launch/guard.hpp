// Launchers of checks of values that only the device has seen. Nothing waits for them: what a check finds
// wrong is written to memory that the host sees, and thrown by the next call that waits for the device anyway
// (synchronize(), copies to the host). Until then the kernels go on with values that are wrong, but in
// bounds.
#pragma once

#include <cstdint>

namespace limbic::cuda {

// What is said of a value that does not pass; "got ... at position ..." follows.
struct GuardText {
  char op[32] = {};
  char text[128] = {};
};

// The first value that did not pass since the last throw.
struct Report {
  int found = 0;  // 1: somebody writes it, 2: it is written
  GuardText about;
  double value = 0;
  std::int64_t position = 0;
};
// Where reports are written: one for all devices, made by the first check.
Report* report_box();
// Throws what was reported, if anything was; after a wait.
void throw_report();

// Of all but the last: finite, too. NaN is in the unit interval: what follows from it is not finite.
enum class Must : std::uint8_t { be_finite, be_positive, not_be_negative, be_in_unit_interval };

// Every one of `count` values.
template <class T>
void guard_values(const GuardText& about, Must must, const T* values, std::int64_t count);
// Every label or index in [low, high), or `ignored` (low: none is).
void guard_labels(const GuardText& about, const std::int64_t* labels, std::int64_t count, std::int64_t low,
                  std::int64_t high, std::int64_t ignored);

// A loss must be finite; if it is not, the first input that is not is named.
template <class T>
struct FiniteLossCall {
  static constexpr int kMaxInputs = 4;
  GuardText about;
  const T* loss = nullptr;
  int inputs = 0;
  GuardText about_input[kMaxInputs];
  const T* input[kMaxInputs] = {};
  std::int64_t count[kMaxInputs] = {};
};
template <class T>
void guard_loss(const FiniteLossCall<T>& call);

}  // namespace limbic::cuda
