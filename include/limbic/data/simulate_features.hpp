// The simulator's derived features, as SEED ships them beside differential entropy (DE).
//
//   PSD    2^DE / 100, as DE is log2 of 100 times the band's power            (62, W, 5)
//   DASM   DE of the left minus DE of the right electrode of 27 pairs         (27, W, 5)
//   RASM   their ratio                                                        (27, W, 5)
//   ASM    DASM, then RASM                                                    (54, W, 5)
//   DCAU   DE of the frontal minus DE of the posterior electrode of 23 pairs  (23, W, 5)
//
// Source of the definitions: Zheng and Lu, IEEE Transactions on Autonomous Mental Development 7, 2015.
#pragma once

#include <limbic/data/electrodes.hpp>
#include <limbic/data/simulate_trial.hpp>

namespace limbic::data {

// The features above, and DE itself.
enum class FeatureKind : std::uint8_t { de, psd, dasm, rasm, asm_, dcau };

inline constexpr std::array<FeatureKind, 6> kFeatureKinds{FeatureKind::de,   FeatureKind::psd,
                                                          FeatureKind::dasm, FeatureKind::rasm,
                                                          FeatureKind::asm_, FeatureKind::dcau};

// As in the files' keys: "de", "psd", "dasm", "rasm", "asm", "dcau".
inline std::string to_text(FeatureKind k) {
  constexpr const char* kNames[] = {"de", "psd", "dasm", "rasm", "asm", "dcau"};
  return kNames[static_cast<int>(k)];
}
// The reverse. Throws for another name.
inline FeatureKind feature_kind_of(std::string_view name) {
  for (FeatureKind k : kFeatureKinds)
    if (to_text(k) == name) return k;
  fail("simulate", "a feature is one of de, psd, dasm, rasm, asm, dcau; got '", name, "'");
}

namespace detail {

using ElectrodePairs = std::vector<std::pair<int, int>>;

inline ElectrodePairs electrode_pairs(std::span<const char* const> names) {
  ElectrodePairs pairs;
  for (std::size_t i = 0; i + 1 < names.size(); i += 2)
    pairs.emplace_back(electrode_index(names[i]), electrode_index(names[i + 1]));
  return pairs;
}

// 27 pairs, left and right.
inline const ElectrodePairs& hemispheric_pairs() {
  static constexpr const char* kNames[] = {
      "FP1", "FP2", "AF3", "AF4", "F7",  "F8",  "F5",  "F6",  "F3",  "F4",  "F1", "F2", "FT7", "FT8",
      "FC5", "FC6", "FC3", "FC4", "FC1", "FC2", "T7",  "T8",  "C5",  "C6",  "C3", "C4", "C1",  "C2",
      "TP7", "TP8", "CP5", "CP6", "CP3", "CP4", "CP1", "CP2", "P7",  "P8",  "P5", "P6", "P3",  "P4",
      "P1",  "P2",  "PO7", "PO8", "PO5", "PO6", "PO3", "PO4", "CB1", "CB2", "O1", "O2"};
  static const ElectrodePairs pairs = electrode_pairs(kNames);
  return pairs;
}

// 23 pairs, frontal and posterior.
inline const ElectrodePairs& caudal_pairs() {
  static constexpr const char* kNames[] = {
      "FT7", "TP7", "FC5", "CP5", "FC3", "CP3", "FC1", "CP1", "FCZ", "CPZ", "FC2", "CP2",
      "FC4", "CP4", "FC6", "CP6", "FT8", "TP8", "F7",  "P7",  "F5",  "P5",  "F3",  "P3",
      "F1",  "P1",  "FZ",  "PZ",  "F2",  "P2",  "F4",  "P4",  "F6",  "P6",  "F8",  "P8",
      "FP1", "O1",  "FP2", "O2",  "FPZ", "OZ",  "AF3", "CB1", "AF4", "CB2"};
  static const ElectrodePairs pairs = electrode_pairs(kNames);
  return pairs;
}

// Rounded to float, so that files and the data set in memory agree.
inline double as_float(double v) { return static_cast<double>(static_cast<float>(v)); }

// Values f(window, row, band), (rows, W, bands) as in the files.
template <class F>
Tensor<double> file_features(std::size_t rows, std::size_t windows, F&& f) {
  Tensor<double> t =
      Tensor<double>::empty({static_cast<index_t>(rows), static_cast<index_t>(windows), kBands});
  double* out = t.mutable_data();
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t w = 0; w < windows; ++w)
      for (std::size_t b = 0; b < kBands; ++b) *out++ = as_float(f(w, r, b));
  return t;
}

// A kind of feature of smoothed DE (W, 62 * 5), in the layout of the files.
inline Tensor<double> derived_feature(FeatureKind kind, const FeatureRows& de) {
  auto at = [&](std::size_t w, int channel, std::size_t b) {
    return de.row(w)[static_cast<std::size_t>(channel) * kBands + b];
  };
  auto of_pairs = [&](const ElectrodePairs& pairs, auto combine) {
    return file_features(pairs.size(), de.rows, [&](std::size_t w, std::size_t p, std::size_t b) {
      return combine(at(w, pairs[p].first, b), at(w, pairs[p].second, b));
    });
  };
  auto of_channels = [&](auto change) {
    return file_features(kChannels, de.rows, [&](std::size_t w, std::size_t c, std::size_t b) {
      return change(at(w, static_cast<int>(c), b));
    });
  };
  switch (kind) {
    case FeatureKind::de: return of_channels([](double v) { return v; });
    case FeatureKind::psd: return of_channels([](double v) { return std::exp2(v) / 100; });
    case FeatureKind::dasm: return of_pairs(hemispheric_pairs(), [](double l, double r) { return l - r; });
    case FeatureKind::rasm: return of_pairs(hemispheric_pairs(), [](double l, double r) { return l / r; });
    case FeatureKind::dcau: return of_pairs(caudal_pairs(), [](double f, double p) { return f - p; });
    case FeatureKind::asm_: break;
  }
  const ElectrodePairs& pairs = hemispheric_pairs();
  return file_features(2 * pairs.size(), de.rows, [&](std::size_t w, std::size_t r, std::size_t b) {
    const auto& p = pairs[r % pairs.size()];
    const double left = at(w, p.first, b), right = at(w, p.second, b);
    return r < pairs.size() ? left - right : left / right;
  });
}

}  // namespace detail

}  // namespace limbic::data
