#include "uf_ama/settings.hpp"

#include <algorithm>

namespace limbic::uf_ama {

namespace {

constexpr const char* kMarginals[] = {"none", "mmd", "coral", "dann"};
constexpr const char* kEstimators[] = {"biased", "unbiased", "linear"};

std::vector<std::string> ablation_names() { return {std::begin(kAblations), std::end(kAblations)}; }

}  // namespace

void add_settings(app::Settings& s, RunSettings& v) {
  using app::at_least, app::between, app::one_of;
  const char* group = "Data";
  s.add("data", v.data, "folder of SEED or SEED-IV as released; none: simulated data", {}, group);
  s.add("dataset", v.dataset, "data set", one_of({"seed", "seed-iv"}), group);
  s.add("protocol", v.protocol, "what is source and target",
        one_of({"cross-subject", "cross-session", "cross-session-pooled"}), group);
  s.add("normalisation", v.normalisation, "of features",
        one_of({"z-score", "z-score-source", "min-max", "min-max-source", "none"}), group);
  s.add("eeg_feature", v.eeg_feature, "variable of the EEG features",
        one_of({"de_LDS", "de_movingAve", "psd_LDS", "psd_movingAve"}), group);
  s.add("sessions", v.sessions, "sessions of the targets (default: all)", between(1, 3), group);
  s.add("subjects", v.subjects, "subjects of the targets (default: all)", at_least(1), group);
  s.add("folds", v.folds, "how many folds, spread over all there are; or their names; or 'all'", {}, group);
  s.add("skip_bad_trials", v.skip_bad_trials, "leave out trials that cannot be used, and say so", {}, group);
  group = "Simulated data (without --data)";
  s.add("sim_subjects", v.sim_subjects, "subjects", between(1, 1000), group);
  s.add("sim_sessions", v.sim_sessions, "sessions", between(1, 3), group);
  s.add("sim_seed", v.sim_seed, "seed of the data", at_least(0), group);
  s.add("sim_max_windows", v.sim_max_windows, "windows a trial at most; 0: as in the data set", at_least(0),
        group);
  s.add("sim_difficulty", v.sim_difficulty, "how much subjects differ", between(0, 10), group);
  s.add("sim_noise", v.sim_noise, "noise of windows, in multiples of the default", between(0, 10), group);
  s.add("sim_bad_eeg", v.sim_bad_eeg, "share of windows in which EEG says little", between(0, 1), group);
  s.add("sim_bad_eye", v.sim_bad_eye, "the same of the eye features", between(0, 1), group);
  group = "Training";
  std::vector<std::string> ablations = ablation_names();
  ablations.insert(ablations.end(), {"all", "none"});
  s.add("ablations", v.ablations, "methods beside UF-AMA in the same report", one_of(ablations), group);
  s.add("epochs", v.epochs, "passes over the data", between(1, 100000), group);
  s.add("batch_size", v.batch_size, "windows of each domain in a step", between(2, 100000), group);
  s.add("learning_rate", v.learning_rate, "step size of Adam", between(0, 10), group);
  s.add("weight_decay", v.weight_decay, "decoupled from the gradient (AdamW)", between(0, 10), group);
  s.add("clip_norm", v.clip_norm, "largest norm of the gradient; 0: any", at_least(0), group);
  s.add("seed", v.seed, "of parameters, batches and dropout", at_least(0), group);
  s.add("cover", v.cover, "an epoch: all of the source, or as many batches as the smaller domain has",
        one_of({"source", "smaller"}), group);
  s.add("selection", v.selection, "which epoch's model is kept, without target labels",
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
  group = "Network";
  s.add("width", v.width, "of tokens, d", between(2, 65536), group);
  s.add("fused", v.fused, "of fused tokens, h", between(2, 65536), group);
  s.add("layers", v.layers, "of each encoder; 0: 1 for SEED, 3 for SEED-IV", between(0, 100), group);
  s.add("heads", v.heads, "of every attention", between(1, 1024), group);
  s.add("dropout", v.dropout, "in the encoders", between(0, 0.999), group);
  s.add("classifier_dropout", v.classifier_dropout, "in the classifiers", between(0, 0.999), group);
  group = "Losses";
  s.add("marginal", v.marginal, "what aligns the domains as wholes",
        one_of({std::begin(kMarginals), std::end(kMarginals)}), group);
  s.add("mmd_estimator", v.mmd_estimator,
        "of marginal MMD: all pairs of a batch (biased, unbiased), or neighbours alone (linear)",
        one_of({std::begin(kEstimators), std::end(kEstimators)}), group);
  s.add("schedule", v.schedule, "of the weights", one_of({"published", "smooth"}), group);
  s.add("structure", v.structure, "class structure of source predictions", {}, group);
  s.add("class_wise", v.class_wise, "class-wise (local) MMD with soft target predictions", {}, group);
  s.add("screening", v.screening, "pseudo-labels of confident, agreeing target samples", {}, group);
  s.add("distillation", v.distillation, "the confident modality teaches the other", {}, group);
  s.add("train_classifiers", v.train_classifiers, "else they stay as initialised", {}, group);
  s.add("predict_with_dropout", v.predict_with_dropout, "screening sees the classifiers' dropout", {}, group);
  s.add("structure_weight", v.structure_weight, "w_cls", at_least(0), group);
  s.add("marginal_weight", v.marginal_weight, "w_mmd at its end", at_least(0), group);
  s.add("class_wise_weight", v.class_wise_weight, "w_c at its end", at_least(0), group);
  s.add("fused_target_weight", v.fused_target_weight, "w_f at its end", at_least(0), group);
  s.add("distill_weight", v.distill_weight, "w_d at its end", at_least(0), group);
  s.add("min_confidence", v.min_confidence, "of the least confident selected sample, for distillation",
        between(0, 1), group);
  s.add("min_lessons", v.min_lessons, "samples of a teacher, for distillation", at_least(0), group);

  s.name_configuration("limbic", app::Json::object());
  s.name_configuration("published", {{"epochs", 400},
                                     {"weight_decay", 0.0},
                                     {"cover", "smaller"},
                                     {"schedule", "published"},
                                     {"class_wise", false},
                                     {"train_classifiers", false},
                                     {"predict_with_dropout", true},
                                     {"distill_weight", 1e-5},
                                     {"keep_best_epoch", true}});
}

void complete(RunSettings& v, const app::Settings& s) {
  if (s.configuration() == "published" && !s.was_given("seed"))
    v.seed = v.dataset == "seed"             ? (v.protocol == "cross-subject" ? 50 : 90)
             : v.protocol == "cross-subject" ? 10
                                             : 30;
  if (v.protocol != "cross-subject" && !s.was_given("sim_sessions")) v.sim_sessions = 3;
  const auto named = [&](const char* word) {
    return std::ranges::find(v.ablations, word) != v.ablations.end();
  };
  if (named("none")) v.ablations.clear();
  if (named("all")) v.ablations = ablation_names();
  std::vector<std::string> once;
  for (const auto& a : v.ablations)
    if (std::ranges::find(once, a) == once.end()) once.push_back(a);
  v.ablations = once;
  check(!v.folds.empty(), "settings", "'folds' must name at least one; got none");
  const bool held_out = v.validation_subjects > 0 || v.validation_trials > 0;
  check(v.selection != "validation" || held_out, "settings",
        "'selection' by validation needs validation data; got none (hint: --validation-subjects 1)");
  check(v.patience == 0 || v.selection == "validation", "settings",
        "'patience' needs 'selection' validation; got ", v.selection);
  check(!v.distillation || v.screening, "settings",
        "'distillation' needs 'screening' (hint: --no-distillation as well)");
}

std::vector<std::string> methods(const RunSettings& v) {
  std::vector<std::string> out{kMainMethod};
  out.insert(out.end(), v.ablations.begin(), v.ablations.end());
  return out;
}

StepOptions step_options(const RunSettings& v, const std::string& method) {
  StepOptions o;
  o.name = method;
  o.schedule = v.schedule == "published" ? Schedule::published : Schedule::smooth;
  o.mmd.estimator =
      static_cast<MmdEstimator>(std::ranges::find(kEstimators, v.mmd_estimator) - std::begin(kEstimators));
  o.structure = v.structure;
  o.marginal = static_cast<Marginal>(std::ranges::find(kMarginals, v.marginal) - std::begin(kMarginals));
  o.class_wise = v.class_wise;
  o.screening = v.screening;
  o.distillation = v.distillation;
  o.train_classifiers = v.train_classifiers;
  o.predict_with_dropout = v.predict_with_dropout;
  o.structure_weight = v.structure_weight;
  o.marginal_weight = v.marginal_weight;
  o.class_wise_weight = v.class_wise_weight;
  o.fused_target_weight = v.fused_target_weight;
  o.distill_weight = v.distill_weight;
  o.min_confidence = v.min_confidence;
  o.min_lessons = v.min_lessons;
  return method == kMainMethod ? o : ablation(method, o);
}

Config model_config(const RunSettings& v, index_t channels, index_t bands, index_t eye_features,
                    index_t classes) {
  Config c;
  c.channels = channels;
  c.bands = bands;
  c.eye_features = eye_features;
  c.classes = classes;
  c.width = v.width;
  c.fused = v.fused;
  c.layers = v.layers ? v.layers : v.dataset == "seed" ? Config::seed().layers : Config::seed_iv().layers;
  c.heads = v.heads;
  c.dropout = v.dropout;
  c.classifier_dropout = v.classifier_dropout;
  return c;
}

data::BatchOptions batch_options(const RunSettings& v, index_t source_windows, index_t target_windows) {
  data::BatchOptions o;
  o.cover = v.cover == "source" ? data::Cover::source : data::Cover::smaller;
  const index_t rows =
      o.cover == data::Cover::source ? source_windows : std::min(source_windows, target_windows);
  o.size = std::min(v.batch_size, rows);
  o.drop_last = true;  // every step then weighs the same; what is left out differs from epoch to epoch
  o.seed = static_cast<std::uint64_t>(v.seed);
  return o;
}

std::pair<std::string, std::string> method_text(const std::string& configuration, const std::string& method) {
  if (method == kMainMethod)
    return {"UF-AMA (" + configuration + ")",
            "Fusion, screening, distillation and alignment of both domains."};
  static const std::pair<const char*, std::pair<const char*, const char*>> kTexts[] = {
      {"source-only", {"source only", "Trained on the source alone."}},
      {"mmd-only", {"MMD only", "Aligns the domains as wholes, by MMD."}},
      {"coral", {"CORAL", "Aligns second moments."}},
      {"dann", {"DANN", "A domain classifier with reversed gradient."}},
      {"no-screening", {"no screening", "Without pseudo-labels and distillation."}},
      {"no-distillation", {"no distillation", "Pseudo-labels, but no teaching."}},
      {"eeg-only", {"EEG only", "One modality, no fusion."}},
      {"eye-only", {"eye only", "One modality, no fusion."}}};
  for (const auto& [name, text] : kTexts)
    if (method == name) return {text.first, text.second};
  return {method, ""};
}

}  // namespace limbic::uf_ama
