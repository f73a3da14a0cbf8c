#include "emotion_clip/tower.hpp"

#include "emotion_clip/step.hpp"

#include <limbic/backend/cpu/random.hpp>
#include <limbic/ops/arg.hpp>
#include <limbic/ops/one_hot.hpp>

#include <optional>

namespace limbic::emotion_clip {

struct Tower::Inside {
  Step<float> step;
  std::optional<Network<float>> ready;  // a copy with folded weights, until parameters change
  Prompts<float> prompts;               // of the text that was used last
  Tensor<float> text;

  const Prompts<float>& prompts_of(const Tensor<float>& rows, index_t classes) {
    if (text.data() != rows.data() || prompts.classes() != classes) {
      prompts = Prompts<float>(rows, classes);
      text = rows;
    }
    return prompts;
  }
};

namespace {

double accuracy(const Tensor<float>& logits, const Tensor<index_t>& label) {
  const auto predicted = argmax(logits, 1).to_vector(), truth = label.to_vector();
  index_t right = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) right += predicted[i] == truth[i];
  return static_cast<double>(right) / static_cast<double>(truth.size());
}

}  // namespace

Tower::Tower(const Config& config, std::uint64_t seed, const Optimisation& o)
    : inside_(std::make_unique<Inside>()) {
  RandomStream random = Random(seed).stream("parameters");
  inside_->step = Step<float>(config, random, o);
}
Tower::Tower(Tower&&) noexcept = default;
Tower::~Tower() = default;

const Config& Tower::config() const { return inside_->step.net.config; }

StepReport Tower::step(const Tensor<float>& images, const Tensor<index_t>& label, const Tensor<float>& text,
                       const MatchingOptions& options, double learning_rate) {
  inside_->ready.reset();
  auto result = inside_->step.loss(
      images, label, text.defined() ? &inside_->prompts_of(text, config().classes) : nullptr, options);
  const StepReport report{result.report(), accuracy(result.logits, label)};
  if (!std::isfinite(report.loss.total))
    fail("training", "the loss must stay finite; got ", report.loss.total,
         " (hint: a smaller --learning-rate, or --clip-norm 1)");
  inside_->step.update(std::move(result.total), learning_rate);
  return report;
}

Tensor<float> Tower::features(const Tensor<float>& images) {
  const NoGrad off;
  if (!inside_->ready) {
    inside_->ready = clone(inside_->step.net);
    inside_->ready->prepare();
  }
  return inside_->ready->features(images).value();
}

Tensor<float> Tower::head_logits(const Tensor<float>& features) const {
  const NoGrad off;
  return inside_->step.net.head(Var<float>(features)).value();
}

Tensor<float> Tower::embeddings(const Tensor<float>& features) const {
  const NoGrad off;
  return inside_->step.net.embed(Var<float>(features)).value();
}

Tensor<float> Tower::image_gradient(const Tensor<float>& images, const Tensor<index_t>& wanted,
                                    const Tensor<float>& text, double temperature) {
  Network<float> net = clone(inside_->step.net);
  eval(net);
  freeze(net);
  const Var<float> x = Var<float>::leaf(images.clone());
  const Var<float> features = net.features(x);
  const Var<float> logits =
      text.defined() ? inside_->prompts_of(text, net.config.classes).logits(net.embed(features), temperature)
                     : net.head(features);
  return grad(sum(logits * one_hot<float>(wanted, logits.size(1))), {x})[0].value();
}

StateDict Tower::model() { return state_dict(inside_->step.net); }
void Tower::load_model(const StateDict& state) {
  load_state_dict(inside_->step.net, state);
  inside_->ready.reset();
}
StateDict Tower::training_state() {
  StateDict out;
  out.merge("random.", random_state(inside_->step.net));
  out.merge("optimizer.", inside_->step.optimizer().state_dict());
  return out;
}
void Tower::load_training_state(const StateDict& state) {
  load_random_state(inside_->step.net, state.part("random."));
  inside_->step.optimizer().load_state_dict(state.part("optimizer."));
}

Tensor<float> matching_logits(const Tensor<float>& embeddings, const Tensor<float>& text, index_t classes,
                              double temperature) {
  return Prompts<float>(text, classes).logits(embeddings, temperature);
}
Tensor<float> prompt_similarities(const Tensor<float>& embeddings, const Tensor<float>& text,
                                  index_t classes) {
  return Prompts<float>(text, classes).similarities(embeddings);
}

}  // namespace limbic::emotion_clip
