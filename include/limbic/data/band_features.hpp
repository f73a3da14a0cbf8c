// What EEG features are made of: rate, electrodes, filters, baseline, windows, frames. Computed by
// eeg_stream.hpp.
//
//   x      = band-pass 0.5-75 Hz of the raw EEG; x_b = band-pass b of x      (Butterworth, causal)
//   x_b   -= mean of x_b over the first 5 s, which are then dropped
//   window = 2 s = 4 frames of 0.5 s of N samples
//   DE     = ln(2 pi e var(x_b)) / 2, var over N - 1;  power = mean of x_b^2    (x_b in units of the raw EEG)
//
// DE: differential entropy of a normal distribution (Shi et al., EMBC 2013; Duan et al., NER 2013), in nats.
#pragma once

#include <limbic/data/seed_layout.hpp>

#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

namespace limbic::data {

// Bands of EmotionCLIP's images (Yan et al., arXiv 2511.05293), in Hz.
inline constexpr std::array<Band, 6> kImageBands = {{{"delta", 1, 4},
                                                     {"theta", 4, 8},
                                                     {"alpha", 8, 14},
                                                     {"beta", 14, 31},
                                                     {"low gamma", 31, 51},
                                                     {"high gamma", 51, 75}}};

// How features are made; the defaults are EmotionCLIP's for SEED.
struct EegOptions {
  double rate = kRawRate;       // samples a second
  int order = 5;                // of the filters' design: 5 for SEED, 3 for SEED-IV as published
  double low = 0.5, high = 75;  // of the first filter, in Hz
  std::vector<Band> bands{kImageBands.begin(), kImageBands.end()};
  double baseline_seconds = 5;  // at the start of each recording; 0: no baseline
  double window_seconds = 2;
  index_t frames = 4;  // of a window
  // Names of the channels, in order: for messages here, for places in topography.hpp.
  std::vector<std::string> electrodes{kElectrodeNames.begin(), kElectrodeNames.end()};

  index_t channels() const { return static_cast<index_t>(electrodes.size()); }
  // Features of an electrode in a frame: DE of each band, then power of each band.
  index_t maps() const { return 2 * static_cast<index_t>(bands.size()); }
  // In samples.
  index_t baseline() const { return std::llround(baseline_seconds * rate); }
  index_t window() const { return std::llround(window_seconds * rate); }
  index_t frame() const { return window() / frames; }
};

namespace detail {

inline std::string exact_text(double v) {
  char buffer[32];
  const int n = std::snprintf(buffer, sizeof buffer, "%.17g", v);
  return std::string(buffer, static_cast<std::size_t>(n));
}

}  // namespace detail

// Throws for options that cannot be meant: a rate that is not above 0 and at most 1e6 Hz, no electrodes, no
// bands or more than 1000, no frames, a baseline outside 0 to 3600 s, a window not above 0 and up to 3600 s
// or that is no whole number of samples in each frame, frames under 2 samples. (Bands and order are checked
// where filters are designed.)
inline void check_eeg_options(const EegOptions& o) {
  check(std::isfinite(o.rate) && o.rate > 0 && o.rate <= 1e6, "eeg",
        "a rate above 0 and up to 1e6 samples a second is needed; got ", o.rate);
  check(o.channels() >= 1, "eeg", "at least one electrode is needed; got none");
  check(!o.bands.empty() && o.bands.size() <= 1000, "eeg", "1 to 1000 bands are needed; got ",
        o.bands.size());
  check(o.baseline_seconds >= 0 && o.baseline_seconds <= 3600, "eeg",
        "a baseline of 0 to 3600 s is needed; got ", o.baseline_seconds, " s");
  check(o.window_seconds > 0 && o.window_seconds <= 3600, "eeg",
        "a window above 0 and up to 3600 s is needed; got ", o.window_seconds, " s");
  check(o.frames >= 1, "eeg", "a window needs at least one frame; got ", o.frames);
  const double samples = o.window_seconds * o.rate;
  check(std::fabs(samples - std::round(samples)) < 1e-6 * samples && o.window() % o.frames == 0, "eeg",
        "a frame must be a whole number of samples; got windows of ", o.window_seconds, " s at ", o.rate,
        " samples a second in ", o.frames, " frames");
  check(o.frame() >= 2, "eeg", "a frame needs at least 2 samples for its variance; got ", o.frame());
}

// All that features depend on, in one line: the key of a cache, a remark in a report.
inline std::string to_text(const EegOptions& o) {
  using detail::exact_text;
  std::string text = "rate " + exact_text(o.rate) + " Hz, Butterworth order " + std::to_string(o.order) +
                     ", first " + exact_text(o.low) + "-" + exact_text(o.high) + " Hz, bands";
  for (const Band& b : o.bands) text += " " + exact_text(b.low) + "-" + exact_text(b.high);
  text += " Hz, baseline " + exact_text(o.baseline_seconds) + " s, windows of " +
          exact_text(o.window_seconds) + " s in " + std::to_string(o.frames) + " frames, DE and power, " +
          std::to_string(o.channels()) + " electrodes";
  for (const std::string& name : o.electrodes) text += " " + name;
  return text;
}

}  // namespace limbic::data
