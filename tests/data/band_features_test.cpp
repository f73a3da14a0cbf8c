// Features of windows against their definition, written out for one channel at a time. (EmotionCLIP's own
// settings are compared with a golden vector.)
#include <limbic/core/random.hpp>
#include <limbic/data/eeg_stream.hpp>

#include "support/throws.hpp"

#include <doctest/doctest.h>

using namespace limbic;
using namespace limbic::data;

namespace {

Tensor<double> noise(const Shape& shape, std::uint64_t seed) {
  RandomStream random = Random(seed).stream("noise");
  const PhiloxKey key = random.draw(numel(shape), 2);
  Tensor<double> x = Tensor<double>::empty(shape);
  std::uint64_t i = 0;
  for (double& v : x.mutable_span()) v = static_cast<double>(philox_bits64(key, i++) >> 11) * 0x1p-47 - 32;
  return x;
}

// A small cap of nine channels at another rate, with other bands, windows and frames.
EegOptions other() {
  EegOptions o;
  o.rate = 128;
  o.order = 2;
  o.low = 1, o.high = 45;
  o.bands = {{"slow", 2, 10}, {"fast", 12, 40}, {"all", 2, 40}};
  o.baseline_seconds = 0.75;
  o.window_seconds = 1.5;
  o.frames = 3;
  o.electrodes = {"A", "B", "C", "D", "E", "F", "G", "H", "I"};
  return o;
}

}  // namespace

TEST_CASE("DE and power by their definition") {
  const EegOptions o = other();
  const Tensor<double> raw = noise({9, 96 + 2 * 192 + 100}, 5), y = eeg_features(raw, o);
  REQUIRE(y.shape() == Shape{2, 3, 6, 9});
  const Tensor<double> broad = filter_channels(butterworth_bandpass(2, 1, 45, 128), raw);
  double worst = 0;
  for (std::size_t b = 0; b < 3; ++b) {
    const Tensor<double> x =
        filter_channels(butterworth_bandpass(2, o.bands[b].low, o.bands[b].high, 128), broad);
    for (index_t c = 0; c < 9; ++c) {
      const double* row = x.data() + c * x.size(1);
      double baseline = 0;
      for (index_t i = 0; i < 96; ++i) baseline += row[i] / 96;
      for (index_t f = 0; f < 6; ++f) {
        const double* frame = row + 96 + f * 64;
        double mean = 0, var = 0, power = 0;
        for (int i = 0; i < 64; ++i) mean += (frame[i] - baseline) / 64;
        for (int i = 0; i < 64; ++i) {
          var += (frame[i] - baseline - mean) * (frame[i] - baseline - mean) / 63;
          power += (frame[i] - baseline) * (frame[i] - baseline) / 64;
        }
        const double de = 0.5 * std::log(2 * std::numbers::pi * std::numbers::e * var);
        const auto band = static_cast<index_t>(b);
        worst = std::max(worst, std::fabs(y.at(f / 3, f % 3, band, c) - de));
        worst = std::max(worst, std::fabs(y.at(f / 3, f % 3, band + 3, c) / power - 1));
      }
    }
  }
  CHECK(worst < 1e-11);
}

TEST_CASE("without a baseline, float, one frame") {
  EegOptions o = other();
  o.baseline_seconds = 0;
  o.frames = 1;
  const Tensor<double> raw = noise({9, 192 * 2}, 6), y = eeg_features(raw, o);
  CHECK(y.shape() == Shape{2, 1, 6, 9});
  const Tensor<float> z = eeg_features(raw.to<float>(), o);
  for (index_t i = 0; i < y.numel(); ++i)
    CHECK(static_cast<double>(z.data()[i]) == doctest::Approx(y.data()[i]).epsilon(1e-4));
}

TEST_CASE("a sine's DE is in its band") {
  EegOptions o;
  Tensor<double> raw = noise({62, 1400}, 7);
  for (index_t c = 0; c < 62; ++c)
    for (index_t i = 0; i < 1400; ++i)
      raw.mutable_data()[c * 1400 + i] =
          raw.data()[c * 1400 + i] * 1e-3 +
          10 * std::sin(2 * std::numbers::pi * 10 * static_cast<double>(i) / 200);
  const Tensor<double> y = eeg_features(raw, o);
  for (index_t frame = 0; frame < 4; ++frame) {
    CHECK(y.at(0, frame, 8, 30) == doctest::Approx(50).epsilon(0.01));  // mean of (10 sin)^2, alpha: 8-14 Hz
    for (index_t b : {0, 1, 3, 4, 5}) CHECK(y.at(0, frame, b, 30) < y.at(0, frame, 2, 30) - 2);
  }
}

TEST_CASE("options in one line") {
  CHECK(to_text(other()) ==
        "rate 128 Hz, Butterworth order 2, first 1-45 Hz, bands 2-10 12-40 2-40 Hz, baseline 0.75 s, windows "
        "of 1.5 s "
        "in 3 frames, DE and power, 9 electrodes A B C D E F G H I");
}

TEST_CASE("bad options and recordings") {
  const Tensor<double> raw = noise({9, 96 + 192}, 8);
  const auto says = [&](auto change) {
    EegOptions o = other();
    change(o);
    return thrown([&] { eeg_features(raw, o); });
  };
  CHECK(says([](EegOptions&) {}) == "");
  CHECK(says([](EegOptions& o) { o.rate = 0; }) ==
        "[eeg] a rate above 0 and up to 1e6 samples a second is needed; got 0");
  CHECK(says([](EegOptions& o) { o.rate = 64; }) ==
        "[butterworth] a band inside 0 to 32 Hz, half the rate, is needed; got 1 to 45 Hz");
  CHECK(says([](EegOptions& o) { o.window_seconds = 1.51; }) ==
        "[eeg] a frame must be a whole number of samples; got windows of 1.51 s at 128 samples a second in 3 "
        "frames");
  CHECK(says([](EegOptions& o) { o.frames = 7; }) ==
        "[eeg] a frame must be a whole number of samples; got windows of 1.5 s at 128 samples a second in 7 "
        "frames");
  CHECK(says([](EegOptions& o) { o.frames = 192; }) ==
        "[eeg] a frame needs at least 2 samples for its variance; got 1");
  CHECK(says([](EegOptions& o) { o.frames = 0; }) == "[eeg] a window needs at least one frame; got 0");
  CHECK(says([](EegOptions& o) { o.bands.clear(); }) == "[eeg] 1 to 1000 bands are needed; got 0");
  CHECK(says([](EegOptions& o) { o.electrodes.pop_back(); }) ==
        "[eeg] a recording of 8 channels is needed, as (channels, samples); got (9, 288)");
  CHECK(says([](EegOptions& o) { o.electrodes.clear(); }) ==
        "[eeg] at least one electrode is needed; got none");
  CHECK(says([](EegOptions& o) { o.baseline_seconds = -1; }) ==
        "[eeg] a baseline of 0 to 3600 s is needed; got -1 s");
  CHECK(says([](EegOptions& o) { o.baseline_seconds = std::nan(""); }) != "");
  CHECK(says([](EegOptions& o) { o.window_seconds = std::nan(""); }) != "");
  CHECK(says([](EegOptions& o) { o.bands[1].high = 64; }) != "");

  CHECK(thrown([] {
          eeg_features(noise({62, 1399}, 1));
        }) ==
        "[eeg] at least 7 s are needed (baseline of 5 s and one window), 1400 samples at 200 Hz; got 1399");
  CHECK(thrown([] {
          eeg_features(Tensor<double>::zeros({62, 0}));
        }).starts_with("[eeg] at least 7 s are needed"));
  CHECK(thrown([] {
          eeg_features(noise({1400, 62}, 1));
        }) == "[eeg] a recording of 62 channels is needed, as (channels, samples); got (1400, 62)");
}

TEST_CASE("bad samples") {
  const Tensor<double> good = noise({62, 1800}, 9);
  const auto with = [&](double value, index_t begin, index_t end) {
    Tensor<double> raw = good.clone();
    for (index_t i = begin; i < end; ++i) raw.set({7, i}, value);
    return thrown([&] { eeg_features(raw); });
  };
  CHECK(with(std::nan(""), 1300, 1301) ==
        "[eeg] finite samples are needed; got nan in channel 8 (F3), sample 1300");
  CHECK(with(INFINITY, 0, 1) == "[eeg] finite samples are needed; got inf in channel 8 (F3), sample 0");
  CHECK(with(3, 0, 1800) ==
        "[eeg] every channel must change within a window; channel 8 (F3) is flat from 5 to 7 s (hint: an "
        "electrode "
        "without contact)");
  CHECK(with(3, 1400, 1800) ==
        "[eeg] every channel must change within a window; channel 8 (F3) is flat from 7 to 9 s (hint: an "
        "electrode "
        "without contact)");
  CHECK(with(3, 1399, 1799) == "");  // flat for 2 s, but not for a whole window
  Tensor<double> huge = good.clone(), tiny = good.clone();
  for (double& v : huge.mutable_span()) v *= 1e200;
  for (double& v : tiny.mutable_span()) v *= 1e-200;
  for (const Tensor<double>& raw : {huge, tiny})
    CHECK(thrown([&] {
            eeg_features(raw);
          }).starts_with("[eeg] features must be finite; those of channel 1 (FP1) from 5 to 7 s are not"));
}
