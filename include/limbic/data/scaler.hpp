// Normalisation of features, with its scope declared.
//
//   z-score   (x - mean) / std, std of the population (divided by N)
//   min-max   (x - min) / (max - min)
//
// Each feature (a channel's band, an eye measure) by itself. A feature that is constant where the statistics
// are taken carries nothing: it becomes 0 and is counted. Statistics are accumulated in double.
#pragma once

#include <limbic/core/tensor.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace limbic::data {

// The formulas above, or nothing.
enum class ScaleMethod : std::uint8_t { z_score, min_max, none };
// Where the statistics come from: each subject's session by itself, or the labelled source windows.
enum class ScaleScope : std::uint8_t { subject_session, source };

// What is done to features, and by which statistics.
struct Normalisation {
  ScaleMethod method = ScaleMethod::z_score;
  ScaleScope scope = ScaleScope::subject_session;

  friend bool operator==(const Normalisation&, const Normalisation&) = default;
};

// The names that options use: "z-score", "z-score-source", "min-max", "min-max-source", "none".
inline std::string to_text(const Normalisation& n) {
  if (n.method == ScaleMethod::none) return "none";
  return std::string(n.method == ScaleMethod::z_score ? "z-score" : "min-max") +
         (n.scope == ScaleScope::source ? "-source" : "");
}
// The reverse. Throws for another name.
inline Normalisation normalisation_of(std::string_view name) {
  for (ScaleMethod m : {ScaleMethod::z_score, ScaleMethod::min_max, ScaleMethod::none})
    for (ScaleScope s : {ScaleScope::subject_session, ScaleScope::source})
      if (const Normalisation n{m, s}; to_text(n) == name) return n;
  fail("normalisation", "one of z-score, z-score-source, min-max, min-max-source, none is needed; got '",
       name, "'");
}
// One sentence for the protocol card.
inline std::string describe(const Normalisation& n) {
  if (n.method == ScaleMethod::none) return "Features are used as they are in the files.";
  const std::string how = n.method == ScaleMethod::z_score
                              ? "Every feature is brought to mean 0 and standard deviation 1 "
                              : "Every feature is brought to the range from 0 to 1 ";
  return how +
         (n.scope == ScaleScope::subject_session
              ? "within each subject and session, the target's included (transductive: no label is used)."
              : "with the statistics of the labelled source windows alone.");
}

// The statistics of one modality, and their use.
class Scaler {
 public:
  // Leaves everything as it is.
  Scaler() = default;

  // From all rows of all parts, each (W, ...) with the same features. Throws for parts that differ, no rows
  // and values that are not finite.
  static Scaler fit(ScaleMethod method, std::span<const Tensor<float>> parts) {
    Scaler s;
    if (method == ScaleMethod::none) return s;
    std::vector<Tensor<float>> dense;
    index_t rows = 0;
    for (const Tensor<float>& part : parts) {
      check(part.rank() >= 1, "scaler", "parts of shape (windows, ...) are needed; got ", part.shape());
      const index_t features = features_of(part);
      if (!dense.empty() && features != features_of(dense[0]))
        fail("scaler", "parts with the same features are needed; got ", part.shape(), " after ",
             dense[0].shape());
      rows += part.size(0);
      dense.push_back(part.contiguous());
    }
    check(rows > 0, "scaler", "at least one window is needed; got none");
    const auto n = static_cast<std::size_t>(features_of(dense[0]));

    constexpr double kFar = std::numeric_limits<double>::infinity();
    std::vector<double> mean(n, 0), low(n, kFar), high(n, -kFar);
    for_rows(dense, n, [&](std::size_t f, double x) {
      mean[f] += x;
      low[f] = std::min(low[f], x);
      high[f] = std::max(high[f], x);
    });
    std::vector<double> square(n, 0);
    for (std::size_t f = 0; f < n; ++f) {
      mean[f] /= static_cast<double>(rows);
      if (!std::isfinite(mean[f]))
        fail("scaler", "finite values are needed; feature ", f, " of ", n, " has some that are not");
    }
    if (method == ScaleMethod::z_score)
      for_rows(dense, n, [&](std::size_t f, double x) { square[f] += (x - mean[f]) * (x - mean[f]); });

    s.shift_.resize(n);
    s.scale_.resize(n);
    for (std::size_t f = 0; f < n; ++f) {
      const bool constant = low[f] == high[f];
      const double width = method == ScaleMethod::z_score ? std::sqrt(square[f] / static_cast<double>(rows))
                                                          : high[f] - low[f];
      s.shift_[f] = method == ScaleMethod::z_score ? mean[f] : low[f];
      s.scale_[f] = constant ? 0 : 1 / width;
      s.constant_ += constant;
    }
    return s;
  }
  static Scaler fit(ScaleMethod method, const Tensor<float>& rows) {
    return fit(method, std::span(&rows, 1));
  }

  // From saved statistics: x becomes (x - shift) scale, features whose scale is 0 become 0. Throws when their
  // numbers differ.
  static Scaler from(std::vector<double> shift, std::vector<double> scale) {
    check(shift.size() == scale.size(), "scaler", "a shift and a scale for each feature are needed; got ",
          shift.size(), " and ", scale.size());
    Scaler s;
    s.constant_ = static_cast<index_t>(std::count(scale.begin(), scale.end(), 0.0));
    s.shift_ = std::move(shift);
    s.scale_ = std::move(scale);
    return s;
  }
  // Of each feature; empty where everything is left as it is.
  const std::vector<double>& shift() const { return shift_; }
  const std::vector<double>& scale() const { return scale_; }

  // Whether apply() leaves everything as it is.
  bool identity() const { return scale_.empty(); }
  // Features that were constant, and become 0.
  index_t constant_features() const { return constant_; }

  // Scales rows (W, ...), dense, in place. Throws where the features are not those of fit().
  void apply(Tensor<float>& rows, Site site = Site::here()) const {
    if (identity()) return;
    check(rows.rank() >= 1 && features_of(rows) == static_cast<index_t>(scale_.size()), "scaler",
          "windows of ", scale_.size(), " features are needed; got ", rows.shape());
    float* x = rows.mutable_span(site).data();
    for (index_t r = 0; r < rows.size(0); ++r)
      for (std::size_t f = 0; f < scale_.size(); ++f, ++x)
        *x = static_cast<float>((static_cast<double>(*x) - shift_[f]) * scale_[f]);
  }

 private:
  static index_t features_of(const Tensor<float>& x) {
    index_t n = 1;
    for (int d = 1; d < x.rank(); ++d) n *= x.shape()[d];
    return n;
  }
  template <class F>
  static void for_rows(const std::vector<Tensor<float>>& parts, std::size_t features, F&& f) {
    for (const Tensor<float>& part : parts) {
      const float* x = part.data();
      for (index_t r = 0; r < part.size(0); ++r)
        for (std::size_t i = 0; i < features; ++i) f(i, static_cast<double>(*x++));
    }
  }

  std::vector<double> shift_, scale_;
  index_t constant_ = 0;
};

}  // namespace limbic::data
