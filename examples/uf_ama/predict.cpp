// uf_ama predict: feature files in; probabilities and fused attention out, as CSV and JSON.
#include <app/results.hpp>

#include <limbic/backend/cpu/random.hpp>
#include <limbic/data/seed.hpp>

#include <cstdio>
#include <memory>

#include "uf_ama/commands.hpp"
#include "uf_ama/inference.hpp"
#include "uf_ama/model_file.hpp"

namespace limbic::uf_ama {

namespace {

struct PredictCommand {
  std::string model, data, eeg, eye, out = "predictions";
  std::vector<index_t> subjects, sessions;

  int run() const;

 private:
  data::Recording read_files(const ModelFile& m) const;
};

// One recording from a file of EEG features and one of eye features, named as in the releases: all its
// trials.
data::Recording PredictCommand::read_files(const ModelFile& m) const {
  data::Recording r{1, 1, eeg.empty() ? eye : eeg, {}};
  std::optional<mat::File> eeg_file, eye_file;
  if (!eeg.empty()) eeg_file.emplace(mat::File::open(eeg));
  if (!eye.empty()) eye_file.emplace(mat::File::open(eye));
  for (index_t i = 1;; ++i) {
    const std::string e = m.eeg_feature + std::to_string(i), y = "eye_" + std::to_string(i);
    if (!(eeg_file && eeg_file->contains(e)) && !(eye_file && eye_file->contains(y))) break;
    data::Trial t;
    t.number = i;
    if (eeg_file) t.eeg = data::detail::read_eeg(*eeg_file, e);
    if (eye_file) t.eye = data::detail::read_eye(*eye_file, y, m.config.eye_features);
    r.trials.push_back(std::move(t));
  }
  check(!r.trials.empty(), "predict", "'", r.source, "' must have trials named ", m.eeg_feature,
        "1 (or eye_1); it has none");
  return r;
}

app::Json rows_json(const Tensor<double>& map) {
  app::Json rows = app::Json::array();
  for (index_t i = 0; map.defined() && i < map.size(0); ++i) rows.push_back(map.select(0, i).to_vector());
  return rows;
}

int PredictCommand::run() const {
  const ModelFile m = ModelFile::load(model);
  Network<float> net = m.network();
  std::vector<data::Recording> recordings;
  bool simulated = m.simulated;
  if (!data.empty()) {
    check(eeg.empty() && eye.empty(), "predict", "either --data or --eeg and --eye are needed; got both");
    data::ReadOptions o;
    o.feature = m.eeg_feature;
    o.subjects = subjects;
    o.sessions = sessions;
    data::Dataset d = data::read_dataset(data, o);
    simulated = simulated || d.simulated;
    recordings = std::move(d.recordings);
  } else {
    check(!eeg.empty() || m.inputs == Inputs::eye, "predict",
          "the model needs EEG features (hint: --eeg FILE.mat or --data DIR)");
    check(!eye.empty() || m.inputs == Inputs::eeg, "predict",
          "the model needs eye features (hint: --eye FILE.mat or --data DIR)");
    recordings.push_back(read_files(m));
  }
  app::Predictions p;
  p.classes = m.classes;
  p.simulated = simulated;
  p.model = model + " (" + m.method + ", fold " + m.fold + ", " + m.rule + ")";
  app::Json attention = app::Json::array();
  for (const auto& r : recordings) {
    const data::UnlabelledWindows w =
        data::unlabelled_windows(r, m.normalisation, m.eeg_scaler, m.eye_scaler);
    const Inferred answer = infer(net, w, m.inputs, {.maps = true});
    const auto flat = answer.probabilities.to_vector();
    const auto k = m.classes.size();
    for (std::size_t i = 0; i < w.origin.size(); ++i) {
      const data::WindowOrigin& o = w.origin[i];
      app::Predictions::Row row{o.subject, o.session, o.trial, o.window, -1, {}};
      for (std::size_t c = 0; c < k; ++c) row.probabilities.push_back(static_cast<double>(flat[i * k + c]));
      p.rows.push_back(std::move(row));
    }
    attention.push_back({{"subject", r.subject},
                         {"session", r.session},
                         {"source", r.source},
                         {"windows", w.size()},
                         {"eeg_to_eye", rows_json(answer.eeg_to_eye)},
                         {"eye_to_eeg", rows_json(answer.eye_to_eeg)}});
  }
  app::Json json = app::to_json(p);
  json["normalisation"] = data::describe(m.normalisation);
  json["attention"] = std::move(attention);
  write_file(out + ".csv", app::predictions_csv(p));
  write_file(out + ".json", json.dump(2, ' ', false, app::Json::error_handler_t::replace) + "\n");
  std::printf("%s%zu windows of %zu recordings: %s.csv, %s.json\n",
              simulated ? "Simulated data or model. " : "", p.rows.size(), recordings.size(), out.c_str(),
              out.c_str());
  return 0;
}

}  // namespace

Command add_predict(CLI::App& app) {
  CLI::App* sub =
      app.add_subcommand("predict", "Probabilities of windows from feature files, as CSV and JSON");
  const auto c = std::make_shared<PredictCommand>();
  sub->add_option("--model", c->model, "model.safetensors of a trained fold")->required();
  sub->add_option("--data", c->data, "folder of SEED or SEED-IV");
  sub->add_option("--subjects", c->subjects, "of --data (default: all)")->delimiter(',');
  sub->add_option("--sessions", c->sessions, "of --data (default: all)")->delimiter(',');
  sub->add_option("--eeg", c->eeg, "one file of EEG features");
  sub->add_option("--eye", c->eye, "one file of eye features");
  sub->add_option("--out", c->out, "path of the results, without .csv and .json")->capture_default_str();
  return [c] { return c->run(); };
}

}  // namespace limbic::uf_ama
