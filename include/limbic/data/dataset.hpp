// What readers and the simulator hand to the data pipeline: recordings of trials of windows.
//
// A subject watches film clips (trials) in several sessions. A trial is cut into windows of 1 to 4 seconds,
// and a window is described by EEG features and, where an eye tracker ran, eye features of the same stretch
// of time.
#pragma once

#include <limbic/core/tensor.hpp>

#include <string>
#include <vector>

namespace limbic::data {

// One clip, W windows in the order of time. A modality that was not recorded is an undefined tensor.
struct Trial {
  index_t number = 0;  // counted from 1, as in the files
  index_t label = -1;  // class, counted from 0
  Tensor<float> eeg;   // (W, channels, bands)
  Tensor<float> eye;   // (W, features)

  // W; 0 without either modality.
  index_t windows() const { return eeg.defined() ? eeg.size(0) : eye.defined() ? eye.size(0) : 0; }
};

// One session of one subject, its trials in the order of their numbers.
struct Recording {
  index_t subject = 0;  // counted from 1, as in the file names
  index_t session = 0;  // counted from 1, in the order of dates
  std::string source;   // the file that it came from
  std::vector<Trial> trials;
};

// Everything that was read, ordered by subject, then by session.
struct Dataset {
  std::string name;                  // "SEED" or "SEED-IV"
  std::vector<std::string> classes;  // names, by label
  std::string eeg_feature;           // the variable that the EEG features came from, such as "de_LDS"
  bool simulated = false;            // true when any file says that it is; every output must then say so
  std::vector<Recording> recordings;
  std::vector<std::string> remarks;  // what was missing, odd or skipped, one sentence each
};

}  // namespace limbic::data
