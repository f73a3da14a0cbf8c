// The network in training and inference, behind a face of plain tensors: what it is made of is compiled once.
#pragma once

#include <limbic/io/state_dict.hpp>

#include "emotion_clip/config.hpp"
#include "emotion_clip/matching_options.hpp"
#include "emotion_clip/settings.hpp"

#include <memory>

namespace limbic::emotion_clip {

// What one step has to say.
struct StepReport {
  MatchingReport loss;
  double accuracy = 0;  // of the batch, in training mode
};

class Tower {
 public:
  // Parameters depend on the seed alone. Throws for sizes that do not fit together.
  Tower(const Config& config, std::uint64_t seed, const Optimisation& optimisation = {});
  Tower(Tower&&) noexcept;
  ~Tower();

  const Config& config() const;

  // One step of AdamW on images (B, frames, maps, S, S): by the prompts `text` (P C, E), template-major, or,
  // where that is undefined, by the classification head. Throws for shapes that do not fit and a loss that is
  // not finite.
  StepReport step(const Tensor<float>& images, const Tensor<index_t>& label, const Tensor<float>& text,
                  const MatchingOptions& options, double learning_rate);

  // Evaluation mode. Features (B, d) of images; of features: the head's logits (B, C), embeddings (B, E).
  Tensor<float> features(const Tensor<float>& images);
  Tensor<float> head_logits(const Tensor<float>& features) const;
  Tensor<float> embeddings(const Tensor<float>& features) const;
  // The gradient of the logit of class `wanted` (B), by the prompts or the head, with respect to the images.
  Tensor<float> image_gradient(const Tensor<float>& images, const Tensor<index_t>& wanted,
                               const Tensor<float>& text, double temperature);

  // Parameters and statistics; all else that a resumption needs.
  StateDict model();
  void load_model(const StateDict& state);
  StateDict training_state();
  void load_training_state(const StateDict& state);

 private:
  struct Inside;
  std::unique_ptr<Inside> inside_;
};

// Logits (B, C) of embeddings by prompts `text` (P C, E), and cosines with every prompt (B, P, C).
Tensor<float> matching_logits(const Tensor<float>& embeddings, const Tensor<float>& text, index_t classes,
                              double temperature);
Tensor<float> prompt_similarities(const Tensor<float>& embeddings, const Tensor<float>& text,
                                  index_t classes);

}  // namespace limbic::emotion_clip
