// UF-AMA as a trainer: what `uf_ama train` and `uf_ama report` are about.
#include <limbic/data/scaler.hpp>

#include <algorithm>

#include "uf_ama/commands.hpp"
#include "uf_ama/data_source.hpp"
#include "uf_ama/fold_training.hpp"
#include "uf_ama/report_page.hpp"

namespace limbic::uf_ama {

namespace {

class UfAma final : public app::Trainer {
 public:
  std::string program() const override { return "uf_ama"; }
  std::string title() const override { return "UF-AMA"; }
  void add_settings(app::Settings& settings) override { uf_ama::add_settings(settings, values_); }
  void complete(const app::Settings& settings) override { uf_ama::complete(values_, settings); }
  std::string run_name() const override { return "uf_ama-" + values_.dataset; }
  void load(const app::RunFolder&, app::Progress& progress) override {
    data_ = load_data(values_, progress);
    plans_ = all_folds(values_, data_);
  }
  app::ProtocolCard card() const override;
  std::vector<std::string> folds() const override {
    return app::choose_folds(fold_names(plans_), values_.folds);
  }
  std::vector<std::string> methods() const override { return uf_ama::methods(values_); }
  std::optional<app::FoldResult> train(const app::Task& task, const app::RunFolder& folder,
                                       app::Progress& progress) override {
    for (const auto& plan : plans_)
      if (plan.name == task.fold) return train_fold(values_, data_, plan, task.method, folder, progress);
    fail("train", "there is no fold '", task.fold, "'");
  }
  app::RunResults results(const app::RunFolder& folder) const override { return read_results(folder); }
  std::string report(const app::RunFolder& folder, bool figures) const override {
    return write_report(folder, figures);
  }

 private:
  RunSettings values_;
  data::Dataset data_;
  std::vector<data::FoldPlan> plans_;
};

app::ProtocolCard UfAma::card() const {
  app::ProtocolCard c;
  c.system = "UF-AMA (arXiv 2606.00170)";
  c.data_set = data_.name;
  c.data_source = values_.data.empty() ? "the simulator" : values_.data;
  c.simulated = data_.simulated;
  c.simulation = simulation_text(values_);
  c.protocol = values_.protocol;
  c.normalisation = to_text(data::normalisation_of(values_.normalisation)) + ": " +
                    data::describe(data::normalisation_of(values_.normalisation));
  c.eeg_feature = data_.eeg_feature;
  for (const auto& r : data_.recordings) {
    c.subjects.push_back(r.subject);
    c.sessions.push_back(r.session);
    c.trials += static_cast<index_t>(r.trials.size());
    for (const auto& t : r.trials) c.windows += t.windows();
  }
  for (auto* list : {&c.subjects, &c.sessions}) {
    std::ranges::sort(*list);
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  c.classes = data_.classes;
  c.selection_rule = values_.selection == "last" ? "last epoch: no label of the target takes part"
                                                 : "best epoch on validation data out of the source";
  c.seed = static_cast<std::uint64_t>(values_.seed);
  c.remarks = data_.remarks;
  return c;
}

}  // namespace

std::shared_ptr<app::Trainer> trainer() { return std::make_shared<UfAma>(); }

}  // namespace limbic::uf_ama
