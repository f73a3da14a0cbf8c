#include "emotion_clip/settings.hpp"

#include <algorithm>

namespace limbic::emotion_clip {

namespace {
constexpr const char* kAnswers[] = {"matching", "classifier"};
}  // namespace

std::string method_name(const Method& m) {
  return std::string(kAnswers[static_cast<int>(m.answer)]) + "-" + std::to_string(m.shots);
}
Method method_of(const std::string& name) {
  const auto dash = name.rfind('-');
  const std::string word = name.substr(0, dash), number = dash == name.npos ? "" : name.substr(dash + 1);
  const auto* at = std::ranges::find(kAnswers, word);
  if (at == std::end(kAnswers) || number.empty() || number.size() > 6 ||
      number.find_first_not_of("0123456789") != number.npos)
    fail("method", "matching-N or classifier-N is needed, N the windows a class of the target; got '", name,
         "'");
  return {static_cast<Answer>(at - std::begin(kAnswers)), static_cast<index_t>(std::stol(number))};
}

void add_settings(app::Settings& s, RunSettings& v) {
  using app::at_least, app::between, app::one_of;
  const char* group = "Data";
  s.add("data", v.data, "folder of SEED or SEED-IV as released; none: simulated raw EEG", {}, group);
  s.add("dataset", v.dataset, "data set", one_of({"seed", "seed-iv"}), group);
  s.add("input", v.input, "raw EEG, or the shipped features", one_of({"raw", "features"}), group);
  s.add("cache", v.cache, "folder where features of raw EEG are kept", {}, group);
  s.add("filter_order", v.filter_order, "of the Butterworth design; 0: 5 for SEED, 3 for SEED-IV",
        between(0, 10), group);
  s.add("protocol", v.protocol, "what is source and target", one_of({"cross-subject", "cross-time"}), group);
  s.add("pairs", v.pairs, "cross-time: session a trains, session b tests, as a-b",
        one_of({"1-2", "1-3", "2-3", "2-1", "3-1", "3-2"}), group);
  s.add("sessions", v.sessions, "cross-subject: sessions of the targets (default: all)", between(1, 3),
        group);
  s.add("subjects", v.subjects, "subjects of the targets (default: all)", at_least(1), group);
  s.add("folds", v.folds, "how many folds, spread over all there are; or their names; or 'all'", {}, group);
  s.add("skip_bad_trials", v.skip_bad_trials, "leave out trials that cannot be used, and say so", {}, group);
  group = "Simulated data (without --data)";
  s.add("sim_subjects", v.sim_subjects, "subjects", between(1, 1000), group);
  s.add("sim_sessions", v.sim_sessions, "sessions", between(1, 3), group);
  s.add("sim_seed", v.sim_seed, "seed of the data", at_least(0), group);
  s.add("sim_seconds", v.sim_seconds, "seconds of a trial, of which the first 5 are the baseline",
        between(7, 300), group);
  s.add("sim_difficulty", v.sim_difficulty, "how much subjects differ", between(0, 10), group);
  s.add("sim_noise", v.sim_noise, "noise of windows, in multiples of the default", between(0, 10), group);
  s.add("sim_bad_eeg", v.sim_bad_eeg, "share of windows in which EEG says little", between(0, 1), group);
  group = "Labelled windows of the target";
  s.add("shots", v.shots, "how many windows of each class of the target train, one training for each number",
        between(0, 10000), group);
  s.add("shot_source", v.shot_source,
        "where they come from: whole trials that are kept out of the test, or random windows, also of trials "
        "that are "
        "tested (as published)",
        one_of({"trials", "windows"}), group);
  group = "Text";
  s.add("text", v.text,
        "folder of a text model (CLIP or BERT) for the prompts; none: the embedded MiniLM prototypes", {},
        group);
  s.add("prototypes", v.prototypes, "file of prototypes in its place, as text_prototypes writes it", {},
        group);
  s.add("class_words", v.class_words, "with --text: words of the classes, by label (default: the data set's)",
        {}, group);
  group = "Training";
  s.add("methods", v.methods, "text matching, and a classifier head on the same tower to compare with",
        one_of({std::begin(kAnswers), std::end(kAnswers)}), group);
  s.add("epochs", v.epochs, "passes over the data; 0: 8, or 60 in cross-time, where the source is small",
        between(0, 100000), group);
  s.add("pretrain_epochs", v.pretrain_epochs,
        "of matching: epochs before them that train the tower with a head", between(0, 100000), group);
  s.add("batch_size", v.batch_size, "windows in a step", between(2, 100000), group);
  s.add("learning_rate", v.learning_rate, "step size of AdamW (betas 0.9, 0.98)", between(0, 10), group);
  s.add("schedule", v.schedule, "of the step size", one_of({"constant", "cosine"}), group);
  s.add("weight_decay", v.weight_decay, "decoupled from the gradient", between(0, 10), group);
  s.add("clip_norm", v.clip_norm, "largest norm of the gradient; 0: any", at_least(0), group);
  s.add("seed", v.seed, "of parameters, batches, dropout and the choice of labelled windows", at_least(0),
        group);
  s.add("selection", v.selection, "which epoch's model is kept, without labels of tested windows",
        one_of({"last", "validation"}), group);
  s.add("validation_subjects", v.validation_subjects, "source subjects kept for validation", at_least(0),
        group);
  s.add("validation_trials", v.validation_trials, "trials of each source recording kept for validation",
        at_least(0), group);
  s.add("patience", v.patience, "epochs without a better validation before stopping; 0: never stop",
        at_least(0), group);
  s.add("keep_best_epoch", v.keep_best_epoch,
        "also keep the model of the epoch that is best on the target's labels", {}, group);
  s.add("checkpoint_seconds", v.checkpoint_seconds, "between two checkpoints, at least", at_least(0), group);
  s.add("checkpoint_activations", v.checkpoint_activations,
        "keep values between layers only: less memory, more time", {}, group);
  group = "Loss";
  s.add("temperature", v.temperature, "logits are mean cosines over it", between(1e-4, 1e4), group);
  s.add("reduction", v.reduction, "of the cross-entropy over a batch", one_of({"mean", "sum"}), group);
  s.add("contrastive_weight", v.contrastive_weight,
        "of the symmetric contrastive loss between windows and prompts", at_least(0), group);
  s.add("supcon_weight", v.supcon_weight, "of the supervised contrastive loss among windows", at_least(0),
        group);
  group = "Tower";
  s.add("image", v.image, "pixels of a map's side, a multiple of 16", between(16, 1024), group);
  s.add("width", v.width, "of tokens, d", between(8, 65536), group);
  s.add("heads", v.heads, "of every attention", between(1, 1024), group);
  s.add("conv_width", v.conv_width, "inside a convolution's branch", between(1, 65536), group);
  s.add("spatial_layers", v.spatial_layers, "on the tokens of a map", between(0, 100), group);
  s.add("spectral_layers", v.spectral_layers, "on the maps of a frame, DE and power", between(0, 100), group);
  s.add("temporal_layers", v.temporal_layers, "on the frames of a window", between(0, 100), group);
  s.add("dropout", v.dropout, "in feed-forward layers and convolutions", between(0, 0.999), group);
  s.add("drop_path", v.drop_path, "of residual branches", between(0, 0.999), group);
  s.add("legacy_attention_axis", v.legacy_attention_axis,
        "attention along the batch, as in the published code", {}, group);

  const app::Json tower{{"image", 64},          {"width", 128},        {"heads", 4},
                        {"conv_width", 256},    {"spatial_layers", 2}, {"spectral_layers", 2},
                        {"temporal_layers", 0}, {"batch_size", 64},    {"learning_rate", 1e-4},
                        {"shots", {0, 8, 32}}};
  app::Json full = tower, published = tower;
  full.update({{"epochs", 60}});
  published.update({{"epochs", 200},
                    {"shots", {32}},
                    {"shot_source", "windows"},
                    {"temperature", 1.0},
                    {"reduction", "sum"},
                    {"legacy_attention_axis", true},
                    {"keep_best_epoch", true}});
  s.name_configuration("small", app::Json::object());
  s.name_configuration("full", full);
  s.name_configuration("published", published);
}

void complete(RunSettings& v, const app::Settings& s) {
  if (v.protocol == "cross-time" && !s.was_given("sim_sessions")) v.sim_sessions = 3;
  check(!v.folds.empty() && !v.shots.empty() && !v.methods.empty() && !v.pairs.empty(), "settings",
        "'folds', 'shots', 'methods' and 'pairs' must name at least one each");
  const bool held_out = v.validation_subjects > 0 || v.validation_trials > 0;
  check(v.selection != "validation" || held_out, "settings",
        "'selection' by validation needs validation data; got none (hint: --validation-trials 4)");
  check(v.patience == 0 || v.selection == "validation", "settings",
        "'patience' needs 'selection' validation; got ", v.selection);
  check(v.protocol != "cross-time" || v.validation_subjects == 0, "settings",
        "across time there is one subject: 'validation_subjects' must be 0; got ", v.validation_subjects,
        " (hint: --validation-trials)");
  check(!v.data.empty() || v.input == "raw", "settings",
        "simulated data are raw; 'input' features needs --data (hint: limbic-seed simulate writes such a "
        "folder)");
  check(v.text.empty() || v.prototypes.empty(), "settings",
        "either --text or --prototypes is needed; got both");
  check(v.class_words.empty() || !v.text.empty(), "settings",
        "--class-words needs the text model that reads them (hint: --text DIR)");
}

std::vector<std::string> method_names(const RunSettings& v) {
  std::vector<index_t> shots = v.shots;
  std::ranges::sort(shots, std::greater<>());
  shots.erase(std::unique(shots.begin(), shots.end()), shots.end());
  std::vector<std::string> out;
  for (const index_t n : shots)
    for (const Answer a : {Answer::matching, Answer::classifier})
      if (std::ranges::find(v.methods, kAnswers[static_cast<int>(a)]) != v.methods.end())
        out.push_back(method_name({a, n}));
  return out;
}

Config tower_config(const RunSettings& v, index_t frames, index_t maps, index_t embed, index_t classes) {
  Config c;
  c.frames = frames;
  c.maps = maps;
  c.image = v.image;
  c.width = v.width;
  c.heads = v.heads;
  c.conv_width = v.conv_width;
  c.spatial_layers = v.spatial_layers;
  c.spectral_layers = v.spectral_layers;
  c.temporal_layers = v.temporal_layers;
  c.embed = embed;
  c.classes = classes;
  c.dropout = v.dropout;
  c.drop_path = v.drop_path;
  c.legacy_attention_axis = v.legacy_attention_axis;
  c.checkpoint = v.checkpoint_activations;
  return c;
}

app::MethodText method_text(const std::string& configuration, const std::string& name) {
  const Method m = method_of(name);
  const std::string shots = std::to_string(m.shots) + "-shot";
  const std::string trained =
      m.shots == 0 ? "no window of the target" : std::to_string(m.shots) + " windows a class of the target";
  if (m.answer == Answer::matching)
    return {name, "EmotionCLIP, " + shots,
            "SST-LegoViT (" + configuration + ") matched with prompts; trained on the source and " + trained +
                "."};
  return {name, "Classifier, " + shots,
          "The same tower with a plain classification head in place of text; trained on the source and " +
              trained + "."};
}

}  // namespace limbic::emotion_clip
