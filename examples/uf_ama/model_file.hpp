// A trained model in a file: parameters, sizes, and what its input must look like. Written as a checkpoint
// with checksums.
#pragma once

#include <limbic/data/scaler.hpp>

#include "uf_ama/model.hpp"

namespace limbic::uf_ama {

struct ModelFile {
  Config config;
  Inputs inputs = Inputs::both;
  std::string data_set, eeg_feature, fold, method, rule;
  std::vector<std::string> classes;
  bool simulated = false;
  data::Normalisation normalisation;
  data::Scaler eeg_scaler, eye_scaler;  // where statistics are the source's
  StateDict state;                      // of the network

  void save(const std::string& path) const;
  // Throws when the file is damaged or no such model.
  static ModelFile load(const std::string& path);
  // The network with these parameters.
  Network<float> network() const;
};

}  // namespace limbic::uf_ama
