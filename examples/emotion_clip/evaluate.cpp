// emotion_clip evaluate: scores the models of a run on their targets again, or on other data of the same
// kind.
#include <cstdio>
#include <memory>

#include "emotion_clip/commands.hpp"
#include "emotion_clip/data_source.hpp"
#include "emotion_clip/inference.hpp"
#include "emotion_clip/model_file.hpp"

namespace limbic::emotion_clip {

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
  const data::EegSet set = load_set(values, data.empty() ? &folder : nullptr, progress);
  const std::string file = best_epoch ? "best_epoch.safetensors" : "model.safetensors";
  app::Json json{{"run", run_folder},
                 {"data", set.data.simulated ? "simulated" : "recorded"},
                 {"models", app::Json::array()}};
  std::printf("%s%-16s %-22s %9s %9s %9s  %s\n", set.data.simulated ? "Simulated data.\n" : "", "method",
              "fold", "accuracy", "macro-F1", "kappa", "model");
  for (const auto& plan : all_folds(values, set.data)) {
    if (!fold.empty() && plan.name != fold) continue;
    for (const auto& m : method_names(values)) {
      const std::string name = app::fold_folder(m, plan.name) + "/" + file;
      if ((!method.empty() && m != method) || !folder.has(name)) continue;
      const ModelFile model = ModelFile::load(folder.file(name));
      Tower tower = model.tower();
      const FewShotFold f = make_few_shot(set.data, plan, shot_options(values, method_of(m).shots));
      const data::Confusion c =
          f.truth.score(infer(tower, f.test, model.prompts(), f.classes, model.temperature).label);
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
                    : " (hint: emotion_clip train --resume finishes folds)");
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
  sub->add_option("--method", c->method, "this method only, such as matching-16");
  sub->add_flag("--best-epoch", c->best_epoch,
                "the models of the best epoch on target labels, in place of the honest ones");
  sub->add_option("--out", c->out, "also write the scores to this JSON file");
  return [c] { return c->run(); };
}

}  // namespace limbic::emotion_clip
