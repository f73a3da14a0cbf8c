#include "uf_ama/model_file.hpp"

#include <app/options.hpp>

#include <limbic/backend/cpu/random.hpp>
#include <limbic/io/checkpoint.hpp>

namespace limbic::uf_ama {

namespace {

constexpr const char* kInputs[] = {"both", "eeg", "eye"};

void put_scaler(StateDict& state, const std::string& name, const data::Scaler& s) {
  if (s.identity()) return;
  const auto n = static_cast<index_t>(s.scale().size());
  state.put(name + ".shift", Tensor<double>::from({n}, s.shift()));
  state.put(name + ".scale", Tensor<double>::from({n}, s.scale()));
}
data::Scaler get_scaler(const StateDict& state, const std::string& name) {
  if (!state.contains(name + ".scale")) return {};
  return data::Scaler::from(state.get<double>(name + ".shift").to_vector(),
                            state.get<double>(name + ".scale").to_vector());
}

}  // namespace

void ModelFile::save(const std::string& path) const {
  const app::Json about{{"channels", config.channels},
                        {"bands", config.bands},
                        {"eye_features", config.eye_features},
                        {"width", config.width},
                        {"fused", config.fused},
                        {"layers", config.layers},
                        {"heads", config.heads},
                        {"dropout", config.dropout},
                        {"classifier_dropout", config.classifier_dropout},
                        {"inputs", kInputs[static_cast<int>(inputs)]},
                        {"data_set", data_set},
                        {"eeg_feature", eeg_feature},
                        {"classes", classes},
                        {"simulated", simulated},
                        {"normalisation", to_text(normalisation)},
                        {"fold", fold},
                        {"method", method},
                        {"rule", rule}};
  Checkpoint c;
  c.state.merge("model.", state);
  put_scaler(c.state, "scaler.eeg", eeg_scaler);
  put_scaler(c.state, "scaler.eye", eye_scaler);
  c.metadata["uf_ama"] = about.dump();
  c.metadata["data"] = simulated ? "simulated" : "recorded";
  c.save(path);
}

ModelFile ModelFile::load(const std::string& path) {
  const Checkpoint c = Checkpoint::load(path);
  const auto about = c.metadata.find("uf_ama");
  if (about == c.metadata.end())
    fail("model", "'", path, "' must hold a trained model of uf_ama; got another checkpoint");
  ModelFile m;
  try {
    const app::Json json = app::Json::parse(about->second);
    const auto take = [&](auto& value, const char* key) { json.at(key).get_to(value); };
    take(m.config.channels, "channels");
    take(m.config.bands, "bands");
    take(m.config.eye_features, "eye_features");
    take(m.config.width, "width");
    take(m.config.fused, "fused");
    take(m.config.layers, "layers");
    take(m.config.heads, "heads");
    take(m.config.dropout, "dropout");
    take(m.config.classifier_dropout, "classifier_dropout");
    take(m.data_set, "data_set");
    take(m.eeg_feature, "eeg_feature");
    take(m.classes, "classes");
    take(m.simulated, "simulated");
    take(m.fold, "fold");
    take(m.method, "method");
    take(m.rule, "rule");
    m.config.classes = static_cast<index_t>(m.classes.size());
    m.normalisation = data::normalisation_of(json.at("normalisation").get<std::string>());
    const auto inputs = json.at("inputs").get<std::string>();
    m.inputs = inputs == "both" ? Inputs::both : inputs == "eeg" ? Inputs::eeg : Inputs::eye;
  } catch (const app::Json::exception& e) {
    fail("model", "'", path, "' must describe its model; ", e.what());
  }
  m.eeg_scaler = get_scaler(c.state, "scaler.eeg");
  m.eye_scaler = get_scaler(c.state, "scaler.eye");
  m.state = c.state.part("model.");
  return m;
}

Network<float> ModelFile::network() const {
  RandomStream random = Random(0).stream("replaced");
  Network<float> net(config, random);
  load_state_dict(net, state);
  return net;
}

}  // namespace limbic::uf_ama
