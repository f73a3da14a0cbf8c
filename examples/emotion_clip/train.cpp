// EmotionCLIP as a trainer: what `emotion_clip train` and `emotion_clip report` are about.
#include <algorithm>

#include "emotion_clip/commands.hpp"
#include "emotion_clip/fold_training.hpp"
#include "emotion_clip/report_page.hpp"
#include "emotion_clip/text_source.hpp"

namespace limbic::emotion_clip {

namespace {

class EmotionClip final : public app::Trainer {
 public:
  std::string program() const override { return "emotion_clip"; }
  std::string title() const override { return "EmotionCLIP"; }
  void add_settings(app::Settings& settings) override { emotion_clip::add_settings(settings, values_); }
  void complete(const app::Settings& settings) override { emotion_clip::complete(values_, settings); }
  std::string run_name() const override { return "emotion_clip-" + values_.dataset; }
  void load(const app::RunFolder& folder, app::Progress& progress) override {
    set_ = load_set(values_, &folder, progress);
    plans_ = all_folds(values_, set_.data);
    text_ = load_text(values_, folder, static_cast<index_t>(set_.data.classes.size()), progress);
  }
  app::ProtocolCard card() const override;
  std::vector<std::string> folds() const override {
    std::vector<std::string> names;
    for (const auto& plan : plans_) names.push_back(plan.name);
    return app::choose_folds(names, values_.folds);
  }
  std::vector<std::string> methods() const override { return method_names(values_); }
  std::optional<app::FoldResult> train(const app::Task& task, const app::RunFolder& folder,
                                       app::Progress& progress) override {
    for (const auto& plan : plans_)
      if (plan.name == task.fold)
        return train_fold(values_, set_, plan, text_, task.method, folder, progress);
    fail("train", "there is no fold '", task.fold, "'");
  }
  app::RunResults results(const app::RunFolder& folder) const override { return read_results(folder); }
  std::string report(const app::RunFolder& folder, bool figures) const override {
    return write_report(folder, figures);
  }

 private:
  RunSettings values_;
  data::EegSet set_;
  std::vector<data::FoldPlan> plans_;
  text::Prototypes text_;
};

app::ProtocolCard EmotionClip::card() const {
  app::ProtocolCard c;
  c.system = "EmotionCLIP (arXiv 2511.05293)";
  c.data_set = set_.data.name;
  c.data_source = values_.data.empty() ? "the simulator" : values_.data;
  c.simulated = set_.data.simulated;
  c.simulation = simulation_text(values_);
  const ShotOptions shots = shot_options(values_, 0);
  c.protocol = values_.protocol;
  if (shots.most > 0)
    c.protocol +=
        shots.source == ShotSource::trials
            ? ", with up to " + std::to_string(shots.most) +
                  " labelled windows a class of the target out of whole trials that are not tested"
            : ", with up to " + std::to_string(shots.most) +
                  " random labelled windows a class of the target, out of trials whose other windows are "
                  "tested (as published)";
  c.normalisation = "none across windows: every map is z-scored across electrodes";
  c.eeg_feature = set_.data.eeg_feature + " (" + set_.settings + ")";
  for (const auto& r : set_.data.recordings) {
    c.subjects.push_back(r.subject);
    c.sessions.push_back(r.session);
    c.trials += static_cast<index_t>(r.trials.size());
    for (const auto& t : r.trials) c.windows += t.windows();
  }
  for (auto* list : {&c.subjects, &c.sessions}) {
    std::ranges::sort(*list);
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  c.classes = set_.data.classes;
  c.selection_rule = values_.selection == "last" ? "last epoch: no label of a tested window takes part"
                                                 : "best epoch on validation data out of the source";
  c.seed = static_cast<std::uint64_t>(values_.seed);
  c.remarks = set_.data.remarks;
  const auto model = text_.source.find("model");
  c.remarks.push_back("Text: " + std::to_string(text_.templates.size()) + " prompts for each class, by " +
                      (model == text_.source.end() ? "an unnamed model" : model->second) + ".");
  return c;
}

}  // namespace

std::shared_ptr<app::Trainer> trainer() { return std::make_shared<EmotionClip>(); }

}  // namespace limbic::emotion_clip
