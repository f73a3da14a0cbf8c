#include "uf_ama/fold_training.hpp"

#include <app/interrupt.hpp>

#include <limbic/io/checkpoint.hpp>
#include <limbic/optim/adam.hpp>
#include <limbic/optim/clip.hpp>

#include "uf_ama/inference.hpp"
#include "uf_ama/model_file.hpp"
#include "uf_ama/step.hpp"

#include <chrono>
#include <cmath>

namespace limbic::uf_ama {

namespace {

using Clock = std::chrono::steady_clock;

constexpr index_t kAnalysed = 300;  // windows of each domain for the embedding

double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

app::Chosen chosen(const std::string& rule, bool honest, index_t epoch, const data::Confusion& c) {
  return {rule, honest, epoch, {c.accuracy(), c.macro_f1(), c.kappa()}, c.matrix()};
}

// Evenly spread places in 0 .. n - 1.
std::vector<index_t> spread(index_t n, index_t wanted) {
  std::vector<index_t> rows;
  const index_t count = std::min(n, wanted);
  for (index_t i = 0; i < count; ++i) rows.push_back(i * n / count);
  return rows;
}

class FoldTraining {
 public:
  FoldTraining(const RunSettings& settings, const data::Dataset& data, const data::FoldPlan& plan,
               const std::string& method, const app::RunFolder& folder, app::Progress& progress)
      : settings_(settings),
        data_(data),
        method_(method),
        folder_(folder),
        progress_(progress),
        place_(fold_folder(method, plan.name) + "/"),
        name_(method + " " + plan.name),
        options_(step_options(settings, method)),
        fold_(data::make_fold(data, plan, data::normalisation_of(settings.normalisation))),
        batches_(fold_.source, fold_.target,
                 batch_options(settings, fold_.source.size(), fold_.target.size())) {
    const auto& w = fold_.source;
    if ((!w.eye.defined() && options_.inputs != Inputs::eeg) ||
        (!w.eeg.defined() && options_.inputs != Inputs::eye))
      fail("training", "method ", method, " needs ", w.eeg.defined() ? "eye features" : "EEG",
           "; the data have none",
           w.eeg.defined()
               ? " (hint: SEED's multimodal release has them)"
               : "");
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
    sums_.assign(columns_.size(), 0.0);
    columns_.insert(columns_.begin(), "epoch");
    columns_.insert(columns_.end(), {"target_accuracy", "target_macro_f1", "validation_accuracy"});
  }

  std::optional<app::FoldResult> run() {
    if (folder_.has(place_ + "checkpoint.safetensors")) load();
    const bool validates = settings_.selection == "validation";
    app::MetricsFile metrics(folder_.file(place_ + "metrics.csv"), columns_,
                             static_cast<double>(batches_.position().epoch));
    const auto epochs = static_cast<std::uint64_t>(settings_.epochs);
    const index_t total = settings_.epochs * batches_.steps();
    while (!stopped_ && batches_.position().epoch < epochs) {
      const data::BatchPosition at = batches_.position();
      const index_t done = static_cast<index_t>(at.epoch) * batches_.steps() + at.step;
      const bool last = train_step(batches_.next(), done, total);
      progress_.update(name_, done + 1, total, text_);
      if (last) end_epoch(static_cast<index_t>(at.epoch) + 1, validates, metrics);
      if (app::interrupted()) {
        save();
        return {};
      }
      if (since(saved_) >= settings_.checkpoint_seconds) save();
    }
    save();
    return finish();
  }

 private:
  bool train_step(const data::DomainBatch& b, index_t done, index_t total) {
    const SourceBatch<float> source{{b.source_eeg, b.source_eye}, b.label};
    const TargetBatch<float> target{b.target_eeg, b.target_eye};
    const Moment when{static_cast<index_t>(b.position.epoch) + 1,
                      static_cast<double>(done) / static_cast<double>(total)};
    const StepResult<float> r = step_(net_, source, target, when);
    if (!std::isfinite(r.report.total))
      fail("training", "the loss must stay finite; got ", r.report.total, " in epoch ", when.epoch, ", step ",
           b.position.step + 1, " of ", name_, " (hint: a smaller --learning-rate, or --clip-norm 1)");
    optimizer_->zero_grad();
    backward(r.total);
    if (settings_.clip_norm > 0) clip_grad_norm(trained_, settings_.clip_norm);
    optimizer_->step();
    std::size_t i = 0;
    r.report.each([&](const std::string&, double v) { sums_[i++] += v; });
    ++summed_;
    char text[160];
    std::snprintf(text, sizeof text, "epoch %lld/%lld  loss %.3f  clf %.3f  source %.0f %%%s",
                  static_cast<long long>(when.epoch), static_cast<long long>(settings_.epochs),
                  r.report.total, r.report.clf, 100 * r.report.source_accuracy, scored_.c_str());
    text_ = text;
    return b.last;
  }

  void end_epoch(index_t epoch, bool validates, app::MetricsFile& metrics) {
    const data::Confusion target = fold_.truth.score(infer(net_, fold_.target, options_.inputs).label);
    double validation = std::nan("");
    if (fold_.validation) {
      const auto& v = *fold_.validation;
      data::Confusion c(fold_.classes);
      c.add(v.label, infer(net_, v.without_labels(), options_.inputs).label);
      validation = c.accuracy();
    }
    std::vector<double> row{static_cast<double>(epoch)};
    for (double s : sums_) row.push_back(s / static_cast<double>(summed_));
    row.insert(row.end(), {target.accuracy(), target.macro_f1(), validation});
    metrics.append(row);
    sums_.assign(sums_.size(), 0.0);
    summed_ = 0;

    if (!best_ || target.accuracy() > best_->scores.accuracy) {
      best_ = chosen("best epoch on the target's test labels", false, epoch, target);
      if (settings_.keep_best_epoch) best_model_ = state_dict(net_).clone();
    }
    if (!validates) {
      honest_ = chosen("last epoch", true, epoch, target);
    } else if (!honest_ || validation > best_validation_) {
      best_validation_ = validation;
      honest_ = chosen("best epoch on validation data out of the source", true, epoch, target);
      chosen_model_ = state_dict(net_).clone();
      waited_ = 0;
    } else if (settings_.patience > 0 && ++waited_ >= settings_.patience) {
      stopped_ = true;
    }
    char text[64];
    std::snprintf(text, sizeof text, "  target %.0f %%", 100 * target.accuracy());
    scored_ = text;
  }

  // Everything above that changes, but for time: it must not make two runs differ.
  void save() {
    Checkpoint c;
    c.state.merge("model.", state_dict(net_));
    c.state.merge("step.", state_dict(step_));
    c.state.merge("random.", random_state(net_));
    c.state.merge("optimizer.", optimizer_->state_dict());
    c.state.put_u64("epoch", batches_.position().epoch);
    c.state.put_u64("batch", static_cast<std::uint64_t>(batches_.position().step));
    c.state.put("sums", Tensor<double>::from({static_cast<index_t>(sums_.size())}, sums_));
    c.state.put_u64("summed", static_cast<std::uint64_t>(summed_));
    c.state.put("best_validation", Tensor<double>::scalar(best_validation_));
    c.state.put_u64("waited", static_cast<std::uint64_t>(waited_));
    c.state.put_u64("stopped", stopped_);
    c.state.merge("chosen.", chosen_model_);
    c.state.merge("best.", best_model_);
    c.metadata["fold"] = fold_.name;
    c.metadata["method"] = method_;
    c.metadata["data"] = data_.simulated ? "simulated" : "recorded";
    c.metadata["config"] = to_text(config_);
    app::FoldResult so_far{fold_.name, method_, 0, 0, 0, 0, {}};
    if (honest_) so_far.chosen.push_back(*honest_);
    if (best_) so_far.chosen.push_back(*best_);
    c.metadata["chosen"] = app::to_json(so_far).dump();
    c.save(folder_.file(place_ + "checkpoint.safetensors"));
    saved_ = Clock::now();
    seconds_ += since(counted_);
    counted_ = Clock::now();
    folder_.write_json(place_ + "time.json", {{"seconds", seconds_}});
  }

  void load() {
    const std::string path = folder_.file(place_ + "checkpoint.safetensors");
    const Checkpoint c = Checkpoint::load(path);
    const auto metadata = [&](const char* key) {
      const auto at = c.metadata.find(key);
      return at == c.metadata.end() ? std::string() : at->second;
    };
    if (metadata("config") != to_text(config_) || metadata("method") != method_ ||
        metadata("fold") != fold_.name)
      fail("resume", "'", path, "' must be of ", method_, ", ", fold_.name, ", ", to_text(config_), "; got ",
           metadata("method"), ", ", metadata("fold"), ", ", metadata("config"));
    load_state_dict(net_, c.state.part("model."));
    load_state_dict(step_, c.state.part("step."));
    load_random_state(net_, c.state.part("random."));
    optimizer_->load_state_dict(c.state.part("optimizer."));
    batches_.seek({c.state.get_u64("epoch"), static_cast<index_t>(c.state.get_u64("batch"))});
    sums_ = c.state.get<double>("sums", {static_cast<index_t>(sums_.size())}).to_vector();
    summed_ = static_cast<index_t>(c.state.get_u64("summed"));
    best_validation_ = c.state.get<double>("best_validation").item();
    waited_ = static_cast<index_t>(c.state.get_u64("waited"));
    stopped_ = c.state.get_u64("stopped") != 0;
    chosen_model_ = c.state.part("chosen.").clone();
    best_model_ = c.state.part("best.").clone();
    const app::Json json = app::Json::parse(metadata("chosen"), nullptr, false);
    check(!json.is_discarded(), "resume", "'", path, "' must say what was chosen so far");
    for (const app::Chosen& choice : app::fold_result_from(json, path).chosen)
      (choice.honest ? honest_ : best_) = choice;
    if (folder_.has(place_ + "time.json"))
      seconds_ = folder_.json(place_ + "time.json").value("seconds", 0.0);
  }

  app::FoldResult finish() {
    check(honest_ && best_, "training", "at least one epoch must have ended; got none");
    if (!best_model_.empty()) write_model("best_epoch.safetensors", best_model_, *best_);
    if (!chosen_model_.empty()) load_state_dict(net_, chosen_model_);
    write_model("model.safetensors", state_dict(net_), *honest_);
    write_predictions();
    write_analysis();
    app::FoldResult result{fold_.name,
                           method_,
                           fold_.source.size(),
                           fold_.target.size(),
                           static_cast<index_t>(batches_.position().epoch),
                           seconds_,
                           {*honest_, *best_}};
    folder_.write_json(place_ + "result.json", app::to_json(result));
    return result;
  }

  void write_model(const std::string& file, const StateDict& state, const app::Chosen& choice) {
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
    m.save(folder_.file(place_ + file));
  }

  void write_predictions() {
    const Inferred answer = infer(net_, fold_.target, options_.inputs);
    app::Predictions p;
    p.classes = data_.classes;
    p.simulated = data_.simulated;
    p.model = folder_.path() + "/" + place_ + "model.safetensors (" + honest_->rule + ")";
    const auto flat = answer.probabilities.to_vector();
    const auto k = static_cast<std::size_t>(fold_.classes);
    for (std::size_t i = 0; i < fold_.target.origin.size(); ++i) {
      const data::WindowOrigin& o = fold_.target.origin[i];
      app::Predictions::Row row{o.subject, o.session, o.trial, o.window, -1, {}};
      for (std::size_t c = 0; c < k; ++c) row.probabilities.push_back(static_cast<double>(flat[i * k + c]));
      p.rows.push_back(std::move(row));
    }
    folder_.write_text(place_ + "predictions.csv", app::predictions_csv(p));
    folder_.write_json(place_ + "predictions.json", app::to_json(p));
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
    const auto source = some_windows(fold_.source.without_labels(), spread(fold_.source.size(), kAnalysed));
    const auto target = some_windows(fold_.target, spread(fold_.target.size(), kAnalysed));
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
        folder_.file(place_ + "analysis.safetensors"));
  }

  const RunSettings& settings_;
  const data::Dataset& data_;
  std::string method_;
  const app::RunFolder& folder_;
  app::Progress& progress_;
  std::string place_, name_;
  StepOptions options_;
  data::Fold fold_;
  data::DomainBatches batches_;
  Config config_;
  Network<float> net_;
  Step<float> step_;
  std::vector<Var<float>> trained_;
  std::optional<AdamW<float>> optimizer_;

  std::vector<std::string> columns_;
  std::vector<double> sums_;  // of this epoch's reports
  index_t summed_ = 0;
  std::optional<app::Chosen> honest_, best_;
  StateDict chosen_model_, best_model_;
  double best_validation_ = 0;
  index_t waited_ = 0;
  bool stopped_ = false;

  std::string text_, scored_;
  double seconds_ = 0;
  Clock::time_point counted_ = Clock::now(), saved_ = Clock::now();
};

}  // namespace

std::string fold_folder(const std::string& method, const std::string& fold) {
  return "folds/" + method + "/" + fold;
}

std::optional<app::FoldResult> train_fold(const RunSettings& settings, const data::Dataset& data,
                                          const data::FoldPlan& plan, const std::string& method,
                                          const app::RunFolder& folder, app::Progress& progress) {
  const std::string done = fold_folder(method, plan.name) + "/result.json";
  if (folder.has(done)) return app::fold_result_from(folder.json(done), folder.path() + "/" + done);
  return FoldTraining(settings, data, plan, method, folder, progress).run();
}

}  // namespace limbic::uf_ama
