// Learning-rate schedules: functions of the step, without state of their own, so that a resumed run needs the
// step counter only. Each returns the factor or rate for `step` = 0, 1, ...; use it with set_lr():
//
//   optimizer.set_lr(base * warmup_cosine(optimizer.steps(), total, warmup));
//
// They throw where a number of steps that is divided by is 0.
#pragma once

#include <limbic/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <numbers>

namespace limbic {

// gamma^floor(step / every).
inline double step_decay(std::uint64_t step, std::uint64_t every, double gamma = 0.1) {
  check(every > 0, "step_decay", "the interval must be positive");
  return std::pow(gamma, static_cast<double>(step / every));
}

// From 1 to `last` along half a cosine over `total` steps; `last` from then on (Loshchilov and Hutter, ICLR
// 2017).
inline double cosine_decay(std::uint64_t step, std::uint64_t total, double last = 0) {
  check(total > 0, "cosine_decay", "the number of steps must be positive");
  const double t = std::min(1.0, static_cast<double>(step) / static_cast<double>(total));
  return last + (1 - last) * 0.5 * (1 + std::cos(std::numbers::pi * t));
}

// From `first` to 1 in a straight line over `total` steps, then 1; never throws.
inline double linear_warmup(std::uint64_t step, std::uint64_t total, double first = 0) {
  if (step >= total) return 1;
  return first + (1 - first) * static_cast<double>(step) / static_cast<double>(total);
}

// Warm-up over `warmup` steps, of which the first has 1 / (warmup + 1), then cosine decay until `total`.
// Throws unless warmup < total.
inline double warmup_cosine(std::uint64_t step, std::uint64_t total, std::uint64_t warmup, double last = 0) {
  check(warmup < total, "warmup_cosine", "the warm-up must be shorter than the run; got ", warmup, " of ",
        total);
  return step < warmup ? linear_warmup(step + 1, warmup + 1)
                       : cosine_decay(step - warmup, total - warmup, last);
}

// Options of one_cycle().
struct OneCycle {
  double max_lr = 0.1;         // the highest rate
  double start_divisor = 25;   // the first rate is max_lr / start_divisor
  double final_divisor = 1e4;  // the last is the first / final_divisor
  double rise = 0.3;           // part of the steps that the rate rises
};
// Rates of the one-cycle policy (Smith and Topin, 2019), as torch's OneCycleLR with cosine annealing:
// the rate itself, not a factor, and the last one from step total - 1 on. Throws unless total > 1 and the
// rise is in (0, 1).
inline double one_cycle(std::uint64_t step, std::uint64_t total, const OneCycle& o = {}) {
  check(total > 1 && o.rise > 0 && o.rise < 1, "one_cycle",
        "at least 2 steps and a rise in (0, 1) are needed; got ", total, " and ", o.rise);
  const double first = o.max_lr / o.start_divisor, last = first / o.final_divisor;
  const double peak = o.rise * static_cast<double>(total) - 1, end = static_cast<double>(total) - 1;
  const double s = std::min(static_cast<double>(step), end);
  auto blend = [](double a, double b, double t) {
    return b + (a - b) * 0.5 * (1 + std::cos(std::numbers::pi * t));
  };
  return s <= peak ? blend(first, o.max_lr, peak > 0 ? s / peak : 1)
                   : blend(o.max_lr, last, (s - peak) / (end - peak));
}

}  // namespace limbic
