#include <app/results.hpp>

#include <algorithm>

namespace limbic::app {

namespace {

template <class T>
T field(const Json& json, const char* key, const std::string& source) {
  try {
    return json.at(key).get<T>();
  } catch (const Json::exception& e) {
    fail("results", "'", source, "' must have a fitting '", key, "'; ", e.what());
  }
}

Json matrix_json(const Tensor<index_t>& m) {
  Json rows = Json::array();
  for (index_t i = 0; m.defined() && i < m.size(0); ++i) rows.push_back(m.select(0, i).to_vector());
  return rows;
}

Tensor<index_t> matrix_from(const Json& json, const std::string& source) {
  const auto n = static_cast<index_t>(json.size());
  Tensor<index_t> m = Tensor<index_t>::zeros({n, n});
  for (index_t i = 0; i < n; ++i)
    for (index_t j = 0; j < n; ++j) try {
        m.set({i, j}, json.at(static_cast<std::size_t>(i)).at(static_cast<std::size_t>(j)).get<index_t>());
      } catch (const Json::exception& e) {
        fail("results", "'", source, "' must have a square confusion matrix; ", e.what());
      }
  return m;
}

const Chosen& chosen_by(const FoldResult& result, bool honest) {
  for (const Chosen& c : result.chosen)
    if (c.honest == honest) return c;
  fail("results", "fold ", result.fold, " of ", result.method, " must have a result chosen ",
       honest ? "without" : "on", " target labels; got none");
}

std::string csv_text(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == text.npos) return text;
  std::string out = "\"";
  for (char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

index_t predicted(const Predictions::Row& row) {
  return static_cast<index_t>(std::max_element(row.probabilities.begin(), row.probabilities.end()) -
                              row.probabilities.begin());
}

void check_row(const Predictions& p, const Predictions::Row& row) {
  check(row.probabilities.size() == p.classes.size() && row.label < static_cast<index_t>(p.classes.size()),
        "predictions", "a probability for each of the ", p.classes.size(),
        " classes and a label among them are needed; got ", row.probabilities.size(), " and ", row.label);
}

}  // namespace

const Chosen& FoldResult::honest() const { return chosen_by(*this, true); }
const Chosen& FoldResult::best() const { return chosen_by(*this, false); }

Json to_json(const FoldResult& r) {
  Json json{{"fold", r.fold},
            {"method", r.method},
            {"source_windows", r.source_windows},
            {"target_windows", r.target_windows},
            {"epochs", r.epochs},
            {"seconds", r.seconds}};
  json["chosen"] = Json::array();
  for (const Chosen& c : r.chosen)
    json["chosen"].push_back({{"rule", c.rule},
                              {"honest", c.honest},
                              {"epoch", c.epoch},
                              {"accuracy", c.scores.accuracy},
                              {"macro_f1", c.scores.macro_f1},
                              {"kappa", c.scores.kappa},
                              {"confusion", matrix_json(c.confusion)}});
  return json;
}

FoldResult fold_result_from(const Json& json, const std::string& s) {
  FoldResult r{field<std::string>(json, "fold", s),
               field<std::string>(json, "method", s),
               field<index_t>(json, "source_windows", s),
               field<index_t>(json, "target_windows", s),
               field<index_t>(json, "epochs", s),
               field<double>(json, "seconds", s),
               {}};
  for (const Json& c : field<Json>(json, "chosen", s))
    r.chosen.push_back(
        {field<std::string>(c, "rule", s),
         field<bool>(c, "honest", s),
         field<index_t>(c, "epoch", s),
         {field<double>(c, "accuracy", s), field<double>(c, "macro_f1", s), field<double>(c, "kappa", s)},
         matrix_from(field<Json>(c, "confusion", s), s)});
  return r;
}

Json to_json(const ProtocolCard& c) {
  return {{"system", c.system},
          {"version", c.version},
          {"data_set", c.data_set},
          {"data_source", c.data_source},
          {"simulated", c.simulated},
          {"simulation", c.simulation},
          {"protocol", c.protocol},
          {"subjects", c.subjects},
          {"sessions", c.sessions},
          {"trials", c.trials},
          {"windows", c.windows},
          {"classes", c.classes},
          {"eeg_feature", c.eeg_feature},
          {"normalisation", c.normalisation},
          {"configuration", c.configuration},
          {"methods", c.methods},
          {"folds", c.folds},
          {"selection_rule", c.selection_rule},
          {"seed", c.seed},
          {"remarks", c.remarks}};
}

ProtocolCard protocol_card_from(const Json& json, const std::string& s) {
  ProtocolCard c;
  const auto take = [&](auto& value, const char* key) {
    value = field<std::decay_t<decltype(value)>>(json, key, s);
  };
  take(c.system, "system");
  take(c.version, "version");
  take(c.data_set, "data_set");
  take(c.data_source, "data_source");
  take(c.simulated, "simulated");
  take(c.simulation, "simulation");
  take(c.protocol, "protocol");
  take(c.subjects, "subjects");
  take(c.sessions, "sessions");
  take(c.trials, "trials");
  take(c.windows, "windows");
  take(c.classes, "classes");
  take(c.eeg_feature, "eeg_feature");
  take(c.normalisation, "normalisation");
  take(c.configuration, "configuration");
  take(c.methods, "methods");
  take(c.folds, "folds");
  take(c.selection_rule, "selection_rule");
  take(c.seed, "seed");
  take(c.remarks, "remarks");
  return c;
}

std::string predictions_csv(const Predictions& p) {
  std::string text = "data,subject,session,trial,window,label,predicted";
  for (const auto& name : p.classes) text += "," + csv_text("p_" + name);
  text += "\n";
  for (const auto& row : p.rows) {
    check_row(p, row);
    text += p.simulated ? "simulated" : "recorded";
    for (index_t v : {row.subject, row.session, row.trial, row.window}) text += "," + std::to_string(v);
    text += "," + (row.label < 0 ? std::string() : csv_text(p.classes[static_cast<std::size_t>(row.label)]));
    text += "," + csv_text(p.classes[static_cast<std::size_t>(predicted(row))]);
    for (double v : row.probabilities) text += "," + number_text(v);
    text += "\n";
  }
  return text;
}

Json to_json(const Predictions& p) {
  Json json{{"simulated", p.simulated},
            {"model", p.model},
            {"classes", p.classes},
            {"columns",
             "subject, session and trial count from 1, window from 0; label is empty where it is not known"}};
  json["windows"] = Json::array();
  for (const auto& row : p.rows) {
    check_row(p, row);
    json["windows"].push_back(
        {{"subject", row.subject},
         {"session", row.session},
         {"trial", row.trial},
         {"window", row.window},
         {"label", row.label < 0 ? Json() : Json(p.classes[static_cast<std::size_t>(row.label)])},
         {"predicted", p.classes[static_cast<std::size_t>(predicted(row))]},
         {"probabilities", row.probabilities}});
  }
  return json;
}

std::string version_text() {
  return std::to_string(LIMBIC_VERSION_MAJOR) + "." + std::to_string(LIMBIC_VERSION_MINOR) + "." +
         std::to_string(LIMBIC_VERSION_PATCH);
}

}  // namespace limbic::app
