// uf_ama evaluate: scores the models of a run on their targets again, or on other data of the same kind.
#include <cstdio>
#include <memory>

#include "uf_ama/commands.hpp"
#include "uf_ama/data_source.hpp"
#include "uf_ama/inference.hpp"
#include "uf_ama/model_file.hpp"

namespace limbic::uf_ama {

namespace {

struct EvaluateCommand {
  std::string run_folder, data, fold, method, out;
  bool best_epoch = false;

  int run() const;
};

int EvaluateCommand::run() const {
  const app::RunFolder folder = app::RunFolder::attach(run_folder);
  CLI::App unused;
  app::Settings settings(unused);
  RunSettings values;
  add_settings(settings, values);
  settings.assign(folder.json("config.json"), run_folder + "/config.json");
  if (!data.empty()) values.data = data;
  app::Progress progress;
  const data::Dataset set = load_data(values, progress);
  const std::string file = best_epoch ? "best_epoch.safetensors" : "model.safetensors";
  app::Json json{{"run", run_folder},
                 {"data", set.simulated ? "simulated" : "recorded"},
                 {"models", app::Json::array()}};
  std::printf("%s%-16s %-22s %9s %9s %9s  %s\n", set.simulated ? "Simulated data.\n" : "", "method", "fold",
              "accuracy", "macro-F1", "kappa", "model");
  for (const auto& plan : all_folds(values, set)) {
    if (!fold.empty() && plan.name != fold) continue;
    for (const auto& m : methods(values)) {
      const std::string name = app::fold_folder(m, plan.name) + "/" + file;
      if ((!method.empty() && m != method) || !folder.has(name)) continue;
      const ModelFile model = ModelFile::load(folder.file(name));
      Network<float> net = model.network();
      const data::Fold f = data::make_fold(set, plan, model.normalisation);
      const data::Confusion c = f.truth.score(infer(net, f.target, model.inputs).label);
      std::printf("%-16s %-22s %7.1f %% %9.3f %9.3f  %s\n", m.c_str(), plan.name.c_str(), 100 * c.accuracy(),
                  c.macro_f1(), c.kappa(), model.rule.c_str());
      json["models"].push_back({{"method", m},
                                {"fold", plan.name},
                                {"rule", model.rule},
                                {"windows", c.total()},
                                {"accuracy", c.accuracy()},
                                {"macro_f1", c.macro_f1()},
                                {"kappa", c.kappa()}});
    }
  }
  if (json["models"].empty())
    fail("evaluate", "'", run_folder, "' must hold ", file, " of a fold; none fits ",
         fold.empty() ? "any fold" : "fold " + fold, ", ", method.empty() ? "any method" : "method " + method,
         best_epoch ? " (hint: --keep-best-epoch when training)"
                    : " (hint: uf_ama train --resume finishes folds)");
  if (!out.empty()) write_file(out, json.dump(2) + "\n");
  return 0;
}

}  // namespace

Command add_evaluate(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("evaluate", "Score a run's models on their targets again");
  const auto c = std::make_shared<EvaluateCommand>();
  sub->add_option("run", c->run_folder, "the run's folder")->required();
  sub->add_option("--data", c->data, "another folder of the same data set (default: the run's data)");
  sub->add_option("--fold", c->fold, "this fold only");
  sub->add_option("--method", c->method, "this method only");
  sub->add_flag("--best-epoch", c->best_epoch,
                "the models of the best epoch on target labels, in place of the honest ones");
  sub->add_option("--out", c->out, "also write the scores to this JSON file");
  return [c] { return c->run(); };
}

}  // namespace limbic::uf_ama
