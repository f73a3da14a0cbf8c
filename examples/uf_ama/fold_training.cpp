#include "uf_ama/fold_training.hpp"

#include <app/fold_loop.hpp>
#include <app/train.hpp>

#include <limbic/io/checkpoint.hpp>
#include <limbic/optim/adam.hpp>
#include <limbic/optim/clip.hpp>

#include "uf_ama/inference.hpp"
#include "uf_ama/model_file.hpp"
#include "uf_ama/step.hpp"

#include <cmath>

namespace limbic::uf_ama {

namespace {

constexpr index_t kAnalysed = 300;  // windows of each domain for the embedding

app::FoldLoopOptions loop_options(const RunSettings& v) {
  return {.epochs = v.epochs,
          .validates = v.selection == "validation",
          .patience = v.patience,
          .keep_best_epoch = v.keep_best_epoch,
          .checkpoint_seconds = v.checkpoint_seconds};
}

class FoldTraining final : public app::FoldLoop {
 public:
  FoldTraining(const RunSettings& settings, const data::Dataset& data, const data::FoldPlan& plan,
               const std::string& method, const app::RunFolder& folder, app::Progress& progress)
      : FoldLoop(loop_options(settings), folder, progress, method, plan.name),
        settings_(settings),
        data_(data),
        method_(method),
        options_(step_options(settings, method)),
        fold_(data::make_fold(data, plan, data::normalisation_of(settings.normalisation))),
        batches_(fold_.source, fold_.target,
                 batch_options(settings, fold_.source.size(), fold_.target.size())) {
    const auto& w = fold_.source;
    if ((!w.eye.defined() && options_.inputs != Inputs::eeg) ||
        (!w.eeg.defined() && options_.inputs != Inputs::eye))
      fail("training", "method ", method, " needs ", w.eeg.defined() ? "eye features" : "EEG",
           "; the data have none", w.eeg.defined() ? " (hint: SEED's multimodal release has them)" : "");
    config_ = model_config(settings, w.eeg.defined() ? w.eeg.size(1) : Config().channels,
                           w.eeg.defined() ? w.eeg.size(2) : Config().bands,
                           w.eye.defined() ? w.eye.size(1) : Config().eye_features, fold_.classes);
    // The same parameters for every method and fold of a seed: differences are then the methods'.
    RandomStream random = Random(static_cast<std::uint64_t>(settings.seed)).stream("parameters");
    net_ = Network<float>(config_, random);
    step_ = Step<float>(options_, config_, random);
    trained_ = step_.trained_parameters(net_);
    AdamWOptions adam;
    adam.lr = settings.learning_rate;
    adam.weight_decay = settings.weight_decay;
    optimizer_.emplace(trained_, adam);
    StepReport().each([&](const std::string& name, double) { columns_.push_back(name); });
  }

 private:
  std::vector<std::string> step_columns() const override { return columns_; }
  data::BatchPosition position() const override { return batches_.position(); }
  index_t steps_an_epoch() const override { return batches_.steps(); }
  std::string description() const override { return to_text(config_); }
  bool simulated() const override { return data_.simulated; }

  StepNumbers step(index_t epoch, double progress) override {
    const data::DomainBatch b = batches_.next();
    const SourceBatch<float> source{{b.source_eeg, b.source_eye}, b.label};
    const TargetBatch<float> target{b.target_eeg, b.target_eye};
    const Moment when{epoch, progress};
    const StepResult<float> r = step_(net_, source, target, when);
    if (!std::isfinite(r.report.total))
      fail("training", "the loss must stay finite; got ", r.report.total, " in epoch ", when.epoch, ", step ",
           b.position.step + 1, " of ", name(), " (hint: a smaller --learning-rate, or --clip-norm 1)");
    optimizer_->zero_grad();
    backward(r.total);
    if (settings_.clip_norm > 0) clip_grad_norm(trained_, settings_.clip_norm);
    optimizer_->step();
    StepNumbers out;
    r.report.each([&](const std::string&, double v) { out.values.push_back(v); });
    char text[120];
    std::snprintf(text, sizeof text, "loss %.3f  clf %.3f  source %.0f %%", r.report.total, r.report.clf,
                  100 * r.report.source_accuracy);
    out.text = text;
    out.last = b.last;
    return out;
  }

  data::Confusion score_target() override {
    return fold_.truth.score(infer(net_, fold_.target, options_.inputs).label);
  }
  std::optional<data::Confusion> score_validation() override {
    if (!fold_.validation) return {};
    data::Confusion c(fold_.classes);
    c.add(fold_.validation->label, infer(net_, fold_.validation->without_labels(), options_.inputs).label);
    return c;
  }

  StateDict model() override { return state_dict(net_); }
  void load_model(const StateDict& state) override { load_state_dict(net_, state); }
  void save_state(StateDict& state) override {
    state.merge("step.", state_dict(step_));
    state.merge("random.", random_state(net_));
    state.merge("optimizer.", optimizer_->state_dict());
  }
  void load_state(const StateDict& state, const data::BatchPosition& position) override {
    load_state_dict(step_, state.part("step."));
    load_random_state(net_, state.part("random."));
    optimizer_->load_state_dict(state.part("optimizer."));
    batches_.seek(position);
  }

  void finish(app::FoldResult& result) override {
    result.source_windows = fold_.source.size();
    result.target_windows = fold_.target.size();
    const app::Predictions p = app::predictions_of(
        fold_.target.origin, infer(net_, fold_.target, options_.inputs).probabilities, data_.classes,
        data_.simulated,
        folder().path() + "/" + place() + "model.safetensors (" + result.honest().rule + ")");
    folder().write_text(place() + "predictions.csv", app::predictions_csv(p));
    folder().write_json(place() + "predictions.json", app::to_json(p));
    write_analysis();
  }

  void write_model(const std::string& file, const StateDict& state, const app::Chosen& choice) override {
    ModelFile m;
    m.config = config_;
    m.inputs = options_.inputs;
    m.data_set = data_.name;
    m.eeg_feature = data_.eeg_feature;
    m.classes = data_.classes;
    m.simulated = data_.simulated;
    m.normalisation = fold_.normalisation;
    m.eeg_scaler = fold_.eeg_scaler;
    m.eye_scaler = fold_.eye_scaler;
    m.fold = fold_.name;
    m.method = method_;
    m.rule = choice.rule;
    m.state = state;
    m.save(folder().file(place() + file));
  }

  // The label that the data have for a window: for the pictures alone, after training has ended.
  index_t label_of(const data::WindowOrigin& o) const {
    for (const auto& r : data_.recordings)
      if (r.subject == o.subject && r.session == o.session)
        for (const auto& t : r.trials)
          if (t.number == o.trial) return t.label;
    return -1;
  }

  void write_analysis() {
    const auto source =
        some_windows(fold_.source.without_labels(), app::spread(fold_.source.size(), kAnalysed));
    const auto target = some_windows(fold_.target, app::spread(fold_.target.size(), kAnalysed));
    RandomStream random = Random(static_cast<std::uint64_t>(settings_.seed)).stream("parameters");
    Network<float> fresh(config_, random);
    StateDict out;
    std::vector<index_t> label, domain;
    for (const auto* w : {&source, &target})
      for (const auto& o : w->origin) {
        label.push_back(label_of(o));
        domain.push_back(w == &source ? 0 : 1);
      }
    const auto features = [&](Network<float>& net) {
      return concat({infer(net, source, options_.inputs, {.features = true}).features,
                     infer(net, target, options_.inputs, {.features = true}).features},
                    0);
    };
    out.put("features.initial", features(fresh));
    out.put("features.trained", features(net_));
    out.put("label", Tensor<index_t>::from({static_cast<index_t>(label.size())}, label));
    out.put("domain", Tensor<index_t>::from({static_cast<index_t>(domain.size())}, domain));
    if (options_.inputs == Inputs::both) {
      const Inferred maps = infer(net_, target, options_.inputs, {.maps = true});
      out.put("attention.eeg_to_eye", maps.eeg_to_eye);
      out.put("attention.eye_to_eeg", maps.eye_to_eeg);
    }
    Checkpoint{out, {{"data", data_.simulated ? "simulated" : "recorded"}}}.save(
        folder().file(place() + "analysis.safetensors"));
  }

  const RunSettings& settings_;
  const data::Dataset& data_;
  std::string method_;
  StepOptions options_;
  data::Fold fold_;
  data::DomainBatches batches_;
  Config config_;
  Network<float> net_;
  Step<float> step_;
  std::vector<Var<float>> trained_;
  std::optional<AdamW<float>> optimizer_;

  std::vector<std::string> columns_;
};

}  // namespace

std::optional<app::FoldResult> train_fold(const RunSettings& settings, const data::Dataset& data,
                                          const data::FoldPlan& plan, const std::string& method,
                                          const app::RunFolder& folder, app::Progress& progress) {
  const std::string done = app::fold_folder(method, plan.name) + "/result.json";
  if (folder.has(done)) return app::fold_result_from(folder.json(done), folder.path() + "/" + done);
  return FoldTraining(settings, data, plan, method, folder, progress).run();
}

}  // namespace limbic::uf_ama
