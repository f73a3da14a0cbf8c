// A trained model in a file: parameters, sizes, the prompts it was trained with, and what its input must look
// like. Written as a checkpoint with checksums.
#pragma once

#include <limbic/io/state_dict.hpp>
#include <limbic/text/prototypes.hpp>

#include "emotion_clip/config.hpp"
#include "emotion_clip/settings.hpp"
#include "emotion_clip/tower.hpp"

namespace limbic::emotion_clip {

struct ModelFile {
  Config config;
  Answer answer = Answer::matching;
  double temperature = 0.1;
  text::Prototypes text;
  std::string data_set, input, eeg, fold, method, rule;  // eeg: all that the features depend on, in words
  index_t filter_order = 0;
  std::vector<std::string> classes;
  bool simulated = false;
  StateDict state;

  void save(const std::string& path) const;
  // Throws when the file is damaged or no such model.
  static ModelFile load(const std::string& path);
  // The tower with these parameters.
  Tower tower() const;
  // What predictions go by: undefined for the classifier.
  Tensor<float> prompts() const;
};

}  // namespace limbic::emotion_clip
