#include "emotion_clip/fold_training.hpp"

#include <app/fold_loop.hpp>
#include <app/train.hpp>

#include <limbic/ops/index_select.hpp>
#include <limbic/optim/schedule.hpp>

#include "emotion_clip/inference.hpp"
#include "emotion_clip/model_file.hpp"

#include <cstdio>

namespace limbic::emotion_clip {

namespace {

constexpr index_t kShown = 300;    // windows in the projection
constexpr index_t kExamined = 96;  // windows whose electrodes are looked at

MatchingOptions matching_options(const RunSettings& v) {
  return {v.temperature, v.reduction == "sum", v.contrastive_weight, v.supcon_weight};
}

index_t pretraining(const RunSettings& v, Answer answer) {
  return answer == Answer::matching ? v.pretrain_epochs : 0;
}

app::FoldLoopOptions loop_options(const RunSettings& v, Answer answer) {
  const index_t before = pretraining(v, answer);
  return {.epochs = before + v.passes(),
          .validates = v.selection == "validation",
          .patience = v.patience,
          .keep_best_epoch = v.keep_best_epoch,
          .checkpoint_seconds = v.checkpoint_seconds,
          .choose_from = before + 1};
}

class FoldTraining final : public app::FoldLoop {
 public:
  FoldTraining(const RunSettings& v, const data::EegSet& set, const data::FoldPlan& plan,
               const text::Prototypes& text, const std::string& method, const app::RunFolder& folder,
               app::Progress& progress)
      : FoldLoop(loop_options(v, method_of(method).answer), folder, progress, method, plan.name),
        settings_(v),
        set_(set),
        prototypes_(text),
        method_(method),
        answer_(method_of(method).answer),
        fold_(make_few_shot(set.data, plan, shot_options(v, method_of(method).shots))),
        text_(answer_ == Answer::matching ? text_rows(text) : Tensor<float>()),
        tower_(tower_config(v, set.frames, set.maps, text.dim(), fold_.classes),
               static_cast<std::uint64_t>(v.seed), {v.learning_rate, v.weight_decay, v.clip_norm}),
        size_(std::min(v.batch_size, fold_.train.size())),
        steps_(fold_.train.size() / size_) {}

 private:
  // The loss of text matching, or, while pretraining and of the classifier, of the head.
  bool by_text(index_t epoch) const { return text_.defined() && epoch > pretraining(settings_, answer_); }

  std::vector<std::string> step_columns() const override {
    return {"total", "cross_entropy", "contrastive", "supcon", "train_accuracy", "by_text", "learning_rate"};
  }
  data::BatchPosition position() const override { return at_; }
  index_t steps_an_epoch() const override { return steps_; }
  std::string description() const override { return to_text(tower_.config()); }
  bool simulated() const override { return set_.data.simulated; }

  StepNumbers step(index_t epoch, double progress) override {
    if (order_.empty() || ordered_ != at_.epoch) {
      // A function of seed and epoch alone, so that the position is all there is to save.
      RandomStream random = Random(static_cast<std::uint64_t>(settings_.seed))
                                .stream("batches")
                                .stream(std::to_string(at_.epoch));
      order_ = random.permutation(fold_.train.size()).to_vector();
      ordered_ = at_.epoch;
    }
    const auto begin = order_.begin() + at_.step * size_;
    const std::vector<index_t> rows(begin, begin + size_);
    const double rate =
        settings_.learning_rate * (settings_.schedule == "cosine"
                                       ? cosine_decay(static_cast<std::uint64_t>(progress * 1e6), 1000000)
                                       : 1);
    const Tensor<index_t> label =
        index_select(fold_.train.label, 0, Tensor<index_t>::from({static_cast<index_t>(rows.size())}, rows));
    const StepReport r =
        tower_.step(images_of(fold_.train.eeg, rows, set_.frames, settings_.image), label,
                    by_text(epoch) ? text_ : Tensor<float>(), matching_options(settings_), rate);
    StepNumbers out;
    out.values = {r.loss.total,  r.loss.cross_entropy, r.loss.contrastive,
                  r.loss.supcon, r.accuracy,           by_text(epoch) ? 1.0 : 0.0,
                  rate};
    char text[80];
    std::snprintf(text, sizeof text, "loss %.3f  training %.0f %%", r.loss.total, 100 * r.accuracy);
    out.text = text;
    out.last = ++at_.step == steps_;
    if (out.last) at_ = {at_.epoch + 1, 0};
    return out;
  }

  Inferred answer(const data::UnlabelledWindows& windows, bool by_text) {
    return infer(tower_, windows, by_text ? text_ : Tensor<float>(), fold_.classes, settings_.temperature);
  }
  // Called at the end of an epoch: at_ is at the next one.
  data::Confusion score_target() override {
    return fold_.truth.score(answer(fold_.test, by_text(static_cast<index_t>(at_.epoch))).label);
  }
  std::optional<data::Confusion> score_validation() override {
    if (!fold_.validation) return {};
    data::Confusion c(fold_.classes);
    c.add(fold_.validation->label,
          answer(fold_.validation->without_labels(), by_text(static_cast<index_t>(at_.epoch))).label);
    return c;
  }

  StateDict model() override { return tower_.model(); }
  void load_model(const StateDict& state) override { tower_.load_model(state); }
  void save_state(StateDict& state) override { state = tower_.training_state(); }
  void load_state(const StateDict& state, const data::BatchPosition& position) override {
    tower_.load_training_state(state);
    at_ = position;
  }

  void write_model(const std::string& file, const StateDict& state, const app::Chosen& choice) override {
    ModelFile m;
    m.config = tower_.config();
    m.answer = answer_;
    m.temperature = settings_.temperature;
    m.text = prototypes_;
    m.data_set = set_.data.name;
    m.input = settings_.input;
    m.eeg = set_.settings;
    m.filter_order = settings_.filter_order;
    m.classes = set_.data.classes;
    m.simulated = set_.data.simulated;
    m.fold = fold_.name;
    m.method = method_;
    m.rule = choice.rule;
    m.state = state;
    m.save(folder().file(place() + file));
  }

  void finish(app::FoldResult& result) override {
    result.source_windows = fold_.from_source;
    result.target_windows = fold_.test.size();
    const Inferred all = answer(fold_.test, text_.defined());
    const app::Predictions p = app::predictions_of(
        fold_.test.origin, all.probabilities, set_.data.classes, set_.data.simulated,
        folder().path() + "/" + place() + "model.safetensors (" + result.honest().rule + ")");
    folder().write_text(place() + "predictions.csv", app::predictions_csv(p));
    folder().write_json(place() + "predictions.json", app::to_json(p));
    write_analysis(all);
  }

  void write_analysis(const Inferred& all) {
    StateDict out;
    const auto labels = [&](const std::vector<index_t>& rows) {
      std::vector<index_t> label;
      for (const index_t i : rows)
        label.push_back(label_of(set_.data, fold_.test.origin[static_cast<std::size_t>(i)]));
      return label;
    };
    const auto examined = app::spread(fold_.test.size(), kExamined);
    const auto at = [](const std::vector<index_t>& rows) {
      return Tensor<index_t>::from({static_cast<index_t>(rows.size())}, rows);
    };
    out.put("influence",
            electrode_influence(tower_, rows_of(fold_.test, examined),
                                index_select(all.label, 0, at(examined)), text_, settings_.temperature));
    if (text_.defined()) {
      const auto shown = app::spread(fold_.test.size(), kShown);
      out.put("embeddings", index_select(all.embeddings, 0, at(shown)));
      out.put("label", at(labels(shown)));
      // Mean cosine of the windows of every true class with every prompt.
      const Tensor<float> each = prompt_similarities(all.embeddings, text_, fold_.classes);
      const index_t prompts = each.size(1), k = fold_.classes;
      Tensor<double> mean = Tensor<double>::zeros({k, prompts, k});
      std::vector<index_t> everyone;
      for (index_t i = 0; i < fold_.test.size(); ++i) everyone.push_back(i);
      const auto truth = labels(everyone);
      std::vector<double> count(static_cast<std::size_t>(k));
      for (const index_t l : truth) ++count[static_cast<std::size_t>(l)];
      double* to = mean.mutable_data();
      for (index_t i = 0; i < fold_.test.size(); ++i) {
        const index_t l = truth[static_cast<std::size_t>(i)];
        for (index_t j = 0; j < prompts * k; ++j)
          to[l * prompts * k + j] +=
              static_cast<double>(each.data()[i * prompts * k + j]) / count[static_cast<std::size_t>(l)];
      }
      out.put("similarity", mean);
    }
    Checkpoint{out, {{"data", set_.data.simulated ? "simulated" : "recorded"}}}.save(
        folder().file(place() + "analysis.safetensors"));
  }

  const RunSettings& settings_;
  const data::EegSet& set_;
  const text::Prototypes& prototypes_;
  std::string method_;
  Answer answer_;
  FewShotFold fold_;
  Tensor<float> text_;  // undefined for the classifier
  Tower tower_;
  index_t size_, steps_;
  data::BatchPosition at_;
  std::vector<index_t> order_;
  std::uint64_t ordered_ = 0;
};

}  // namespace

Tensor<float> text_rows(const text::Prototypes& text) {
  return text.rows.reshape({text.rows.size(0) * text.rows.size(1), text.dim()});
}

std::optional<app::FoldResult> train_fold(const RunSettings& settings, const data::EegSet& set,
                                          const data::FoldPlan& plan, const text::Prototypes& text,
                                          const std::string& method, const app::RunFolder& folder,
                                          app::Progress& progress) {
  const std::string done = app::fold_folder(method, plan.name) + "/result.json";
  if (folder.has(done)) return app::fold_result_from(folder.json(done), folder.path() + "/" + done);
  return FoldTraining(settings, set, plan, text, method, folder, progress).run();
}

}  // namespace limbic::emotion_clip
