// Causal filtering in second-order sections, many channels side by side.
//
//   y = b0 x + s1;  s1 = b1 x - a1 y + s2;  s2 = b2 x - a2 y    from s1 = s2 = 0 (direct form II transposed)
//
// A recurrence cannot use vectors along time; so kFilterLanes channels run side by side in blocks of
// (samples, kFilterLanes), section after section over a block that stays in the caches. Arithmetic is double
// throughout: in float the sections of 0.5 Hz at 200 Hz would be noisy. How samples are cut into blocks
// changes no bit of the result.
#pragma once

#include <limbic/core/tensor.hpp>
#include <limbic/data/butterworth.hpp>

namespace limbic::data {

// Channels that are filtered side by side.
inline constexpr index_t kFilterLanes = 8;

// One cascade of sections with the state of every channel.
class SosFilter {
 public:
  // Throws without sections or channels, and for coefficients that are not finite.
  SosFilter(std::vector<FilterSection> sections, index_t channels)
      : sections_(std::move(sections)), channels_(channels) {
    check(!sections_.empty(), "filter", "at least one section is needed; got none");
    check(channels >= 1, "filter", "at least one channel is needed; got ", channels);
    for (const FilterSection& s : sections_)
      check(std::isfinite(s.b0 + s.b1 + s.b2 + s.a1 + s.a2), "filter", "finite coefficients are needed");
    state_.resize(static_cast<std::size_t>(groups()) * sections_.size());
  }

  index_t channels() const { return channels_; }
  // Groups of kFilterLanes channels; the last one may be part empty.
  index_t groups() const { return (channels_ + kFilterLanes - 1) / kFilterLanes; }
  // As before the first sample.
  void reset() { std::fill(state_.begin(), state_.end(), State{}); }

  // The next samples of one group in [0, groups()): in and out (samples, kFilterLanes), which may be the same
  // memory. Neither is checked.
  void run(index_t group, const double* in, double* out, index_t samples) {
    State* state = state_.data() + static_cast<std::size_t>(group) * sections_.size();
    for (const FilterSection& section : sections_) {
      run_section(section, *state++, in, out, samples);
      in = out;
    }
  }

 private:
  struct State {
    double s1[kFilterLanes] = {}, s2[kFilterLanes] = {};
  };

  static void run_section(const FilterSection& section, State& state, const double* in, double* out,
                          index_t samples) {
    const FilterSection c = section;
    State s = state;
    for (index_t i = 0; i < samples; ++i, in += kFilterLanes, out += kFilterLanes)
      for (index_t l = 0; l < kFilterLanes; ++l) {
        const double x = in[l], y = c.b0 * x + s.s1[l];
        s.s1[l] = (c.b1 * x + s.s2[l]) - c.a1 * y;
        s.s2[l] = c.b2 * x - c.a2 * y;
        out[l] = y;
      }
    state = s;
  }

  std::vector<FilterSection> sections_;
  index_t channels_;
  std::vector<State> state_;  // (groups, sections)
};

// Filters x (channels, samples) from rest; the same shape. Throws for another rank and without sections.
template <class T>
Tensor<T> filter_channels(const std::vector<FilterSection>& sections, const Tensor<T>& x) {
  check(x.rank() == 2, "filter", "x of (channels, samples) is needed; got ", x.shape());
  Tensor<T> y = Tensor<T>::empty(x.shape());
  if (y.numel() == 0) return y;
  SosFilter filter(sections, x.size(0));
  const Tensor<T> from = x.contiguous();
  const index_t samples = x.size(1);
  T* const to = y.mutable_data();
  constexpr index_t kBlock = 256;
  std::vector<double> block(static_cast<std::size_t>(kBlock * kFilterLanes));
  for (index_t begin = 0; begin < samples; begin += kBlock)
    for (index_t g = 0; g < filter.groups(); ++g) {
      const index_t n = std::min(kBlock, samples - begin), first = g * kFilterLanes;
      const index_t lanes = std::min(kFilterLanes, x.size(0) - first);
      for (index_t l = 0; l < lanes; ++l)
        for (index_t i = 0; i < n; ++i)
          block[static_cast<std::size_t>(i * kFilterLanes + l)] =
              static_cast<double>(from.data()[(first + l) * samples + begin + i]);
      filter.run(g, block.data(), block.data(), n);
      for (index_t l = 0; l < lanes; ++l)
        for (index_t i = 0; i < n; ++i)
          to[(first + l) * samples + begin + i] =
              static_cast<T>(block[static_cast<std::size_t>(i * kFilterLanes + l)]);
    }
  return y;
}

}  // namespace limbic::data
