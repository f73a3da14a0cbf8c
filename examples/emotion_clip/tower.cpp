#include "emotion_clip/tower.hpp"

#include "emotion_clip/matching.hpp"
#include "emotion_clip/network.hpp"

#include <limbic/backend/cpu/random.hpp>
#include <limbic/ops/arg.hpp>
#include <limbic/ops/one_hot.hpp>
#include <limbic/optim/adam.hpp>
#include <limbic/optim/clip.hpp>

#include <optional>

namespace limbic::emotion_clip {

struct Tower::Inside {
  Network<float> net;
  std::vector<Var<float>> parameters;
  std::optional<AdamW<float>> optimizer;
  double clip_norm = 0;
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
  inside_->net = Network<float>(config, random);
  inside_->parameters = parameters<float>(inside_->net);
  inside_->optimizer.emplace(
      inside_->parameters,
      AdamWOptions{.lr = o.learning_rate, .beta2 = 0.98, .weight_decay = o.weight_decay});
  inside_->clip_norm = o.clip_norm;
}
Tower::Tower(Tower&&) noexcept = default;
Tower::~Tower() = default;

const Config& Tower::config() const { return inside_->net.config; }

StepReport Tower::step(const Tensor<float>& images, const Tensor<index_t>& label, const Tensor<float>& text,
                       const MatchingOptions& options, double learning_rate) {
  Network<float>& net = inside_->net;
  inside_->ready.reset();
  const Var<float> features = net.features(images);
  StepReport report;
  Var<float> loss;
  if (text.defined()) {
    auto r =
        matching_loss(net.embed(features), inside_->prompts_of(text, net.config.classes), label, options);
    loss = std::move(r.total);
    report = {r.report, accuracy(r.logits, label)};
  } else {
    const Var<float> logits = net.head(features);
    loss = cross_entropy(logits, label, {.reduction = options.sum ? Reduction::sum : Reduction::mean});
    report.loss.total = report.loss.cross_entropy = static_cast<double>(loss.item());
    report.accuracy = accuracy(logits.value(), label);
  }
  if (!std::isfinite(report.loss.total))
    fail("training", "the loss must stay finite; got ", report.loss.total,
         " (hint: a smaller --learning-rate, or --clip-norm 1)");
  inside_->optimizer->zero_grad();
  backward(std::move(loss));
  if (inside_->clip_norm > 0) clip_grad_norm(inside_->parameters, inside_->clip_norm);
  inside_->optimizer->set_lr(learning_rate);
  inside_->optimizer->step();
  return report;
}

Tensor<float> Tower::features(const Tensor<float>& images) {
  const NoGrad off;
  if (!inside_->ready) {
    inside_->ready = clone(inside_->net);
    inside_->ready->prepare();
  }
  return inside_->ready->features(images).value();
}

Tensor<float> Tower::head_logits(const Tensor<float>& features) const {
  const NoGrad off;
  return inside_->net.head(Var<float>(features)).value();
}

Tensor<float> Tower::embeddings(const Tensor<float>& features) const {
  const NoGrad off;
  return inside_->net.embed(Var<float>(features)).value();
}

Tensor<float> Tower::image_gradient(const Tensor<float>& images, const Tensor<index_t>& wanted,
                                    const Tensor<float>& text, double temperature) {
  Network<float> net = clone(inside_->net);
  eval(net);
  freeze(net);
  const Var<float> x = Var<float>::leaf(images.clone());
  const Var<float> features = net.features(x);
  const Var<float> logits =
      text.defined() ? inside_->prompts_of(text, net.config.classes).logits(net.embed(features), temperature)
                     : net.head(features);
  return grad(sum(logits * one_hot<float>(wanted, logits.size(1))), {x})[0].value();
}

StateDict Tower::model() { return state_dict(inside_->net); }
void Tower::load_model(const StateDict& state) {
  load_state_dict(inside_->net, state);
  inside_->ready.reset();
}
StateDict Tower::training_state() {
  StateDict out;
  out.merge("random.", random_state(inside_->net));
  out.merge("optimizer.", inside_->optimizer->state_dict());
  return out;
}
void Tower::load_training_state(const StateDict& state) {
  load_random_state(inside_->net, state.part("random."));
  inside_->optimizer->load_state_dict(state.part("optimizer."));
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
