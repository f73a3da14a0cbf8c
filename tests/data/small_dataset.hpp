// A small data set whose every value tells where it stands: for tests of the pipeline.
#pragma once

#include <limbic/data/dataset.hpp>

// subjects x sessions x 6 trials of 2 or 3 windows, 2 channels, 2 bands, 3 eye features, 3 classes. Value =
// subject * 1000 + session * 100 + trial * 10 + window + a fraction for the feature.
inline limbic::data::Dataset small_dataset(limbic::index_t subjects, limbic::index_t sessions) {
  using namespace limbic;
  data::Dataset d;
  d.name = "small";
  d.classes = {"a", "b", "c"};
  d.eeg_feature = "de_LDS";
  for (index_t s = 1; s <= subjects; ++s)
    for (index_t k = 1; k <= sessions; ++k) {
      data::Recording r{s, k, "file" + std::to_string(s) + "_" + std::to_string(k), {}};
      for (index_t t = 1; t <= 6; ++t) {
        const index_t w = 2 + t % 2;
        auto value = [&](index_t i, index_t f) {
          return static_cast<float>(s * 1000 + k * 100 + t * 10 + i) + static_cast<float>(f) / 8;
        };
        std::vector<float> eeg, eye;
        for (index_t i = 0; i < w; ++i) {
          for (index_t f = 0; f < 4; ++f) eeg.push_back(value(i, f));
          for (index_t f = 0; f < 3; ++f) eye.push_back(-value(i, f));
        }
        r.trials.push_back(
            {t, (t + s) % 3, Tensor<float>::from({w, 2, 2}, eeg), Tensor<float>::from({w, 3}, eye)});
      }
      d.recordings.push_back(r);
    }
  return d;
}
