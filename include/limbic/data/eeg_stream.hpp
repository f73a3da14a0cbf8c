// Raw EEG to features of windows (band_features.hpp), sample by sample as they come or a whole recording at
// once.
//
// Both are the same code: samples are gathered until a frame is full, and a frame is filtered and measured
// whole. So the sizes in which they are pushed change no bit. Memory is bounded, and taken when the stream is
// made: push() takes none.
//
// Live use: the baseline is that of the first 5 s after the stream is made or reset(), in which no window
// appears; so reset() when a clip begins and let 5 s pass. Filters are causal: a window appears with its last
// sample. DE does not depend on the baseline, power hardly does (the bands hold no 0 Hz).
#pragma once

#include <limbic/data/band_features.hpp>
#include <limbic/data/sos_filter.hpp>

#include <limits>

namespace limbic::data {

// The features of one window.
struct EegWindow {
  index_t number = 0;                // counted from 0
  index_t begin = 0;                 // its first sample, counted from the start of the recording
  std::span<const double> features;  // (frames, maps, channels): DE of each band, then power of each band;
                                     // they hold until the call returns
};

// The features of one recording as its samples come.
class EegStream {
 public:
  // Throws for options out of range (check_eeg_options, butterworth_bandpass).
  explicit EegStream(EegOptions options) : options_(std::move(options)), broad_(design(options_)) {
    const EegOptions& o = options_;
    for (const Band& b : o.bands)
      bands_.emplace_back(butterworth_bandpass(o.order, b.low, b.high, o.rate), o.channels());
    const auto lanes = static_cast<std::size_t>(broad_.groups() * kFilterLanes);
    const auto frame = static_cast<std::size_t>(o.frame());
    pending_.resize(lanes * frame);
    band_.resize(frame * kFilterLanes);
    baseline_.resize(lanes * o.bands.size());
    first_.resize(lanes);
    moved_.resize(lanes);
    features_.resize(static_cast<std::size_t>(o.frames * o.maps() * o.channels()));
    reset();
  }

  const EegOptions& options() const { return options_; }
  // Samples taken since the start.
  index_t samples() const { return samples_; }
  // As new: filters at rest, the baseline to come.
  void reset() {
    broad_.reset();
    for (SosFilter& f : bands_) f.reset();
    std::fill(pending_.begin(), pending_.end(), 0.0);
    std::fill(baseline_.begin(), baseline_.end(), 0.0);
    samples_ = filled_ = frame_ = windows_ = 0;
    baseline_left_ = options_.baseline();
    first_flaw_ = {};
  }

  // Takes the next samples, x (channels, n), and calls f(const EegWindow&) for each window that they
  // complete. Throws, before it takes any, for another number of channels and for values that are NaN or
  // infinite. A window in which a channel stays the same throughout, or whose features are not finite, is not
  // handed to f: all samples are taken, f gets the other windows, then the first such window is thrown as an
  // Error; the stream goes on.
  template <class T, class F>
  void push(const Tensor<T>& x, F&& f) {
    if (x.rank() != 2 || x.size(0) != options_.channels())
      fail("eeg", "samples of ", options_.channels(), " channels are needed, as (channels, samples); got ",
           x.shape());
    take(x.data(), x.size(1), x.strides()[1], x.strides()[0], f);
  }
  // The same from (n, channels) one sample after the other, as amplifiers deliver them. Throws also for a
  // part of a sample.
  template <class T, class F>
  void push(std::span<const T> x, F&& f) {
    const auto channels = static_cast<std::size_t>(options_.channels());
    if (x.size() % channels != 0)
      fail("eeg", "whole samples of ", channels, " channels are needed; got ", x.size(), " numbers");
    take(x.data(), static_cast<index_t>(x.size() / channels), options_.channels(), 1, f);
  }

 private:
  static SosFilter design(const EegOptions& o) {
    check_eeg_options(o);
    return SosFilter(butterworth_bandpass(o.order, o.low, o.high, o.rate), o.channels());
  }

  template <class T, class F>
  void take(const T* x, index_t n, index_t sample_stride, index_t channel_stride, F& f) {
    for (index_t c = 0; c < options_.channels(); ++c)
      for (index_t i = 0; i < n; ++i)
        if (const T v = x[c * channel_stride + i * sample_stride]; !std::isfinite(v))
          fail("eeg", "finite samples are needed; got ", static_cast<double>(v), " in channel ", electrode(c),
               ", sample ", samples_ + i);
    first_flaw_ = {};
    for (index_t taken = 0; taken < n;) {
      const index_t part = std::min(n - taken, chunk() - filled_);
      for (index_t c = 0; c < options_.channels(); ++c) {
        double* to = pending_.data() + ((c / kFilterLanes) * options_.frame() + filled_) * kFilterLanes +
                     c % kFilterLanes;
        const T* from = x + c * channel_stride + taken * sample_stride;
        for (index_t i = 0; i < part; ++i)
          to[i * kFilterLanes] = static_cast<double>(from[i * sample_stride]);
      }
      taken += part;
      samples_ += part;
      filled_ += part;
      if (filled_ < chunk()) continue;
      const bool window = measure();
      filled_ = 0;
      if (!window) continue;
      const EegWindow w{windows_++, samples_ - options_.window(), features_};
      if (const Flaw flaw = find_flaw(w); flaw.found()) {
        if (!first_flaw_.found()) first_flaw_ = flaw;
      } else {
        f(w);
      }
    }
    if (first_flaw_.found()) report(first_flaw_);
  }

  // Samples to gather before the next step: a frame, or what is left of the baseline.
  index_t chunk() const {
    return baseline_left_ > 0 ? std::min(baseline_left_, options_.frame()) : options_.frame();
  }
  std::string electrode(index_t c) const {
    return limbic::to_text(c + 1) + " (" + options_.electrodes[static_cast<std::size_t>(c)].substr(0, 40) +
           ")";
  }

  // Filters what was gathered; true when a window is complete.
  bool measure() {
    const index_t n = filled_, frame = options_.frame(), lanes = broad_.groups() * kFilterLanes;
    const bool in_baseline = baseline_left_ > 0;
    for (index_t g = 0; g < broad_.groups(); ++g) {
      double* x = pending_.data() + g * frame * kFilterLanes;
      if (!in_baseline) watch(g, x, n);
      broad_.run(g, x, x, n);
      for (std::size_t b = 0; b < bands_.size(); ++b) {
        bands_[b].run(g, x, band_.data(), n);
        double* baseline = baseline_.data() + static_cast<index_t>(b) * lanes + g * kFilterLanes;
        if (in_baseline) add_baseline(baseline, n);
        else describe(static_cast<index_t>(b), g, baseline, n);
      }
    }
    if (in_baseline) {
      baseline_left_ -= n;
      if (baseline_left_ == 0)
        for (double& v : baseline_) v /= static_cast<double>(options_.baseline());
      return false;
    }
    frame_ = (frame_ + 1) % options_.frames;
    return frame_ == 0;
  }

  // Whether channels move within the window.
  void watch(index_t group, const double* x, index_t n) {
    double* first = first_.data() + group * kFilterLanes;
    unsigned char* moved = moved_.data() + group * kFilterLanes;
    if (frame_ == 0) {
      std::copy_n(x, kFilterLanes, first);
      std::fill_n(moved, kFilterLanes, static_cast<unsigned char>(0));
    }
    for (index_t l = 0; l < kFilterLanes; ++l)
      for (index_t i = 0; i < n && !moved[l]; ++i) moved[l] = x[i * kFilterLanes + l] != first[l];
  }
  void add_baseline(double* sums, index_t n) {
    for (index_t i = 0; i < n; ++i)
      for (index_t l = 0; l < kFilterLanes; ++l)
        sums[l] += band_[static_cast<std::size_t>(i * kFilterLanes + l)];
  }
  // DE and power of a frame of one band and group. The baseline shifts the mean alone.
  void describe(index_t band, index_t group, const double* baseline, index_t n) {
    double mean[kFilterLanes] = {}, square[kFilterLanes] = {};
    const double count = static_cast<double>(n);
    const double* y = band_.data();
    for (index_t i = 0; i < n; ++i)
      for (index_t l = 0; l < kFilterLanes; ++l) mean[l] += y[i * kFilterLanes + l];
    for (double& m : mean) m /= count;
    for (index_t i = 0; i < n; ++i)
      for (index_t l = 0; l < kFilterLanes; ++l) {
        const double d = y[i * kFilterLanes + l] - mean[l];
        square[l] += d * d;
      }
    const index_t channels = options_.channels(), first = group * kFilterLanes;
    double* de = features_.data() + (frame_ * options_.maps() + band) * channels + first;
    double* power = de + static_cast<index_t>(bands_.size()) * channels;
    for (index_t l = 0; l < std::min(kFilterLanes, channels - first); ++l) {
      const double shift = mean[l] - baseline[l];
      de[l] = 0.5 * std::log(2 * std::numbers::pi * std::numbers::e * square[l] / (count - 1));
      power[l] = square[l] / count + shift * shift;
    }
  }

  // Why a window cannot be used.
  struct Flaw {
    index_t channel = -1, window = 0, begin = 0;
    bool flat = false;

    bool found() const { return channel >= 0; }
  };
  Flaw find_flaw(const EegWindow& w) const {
    const index_t channels = options_.channels();
    for (index_t c = 0; c < channels; ++c)
      if (!moved_[static_cast<std::size_t>(c)]) return {c, w.number, w.begin, true};
    for (std::size_t i = 0; i < features_.size(); ++i)
      if (!std::isfinite(features_[i])) return {static_cast<index_t>(i) % channels, w.number, w.begin, false};
    return {};
  }
  [[noreturn]] void report(const Flaw& flaw) const {
    const double from = static_cast<double>(flaw.begin) / options_.rate, to = from + options_.window_seconds;
    if (flaw.flat)
      fail("eeg", "every channel must change within a window; channel ", electrode(flaw.channel),
           " is flat from ", from, " to ", to, " s (hint: an electrode without contact)");
    fail("eeg", "features must be finite; those of channel ", electrode(flaw.channel), " from ", from, " to ",
         to, " s are not (hint: values of EEG in microvolts are neither huge nor all but zero)");
  }

  EegOptions options_;
  SosFilter broad_;
  std::vector<SosFilter> bands_;
  std::vector<double> pending_;       // (groups, frame, lanes): samples of the frame to come
  std::vector<double> band_;          // (frame, lanes)
  std::vector<double> baseline_;      // (bands, groups, lanes): sums, then means
  std::vector<double> first_;         // (groups, lanes): a window's first sample
  std::vector<unsigned char> moved_;  // (groups, lanes): whether another value came since
  std::vector<double> features_;      // (frames, maps, channels)
  index_t samples_ = 0, filled_ = 0, frame_ = 0, windows_ = 0, baseline_left_ = 0;
  Flaw first_flaw_;
};

// All windows of a recording, raw (channels, samples): (windows, frames, maps, channels), maps being DE of
// each band and then power of each band. Samples after the last whole window are left out. Throws as
// EegStream::push() does, and for recordings shorter than the baseline and one window (7 s).
template <class T>
Tensor<T> eeg_features(const Tensor<T>& raw, const EegOptions& options = {}) {
  EegStream stream(options);
  if (raw.rank() != 2 || raw.size(0) != options.channels())
    fail("eeg", "a recording of ", options.channels(), " channels is needed, as (channels, samples); got ",
         raw.shape());
  const index_t windows = (raw.size(1) - options.baseline()) / options.window();
  if (raw.size(1) < options.baseline() + options.window())
    fail("eeg", "at least ", options.baseline_seconds + options.window_seconds, " s are needed (baseline of ",
         options.baseline_seconds, " s and one window), ", options.baseline() + options.window(),
         " samples at ", options.rate, " Hz; got ", raw.size(1));
  Tensor<T> y = Tensor<T>::empty({windows, options.frames, options.maps(), options.channels()});
  T* out = y.mutable_data();
  stream.push(raw, [&](const EegWindow& w) {
    for (double v : w.features) *out++ = static_cast<T>(v);
  });
  return y;
}

}  // namespace limbic::data
