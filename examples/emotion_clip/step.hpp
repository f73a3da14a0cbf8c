// One training step of EmotionCLIP: windows through the network, the loss by prompts or by the classification
// head, gradients, AdamW.
#pragma once

#include "emotion_clip/matching.hpp"
#include "emotion_clip/network.hpp"

#include <limbic/optim/adam.hpp>

#include <optional>

namespace limbic::emotion_clip {

template <class T, class D = Cpu>
class Step {
 public:
  Network<T, D> net;

  Step() = default;
  // Throws for sizes that do not fit together.
  Step(const Config& c, RandomStream& random, const Optimisation& o)
      : net(c, random),
        optimizer_(std::in_place, parameters<T, D>(net),
                   AdamWOptions{.lr = o.learning_rate, .beta2 = 0.98, .weight_decay = o.weight_decay}),
        clip_norm_(o.clip_norm) {}

  AdamW<T, D>& optimizer() { return *optimizer_; }

  // Of images (B, frames, maps, S, S) and their classes (B): by the prompts, or, where there are none, by the
  // head, whose cross-entropy is all of it then. Throws for shapes that do not fit and labels out of range.
  MatchingResult<T, D> loss(const Tensor<T, D>& images, const Tensor<index_t, D>& label,
                            const Prompts<T, D>* prompts, const MatchingOptions& options) {
    const Var<T, D> features = net.features(images);
    if (prompts) return matching_loss(net.embed(features), *prompts, label, options);
    const Var<T, D> logits = net.head(features);
    MatchingResult<T, D> out;
    out.logits = logits.value();
    out.total = cross_entropy(logits, label, {.reduction = options.sum ? Reduction::sum : Reduction::mean});
    out.cross_entropy = out.total.value();
    return out;
  }

  // Parameters a step down that loss's gradient. Throws for a gradient that is not finite, if it is to be
  // clipped: a device's by the next call that waits for it.
  void update(Var<T, D> loss, double learning_rate) {
    optimizer_->zero_grad();
    backward(std::move(loss));
    optimizer_->set_lr(learning_rate);
    if (clip_norm_ > 0) optimizer_->step_clipped(clip_norm_);
    else optimizer_->step();
  }

 private:
  std::optional<AdamW<T, D>> optimizer_;
  double clip_norm_ = 0;
};

}  // namespace limbic::emotion_clip
