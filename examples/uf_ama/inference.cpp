#include "uf_ama/inference.hpp"

#include <limbic/backend/cpu/random.hpp>
#include <limbic/ops/arg.hpp>
#include <limbic/ops/index_select.hpp>
#include <limbic/ops/softmax.hpp>
#include <limbic/ops/sum.hpp>

#include <optional>

#include "uf_ama/predictor.hpp"

namespace limbic::uf_ama {

namespace {

constexpr index_t kBatch = 256;  // windows at a time

class EvaluationMode {
 public:
  explicit EvaluationMode(Network<float>& net) : net_(net) { eval(net_); }
  ~EvaluationMode() { train(net_); }
  EvaluationMode(const EvaluationMode&) = delete;
  EvaluationMode& operator=(const EvaluationMode&) = delete;

 private:
  Network<float>& net_;
};

// Adds the sum over windows of the mean over heads of maps (B, H, L_q, L_k).
void add_map(Tensor<double>& to, const Tensor<float>& maps) {
  const Tensor<double> part = sum(maps.to<double>(), {0, 1}) * (1.0 / static_cast<double>(maps.size(1)));
  to = to.defined() ? to + part : part;
}

}  // namespace

Inferred infer(Network<float>& net, const data::UnlabelledWindows& w, Inputs inputs, Wanted wanted) {
  const index_t n = w.size();
  check(n > 0, "inference", "at least one window is needed; got none");
  check((inputs == Inputs::eye || w.eeg.defined()) && (inputs == Inputs::eeg || w.eye.defined()), "inference",
        "the windows must have ", inputs == Inputs::both ? "both modalities" : "the model's modality", "; ",
        w.eeg.defined() ? "eye features" : "EEG", " are missing");
  const NoGrad off;
  const EvaluationMode mode(net);
  std::vector<Tensor<float>> probabilities, features;
  Inferred out;
  std::optional<Predictor<float>> folded;  // a third of the operations, where no feature is asked for
  if (inputs == Inputs::both && !wanted.features) folded.emplace(net);
  for (index_t begin = 0; begin < n; begin += kBatch) {
    const index_t end = std::min(begin + kBatch, n);
    const auto part = [&](const Tensor<float>& x) { return x.defined() ? x.slice(0, begin, end) : x; };
    const Tensor<float> eeg = part(w.eeg), eye = part(w.eye);
    if (folded) {
      const Prediction<float> p = (*folded)(eeg, eye, wanted.maps);
      probabilities.push_back(p.probabilities.fused);
      if (!wanted.maps) continue;
      add_map(out.eeg_to_eye, p.eeg_to_eye);
      add_map(out.eye_to_eeg, p.eye_to_eeg);
      continue;
    }
    const Features<float> f = net(eeg, eye, inputs);
    const auto of = [&](const Levels<Var<float>>& levels) {
      return (inputs == Inputs::both  ? levels.fused
              : inputs == Inputs::eeg ? levels.eeg
                                      : levels.eye)
          .value();
    };
    probabilities.push_back(softmax(of(f.logits)));
    if (wanted.features) features.push_back(of(f.feature));
    if (!wanted.maps || inputs != Inputs::both) continue;
    const Var<float> e = net.eeg_base_network(eeg).tokens, y = net.eye_base_network(eye.unsqueeze(2)).tokens;
    add_map(out.eeg_to_eye, net.fusion_base_network.eeg_asks_eye().map(e, y));
    add_map(out.eye_to_eeg, net.fusion_base_network.eye_asks_eeg().map(y, e));
  }
  out.probabilities = concat(probabilities, 0);
  out.label = argmax(out.probabilities, 1);
  if (wanted.features) out.features = concat(features, 0);
  for (auto* map : {&out.eeg_to_eye, &out.eye_to_eeg})
    if (map->defined()) *map = *map * (1.0 / static_cast<double>(n));
  return out;
}

data::UnlabelledWindows some_windows(const data::UnlabelledWindows& w, const std::vector<index_t>& rows) {
  const auto index = Tensor<index_t>::from({static_cast<index_t>(rows.size())}, rows);
  data::UnlabelledWindows out;
  if (w.eeg.defined()) out.eeg = index_select(w.eeg, 0, index);
  if (w.eye.defined()) out.eye = index_select(w.eye, 0, index);
  for (index_t r : rows) out.origin.push_back(w.origin[static_cast<std::size_t>(r)]);
  return out;
}

}  // namespace limbic::uf_ama
