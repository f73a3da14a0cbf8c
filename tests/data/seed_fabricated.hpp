// Small files in the layouts of SEED and SEED-IV, with numbers that say where they belong.
#pragma once

#include <limbic/data/mat.hpp>
#include <limbic/data/seed_layout.hpp>

#include <filesystem>

namespace fabricated {

using namespace limbic;

inline index_t windows(index_t trial) { return 2 + trial % 3; }

// EEG value of (window, channel, band) and eye value of (window, feature), all counted from 0.
inline double eeg_value(index_t subject, index_t session, index_t trial, index_t w, index_t c, index_t b) {
  return static_cast<double>(((subject * 10 + session) * 100 + trial) * 8 + w) +
         static_cast<double>(c * 5 + b) / 512;
}
inline double eye_value(index_t subject, index_t session, index_t trial, index_t w, index_t f) {
  return eeg_value(subject, session, trial, w, 0, 0) + static_cast<double>(f) / 64;
}

// (62, W, 5).
inline Tensor<double> eeg(index_t subject, index_t session, index_t trial, index_t W) {
  Tensor<double> t = Tensor<double>::empty({62, W, 5});
  double* p = t.mutable_data();
  for (index_t c = 0; c < 62; ++c)
    for (index_t w = 0; w < W; ++w)
      for (index_t b = 0; b < 5; ++b) *p++ = eeg_value(subject, session, trial, w, c, b);
  return t;
}
// (features, W).
inline Tensor<double> eye(index_t subject, index_t session, index_t trial, index_t W, index_t features) {
  Tensor<double> t = Tensor<double>::empty({features, W});
  double* p = t.mutable_data();
  for (index_t f = 0; f < features; ++f)
    for (index_t w = 0; w < W; ++w) *p++ = eye_value(subject, session, trial, w, f);
  return t;
}

inline mat::Variables eeg_file(index_t subject, index_t session, index_t trials) {
  mat::Variables v;
  for (index_t t = 1; t <= trials; ++t) {
    v.emplace_back("de_LDS" + std::to_string(t), eeg(subject, session, t, windows(t)));
    v.emplace_back("psd_LDS" + std::to_string(t), eeg(subject, session, t + 50, windows(t)));
  }
  return v;
}
inline mat::Variables eye_file(index_t subject, index_t session, index_t trials, index_t features) {
  mat::Variables v;
  for (index_t t = 1; t <= trials; ++t)
    v.emplace_back("eye_" + std::to_string(t), eye(subject, session, t, windows(t), features));
  return v;
}

inline std::string name(index_t subject, index_t date) {
  return std::to_string(subject) + "_" + std::to_string(date) + ".mat";
}

// The three sessions' dates, of which the second is not the second in the order of text.
inline constexpr index_t kDates[] = {20130930, 20131005, 20131112};

inline std::vector<index_t> published_labels() {
  std::vector<index_t> labels;
  for (int l : data::kSeed.all_labels) labels.push_back(l - 1);
  return labels;
}
inline void save_labels(const std::string& folder, const std::vector<index_t>& labels) {
  mat::save(
      folder + "/label.mat",
      {{"label", Tensor<index_t>::from({1, static_cast<index_t>(labels.size())}, labels).to<double>()}});
}

// SEED's ExtractedFeatures in `folder`.
inline std::string seed(const std::string& folder, const std::vector<index_t>& subjects,
                        index_t sessions = 3) {
  const std::string path = folder + "/ExtractedFeatures";
  std::filesystem::create_directories(path);
  save_labels(path, published_labels());
  for (index_t s : subjects)
    for (index_t session = 1; session <= sessions; ++session)
      mat::save(path + "/" + name(s, kDates[session - 1]), eeg_file(s, session, 15));
  return path;
}

// SEED-IV's folders of features in `folder`.
inline void seed_iv(const std::string& folder, const std::vector<index_t>& subjects) {
  for (index_t session = 1; session <= 3; ++session)
    for (index_t s : subjects) {
      const std::string n = std::to_string(session) + "/" + name(s, kDates[session - 1]);
      for (const char* kind : {"/eeg_feature_smooth/", "/eye_feature_smooth/"})
        std::filesystem::create_directories(folder + kind + std::to_string(session));
      mat::save(folder + "/eeg_feature_smooth/" + n, eeg_file(s, session, 24));
      mat::save(folder + "/eye_feature_smooth/" + n, eye_file(s, session, 24, 31));
    }
}

// One file of the converted multimodal release: variables eeg, eye, label, trial.
inline mat::Variables rows(index_t subject, index_t session) {
  index_t n = 0;
  for (index_t t = 1; t <= 15; ++t) n += windows(t);
  Tensor<double> e = Tensor<double>::empty({n, 62, 5}), y = Tensor<double>::empty({n, 33});
  Tensor<double> labels = Tensor<double>::empty({n, 1}), trials = Tensor<double>::empty({n, 1});
  index_t row = 0;
  for (index_t t = 1; t <= 15; ++t)
    for (index_t w = 0; w < windows(t); ++w, ++row) {
      for (index_t c = 0; c < 62; ++c)
        for (index_t b = 0; b < 5; ++b)
          e.mutable_data()[(row * 62 + c) * 5 + b] = eeg_value(subject, session, t, w, c, b);
      for (index_t f = 0; f < 33; ++f) y.mutable_data()[row * 33 + f] = eye_value(subject, session, t, w, f);
      labels.mutable_data()[row] = static_cast<double>(data::kSeed.label(session, t));
      trials.mutable_data()[row] = static_cast<double>(t);
    }
  return {{"eeg", e}, {"eye", y}, {"label", labels}, {"trial", trials}};
}

}  // namespace fabricated
