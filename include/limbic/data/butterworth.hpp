// Butterworth band-pass filters as second-order sections.
//
// An analog low-pass of order n has its poles evenly on the left half of the unit circle (S. Butterworth, "On
// the theory of filter amplifiers", 1930). s -> (s^2 + w0^2) / (B s) turns it into a band-pass with twice the
// poles, s = 2 rate (z - 1) / (z + 1) into a digital one, band edges warped beforehand so that they come out
// exact (Oppenheim and Schafer, Discrete-Time Signal Processing, chapter 7). One polynomial of all poles
// loses digits: 2 % in 1-4 Hz at 200 Hz and order 5; pairs of poles do not.
//
// A section takes one zero at 0 Hz and one at rate / 2, is a band-pass of its own, and has gain 1 at the
// band's centre; poles nearest to the unit circle come last.
#pragma once

#include <limbic/core/error.hpp>

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <span>
#include <vector>

namespace limbic::data {

// H(z) = (b0 + b1 / z + b2 / z^2) / (1 + a1 / z + a2 / z^2).
struct FilterSection {
  double b0 = 1, b1 = 0, b2 = 0, a1 = 0, a2 = 0;
};

// |H| of all sections one after the other at `hz`, for samples at `rate` Hz.
inline double gain_at(std::span<const FilterSection> sections, double hz, double rate) {
  const std::complex<double> delay = std::polar(1.0, -2 * std::numbers::pi * hz / rate);
  std::complex<double> h = 1;
  for (const FilterSection& s : sections)
    h *= (s.b0 + delay * (s.b1 + delay * s.b2)) / (1.0 + delay * (s.a1 + delay * s.a2));
  return std::abs(h);
}

// `order` sections that pass low to high Hz (gain 1 / sqrt(2) at both) of samples at `rate` Hz; 2 * order
// poles, as scipy.signal.butter(order, [low, high], "bandpass", fs=rate). Throws for an order out of [1, 20],
// a rate that is not positive, and a band that is empty or not inside (0, rate / 2).
inline std::vector<FilterSection> butterworth_bandpass(int order, double low, double high, double rate) {
  check(order >= 1 && order <= 20, "butterworth", "an order of 1 to 20 is needed; got ", order);
  check(std::isfinite(rate) && rate > 0, "butterworth", "a positive rate is needed; got ", rate, " Hz");
  check(low > 0 && low < high && high < rate / 2, "butterworth", "a band inside 0 to ", rate / 2,
        " Hz, half the rate, is needed; got ", low, " to ", high, " Hz");
  using Complex = std::complex<double>;
  const auto warped = [rate](double hz) { return 2 * rate * std::tan(std::numbers::pi * hz / rate); };
  const double first = warped(low), last = warped(high), width = last - first, centre2 = first * last;
  const double centre_hz = rate / std::numbers::pi * std::atan(std::sqrt(centre2) / (2 * rate));

  std::vector<FilterSection> sections;
  // The section whose poles are these two, in the plane of s.
  const auto add = [&](Complex p, Complex q) {
    const Complex a = (2 * rate + p) / (2 * rate - p), b = (2 * rate + q) / (2 * rate - q);
    FilterSection s{1, 0, -1, -(a + b).real(), (a * b).real()};
    s.b0 = 1 / gain_at({&s, 1}, centre_hz, rate);
    s.b2 = -s.b0;
    sections.push_back(s);
  };
  for (int k = 0; 2 * k < order; ++k) {
    // The prototype's poles above the real axis, and on it.
    const bool real = 2 * k + 1 == order;
    const Complex pole =
        real ? Complex(-1) : std::polar(1.0, std::numbers::pi * (0.5 + (2 * k + 1) / (2.0 * order)));
    const Complex half = pole * (width / 2), root = std::sqrt(half * half - centre2);
    if (real) {
      add(half + root, half - root);
    } else {
      add(half + root, std::conj(half + root));
      add(half - root, std::conj(half - root));
    }
  }
  std::sort(sections.begin(), sections.end(),
            [](const FilterSection& s, const FilterSection& t) { return s.a2 < t.a2; });
  return sections;
}

}  // namespace limbic::data
