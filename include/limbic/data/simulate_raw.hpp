// The simulator's raw EEG: (62 channels, samples) at 200 Hz, in microvolts.
//
// Each channel is the sum of five bands of noise and a 1/f background. A band is white noise through two
// high-pass and two low-pass filters of second order (Butterworth, by the bilinear transform); in the alpha
// band a resonance near 10 Hz is added. Its amplitude follows the trial's DE window by window: the mean of
// the periodogram over the band (Hann window of 200 samples) is 2^DE / 100. With Hann's sum of squares of 75,
// a band of B Hz and variance v has ordinates of 200 x 75 v / (2 B) = 7500 v / B.
#pragma once

#include <limbic/data/simulate_trial.hpp>

#include <numbers>

namespace limbic::data {

namespace detail {

inline constexpr int kSampleRate = static_cast<int>(kRawRate);

// A filter of second order, direct form II transposed.
struct Biquad {
  double b0 = 1, b1 = 0, b2 = 0, a1 = 0, a2 = 0, s1 = 0, s2 = 0;

  double operator()(double x) {
    const double y = b0 * x + s1;
    s1 = b1 * x - a1 * y + s2;
    s2 = b2 * x - a2 * y;
    return y;
  }
  // Cut-off in Hz; q = 1 / sqrt(2) is Butterworth's.
  static Biquad pass(double hz, double q, bool high) {
    const double w = 2 * std::numbers::pi * hz / kSampleRate, c = std::cos(w), alpha = std::sin(w) / (2 * q);
    const double edge = (high ? 1 + c : 1 - c) / 2, a0 = 1 + alpha;
    return {edge / a0, (high ? -2 : 2) * edge / a0, edge / a0, -2 * c / a0, (1 - alpha) / a0};
  }
  // A peak of gain 1 at `hz`.
  static Biquad peak(double hz, double q) {
    const double w = 2 * std::numbers::pi * hz / kSampleRate, c = std::cos(w), alpha = std::sin(w) / (2 * q);
    const double a0 = 1 + alpha;
    return {alpha / a0, 0, -alpha / a0, -2 * c / a0, (1 - alpha) / a0};
  }
};

// Noise of one band with variance 1.
class BandNoise {
 public:
  BandNoise(int band, double alpha_hz) {
    static constexpr double kQ[] = {0.50979558, 0.60134489, 0.89997622,
                                    2.56291545};  // 1 / (2 cos(pi (2 i + 1) / 16))
    const Band& range = kBandTable[static_cast<std::size_t>(band)];
    for (std::size_t i = 0; i < 4; ++i) {
      filters_[i] = Biquad::pass(range.low, kQ[i], true);
      filters_[i + 4] = Biquad::pass(range.high, kQ[i], false);
    }
    resonance_ = Biquad::peak(alpha_hz, 5);
    peak_ = band == 2 ? 2.0 : 0.0;
    double energy = 0;
    for (int i = 0; i < 4 * kSampleRate; ++i) {
      const double h = respond(i == 0 ? 1 : 0);
      energy += h * h;
    }
    scale_ = 1 / std::sqrt(energy);
    for (Biquad& f : filters_) f.s1 = f.s2 = 0;
    resonance_.s1 = resonance_.s2 = 0;
  }
  double operator()(Draws& draws) { return scale_ * respond(draws.normal()); }

  static double width(int band) {
    const Band& range = kBandTable[static_cast<std::size_t>(band)];
    return range.high - range.low;
  }

 private:
  double respond(double x) {
    double y = x;
    for (Biquad& f : filters_) y = f(y);
    return peak_ > 0 ? y + peak_ * resonance_(y) : y;
  }

  std::array<Biquad, 8> filters_;
  Biquad resonance_;
  double peak_ = 0, scale_ = 1;
};

// Raw EEG of a trial that simulate_trial() made: (62, samples), the trial's length or its first `max_seconds`
// (0: all).
inline Tensor<double> simulate_raw(const SimulateOptions& o, const SimulatedTrial& trial, index_t subject,
                                   index_t session, index_t number, double max_seconds = 0) {
  const auto per_window = static_cast<std::size_t>(layout_of(o).window_seconds * kSampleRate);
  std::size_t samples = trial.de.rows * per_window;
  if (max_seconds > 0)
    samples = std::min(samples, static_cast<std::size_t>(std::llround(max_seconds * kSampleRate)));
  const RandomStream own = session_stream(o, subject, session).stream("raw/" + std::to_string(number));
  Draws who(subject_stream(o, subject).stream("alpha"));
  const double alpha_hz = 10 + std::clamp(who.normal(0.7), -1.5, 1.5);

  Tensor<double> raw = Tensor<double>::zeros({kChannels, static_cast<index_t>(samples)});
  double* out = raw.mutable_data();
  std::vector<double> amplitude(trial.de.rows);
  for (int c = 0; c < kChannels; ++c, out += samples) {
    for (int b = 0; b < kBands; ++b) {
      for (std::size_t w = 0; w < trial.de.rows; ++w) {
        const double power = std::exp2(trial.de.row(w)[c * kBands + b]) / 100;
        amplitude[w] = std::sqrt(power * BandNoise::width(b) / 7500);
      }
      BandNoise noise(b, alpha_hz);
      Draws draws(own.stream(std::to_string(c) + "/" + std::to_string(b)));
      for (int i = 0; i < 2 * kSampleRate; ++i) noise(draws);  // settled before the trial begins
      for (std::size_t i = 0; i < samples; ++i) {
        // Each window's own, with a passage of 0.2 s from one to the next.
        const std::size_t w = i / per_window, in_window = i % per_window;
        const double to_end = static_cast<double>(per_window - in_window), ramp = 0.1 * kSampleRate;
        const double from_start = static_cast<double>(in_window);
        double loud = amplitude[w];
        if (from_start < ramp && w > 0) loud += (amplitude[w - 1] - loud) * (0.5 - from_start / (2 * ramp));
        if (to_end < ramp && w + 1 < amplitude.size())
          loud += (amplitude[w + 1] - loud) * (0.5 - to_end / (2 * ramp));
        out[i] += noise(draws) * loud;
      }
    }
    Draws draws(own.stream("background/" + std::to_string(c)));
    double level = 0;
    // White noise summed with a memory of some seconds: 1/f^2 above 0.1 Hz, well below the bands.
    for (std::size_t i = 0; i < samples; ++i) out[i] += level = 0.997 * level + draws.normal(0.08);
  }
  return raw;
}

}  // namespace detail

}  // namespace limbic::data
