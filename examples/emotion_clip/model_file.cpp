#include "emotion_clip/model_file.hpp"

#include <limbic/io/checkpoint.hpp>

#include "emotion_clip/fold_training.hpp"

namespace limbic::emotion_clip {

namespace {

// Calls f(name, field) for what a configuration is made of.
template <class C, class F>
void each_size(C& c, F&& f) {
  f("frames", c.frames);
  f("maps", c.maps);
  f("image", c.image);
  f("width", c.width);
  f("heads", c.heads);
  f("conv_width", c.conv_width);
  f("spatial_layers", c.spatial_layers);
  f("spectral_layers", c.spectral_layers);
  f("temporal_layers", c.temporal_layers);
  f("embed", c.embed);
  f("dropout", c.dropout);
  f("drop_path", c.drop_path);
  f("legacy_attention_axis", c.legacy_attention_axis);
}

}  // namespace

void ModelFile::save(const std::string& path) const {
  app::Json about{{"answer", answer == Answer::matching ? "matching" : "classifier"},
                  {"temperature", temperature},
                  {"data_set", data_set},
                  {"input", input},
                  {"eeg", eeg},
                  {"filter_order", filter_order},
                  {"classes", classes},
                  {"class_words", text.classes},
                  {"templates", text.templates},
                  {"text_source", text.source},
                  {"simulated", simulated},
                  {"fold", fold},
                  {"method", method},
                  {"rule", rule}};
  each_size(config, [&](const char* name, const auto& v) { about[name] = v; });
  Checkpoint c;
  c.state.merge("model.", state);
  c.state.put("text", text.rows);
  c.metadata["emotion_clip"] = about.dump(-1, ' ', false, app::Json::error_handler_t::replace);
  c.metadata["data"] = simulated ? "simulated" : "recorded";
  c.save(path);
}

ModelFile ModelFile::load(const std::string& path) {
  const Checkpoint c = Checkpoint::load(path);
  const auto about = c.metadata.find("emotion_clip");
  if (about == c.metadata.end())
    fail("model", "'", path, "' must hold a trained model of emotion_clip; got another checkpoint");
  ModelFile m;
  try {
    const app::Json json = app::Json::parse(about->second);
    const auto take = [&](auto& value, const char* key) { json.at(key).get_to(value); };
    each_size(m.config, [&](const char* name, auto& v) { take(v, name); });
    m.answer = json.at("answer") == "matching" ? Answer::matching : Answer::classifier;
    take(m.temperature, "temperature");
    take(m.data_set, "data_set");
    take(m.input, "input");
    take(m.eeg, "eeg");
    take(m.filter_order, "filter_order");
    take(m.classes, "classes");
    take(m.text.classes, "class_words");
    take(m.text.templates, "templates");
    take(m.simulated, "simulated");
    take(m.fold, "fold");
    take(m.method, "method");
    take(m.rule, "rule");
    for (const auto& [key, value] : json.at("text_source").items())
      m.text.source[key] = value.get<std::string>();
  } catch (const app::Json::exception& e) {
    fail("model", "'", path, "' must describe its model; ", e.what());
  }
  m.config.classes = static_cast<index_t>(m.classes.size());
  m.text.rows = c.state.get<float>(
      "text", {static_cast<index_t>(m.text.templates.size()), m.config.classes, m.config.embed});
  m.state = c.state.part("model.");
  return m;
}

Tower ModelFile::tower() const {
  Tower t(config, 0);
  t.load_model(state);
  return t;
}

Tensor<float> ModelFile::prompts() const {
  return answer == Answer::matching ? text_rows(text) : Tensor<float>();
}

}  // namespace limbic::emotion_clip
