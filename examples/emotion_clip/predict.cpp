// emotion_clip predict: EEG in; probabilities of classes, or of the user's own words, out as CSV and JSON,
// and the embeddings as safetensors.
#include <app/fold_loop.hpp>

#include <limbic/data/eeg_cache.hpp>
#include <limbic/ops/extremum.hpp>
#include <limbic/ops/rounding.hpp>

#include <cstdio>
#include <memory>
#include <optional>

#include "emotion_clip/commands.hpp"
#include "emotion_clip/fold_training.hpp"
#include "emotion_clip/inference.hpp"
#include "emotion_clip/model_file.hpp"
#include "emotion_clip/text_source.hpp"

#include <limbic/text/prompts.hpp>

namespace limbic::emotion_clip {

namespace {

struct PredictCommand {
  std::string model, data, eeg, text, prototypes, cache = "runs/eeg-cache", embeddings, out = "predictions";
  std::optional<std::string> words;
  std::vector<index_t> subjects, sessions;

  int run() const;

 private:
  std::vector<data::Recording> read(const ModelFile& m, bool& simulated, app::Progress& progress) const;
  text::Prototypes prompts(const ModelFile& m, app::Progress& progress) const;
};

// One file of raw EEG, variables *_eeg1 and on: all its trials.
data::Recording raw_file(const std::string& path, const data::EegOptions& options, bool& simulated) {
  const mat::File file = mat::File::open(path);
  simulated = simulated || file.contains(mat::kSimulated);
  data::Recording r{1, 1, path, {}};
  for (index_t number = 1;; ++number) {
    const std::string ending = "_eeg" + std::to_string(number);
    std::string name;
    for (const mat::Entry& e : file.list())
      if (e.name.ends_with(ending)) name = e.name;
    if (name.empty()) break;
    r.trials.push_back(data::eeg_trial(file.read<double>(name, {data::kElectrodes, mat::kAny}).contiguous(),
                                       number, -1, options));
  }
  check(!r.trials.empty(), "predict", "'", path,
        "' must hold raw EEG in variables *_eeg1, *_eeg2, ...; it has none");
  return r;
}

std::vector<data::Recording> PredictCommand::read(const ModelFile& m, bool& simulated,
                                                  app::Progress& progress) const {
  RunSettings v;
  v.dataset = m.data_set == "SEED" ? "seed" : "seed-iv";
  v.input = m.input;
  v.data = data;
  v.cache = cache;
  v.filter_order = m.filter_order;
  if (data.empty()) {
    check(!eeg.empty(), "predict", "EEG is needed (hint: --eeg FILE.mat or --data DIR)");
    check(m.input == "raw", "predict", "the model takes shipped features: --data DIR is needed; got --eeg ",
          eeg);
    data::EegOptions o =
        data::published_eeg(v.dataset == "seed" ? data::SeedKind::seed : data::SeedKind::seed_iv);
    if (m.filter_order > 0) o.order = static_cast<int>(m.filter_order);
    return {raw_file(eeg, o, simulated)};
  }
  check(eeg.empty(), "predict", "either --data or --eeg is needed; got both");
  data::EegSet set = load_set(v, nullptr, progress);
  simulated = simulated || set.data.simulated;
  if (set.frames != m.config.frames || set.maps != m.config.maps)
    fail("predict", "the model takes ", m.config.frames, " frames of ", m.config.maps,
         " maps; the data have ", set.frames, " of ", set.maps);
  const auto wanted = [](const std::vector<index_t>& list, index_t n) {
    return list.empty() || std::find(list.begin(), list.end(), n) != list.end();
  };
  std::erase_if(set.data.recordings, [&](const data::Recording& r) {
    return !wanted(subjects, r.subject) || !wanted(sessions, r.session);
  });
  check(!set.data.recordings.empty(), "predict", "none of the subjects and sessions asked for is in '", data,
        "'");
  return std::move(set.data.recordings);
}

text::Prototypes PredictCommand::prompts(const ModelFile& m, app::Progress& progress) const {
  if (!words && prototypes.empty()) return m.text;
  check(m.answer == Answer::matching, "predict", "words need a model of text matching; this one is ",
        m.method);
  check(!words || prototypes.empty(), "predict", "either --classes or --prototypes is needed; got both");
  text::Prototypes p;
  if (!prototypes.empty()) {
    p = text::load_prototypes(prototypes);
  } else {
    check(!text.empty(), "predict", "--classes needs the text model that reads the words (hint: --text DIR)");
    p = encode_words(text, text::split_class_words(*words), progress);
  }
  if (p.dim() != m.config.embed)
    fail("predict", "the model matches text of ", m.config.embed, " numbers; this text has ", p.dim(),
         " (hint: the text model must be the one of the training)");
  if (words) {
    // The text model of the training gives its prompts again.
    const text::Prototypes again = encode_words(text, m.text.classes, progress);
    if (again.rows.shape() != m.text.rows.shape() || !(amax(abs(again.rows - m.text.rows)).item() < 1e-3f))
      progress.note(
          "Warning: the text model in '" + text +
          "' does not give the prompts of the training: it is another one, and its answers mean little");
    return p;
  }
  const auto name = [](const text::Prototypes& t) {
    const auto at = t.source.find("model");
    return at == t.source.end() ? std::string("an unnamed model") : at->second;
  };
  if (name(p) != name(m.text))
    progress.note("Warning: trained with text of " + name(m.text) + ", asked with text of " + name(p));
  return p;
}

int PredictCommand::run() const {
  app::Progress progress;
  const ModelFile m = ModelFile::load(model);
  const text::Prototypes asked = prompts(m, progress);
  const bool own_words = words || !prototypes.empty();
  const std::vector<std::string> classes = own_words ? asked.classes : m.classes;
  const Tensor<float> rows = m.answer == Answer::matching ? text_rows(asked) : Tensor<float>();
  Tower tower = m.tower();
  bool simulated = m.simulated;
  app::Predictions p{classes, false, model + " (" + m.method + ", fold " + m.fold + ", " + m.rule + ")", {}};
  std::vector<Tensor<float>> embedded;
  std::vector<index_t> origin;
  const auto recordings = read(m, simulated, progress);
  p.simulated = simulated;
  for (const auto& r : recordings) {
    const data::UnlabelledWindows w =
        data::unlabelled_windows(r, {data::ScaleMethod::none, data::ScaleScope::subject_session});
    const Inferred answer = infer(tower, w, rows, static_cast<index_t>(classes.size()), m.temperature);
    app::Predictions part = app::predictions_of(w.origin, answer.probabilities, classes, simulated, p.model);
    p.rows.insert(p.rows.end(), part.rows.begin(), part.rows.end());
    embedded.push_back(answer.embeddings.defined() ? answer.embeddings : answer.features);
    for (const auto& o : w.origin) origin.insert(origin.end(), {o.subject, o.session, o.trial, o.window});
  }
  app::Json json = app::to_json(p);
  json["prompts"] = m.answer == Answer::matching ? app::Json(asked.templates) : app::Json::array();
  write_file(out + ".csv", app::predictions_csv(p));
  write_file(out + ".json", json.dump(2, ' ', false, app::Json::error_handler_t::replace) + "\n");
  if (!embeddings.empty()) {
    StateDict state;
    index_t n = 0;
    for (const auto& e : embedded) n += e.size(0);
    Tensor<float> all = Tensor<float>::empty({n, embedded[0].size(1)});
    n = 0;
    for (const auto& e : embedded) {
      all.slice(0, n, n + e.size(0)).copy_from(e);
      n += e.size(0);
    }
    NamedTensors tensors{{m.answer == Answer::matching ? "embeddings" : "features", all},
                         {"origin", Tensor<index_t>::from({n, 4}, origin)}};
    if (rows.defined()) tensors.push_back({"text", asked.rows});
    save_safetensors(embeddings, tensors,
                     {{"origin", "subject, session, trial, window"},
                      {"model", p.model},
                      {"data", simulated ? "simulated" : "recorded"}});
  }
  std::printf("%s%zu windows of %zu recordings: %s.csv, %s.json%s%s\n",
              simulated ? "Simulated data or model. " : "", p.rows.size(), recordings.size(), out.c_str(),
              out.c_str(), embeddings.empty() ? "" : ", ", embeddings.c_str());
  return 0;
}

}  // namespace

Command add_predict(CLI::App& app) {
  CLI::App* sub = app.add_subcommand("predict", "Probabilities of windows, as CSV and JSON; embeddings");
  const auto c = std::make_shared<PredictCommand>();
  sub->add_option("--model", c->model, "model.safetensors of a trained fold")->required();
  sub->add_option("--data", c->data, "folder of SEED or SEED-IV");
  sub->add_option("--subjects", c->subjects, "of --data (default: all)")->delimiter(',');
  sub->add_option("--sessions", c->sessions, "of --data (default: all)")->delimiter(',');
  sub->add_option("--eeg", c->eeg, "one file of raw EEG at 200 Hz: variables *_eeg1, ... of (62, samples)");
  sub->add_option("--classes", c->words, "words of your own in place of the classes: \"calm,stressed\"");
  sub->add_option("--text", c->text, "folder of the text model that reads the words");
  sub->add_option("--prototypes", c->prototypes, "a file of prototypes in their place");
  sub->add_option("--cache", c->cache, "folder where features of raw EEG are kept")->capture_default_str();
  sub->add_option("--embeddings", c->embeddings,
                  "also write the windows' embeddings to this safetensors file");
  sub->add_option("--out", c->out, "path of the results, without .csv and .json")->capture_default_str();
  return [c] { return c->run(); };
}

}  // namespace limbic::emotion_clip
